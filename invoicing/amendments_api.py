"""REST: /v1/leases/<id>/amendments: shown to the cent, asked for, approved or turned down."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from invoicing.amendment_schemas import (
    AmendmentListed,
    AmendmentPreviewResource,
    AmendmentRequest,
    AmendmentResource,
    ApproveRequest,
    RejectRequest,
    ScaleDownRequest,
    wanted_of,
)
from invoicing.amendments_preview import AmendmentPreview, preview_amendment
from leases import client_requests, queries
from leases.amendment_models import Amendment
from leases.amendments import operations
from leases.amendments.queries import get_amendment, list_amendments
from leases.credit import release_reason

blueprint = Blueprint("amendments_api", __name__, url_prefix="/v1/leases", description="Amendments")

_NEWEST = Sort(Amendment.id, Amendment.id, descending=True)


@blueprint.get("/<lease_id>/amendments")
@requires("lease.read")
@blueprint.arguments(AmendmentListed, location="query")
@blueprint.response(200, page_of(AmendmentResource))
def list_of_lease(query: dict[str, Any], lease_id: str) -> dict[str, Any]:
    """Every change of the lease, newest first."""
    caller = current_caller()
    queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    page = fetch_page(
        caller.session,
        list_amendments(caller.tenant, lease_id=lease_id, state=query.get("state")),
        sort=_NEWEST,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@blueprint.get("/<lease_id>/amendments/<amendment_id>")
@requires("lease.read")
@blueprint.response(200, AmendmentResource)
def get_one(lease_id: str, amendment_id: str) -> Amendment:
    """One amendment."""
    caller = current_caller()
    return get_amendment(caller.session, caller.tenant, amendment_id=amendment_id, lease_id=lease_id)


@blueprint.post("/<lease_id>/amendments/preview")
@requires("lease.amend")
@blueprint.arguments(AmendmentRequest)
@blueprint.response(200, AmendmentPreviewResource)
def preview(asked: dict[str, Any], lease_id: str) -> AmendmentPreview:
    """The exact charge, and the next papers before and after. Nothing changes."""
    caller = current_caller()
    return preview_amendment(
        caller.session,
        caller.tenant,
        lease_id=lease_id,
        kind=asked["kind"],
        effective_on=asked["effective_on"],
        wanted=wanted_of(asked),
        reason=asked["reason"],
        at=clock.now(),
    )


@blueprint.post("/<lease_id>/amendments")
@requires("lease.amend")
@blueprint.arguments(AmendmentRequest)
@blueprint.response(201, AmendmentResource)
def create(asked: dict[str, Any], lease_id: str) -> Any:
    """Amend the lease. Where the partner wants four eyes, it waits as a draft for somebody else."""
    caller = current_caller()
    made = operations.amend(
        caller.session,
        caller.tenant,
        lease_id=lease_id,
        kind=asked["kind"],
        effective_on=asked["effective_on"],
        wanted=wanted_of(asked),
        reason=asked["reason"],
        at=clock.now(),
        idempotency_key=request.headers.get("Idempotency-Key"),
        over_limit_reason=release_reason(caller, asked["over_limit_reason"]),
    )
    return made, 201, {"Location": f"/v1/leases/{lease_id}/amendments/{made.id}"}


@blueprint.post("/<lease_id>/amendment-requests")
@requires("lease.request_return")
@blueprint.arguments(ScaleDownRequest)
@blueprint.response(201, AmendmentResource)
def ask(asked: dict[str, Any], lease_id: str) -> Any:
    """A client asks to give places back; its partner approves at the charge that is answered here."""
    caller = current_caller()
    made = client_requests.ask_amendment(
        caller.session,
        caller.tenant,
        lease_id=lease_id,
        effective_on=asked["effective_on"],
        wanted=wanted_of(asked),
        reason=asked["reason"],
        at=clock.now(),
        idempotency_key=request.headers.get("Idempotency-Key"),
    )
    return made, 201, {"Location": f"/v1/leases/{lease_id}/amendments/{made.id}"}


@blueprint.post("/<lease_id>/amendments/<amendment_id>/approve")
@requires("lease.amend")
@blueprint.arguments(ApproveRequest)
@blueprint.response(200, AmendmentResource)
def approve(consent: dict[str, Any], lease_id: str, amendment_id: str) -> Amendment:
    """Carry it out at the figures that were shown; refused if they are others by now."""
    caller = current_caller()
    get_amendment(caller.session, caller.tenant, amendment_id=amendment_id, lease_id=lease_id)
    return operations.approve(
        caller.session,
        caller.tenant,
        amendment_id=amendment_id,
        at=clock.now(),
        over_limit_reason=release_reason(caller, consent["over_limit_reason"]),
    )


@blueprint.post("/<lease_id>/amendments/<amendment_id>/reject")
@requires("lease.amend")
@blueprint.arguments(RejectRequest)
@blueprint.response(200, AmendmentResource)
def reject(why: dict[str, Any], lease_id: str, amendment_id: str) -> Amendment:
    """Turn it down."""
    caller = current_caller()
    get_amendment(caller.session, caller.tenant, amendment_id=amendment_id, lease_id=lease_id)
    return operations.reject(
        caller.session, caller.tenant, amendment_id=amendment_id, reason=why["reason"], at=clock.now()
    )


@blueprint.post("/<lease_id>/amendments/<amendment_id>/withdraw")
@requires("lease.amend")
@blueprint.response(200, AmendmentResource)
def withdraw(lease_id: str, amendment_id: str) -> Amendment:
    """Take it back, as long as nobody has decided."""
    caller = current_caller()
    get_amendment(caller.session, caller.tenant, amendment_id=amendment_id, lease_id=lease_id)
    return operations.withdraw(caller.session, caller.tenant, amendment_id=amendment_id, at=clock.now())
