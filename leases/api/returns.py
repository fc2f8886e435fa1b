"""REST: /v1/returns and their steps, and what a client asks to give back."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from leases import client_requests, queries, returns
from leases.ends import disputes
from leases.models import ReturnOrder
from leases.queries import ReturnFilter
from leases.return_schemas import (
    CollectRequest,
    InspectRequest,
    ReceiveRequest,
    ReturnListed,
    ReturnRequest,
    ReturnResource,
    SettleRequest,
)

blueprint = Blueprint("returns_api", __name__, url_prefix="/v1/returns", description="Returns")
requests_api = Blueprint(
    "return_requests_api",
    __name__,
    url_prefix="/v1/return-requests",
    description="Asked by clients",
)

_NEWEST = Sort(ReturnOrder.id, ReturnOrder.id, descending=True)


@blueprint.get("")
@requires("lease.read")
@blueprint.arguments(ReturnListed, location="query")
@blueprint.response(200, page_of(ReturnResource))
def list_returns(query: dict[str, Any]) -> dict[str, Any]:
    """Return orders, newest first."""
    caller = current_caller()
    wanted = ReturnFilter(
        states=(query["state"],) if query.get("state") else (),
        client_id=query.get("client_id"),
        lease_id=query.get("lease_id"),
        asset_id=query.get("asset_id"),
        number_prefix=query.get("number"),
    )
    page = fetch_page(
        caller.session,
        queries.list_returns(caller.tenant, where=wanted),
        sort=_NEWEST,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@blueprint.post("")
@requires("lease.return")
@blueprint.arguments(ReturnRequest)
@blueprint.response(201, ReturnResource)
def create_return(wanted: dict[str, Any]) -> Any:
    """Ask an asset back from its lease. Rent runs on until it is received."""
    caller = current_caller()
    order = returns.request_return(
        caller.session,
        caller.tenant,
        notice_on=clock.today(caller.partner.time_zone),
        at=clock.now(),
        **wanted,
    )
    return order, 201, {"Location": f"/v1/returns/{order.id}"}


@requests_api.post("")
@requires("lease.request_return")
@requests_api.arguments(ReturnRequest)
@requests_api.response(201, ReturnResource)
def ask_return(wanted: dict[str, Any]) -> Any:
    """A client asks to give back an asset that it has."""
    caller = current_caller()
    order = client_requests.ask_return(
        caller.session,
        caller.tenant,
        today=clock.today(caller.partner.time_zone),
        at=clock.now(),
        **wanted,
    )
    return order, 201, {"Location": f"/v1/returns/{order.id}"}


@blueprint.get("/<return_id>")
@requires("lease.read")
@blueprint.response(200, ReturnResource)
def get_return(return_id: str) -> ReturnOrder:
    """One return order."""
    caller = current_caller()
    return queries.get_return(caller.session, caller.tenant, return_id=return_id)


@blueprint.post("/<return_id>/collect")
@requires("lease.return")
@blueprint.arguments(CollectRequest)
@blueprint.response(200, ReturnResource)
def collect(parcel: dict[str, Any], return_id: str) -> ReturnOrder:
    """It left the client."""
    caller = current_caller()
    return returns.collect(caller.session, caller.tenant, return_id=return_id, **parcel)


@blueprint.post("/<return_id>/receive")
@requires("lease.return")
@blueprint.arguments(ReceiveRequest)
@blueprint.response(200, ReturnResource)
def receive(arrival: dict[str, Any], return_id: str) -> ReturnOrder:
    """It arrived: the serial is compared, and the rent stops after this day."""
    caller = current_caller()
    return returns.receive(caller.session, caller.tenant, return_id=return_id, **arrival)


@blueprint.post("/<return_id>/inspect")
@requires("asset.grade")
@blueprint.arguments(InspectRequest)
@blueprint.response(200, ReturnResource)
def inspect(findings: dict[str, Any], return_id: str) -> ReturnOrder:
    """Grade it, compare the kit, fix the charge."""
    caller = current_caller()
    return returns.inspect(caller.session, caller.tenant, return_id=return_id, **findings)


@blueprint.post("/<return_id>/dispute")
@requires("lease.dispute")
@blueprint.response(200, ReturnResource)
def dispute(return_id: str) -> ReturnOrder:
    """The client objects to the charge: it is not billed until it is settled."""
    caller = current_caller()
    return returns.dispute(caller.session, caller.tenant, return_id=return_id, at=clock.now())


@blueprint.post("/<return_id>/settle")
@requires("lease.manage")
@blueprint.arguments(SettleRequest)
@blueprint.response(200, ReturnResource)
def settle(agreed: dict[str, Any], return_id: str) -> ReturnOrder:
    """Close the charge at an agreed figure; the next run bills it."""
    caller = current_caller()
    return disputes.settle(caller.session, caller.tenant, return_id=return_id, at=clock.now(), **agreed)


@blueprint.post("/<return_id>/cancel")
@requires("lease.return")
@blueprint.response(200, ReturnResource)
def cancel(return_id: str) -> ReturnOrder:
    """The asset stays after all; only before it was collected."""
    caller = current_caller()
    return returns.cancel(caller.session, caller.tenant, return_id=return_id, at=clock.now())
