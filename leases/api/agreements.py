"""REST: /v1/agreements."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from leases import operations, queries
from leases.models import Agreement
from leases.schemas import AgreementListed, AgreementRequest, AgreementResource

blueprint = Blueprint("agreements_api", __name__, url_prefix="/v1/agreements", description="Agreements")

_NEWEST = Sort(Agreement.id, Agreement.id, descending=True)


@blueprint.get("")
@requires("lease.read")
@blueprint.arguments(AgreementListed, location="query")
@blueprint.response(200, page_of(AgreementResource))
def list_agreements(query: dict[str, Any]) -> dict[str, Any]:
    """Master agreements, newest first."""
    caller = current_caller()
    statement = queries.list_agreements(
        caller.tenant, client_id=query.get("client_id"), number_prefix=query.get("number")
    )
    page = fetch_page(
        caller.session, statement, sort=_NEWEST, cursor=query.get("cursor"), limit=query["limit"]
    )
    return {"items": page.rows, "next": page.older}


@blueprint.post("")
@requires("lease.manage")
@blueprint.arguments(AgreementRequest)
@blueprint.response(201, AgreementResource)
def create_agreement(agreement: dict[str, Any]) -> Any:
    """Conclude a master agreement with a client."""
    caller = current_caller()
    made = operations.create_agreement(caller.session, caller.tenant, at=clock.now(), **agreement)
    return made, 201, {"Location": f"/v1/agreements/{made.id}"}


@blueprint.get("/<agreement_id>")
@requires("lease.read")
@blueprint.response(200, AgreementResource)
def get_agreement(agreement_id: str) -> Agreement:
    """One master agreement."""
    caller = current_caller()
    return queries.get_agreement(caller.session, caller.tenant, agreement_id=agreement_id)
