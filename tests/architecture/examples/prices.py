"""Examples of the changing routes of prices."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform
from leases.pricing import queries, rises
from tests.architecture.examples import Example
from tests.cast import Cast
from tests.invoicing.operators_house import an_account, the_house
from tests.leases.test_price_books import a_book
from tests.leases.test_price_rises import TODAY, a_rise

CREATES_NEW = "a list of one's own: what is made is one's own"


def a_draft(session: Session, cast: Cast) -> Mapping[str, str]:
    """A draft with one price."""
    book = a_book(session, cast.tenant, published=False)
    (entry,) = queries.get_book(session, cast.tenant, book_id=book.id).entries
    return {"book_id": book.id, "entry_id": entry.id}


def published(session: Session, cast: Cast) -> Mapping[str, str]:
    """A book that holds."""
    return {"book_id": a_book(session, cast.tenant).id}


def a_table(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """An upload of one row."""
    return {"file": (BytesIO(b"kind,item,price\nservice,Care pack,4.20\n"), "prices.csv")}


BOOK = {"level": "retail", "name": "Autumn", "currency": "USD", "valid_from": "2026-10-01"}
ENTRY = {"item_kind": "service", "item_name": "Care pack", "component": "service", "price": "4.20"}
CARD = {
    "name": "Laptops",
    "valid_from": "2026-10-01",
    "rows": [{"term_months": 36, "residual_pct": "10", "yield_pct": "8"}],
}
CARD_FORM = {
    "name": "Laptops",
    "valid_from": "2026-10-01",
    "timing": "advance",
    "interval_months": "1",
    "rows-0-term_months": "36",
    "rows-0-residual_pct": "10",
    "rows-0-yield_pct": "8",
    "rows-1-term_months": "",
}

API = {
    "price_books_api.create_book": Example(json=BOOK, status=201, cleo=201, cleo_because=CREATES_NEW),
    "rate_cards_api.add_card": Example(json=CARD, status=201, cleo=201, cleo_because=CREATES_NEW),
    "price_books_api.drop_draft": Example(prepare=a_draft, status=204),
    "price_books_api.add_entries": Example(prepare=a_draft, json={"entries": [ENTRY]}, status=201),
    "price_books_api.remove_entry": Example(prepare=a_draft, status=204),
    "price_books_api.publish_book": Example(prepare=a_draft, status=200),
    "price_books_api.new_version": Example(prepare=published, json={"valid_from": "2098-01-01"}, status=201),
}
PAGES = {
    "prices.new": Example(form=BOOK, user="sam", status=303, cleo=303, cleo_because=CREATES_NEW),
    "prices.new_card": Example(form=CARD_FORM, user="sam", status=303, cleo=303, cleo_because=CREATES_NEW),
    "prices.add_entry": Example(prepare=a_draft, form=ENTRY, user="sam", status=303),
    "prices.remove_entry": Example(prepare=a_draft, status=303),
    "prices.publish": Example(prepare=a_draft, status=303),
    "prices.drop": Example(prepare=a_draft, status=303),
    "prices.new_version": Example(prepare=published, form={"valid_from": "2098-01-01"}, status=303),
    "prices.bring_in": Example(prepare=a_draft, form=a_table, status=303),
}
RISE = {"title": "Yearly", "change_pct": "3", "effective_on": "2098-01-01"}
INDEX = {"index_name": "CPI", "values": [{"month": "2026-01-01", "value": "118.4"}]}


def a_plan(session: Session, cast: Cast) -> Mapping[str, str]:
    """A rise of Acme's rents that is planned."""
    return {"rise_id": a_rise(session, cast).id}


def told(session: Session, cast: Cast) -> Mapping[str, str]:
    """The same, announced."""
    rise = a_rise(session, cast)
    rises.announce(session, cast.tenant, rise_id=rise.id, today=TODAY)
    return {"rise_id": rise.id}


RISES = {
    "price_rises_api.plan_rise": Example(json=RISE, status=201, cleo=201, cleo_because=CREATES_NEW),
    "price_rises_api.announce_rise": Example(prepare=a_plan, status=200),
    "price_rises_api.apply_rise": Example(prepare=told, status=202),
    "price_rises_api.drop_rise": Example(prepare=a_plan, status=204),
    "price_indexes_api.add_index": Example(json=INDEX, status=201, cleo=201, cleo_because=CREATES_NEW),
    "prices.plan_rise": Example(form=RISE, user="sam", status=303, cleo=303, cleo_because=CREATES_NEW),
    "prices.announce_rise": Example(prepare=a_plan, status=303),
    "prices.apply_rise": Example(prepare=told, status=303),
    "prices.drop_rise": Example(prepare=a_plan, status=303),
    "prices.add_index": Example(
        form={"index_name": "CPI", "rows": "2026-01 118.4"}, status=303, cleo=303, cleo_because=CREATES_NEW
    ),
}
DESK = "the operator's desk is closed to every partner"


def the_desk(session: Session, cast: Cast) -> Mapping[str, str]:
    """The operator's house with a book, and Contoso's account there."""
    return {"account_id": an_account(the_house(), cast.contoso).id}


def no_house(session: Session, cast: Cast) -> Mapping[str, str]:
    """What another test has opened is an ordinary partner from now on."""
    with db.unit_of_work(Platform("operator", actor="test", door="cli")) as platform:
        platform.execute(
            sa.update(Partner).where(Partner.is_operator).values(is_operator=False, slug=Partner.id)
        )
    return {}


def an_opening(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """Northwind's account."""
    return {
        "partner_id": cast.northwind.id,
        "book_name": "Standard",
        "currency": "USD",
        "email": "ap@northwind.example",
    }


HOUSE = {
    "name": "Cirrus",
    "legal_name": "Cirrus DAC",
    "country": "IE",
    "currency": "EUR",
    "language": "en",
    "time_zone": "Europe/Dublin",
}
OPERATOR = {
    "wholesale_desk.open_house": Example(
        prepare=no_house, form=HOUSE, user="olga", status=303, cleo=403, cleo_because=DESK
    ),
    "wholesale_desk.open_account": Example(
        prepare=the_desk, form=an_opening, user="olga", status=303, cleo=403, cleo_because=DESK
    ),
    "wholesale_desk.assign": Example(
        prepare=the_desk,
        form={"book_name": "Standard", "tier_basis": "first_day"},
        user="olga",
        status=303,
        cleo=403,
        cleo_because=DESK,
    ),
    "wholesale_desk.start_round": Example(
        prepare=the_desk, form={"as_of": "2026-05-01"}, user="olga", status=303, cleo=403, cleo_because=DESK
    ),
}
EXAMPLES: dict[str, Example | list[Example]] = {**API, **PAGES, **OPERATOR, **RISES}
