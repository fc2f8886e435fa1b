"""REST: /v1/price-books, /v1/prices, /v1/rate-cards."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_smorest import Blueprint

from haas import clock
from haas.accounts.checks import check_currency
from haas.auth.caller import current_caller, requires
from haas.pages.downloads import table_download
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from haas.tenancy.models import Client
from haas.tenancy.scope import scoped
from leases.pricing import cards, operations, queries, suggesting, tables
from leases.pricing.entries import NewEntry
from leases.pricing.models import PriceBook
from leases.pricing.schemas import (
    BooksListed,
    Offers,
    OffersQuestion,
    PriceBookRequest,
    PriceBookResource,
    PriceBookWhole,
    PriceEntriesRequest,
    PriceQuestion,
    PriceResource,
    PriceVersionRequest,
    RateCardRequest,
    RateCardResource,
    RateCards,
)

blueprint = Blueprint("price_books_api", __name__, url_prefix="/v1/price-books", description="Price books")
prices_api = Blueprint("prices_api", __name__, url_prefix="/v1/prices", description="Prices")

cards_api = Blueprint("rate_cards_api", __name__, url_prefix="/v1/rate-cards", description="Rate cards")

_NEWEST = Sort(PriceBook.id, PriceBook.id, descending=True)


@blueprint.get("")
@requires("price.read")
@blueprint.arguments(BooksListed, location="query")
@blueprint.response(200, page_of(PriceBookResource))
def list_books(query: dict[str, Any]) -> dict[str, Any]:
    """Every version of every price book, the newest first."""
    caller = current_caller()
    statement = queries.list_books(caller.tenant, level=query.get("level"), client_id=query.get("client_id"))
    page = fetch_page(
        caller.session, statement, sort=_NEWEST, cursor=query.get("cursor"), limit=query["limit"]
    )
    return {"items": page.rows, "next": page.older}


@blueprint.post("")
@requires("price.manage")
@blueprint.arguments(PriceBookRequest)
@blueprint.response(201, PriceBookWhole)
def create_book(book: dict[str, Any]) -> Any:
    """Draft a price book. It holds once it is published, from its day on."""
    caller = current_caller()
    made = operations.draft_book(caller.session, caller.tenant, at=clock.now(), **book)
    return _whole(made.id), 201, {"Location": f"/v1/price-books/{made.id}"}


@blueprint.get("/<book_id>")
@requires("price.read")
@blueprint.response(200, PriceBookWhole)
def get_book(book_id: str) -> PriceBook:
    """One version with its prices."""
    return _whole(book_id)


@blueprint.delete("/<book_id>")
@requires("price.manage")
@blueprint.response(204)
def drop_draft(book_id: str) -> None:
    """Throw a draft away. A published book stays."""
    caller = current_caller()
    operations.drop_draft(caller.session, caller.tenant, book_id=book_id)


@blueprint.post("/<book_id>/entries")
@requires("price.manage")
@blueprint.arguments(PriceEntriesRequest)
@blueprint.response(201, PriceBookWhole)
def add_entries(wanted: dict[str, Any], book_id: str) -> PriceBook:
    """Put prices into a draft: all of them, or none."""
    caller = current_caller()
    entries = [NewEntry(**entry) for entry in wanted["entries"]]
    operations.add_entries(caller.session, caller.tenant, book_id=book_id, entries=entries)
    return _whole(book_id)


@blueprint.delete("/<book_id>/entries/<entry_id>")
@requires("price.manage")
@blueprint.response(204)
def remove_entry(book_id: str, entry_id: str) -> None:
    """Take a price out of a draft."""
    caller = current_caller()
    operations.remove_entry(caller.session, caller.tenant, book_id=book_id, entry_id=entry_id)


@blueprint.post("/<book_id>/publish")
@requires("price.manage")
@blueprint.response(200, PriceBookWhole)
def publish_book(book_id: str) -> PriceBook:
    """Let a draft hold from its day on; nobody edits it from now on."""
    caller = current_caller()
    operations.publish_book(
        caller.session,
        caller.tenant,
        book_id=book_id,
        today=clock.today(caller.partner.time_zone),
        at=clock.now(),
    )
    return _whole(book_id)


@blueprint.post("/<book_id>/versions")
@requires("price.manage")
@blueprint.arguments(PriceVersionRequest)
@blueprint.response(201, PriceBookWhole)
def new_version(version: dict[str, Any], book_id: str) -> Any:
    """Draft a new version as a copy of this one."""
    caller = current_caller()
    made = operations.new_version(caller.session, caller.tenant, book_id=book_id, at=clock.now(), **version)
    return _whole(made.id), 201, {"Location": f"/v1/price-books/{made.id}"}


@blueprint.get("/<book_id>/entries.csv")
@requires("price.read")
@blueprint.response(
    200, {"type": "string", "format": "binary"}, content_type="text/csv", description="The prices as a table"
)
def export_book(book_id: str) -> Response:
    """The prices as a table, as they can be brought in again."""
    book = _whole(book_id)
    return table_download(
        "csv",
        name=f"prices-{book.name}-{book.valid_from}",
        header=tables.HEADER,
        rows=tables.rows_of(book.entries),
    )


@prices_api.get("")
@requires("price.read")
@prices_api.arguments(PriceQuestion, location="query")
@prices_api.response(200, PriceResource)
def get_price(question: dict[str, Any]) -> dict[str, Any]:
    """What a client pays for a model on a day, and which book says so."""
    caller = current_caller()
    currency = question.pop("currency", None) or caller.partner.currency
    if client_id := question["client_id"]:
        client = caller.session.scalar(scoped(Client, caller.tenant).where(Client.id == client_id))
        currency = client.currency if client is not None else currency
    day = question.pop("day", None) or clock.today(caller.partner.time_zone)
    answer = suggesting.price_of_model(caller.session, caller.tenant, day=day, currency=currency, **question)
    return {
        "monthly": answer.monthly,
        "currency": currency,
        "day": day,
        "steps": [
            {
                "level": step.level.value,
                "found": step.found.value,
                "book_id": step.book.id if step.book else None,
                "book_name": step.book.name if step.book else None,
                "entry_id": step.entry.id if step.entry else None,
            }
            for step in answer.steps
        ],
    }


@cards_api.get("")
@requires("price.read")
@cards_api.response(200, RateCards)
def list_cards() -> dict[str, Any]:
    """Every rate card by name, the newest first."""
    caller = current_caller()
    return {"items": queries.list_cards(caller.session, caller.tenant)}


@cards_api.post("")
@requires("price.manage")
@cards_api.arguments(RateCardRequest)
@cards_api.response(201, RateCardResource)
def add_card(card: dict[str, Any]) -> Any:
    """Put a rate card on file. A change is a card of the same name from a later day."""
    caller = current_caller()
    rows = [cards.CardRow(**row) for row in card.pop("rows")]
    made = cards.add_card(caller.session, caller.tenant, rows=rows, at=clock.now(), **card)
    return queries.get_card(caller.session, caller.tenant, card_id=made.id), 201


@cards_api.get("/<card_id>/offers")
@requires("price.read")
@cards_api.arguments(OffersQuestion, location="query")
@cards_api.response(200, Offers)
def get_offers(question: dict[str, Any], card_id: str) -> dict[str, Any]:
    """What a card makes of a cost: rent, lease-rate factor and yield of each term."""
    caller = current_caller()
    card = queries.get_card(caller.session, caller.tenant, card_id=card_id)
    currency = check_currency(question["currency"] or caller.partner.currency)
    return {
        "items": cards.offers_of(card, cost=question["cost"], currency=currency),
        "currency": currency,
    }


def _whole(book_id: str) -> PriceBook:
    caller = current_caller()
    return queries.get_book(caller.session, caller.tenant, book_id=book_id)
