"""REST: /v1/funders."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from leases.funding import operations, queries
from leases.funding.models import Funder
from leases.funding_schemas import FunderChange, FunderListed, FunderRequest, FunderResource

blueprint = Blueprint("funders_api", __name__, url_prefix="/v1/funders", description="Funders")

_NEWEST = Sort(Funder.id, Funder.id, descending=True)


@blueprint.get("")
@requires("funder.read")
@blueprint.arguments(FunderListed, location="query")
@blueprint.response(200, page_of(FunderResource))
def list_funders(query: dict[str, Any]) -> dict[str, Any]:
    """Finance houses, newest first."""
    caller = current_caller()
    statement = queries.list_funders(caller.tenant, name_prefix=query.get("name"), archived=query["archived"])
    page = fetch_page(
        caller.session, statement, sort=_NEWEST, cursor=query.get("cursor"), limit=query["limit"]
    )
    return {"items": page.rows, "next": page.older}


@blueprint.post("")
@requires("funder.manage")
@blueprint.arguments(FunderRequest)
@blueprint.response(201, FunderResource)
def create_funder(funder: dict[str, Any]) -> Any:
    """Register a finance house."""
    caller = current_caller()
    made = operations.register_funder(caller.session, caller.tenant, at=clock.now(), **funder)
    return made, 201, {"Location": f"/v1/funders/{made.id}"}


@blueprint.get("/<funder_id>")
@requires("funder.read")
@blueprint.response(200, FunderResource)
def get_funder(funder_id: str) -> Funder:
    """One funder."""
    caller = current_caller()
    return queries.get_funder(caller.session, caller.tenant, funder_id=funder_id)


@blueprint.put("/<funder_id>")
@requires("funder.manage")
@blueprint.arguments(FunderChange)
@blueprint.response(200, FunderResource)
def change_funder(funder: dict[str, Any], funder_id: str) -> Funder:
    """Change who it is; an archived one funds no further lease."""
    caller = current_caller()
    return operations.change_funder(
        caller.session, caller.tenant, funder_id=funder_id, at=clock.now(), **funder
    )
