"""The demo's depreciation: books beside the financial one, later costs, and what happened to a value."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from leases import book_events, book_policies, costs

if TYPE_CHECKING:
    from datetime import datetime

    from haas.demo.houses import House
    from haas.demo.story import Story

_MARGIN: dict[str, Any] = {"first_month": "daily", "last_month": "daily_inclusive", "residual_pct": "20"}


def keep_books(session: Session, house: House) -> None:
    """A tax book by the law of the land, and one by which the margin is reckoned."""
    tax: dict[str, Any] = {"life_months": 36, "residual_pct": "0", "first_month": "full"}
    if house.scene.country == "US":
        tax = {"method": "macrs", "recovery_years": 5, "last_month": "half_year"}
    for name, conventions in (("tax", tax), ("margin", _MARGIN)):
        book_policies.change_policy(session, house.tenant, name=name, conventions=conventions)
    book_policies.change_repair_policy(
        session, house.tenant, capitalise_from=Decimal(250), capitalise_upgrades=True
    )


def tell_books(story: Story) -> None:
    """A repair that is an expense, more memory that is not, and a value that was written down by mistake."""
    at = story.moment(2, day=12)
    story.tell(at, lambda session: _spend(story, session, at))
    later = story.moment(1, day=3)
    story.tell(later, lambda session: _write_down(story, session, later))


def _spend(story: Story, session: Session, at: datetime) -> None:
    first, second = story.contracts.plans["studio"].assets[:2]
    day = story.day_of(at)
    costs.record_cost(
        session,
        story.house.tenant,
        asset_id=first.id,
        kind="repair",
        amount=Decimal("180.00"),
        warranty_recovered=Decimal("120.00"),
        incurred_on=day,
        supplier="Bench & Co.",
        reference="RMA-2207",
        notes="A new fan",
    )
    costs.record_cost(
        session,
        story.house.tenant,
        asset_id=second.id,
        kind="upgrade",
        amount=Decimal("240.00"),
        incurred_on=day,
        supplier="Memory Direct",
        reference="PO-118",
        extra_months=6,
    )


def _write_down(story: Story, session: Session, at: datetime) -> None:
    first, second = story.contracts.plans["studio"].assets[:2]
    day = story.day_of(at)
    for asset, reason in ((first, "A dent in the lid"), (second, "Another's dent")):
        event = book_events.record_event(
            session,
            story.house.tenant,
            asset_id=asset.id,
            name="book",
            kind="impair",
            effective_on=day,
            figures={"amount": Decimal(90)},
            reason=reason,
        )
    book_events.reverse_event(
        session, story.house.tenant, asset_id=second.id, event_id=event.id, reason="It was the other one"
    )
