"""REST: /v1/charges: made by hand, voided, ended, billed at once, brought in as a table."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.rest.limits import EXPENSIVE, limiter
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from invoicing import billing, previews
from invoicing.charge_schemas import (
    ChargeImportRequest,
    ChargeImportResource,
    ChargeListed,
    ChargeRequest,
    ChargeResource,
    EndRequest,
    VoidRequest,
)
from invoicing.charges import imports, operations, queries
from invoicing.charges.models import Charge
from invoicing.schemas import ClientPreviewResource
from leases.credit import release_reason

blueprint = Blueprint("charges_api", __name__, url_prefix="/v1/charges", description="Charges by hand")

_NEWEST = Sort(Charge.id, Charge.id, descending=True)


@blueprint.get("")
@requires("charge.read")
@blueprint.arguments(ChargeListed, location="query")
@blueprint.response(200, page_of(ChargeResource))
def list_charges(query: dict[str, Any]) -> dict[str, Any]:
    """Charges with what became of each, newest first."""
    caller = current_caller()
    narrowed = {name: query.get(name) for name in ("client_id", "lease_id", "category", "state")}
    page = fetch_page(
        caller.session,
        queries.list_charges(caller.tenant, **narrowed),
        sort=_NEWEST,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    items = queries.standings(caller.session, caller.tenant, charges=page.rows)
    return {"items": items, "next": page.older}


@blueprint.post("")
@requires("charge.manage")
@blueprint.arguments(ChargeRequest)
@blueprint.response(201, ChargeResource)
def make_charge(wanted: dict[str, Any]) -> Any:
    """Charge a client something; the next run bills it."""
    caller = current_caller()
    reason = release_reason(caller, wanted.pop("over_limit_reason"))
    made = operations.charge_client(
        caller.session,
        caller.tenant,
        wanted=operations.NewCharge(**wanted),
        at=clock.now(),
        over_limit_reason=reason,
    )
    return _shown(caller, made), 201, {"Location": f"/v1/charges/{made.id}"}


@blueprint.get("/<charge_id>")
@requires("charge.read")
@blueprint.response(200, ChargeResource)
def get_charge(charge_id: str) -> Any:
    """One charge."""
    caller = current_caller()
    return _shown(caller, queries.get_charge(caller.session, caller.tenant, charge_id=charge_id))


@blueprint.post("/<charge_id>/void")
@requires("charge.manage")
@blueprint.arguments(VoidRequest)
@blueprint.response(200, ChargeResource)
def void_charge(wanted: dict[str, Any], charge_id: str) -> Any:
    """Take back what was never billed."""
    caller = current_caller()
    gone = operations.void_charge(
        caller.session, caller.tenant, charge_id=charge_id, reason=wanted["reason"], at=clock.now()
    )
    return _shown(caller, gone)


@blueprint.post("/<charge_id>/end")
@requires("charge.manage")
@blueprint.arguments(EndRequest)
@blueprint.response(200, ChargeResource)
def end_charge(wanted: dict[str, Any], charge_id: str) -> Any:
    """Bill no month of a monthly charge from a day on."""
    caller = current_caller()
    ended = operations.end_charge(caller.session, caller.tenant, charge_id=charge_id, until=wanted["until"])
    return _shown(caller, ended)


@blueprint.get("/<charge_id>/preview")
@requires("invoice.issue")
@blueprint.response(200, ClientPreviewResource)
def preview_charge(charge_id: str) -> Any:
    """The invoice that billing it at once would issue today."""
    caller = current_caller()
    return previews.preview_charge(
        caller.session,
        caller.tenant,
        charge_id=charge_id,
        as_of=clock.today(caller.partner.time_zone),
    )


@blueprint.post("/<charge_id>/bill")
@requires("invoice.issue")
@blueprint.response(200, ChargeResource)
def bill_charge(charge_id: str) -> Any:
    """Bill what has fallen due of it on an invoice of its own; a second call changes nothing."""
    caller = current_caller()
    billing.bill_charge(
        caller.session,
        caller.tenant,
        charge_id=charge_id,
        issued_on=clock.today(caller.partner.time_zone),
        at=clock.now(),
        portal_url=current_app.config["HAAS"].base_url,
    )
    return _shown(caller, queries.get_charge(caller.session, caller.tenant, charge_id=charge_id))


@blueprint.post("/imports")
@limiter.limit(EXPENSIVE)
@requires("charge.manage")
@blueprint.arguments(ChargeImportRequest)
@blueprint.response(200, ChargeImportResource)
def import_charges(wanted: dict[str, Any]) -> Any:
    """Bring in a table, the whole of it or nothing; the same rows again make no second charges."""
    caller = current_caller()
    reason = release_reason(caller, wanted["over_limit_reason"])
    read = imports.read(caller.session, caller.tenant, content=wanted["csv"].encode())
    made = 0
    if not wanted["dry_run"]:
        made = imports.bring_in(
            caller.session, caller.tenant, read=read, at=clock.now(), over_limit_reason=reason
        )
    return {"rows": read.rows, "made": made, "errors": read.errors}


def _shown(caller: Caller, charge: Charge) -> queries.Standing:
    return queries.standings(caller.session, caller.tenant, charges=[charge])[0]
