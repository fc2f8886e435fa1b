"""REST: /v1/leases, their lines, their life and their rent schedule."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.rest.etags import demand_match, etag_of
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from leases import client_requests, drafting, operations, queries, rent, returns
from leases.credit import release_reason
from leases.models import Lease
from leases.pricing import suggesting
from leases.queries import LeaseFilter
from leases.return_schemas import AsOf, RentScheduleResource
from leases.schemas import (
    AcceptRequest,
    ActivateRequest,
    CancelRequest,
    HistoryResource,
    LeaseChange,
    LeaseDetailResource,
    LeaseListed,
    LeaseRequest,
    LeaseResource,
    LineRequest,
    LineResource,
    NoticeRequest,
    PlacedLineResource,
    QuoteRequest,
    RenewRequest,
)
from leases.shapes import shape_lease, shape_line

blueprint = Blueprint("leases_api", __name__, url_prefix="/v1/leases", description="Leases")

_NEWEST = Sort(Lease.id, Lease.id, descending=True)


@blueprint.get("")
@requires("lease.read")
@blueprint.arguments(LeaseListed, location="query")
@blueprint.response(200, page_of(LeaseResource))
def list_leases(query: dict[str, Any]) -> dict[str, Any]:
    """Leases, newest first. A client's own people do not see drafts."""
    caller = current_caller()
    wanted = LeaseFilter(
        states=(query["state"],) if query.get("state") else (),
        client_id=query.get("client_id"),
        agreement_id=query.get("agreement_id"),
        number_prefix=query.get("number"),
        ends_before=query.get("ends_before"),
    )
    page = fetch_page(
        caller.session,
        queries.list_leases(caller.tenant, where=wanted),
        sort=_NEWEST,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@blueprint.post("")
@requires("lease.manage")
@blueprint.arguments(LeaseRequest)
@blueprint.response(201, LeaseDetailResource)
def create_lease(lease: dict[str, Any]) -> Any:
    """Draft a lease schedule under an agreement."""
    caller = current_caller()
    made = operations.draft_lease(caller.session, caller.tenant, at=clock.now(), **lease)
    found = queries.get_lease(caller.session, caller.tenant, lease_id=made.id)
    return shape_lease(caller, found), 201, {"Location": f"/v1/leases/{made.id}", "ETag": etag_of(found)}


@blueprint.get("/<lease_id>")
@requires("lease.read")
@blueprint.response(200, LeaseDetailResource)
def get_lease(lease_id: str) -> Any:
    """One lease with its lines."""
    caller = current_caller()
    found = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    return shape_lease(caller, found), 200, {"ETag": etag_of(found)}


@blueprint.patch("/<lease_id>")
@requires("lease.manage")
@blueprint.arguments(LeaseChange)
@blueprint.response(200, LeaseDetailResource)
def edit_lease(changes: dict[str, Any], lease_id: str) -> Any:
    """Change a draft's terms. With If-Match, only if nobody changed it meanwhile."""
    caller = current_caller()
    demand_match(queries.lock_lease(caller.session, caller.tenant, lease_id))
    drafting.edit_draft(caller.session, caller.tenant, lease_id=lease_id, changes=changes)
    edited = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    return shape_lease(caller, edited), 200, {"ETag": etag_of(edited)}


@blueprint.get("/<lease_id>/lines")
@requires("lease.read")
@blueprint.response(200, PlacedLineResource(many=True))
def list_lines(lease_id: str) -> list[dict[str, Any]]:
    """The lines with everyone who stands and stood on them."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    standings = queries.assignments_by_line(
        caller.session, caller.tenant, line_ids=[line.id for line in lease.lines]
    )
    return [shape_line(caller, line, standings=standings.get(line.id, [])) for line in lease.lines]


@blueprint.post("/<lease_id>/lines")
@requires("lease.manage")
@blueprint.arguments(LineRequest)
@blueprint.response(201, LineResource)
def add_line(line: dict[str, Any], lease_id: str) -> dict[str, Any]:
    """Add a rent to a draft. Without a price it costs what the price books say."""
    caller = current_caller()
    if line["unit_price"] is None:
        lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
        line["unit_price"] = suggesting.suggest_for_line(
            caller.session,
            caller.tenant,
            lease=lease,
            day=clock.today(caller.partner.time_zone),
            kind=line["kind"],
            model_id=line["model_id"],
            description=line["description"],
            component=line["component"],
            more=max(1, int(line["quantity"])),
        )
    made = operations.add_line(caller.session, caller.tenant, lease_id=lease_id, at=clock.now(), **line)
    return shape_line(caller, made)


@blueprint.delete("/<lease_id>/lines/<line_id>")
@requires("lease.manage")
@blueprint.response(204)
def remove_line(lease_id: str, line_id: str) -> None:
    """Take a line off a draft."""
    caller = current_caller()
    operations.remove_line(caller.session, caller.tenant, lease_id=lease_id, line_id=line_id)


@blueprint.post("/<lease_id>/quote")
@requires("lease.manage")
@blueprint.arguments(QuoteRequest)
@blueprint.response(200, LeaseResource)
def quote(offer: dict[str, Any], lease_id: str) -> Lease:
    """Offer the draft to the client."""
    caller = current_caller()
    return operations.quote(caller.session, caller.tenant, lease_id=lease_id, at=clock.now(), **offer)


@blueprint.post("/<lease_id>/revise")
@requires("lease.manage")
@blueprint.response(200, LeaseResource)
def revise(lease_id: str) -> Lease:
    """Take a quote back to be changed."""
    caller = current_caller()
    return operations.revise(caller.session, caller.tenant, lease_id=lease_id, at=clock.now())


@blueprint.post("/<lease_id>/accept")
@requires("lease.accept")
@blueprint.arguments(AcceptRequest)
@blueprint.response(200, LeaseResource)
def accept(consent: dict[str, Any], lease_id: str) -> Lease:
    """Agree to the quote: for the client itself, or by the partner on a signed paper."""
    caller = current_caller()
    return client_requests.accept_quote(
        caller.session,
        caller.tenant,
        lease_id=lease_id,
        signer=consent["signer"],
        accepted_on=consent["accepted_on"] or clock.today(caller.partner.time_zone),
        at=clock.now(),
        over_limit_reason=release_reason(caller, consent["over_limit_reason"]),
    )


@blueprint.post("/<lease_id>/activate")
@requires("lease.activate")
@blueprint.arguments(ActivateRequest)
@blueprint.response(200, LeaseResource)
def activate(start: dict[str, Any], lease_id: str) -> Lease:
    """Start a lease without hardware; one with hardware starts when the first asset is accepted."""
    caller = current_caller()
    return operations.activate(caller.session, caller.tenant, lease_id=lease_id, at=clock.now(), **start)


@blueprint.post("/<lease_id>/notice")
@requires("lease.manage")
@blueprint.arguments(NoticeRequest)
@blueprint.response(200, LeaseResource)
def give_notice(notice: dict[str, Any], lease_id: str) -> Lease:
    """End the lease at the first day that its terms allow."""
    caller = current_caller()
    noticed_on = notice["noticed_on"] or clock.today(caller.partner.time_zone)
    lease = operations.give_notice(
        caller.session,
        caller.tenant,
        lease_id=lease_id,
        noticed_on=noticed_on,
        at=clock.now(),
        reason=notice["reason"],
    )
    if notice["recall_assets"]:
        returns.request_returns_of_lease(
            caller.session, caller.tenant, lease=lease, notice_on=noticed_on, at=clock.now()
        )
    return lease


@blueprint.post("/<lease_id>/withdraw-notice")
@requires("lease.manage")
@blueprint.response(200, LeaseResource)
def withdraw_notice(lease_id: str) -> Lease:
    """The client stays after all."""
    caller = current_caller()
    return operations.withdraw_notice(caller.session, caller.tenant, lease_id=lease_id, at=clock.now())


@blueprint.post("/<lease_id>/renew")
@requires("lease.manage")
@blueprint.arguments(RenewRequest)
@blueprint.response(200, LeaseResource)
def renew(wanted: dict[str, Any], lease_id: str) -> Lease:
    """Go on at the same rent."""
    caller = current_caller()
    return operations.renew(caller.session, caller.tenant, lease_id=lease_id, at=clock.now(), **wanted)


@blueprint.post("/<lease_id>/cancel")
@requires("lease.manage")
@blueprint.arguments(CancelRequest)
@blueprint.response(200, LeaseResource)
def cancel(why: dict[str, Any], lease_id: str) -> Lease:
    """Drop a lease that never started."""
    caller = current_caller()
    return operations.cancel(caller.session, caller.tenant, lease_id=lease_id, at=clock.now(), **why)


@blueprint.get("/<lease_id>/schedule")
@requires("lease.read")
@blueprint.arguments(AsOf, location="query")
@blueprint.response(200, RentScheduleResource)
def get_schedule(query: dict[str, Any], lease_id: str) -> rent.RentView:
    """Every payment of the lease, and what of it has fallen due by `as_of`."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    as_of = query.get("as_of") or clock.today(lease.time_zone)
    return rent.view_rent(caller.session, caller.tenant, lease=lease, as_of=as_of)


@blueprint.get("/<lease_id>/history")
@requires("lease.read")
@blueprint.response(200, HistoryResource)
def get_history(lease_id: str) -> dict[str, Any]:
    """The moves of the lease's life; a client's own people see none of the partner's notes."""
    caller = current_caller()
    queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    return {"items": queries.moves_of(caller.session, caller.tenant, lease_id=lease_id)}
