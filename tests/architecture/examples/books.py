"""Examples of the changing routes of books: events, splits, later costs, policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from devices.queries import get_asset
from leases import book_events
from tests.architecture.examples import Example
from tests.architecture.examples.leases import ACCEPTED, in_service
from tests.cast import Cast
from tests.leases.fleet import a_model, day

IMPAIRMENT = {"kind": "impair", "effective_on": "2026-05-01", "amount": "50.00", "reason": "A crack"}
COST = {"kind": "repair", "amount": "80.00", "incurred_on": "2026-05-02", "supplier": "Bench Inc."}
OWN_HOUSE = "it names no row: everybody has policies of their own house"


def a_book(session: Session, cast: Cast) -> Mapping[str, str]:
    """An asset in service, and the name of its financial book."""
    return {**in_service(session, cast), "book_name": "book"}


def an_impairment(session: Session, cast: Cast) -> Mapping[str, str]:
    """A book that was impaired."""
    made = a_book(session, cast)
    event = book_events.record_event(
        session,
        cast.tenant,
        asset_id=made["asset_id"],
        name="book",
        kind="impair",
        effective_on=day("2026-05-01"),
        figures={"amount": "50.00"},
    )
    return {**made, "event_id": event.id}


def a_policy_of_a_model(session: Session, cast: Cast) -> Mapping[str, str]:
    """A hardware model that a book may be kept otherwise for."""
    return {"book_name": "book", "model_id": a_model(session, cast.tenant, at=ACCEPTED).id}


def tax(session: Session, cast: Cast) -> Mapping[str, str]:
    """The tax book's name."""
    return {"book_name": "tax"}


def split(_cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """A quarter for the spare."""
    return {"to_asset_id": values["spare_id"], "cost": "300.00", "effective_on": "2026-05-01"}


def a_book_and_a_tag(session: Session, cast: Cast) -> Mapping[str, str]:
    """An asset in service, and the tag of a spare."""
    made = a_book(session, cast)
    return {**made, "tag": get_asset(session, cast.tenant, asset_id=made["spare_id"]).tag}


def split_form(_cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """A quarter for the spare, by its tag."""
    return {"tag": values["tag"], "cost": "300.00", "effective_on": "2026-05-01", "reason": "A dock"}


EXAMPLES: dict[str, Example | list[Example]] = {
    # pages
    "leases.book_event": Example(
        lambda session, cast: {**a_book(session, cast), "event_kind": "impair"},
        form={**IMPAIRMENT, "counts_from": "same_month", "confirmed": "1"},
        status=303,
    ),
    "leases.reverse_book_event": Example(an_impairment, form={"reason": "The wrong asset"}, status=303),
    "leases.split_book": Example(a_book_and_a_tag, form=split_form, status=303),
    "leases.new_cost": Example(in_service, form={**COST, "in_books": "1", "extra_months": "6"}, status=303),
    "book_settings.save_rule": Example(
        form={"capitalise_from": "250.00", "capitalise_upgrades": "1"},
        status=303,
        cleo=303,
        cleo_because=OWN_HOUSE,
    ),
    "book_settings.book": Example(
        tax,
        form={
            "method": "macrs",
            "recovery_years": "5",
            "first_month": "full",
            "last_month": "half_year",
            "day_basis": "months",
            "factor": "2",
            "year_end_month": "12",
            "kept": "1",
        },
        status=303,
        cleo=303,
        cleo_because=OWN_HOUSE,
    ),
    # REST
    "asset_books_api.preview_event": Example(
        a_book, json=IMPAIRMENT, audited=False, unaudited_because="a preview changes nothing"
    ),
    "asset_books_api.record_event": Example(a_book, json=IMPAIRMENT, status=201),
    "asset_books_api.reverse_event": Example(an_impairment, json={"reason": "The wrong asset"}, status=201),
    "asset_books_api.split_asset": Example(a_book, json=split, status=201),
    "asset_books_api.record_cost": Example(in_service, json=COST, status=201),
    "book_policies_api.change_policy": Example(
        tax, json={"method": "macrs", "recovery_years": 5}, cleo=200, cleo_because=OWN_HOUSE
    ),
    "book_policies_api.drop_policy": Example(
        lambda session, cast: {"book_name": "book"}, method="DELETE", cleo=200, cleo_because=OWN_HOUSE
    ),
    "book_policies_api.change_model_policy": Example(
        a_policy_of_a_model, json={"method": "straight_line", "life_months": 24}
    ),
    "book_policies_api.drop_model_policy": Example(a_policy_of_a_model, method="DELETE"),
    "book_policies_api.change_repair_policy": Example(
        json={"capitalise_from": "250.00"}, cleo=200, cleo_because=OWN_HOUSE
    ),
}
