"""REST: /v1/price-rises, /v1/price-indexes."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.rest.openapi import Paged, page_of
from haas.rest.paging import Sort, fetch_page
from haas.tenancy.scope import scoped
from leases.pricing import indexes, rises
from leases.pricing.rise_models import PriceRise, PriceRiseLine
from leases.pricing.rise_schemas import (
    IndexAdded,
    IndexRequest,
    RiseLineResource,
    RiseRequest,
    RiseResource,
)

blueprint = Blueprint("price_rises_api", __name__, url_prefix="/v1/price-rises", description="Price rises")
indexes_api = Blueprint(
    "price_indexes_api", __name__, url_prefix="/v1/price-indexes", description="Price indexes"
)

_NEWEST = Sort(PriceRise.id, PriceRise.id, descending=True)
_LINES = Sort(PriceRiseLine.id, PriceRiseLine.id)


@blueprint.get("")
@requires("price.read")
@blueprint.arguments(Paged, location="query")
@blueprint.response(200, page_of(RiseResource))
def list_rises(query: dict[str, Any]) -> dict[str, Any]:
    """Rises of prices, the newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        scoped(PriceRise, caller.tenant),
        sort=_NEWEST,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@blueprint.post("")
@requires("price.manage")
@blueprint.arguments(RiseRequest)
@blueprint.response(201, RiseResource)
def plan_rise(rise: dict[str, Any]) -> Any:
    """Work out every line before and after. Nothing changes until it is announced and applied."""
    caller = current_caller()
    made = rises.plan_rise(
        caller.session,
        caller.tenant,
        at=clock.now(),
        today=clock.today(caller.partner.time_zone),
        **rise,
    )
    return made, 201, {"Location": f"/v1/price-rises/{made.id}"}


@blueprint.get("/<rise_id>")
@requires("price.read")
@blueprint.response(200, RiseResource)
def get_rise(rise_id: str) -> PriceRise:
    """One rise, and how far it is."""
    caller = current_caller()
    return rises.get_rise(caller.session, caller.tenant, rise_id=rise_id)


@blueprint.get("/<rise_id>/lines")
@requires("price.read")
@blueprint.arguments(Paged, location="query")
@blueprint.response(200, page_of(RiseLineResource))
def list_lines(query: dict[str, Any], rise_id: str) -> dict[str, Any]:
    """Every line before and after."""
    caller = current_caller()
    rises.get_rise(caller.session, caller.tenant, rise_id=rise_id)
    page = fetch_page(
        caller.session,
        scoped(PriceRiseLine, caller.tenant).where(PriceRiseLine.rise_id == rise_id),
        sort=_LINES,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@blueprint.post("/<rise_id>/announce")
@requires("price.manage")
@blueprint.response(200, RiseResource)
def announce_rise(rise_id: str) -> PriceRise:
    """Tell every client concerned; a second call changes nothing."""
    caller = current_caller()
    return rises.announce(
        caller.session, caller.tenant, rise_id=rise_id, today=clock.today(caller.partner.time_zone)
    )


@blueprint.post("/<rise_id>/apply")
@requires("price.manage")
@blueprint.response(202, RiseResource)
def apply_rise(rise_id: str) -> PriceRise:
    """Amend the leases by jobs; what was amended before is left alone."""
    caller = current_caller()
    return rises.start_applying(caller.session, caller.tenant, rise_id=rise_id)


@blueprint.delete("/<rise_id>")
@requires("price.manage")
@blueprint.response(204)
def drop_rise(rise_id: str) -> None:
    """Throw a plan away that was not announced."""
    caller = current_caller()
    rises.drop_rise(caller.session, caller.tenant, rise_id=rise_id)


@indexes_api.post("")
@requires("price.manage")
@indexes_api.arguments(IndexRequest)
@indexes_api.response(201, IndexAdded)
def add_index(index: dict[str, Any]) -> dict[str, int]:
    """Put months of an index on file. A month that is there must say the same."""
    caller = current_caller()
    added = indexes.add_index_values(
        caller.session,
        caller.tenant,
        name=index["index_name"],
        values=[(row["month"], row["value"]) for row in index["values"]],
        at=clock.now(),
    )
    return {"added": added}
