"""REST: /v1/assets/<id>/profit, and the league of /v1/profit."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from leases.profit.league import Dimension
from leases.profit.queries import NamedRow, view_asset_profit, view_league, yields_of
from leases.profit.schemas import LeagueAsked, LeagueResource, ProfitResource
from leases.return_schemas import AsOf

assets_api = Blueprint("asset_profit_api", __name__, url_prefix="/v1/assets", description="Profit")
blueprint = Blueprint("profit_api", __name__, url_prefix="/v1/profit", description="Profit")


@assets_api.get("/<asset_id>/profit")
@requires("asset.cost.read")
@assets_api.arguments(AsOf, location="query")
@assets_api.response(200, ProfitResource)
def get_profit(query: dict[str, Any], asset_id: str) -> dict[str, Any]:
    """What an asset has earned by a day, and will have earned by the end of what is agreed."""
    caller = current_caller()
    as_of = query.get("as_of") or clock.today(caller.partner.time_zone)
    profit = view_asset_profit(caller.session, caller.tenant, asset_id=asset_id, as_of=as_of)
    return {"profit": profit, "yields": yields_of(profit)}


@blueprint.get("")
@requires("asset.cost.read")
@blueprint.arguments(LeagueAsked, location="query")
@blueprint.response(200, LeagueResource)
def get_league(query: dict[str, Any]) -> dict[str, Any]:
    """What the fleet earns, by model, kind, age, client, lease or asset."""
    caller = current_caller()
    found = view_league(
        caller.session,
        caller.tenant,
        by=Dimension(query["by"]),
        since=query.get("since"),
        as_of=query.get("as_of") or clock.today(caller.partner.time_zone),
        only={each: query[each] for each in Dimension if query.get(each)},
        sort=query["sort"],
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {
        "by": found.by,
        "since": found.since,
        "as_of": found.as_of,
        "totals": found.totals,
        "items": [_shape(each) for each in found.page.rows],
        "next": found.page.older,
    }


def _shape(each: NamedRow) -> dict[str, Any]:
    row = each.row
    figures = ("key", "currency", "assets", "cost", "rent", "income", "costs", "lost", "value")
    ratios = ("margin", "margin_pct", "rent_per_cost")
    return {"name": each.name, "detail": each.detail} | {
        name: getattr(row, name) for name in figures + ratios
    }
