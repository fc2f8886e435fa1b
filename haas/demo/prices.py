"""What a demo's partner charges: a book for everybody with tiers, and a client's own in the making."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from haas.calendar import add_months
from haas.money import round_minor
from leases.pricing import cards, indexes, operations, rises
from leases.pricing.cards import CardRow
from leases.pricing.entries import NewEntry

if TYPE_CHECKING:
    from devices.models import HardwareModel
    from haas.demo.houses import House
    from haas.demo.scenery import ModelScene

_MANY = 10  # from so many on a unit costs less
_FOR_MANY = Decimal("0.95")
_RATE_CARD = ((12, "45", "11"), (24, "25", "10"), (36, "10", "9"), (48, "5", "9"))


def write_prices(session: Session, house: House, *, since: datetime, now: datetime) -> None:
    """The rents of the story as a book that holds since then, and a draft for the first client."""
    tenant, currency = house.tenant, house.scene.currency
    book = operations.draft_book(
        session,
        tenant,
        level="retail",
        name="List prices",
        currency=currency,
        valid_from=since.date(),
        at=since,
    )
    operations.add_entries(session, tenant, book_id=book.id, entries=_list_prices(house))
    operations.publish_book(session, tenant, book_id=book.id, today=since.date(), at=since)
    cards.add_card(
        session,
        tenant,
        name="Standard",
        valid_from=since.date(),
        rows=[
            CardRow(term, Decimal(residual), Decimal(yield_pct)) for term, residual, yield_pct in _RATE_CARD
        ],
        at=since,
    )
    own = operations.draft_book(
        session,
        tenant,
        level="client",
        name="Frame contract",
        currency=currency,
        client_id=house.clients[0].id,
        valid_from=now.date(),
        at=now,
    )
    operations.add_entries(session, tenant, book_id=own.id, entries=_list_prices(house)[:2])


def _list_prices(house: House) -> list[NewEntry]:
    prices: list[NewEntry] = []
    for key, model in house.models.items():
        rent = house.rents[key]
        many = round_minor(rent * _FOR_MANY, house.scene.currency)
        prices += tiers_of(model, for_few=rent, for_many=many)
    return prices


def tiers_of(model: HardwareModel | ModelScene, *, for_few: Decimal, for_many: Decimal) -> Iterator[NewEntry]:
    """A model's prices by how many are taken."""
    for price, first, until in ((for_few, 1, _MANY), (for_many, _MANY, None)):
        yield NewEntry(
            item_kind="model",
            item_name=model.name,
            manufacturer=model.manufacturer,
            price=price,
            quantity_from=first,
            quantity_until=until,
        )


def plan_a_rise(session: Session, house: House, *, now: datetime) -> None:
    """What next year's prices will be, planned by an index and not announced yet."""
    today = now.date()
    first = add_months(today.replace(day=1), -13)
    months = [(add_months(first, number), Decimal("118.2") + number * Decimal("0.3")) for number in range(13)]
    indexes.add_index_values(session, house.tenant, name="Consumer prices", values=months, at=now)
    rises.plan_rise(
        session,
        house.tenant,
        title="Yearly adjustment",
        index_name="Consumer prices",
        base_month=months[0][0],
        index_month=months[-1][0],
        effective_on=add_months(today.replace(day=1), 3),
        today=today,
        at=now,
    )
