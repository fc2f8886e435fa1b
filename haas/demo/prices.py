"""What a demo's partner charges: a book for everybody with tiers, and a client's own in the making."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from haas.money import round_minor
from leases.pricing import operations
from leases.pricing.entries import NewEntry

if TYPE_CHECKING:
    from haas.demo.houses import House

_MANY = 10  # from so many on a unit costs less
_FOR_MANY = Decimal("0.95")


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
    prices = []
    for key, model in house.models.items():
        rent = house.rents[key]
        many = round_minor(rent * _FOR_MANY, house.scene.currency)
        for price, first, until in ((rent, 1, _MANY), (many, _MANY, None)):
            prices.append(
                NewEntry(
                    item_kind="model",
                    item_name=model.name,
                    manufacturer=model.manufacturer,
                    price=price,
                    quantity_from=first,
                    quantity_until=until,
                )
            )
    return prices
