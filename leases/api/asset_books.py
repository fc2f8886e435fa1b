"""REST: /v1/assets/<id>/books, …/book-events, …/splits, …/costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from devices.queries import get_asset
from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import NotFound
from haas.money import round_minor
from haas.pages.downloads import table_download
from leases import book_events, books, costs
from leases.book_events import EventPreview
from leases.book_models import AssetCost, BookEventRow
from leases.book_schemas import (
    BookAsked,
    BookSummaryResource,
    BookWholeResource,
    CostRequest,
    CostResource,
    EventPreviewResource,
    EventRequest,
    EventResource,
    ReverseRequest,
    SplitRequest,
    event_of_request,
)
from leases.books import BookView

blueprint = Blueprint(
    "asset_books_api", __name__, url_prefix="/v1/assets", description="Depreciation books and later costs"
)

SCHEDULE_HEADER = ("month", "depreciation", "written_off", "book_value", "currency")


@blueprint.get("/<asset_id>/books")
@requires("depreciation.read")
@blueprint.arguments(BookAsked, location="query")
@blueprint.response(200, BookSummaryResource(many=True))
def list_books(query: dict[str, Any], asset_id: str) -> Sequence[BookView]:
    """The asset's books side by side, the financial one first; none before its first service."""
    caller = current_caller()
    get_asset(caller.session, caller.tenant, asset_id=asset_id)
    return books.view_books(caller.session, caller.tenant, asset_id=asset_id, **_asked(query))


@blueprint.get("/<asset_id>/books/<book_name>")
@requires("depreciation.read")
@blueprint.arguments(BookAsked, location="query")
@blueprint.response(200, BookWholeResource)
def get_book(query: dict[str, Any], asset_id: str, book_name: str) -> BookView:
    """One book with its schedule, past and to come, as it was known at a moment."""
    return _view(query, asset_id, book_name)


@blueprint.get("/<asset_id>/books/<book_name>/schedule/<file_format>")
@requires("depreciation.read")
@blueprint.arguments(BookAsked, location="query")
@blueprint.response(200, content_type="text/csv")
def download_schedule(query: dict[str, Any], asset_id: str, book_name: str, file_format: str) -> Response:
    """The schedule as a file: csv or xlsx."""
    return schedule_file(_view(query, asset_id, book_name), file_format)


@blueprint.get("/<asset_id>/book-events")
@requires("depreciation.read")
@blueprint.response(200, EventResource(many=True))
def list_events(asset_id: str) -> list[BookEventRow]:
    """All that happened to the asset's books, the newest first."""
    caller = current_caller()
    get_asset(caller.session, caller.tenant, asset_id=asset_id)
    return [row for row, _ in book_events.list_events(caller.session, caller.tenant, asset_id=asset_id)]


@blueprint.post("/<asset_id>/books/<book_name>/events/preview")
@requires("depreciation.manage")
@blueprint.arguments(EventRequest)
@blueprint.response(200, EventPreviewResource)
def preview_event(event: dict[str, Any], asset_id: str, book_name: str) -> EventPreview:
    """The schedule before an event and with it; nothing is changed."""
    caller, told = current_caller(), event_of_request(event)
    told.pop("reason")
    return book_events.preview_event(caller.session, caller.tenant, asset_id=asset_id, name=book_name, **told)


@blueprint.post("/<asset_id>/books/<book_name>/events")
@requires("depreciation.manage")
@blueprint.arguments(EventRequest)
@blueprint.response(201, EventResource)
def record_event(event: dict[str, Any], asset_id: str, book_name: str) -> BookEventRow:
    """Let something happen to a book, for good. Months before its day keep their charge."""
    caller = current_caller()
    return book_events.record_event(
        caller.session, caller.tenant, asset_id=asset_id, name=book_name, **event_of_request(event)
    )


@blueprint.post("/<asset_id>/book-events/<event_id>/reverse")
@requires("depreciation.manage")
@blueprint.arguments(ReverseRequest)
@blueprint.response(201, EventResource)
def reverse_event(reversal: dict[str, Any], asset_id: str, event_id: str) -> BookEventRow:
    """Take an event back: both stay on the record."""
    caller = current_caller()
    return book_events.reverse_event(
        caller.session, caller.tenant, asset_id=asset_id, event_id=event_id, **reversal
    )


@blueprint.post("/<asset_id>/splits")
@requires("depreciation.manage")
@blueprint.arguments(SplitRequest)
@blueprint.response(201, EventResource(many=True))
def split_asset(split: dict[str, Any], asset_id: str) -> list[BookEventRow]:
    """Give part of the asset's cost, with what was written off of it, to another asset: in every book."""
    caller = current_caller()
    return book_events.split_asset(caller.session, caller.tenant, asset_id=asset_id, **split)


@blueprint.get("/<asset_id>/costs")
@requires("asset.cost.read")
@blueprint.response(200, CostResource(many=True))
def list_costs(asset_id: str) -> Sequence[AssetCost]:
    """What was spent on the asset after it was bought, the newest first."""
    caller = current_caller()
    get_asset(caller.session, caller.tenant, asset_id=asset_id)
    return costs.costs_of(caller.session, caller.tenant, asset_id=asset_id)


@blueprint.post("/<asset_id>/costs")
@requires("asset.cost.manage")
@blueprint.arguments(CostRequest)
@blueprint.response(201, CostResource)
def record_cost(cost: dict[str, Any], asset_id: str) -> AssetCost:
    """Keep a repair, an accessory, an upgrade or freight: an expense, or by the rule more of the cost."""
    caller = current_caller()
    return costs.record_cost(caller.session, caller.tenant, asset_id=asset_id, **cost)


def schedule_file(view: BookView, file_format: str) -> Response:
    """A book's schedule as a table.

    :raises NotFound: for another format than csv and xlsx.
    """
    if file_format not in ("csv", "xlsx"):
        raise NotFound("There are csv and xlsx.")
    currency = view.book.currency
    return table_download(
        "xlsx" if file_format == "xlsx" else "csv",
        name=f"{view.book.name}-{view.book.asset_id}-{view.as_of}",
        header=SCHEDULE_HEADER,
        rows=[
            (
                entry.month,
                *(
                    round_minor(each, currency)
                    for each in (entry.charge, entry.accumulated, entry.book_value)
                ),
                currency,
            )
            for entry in view.entries
        ],
    )


def _view(query: dict[str, Any], asset_id: str, book_name: str) -> BookView:
    caller = current_caller()
    return books.view_book(caller.session, caller.tenant, asset_id=asset_id, name=book_name, **_asked(query))


def _asked(query: dict[str, Any]) -> dict[str, Any]:
    day = query.get("as_of") or clock.today(current_caller().partner.time_zone)
    return {"as_of": day, "known_at": query.get("known_at")}
