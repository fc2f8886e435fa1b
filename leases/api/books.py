"""REST: /v1/assets/<id>/depreciation."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.calendar import end_of_month
from haas.errors import InvalidInput
from haas.rest.fields import FIRST_DAY, LAST_DAY
from leases import books
from leases.books import BookView
from leases.return_schemas import AsOf, ConventionsRequest, DepreciationResource, UsageRequest

blueprint = Blueprint("depreciation_api", __name__, url_prefix="/v1/assets", description="Depreciation")


@blueprint.get("/<asset_id>/depreciation")
@requires("depreciation.read")
@blueprint.arguments(AsOf, location="query")
@blueprint.response(200, DepreciationResource)
def get_depreciation(query: dict[str, Any], asset_id: str) -> BookView:
    """The asset's depreciation schedule, and its book value at the end of a day."""
    return _view(asset_id, query.get("as_of"))


@blueprint.put("/<asset_id>/depreciation")
@requires("depreciation.manage")
@blueprint.arguments(ConventionsRequest)
@blueprint.response(200, DepreciationResource)
def change_conventions(conventions: dict[str, Any], asset_id: str) -> BookView:
    """Keep the asset's book by other conventions, from its first day."""
    caller = current_caller()
    books.change_conventions(caller.session, caller.tenant, asset_id=asset_id, **conventions)
    return _view(asset_id, None)


@blueprint.put("/<asset_id>/usage/<month>")
@requires("depreciation.manage")
@blueprint.arguments(UsageRequest)
@blueprint.response(200, DepreciationResource)
def record_usage(usage: dict[str, Any], asset_id: str, month: str) -> BookView:
    """What the asset was used in a month (2026-11): a book by units charges for it."""
    caller = current_caller()
    books.record_usage(caller.session, caller.tenant, asset_id=asset_id, month=_month(month), **usage)
    return _view(asset_id, None)


def _view(asset_id: str, as_of: date | None) -> BookView:
    caller = current_caller()
    day = as_of or clock.today(caller.partner.time_zone)
    return books.view_book(caller.session, caller.tenant, asset_id=asset_id, as_of=day)


def _month(text: str) -> date:
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        month = None
    if month is None or not FIRST_DAY <= month <= LAST_DAY:
        raise InvalidInput("Name the month as 2026-11.", field="month")
    return end_of_month(month)
