"""Reads the facts of one asset, or of a whole fleet: a fixed number of queries, however many assets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import Asset, HardwareModel
from haas.calendar import local_day
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from leases.book_records import BookRecord
from leases.models import ReturnOrder
from leases.profit.contracts import read_contracts
from leases.profit.facts import AssetFacts, Charge, ChargeKind, Place, Standing, place_among
from leases.profit.worth import Spent, Valuer, by_asset, read_spent, read_worths, unbooked


def read_facts(
    session: Session,
    tenant: Tenant,
    *,
    as_of: date,
    asset_id: str | None = None,
    records: Iterable[BookRecord] | None = None,
) -> list[AssetFacts]:
    """What is known of the money of one asset, or of every asset that was not merely ordered.

    Rent reaches up to `as_of` where a line runs on without an end, else to the end of what is agreed.

    :param records: the books, where they were read before.
    """
    contracts = read_contracts(session, tenant, asset_id=asset_id, as_of=as_of)
    books = read_worths(session, tenant, asset_id=asset_id) if records is None else by_asset(records)
    spent = read_spent(session, tenant, books=books, asset_id=asset_id)
    valuer = Valuer()
    damages = _read_damages(session, tenant, asset_id=asset_id)
    found = []
    for row in _read_assets(session, tenant, asset_id=asset_id):
        book, own = books.get(row.id), spent.get(row.id) or Spent()
        worth = unbooked(row.cost, own) if book is None else valuer.worth_of(book)
        booked_on = None if book is None else book.book.in_service_on
        standings = contracts.standings.get(row.id, [])
        charges = _charges_of(standings, own.expenses, damages.get(row.id, ()))
        left_early = contracts.left_early.get(row.id, ())
        charges += [charge for charge, currency in left_early if currency == row.currency]
        found.append(
            AssetFacts(
                id=row.id,
                tag=row.tag,
                model_id=row.model_id,
                model_name=f"{row.manufacturer} {row.model_name}",
                category=row.category,
                currency=row.currency,
                acquired_on=_acquired_on(row, booked_on, standings),
                in_service_on=row.in_service_on or booked_on,
                worth=worth,
                standings=standings,
                rents=contracts.rents.get(row.id, ()),
                charges=charges,
            )
        )
    return found


def _read_assets(session: Session, tenant: Tenant, *, asset_id: str | None) -> Sequence[Any]:
    statement = (
        scoped(Asset, tenant)
        .join(
            HardwareModel,
            sa.and_(HardwareModel.partner_id == Asset.partner_id, HardwareModel.id == Asset.model_id),
        )
        .join(Partner, Partner.id == Asset.partner_id)
        .where(Asset.id == asset_id if asset_id is not None else Asset.state != "ordered")
        .with_only_columns(
            Asset.id,
            Asset.tag,
            Asset.model_id,
            Asset.cost,
            Asset.currency,
            Asset.purchased_on,
            Asset.in_service_on,
            Asset.created_at,
            HardwareModel.manufacturer,
            HardwareModel.name.label("model_name"),
            HardwareModel.category,
            Partner.time_zone,
        )
        .order_by(Asset.id)
    )
    return session.execute(statement).all()


def _acquired_on(row: Any, booked_on: date | None, standings: Sequence[Standing]) -> date:
    """The first day that is known of it: of purchase, or of service if that was entered wrongly or not."""
    bought_on = row.purchased_on or local_day(row.created_at, row.time_zone)
    first = [bought_on, *(day for day in (row.in_service_on, booked_on) if day is not None)]
    return min([*first, *(standing.start for standing in standings[:1])])


def _charges_of(
    standings: Sequence[Standing],
    expenses: Iterable[tuple[date, Decimal]],
    damages: Iterable[tuple[date, Decimal, str]],
) -> list[Charge]:
    found = [Charge(on, ChargeKind.COST, -amount, place_among(standings, on)) for on, amount in expenses]
    found += [
        Charge(on, ChargeKind.DAMAGE, amount, _last_place(standings, on, client_id))
        for on, amount, client_id in damages
    ]
    return found


def _last_place(standings: Sequence[Standing], day: date, client_id: str) -> Place:
    """The lease on which it stood last before that day: what is found at a return was done there."""
    places = [row.place for row in standings if row.start <= day and row.place.client_id == client_id]
    return places[-1] if places else Place(client_id=client_id)


def _read_damages(
    session: Session, tenant: Tenant, *, asset_id: str | None
) -> dict[str, list[tuple[date, Decimal, str]]]:
    """Damages as they are billed: of returns that are closed, on the client's day of the inspection."""
    statement = (
        scoped(ReturnOrder, tenant)
        .join(
            Client, sa.and_(Client.partner_id == ReturnOrder.partner_id, Client.id == ReturnOrder.client_id)
        )
        .where(
            ReturnOrder.state == "closed",
            ReturnOrder.damage_charge > 0,
            ReturnOrder.inspected_at.is_not(None),
            *_of_asset(ReturnOrder.asset_id, asset_id),
        )
        .order_by(ReturnOrder.id)
        .with_only_columns(
            ReturnOrder.asset_id,
            ReturnOrder.inspected_at,
            ReturnOrder.damage_charge,
            ReturnOrder.client_id,
            Client.time_zone,
        )
    )
    found: dict[str, list[tuple[date, Decimal, str]]] = defaultdict(list)
    for row in session.execute(statement):
        asset, inspected_at, amount, client_id, zone = row
        if inspected_at is not None and amount is not None:
            found[asset].append((local_day(inspected_at, zone), amount, client_id))
    return found


def _of_asset(column: Any, asset_id: str | None) -> list[Any]:
    return [] if asset_id is None else [column == asset_id]
