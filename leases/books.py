"""Depreciation books: opened at first service, read as of any date, closed at disposal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import Asset, HardwareModel
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.money import round_minor
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from leases.contract import book_terms
from leases.depreciation import (
    Accrual,
    DayBasis,
    DepreciationEntry,
    Disposal,
    FirstMonth,
    LastMonth,
    Method,
    book_value,
    depreciation_schedule,
    dispose,
    entries_until,
)
from leases.models import DepreciationBook, DepreciationUsage

# What a partner's books follow until its settings (`policies.depreciation`) say otherwise.
DEFAULT_POLICY = {
    "method": Method.STRAIGHT_LINE.value,
    "first_month": FirstMonth.FULL.value,
    "last_month": LastMonth.NONE.value,
    "day_basis": DayBasis.MONTHS.value,
    "factor": "2",
}


@dataclass(frozen=True, slots=True)
class BookView:
    """A book with its schedule and its value as of a date; `disposal` once it was closed by then."""

    book: DepreciationBook
    entries: Sequence[DepreciationEntry]
    as_of: date
    value: Decimal
    accumulated: Decimal
    disposal: Disposal | None = None

    @property
    def gain(self) -> Decimal | None:
        """Proceeds less the book value at the closing; negative is a loss, none while the book is open."""
        return self.disposal.gain if self.disposal else None


def open_book(
    session: Session, tenant: Tenant, *, asset: Asset, in_service_on: date, at: datetime
) -> DepreciationBook:
    """Start writing an asset off on the day of its first service; a second call finds the book open."""
    found = session.scalar(
        scoped(DepreciationBook, tenant).where(
            DepreciationBook.asset_id == asset.id, DepreciationBook.name == "book"
        )
    )
    if found is not None:
        return found
    model = session.scalars(scoped(HardwareModel, tenant).where(HardwareModel.id == asset.model_id)).one()
    partner = session.get_one(Partner, tenant.partner_id)
    policy = {**DEFAULT_POLICY, **partner.policies.get("depreciation", {})}
    book = DepreciationBook(
        partner_id=tenant.partner_id,
        id=new_id("bok"),
        asset_id=asset.id,
        name="book",
        method=policy["method"],
        first_month=policy["first_month"],
        last_month=policy["last_month"],
        day_basis=policy["day_basis"],
        factor=Decimal(policy["factor"]),
        cost=asset.cost,
        residual_value=round_minor(asset.cost * model.residual_value_pct / 100, asset.currency),
        currency=asset.currency,
        in_service_on=in_service_on,
        life_months=model.useful_life_months,
        created_at=at,
    )
    session.add(book)
    session.flush()
    return book


def change_conventions(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    method: str,
    first_month: str,
    life_months: int,
    residual_value: Decimal,
    factor: Decimal = Decimal(2),
    day_basis: str = DayBasis.MONTHS.value,
    last_month: str = LastMonth.NONE.value,
    total_units: Decimal | None = None,
) -> DepreciationBook:
    """Keep the asset's book by other conventions, from its first day.

    :raises InvalidInput: for conventions that do not go together.
    """
    book = get_book(session, tenant, asset_id=asset_id, lock=True)
    if book.disposed_on is not None:
        raise Conflict("This book is closed.")
    if (method == Method.UNITS) != (total_units is not None):
        raise InvalidInput(
            "Say how many units its life has if it is written off by units, and only then.",
            field="total_units",
        )
    book.method, book.first_month, book.last_month, book.day_basis = (
        method,
        first_month,
        last_month,
        day_basis,
    )
    book.life_months, book.residual_value, book.factor, book.total_units = (
        life_months,
        residual_value,
        factor,
        total_units,
    )
    try:
        book_terms(book)
    except ValueError as wrong:
        raise InvalidInput(f"These conventions do not go together: {wrong}.", field="method") from wrong
    session.flush()
    return book


def record_usage(
    session: Session, tenant: Tenant, *, asset_id: str, month: date, units: Decimal
) -> DepreciationUsage:
    """What the asset was used in a month (a book by units charges for it). Said again, it is corrected."""
    book = get_book(session, tenant, asset_id=asset_id, lock=True)
    usage = session.scalar(
        scoped(DepreciationUsage, tenant).where(
            DepreciationUsage.book_id == book.id, DepreciationUsage.month == month
        )
    )
    if usage is None:
        usage = DepreciationUsage(
            partner_id=tenant.partner_id, id=new_id("use"), book_id=book.id, month=month, units=units
        )
        session.add(usage)
    usage.units = units
    session.flush()
    return usage


def get_book(session: Session, tenant: Tenant, *, asset_id: str, lock: bool = False) -> DepreciationBook:
    """The asset's book.

    :raises NotFound: if the asset was never in service.
    """
    statement = scoped(DepreciationBook, tenant).where(
        DepreciationBook.asset_id == asset_id, DepreciationBook.name == "book"
    )
    book = session.scalar(statement.with_for_update() if lock else statement)
    if book is None:
        raise NotFound(f"Asset {asset_id} has no book: it was never in service.")
    return book


def view_book(session: Session, tenant: Tenant, *, asset_id: str, as_of: date) -> BookView:
    """The whole schedule, and the value at the end of the day `as_of`."""
    book = get_book(session, tenant, asset_id=asset_id)
    entries = _entries(session, tenant, book)
    if book.disposed_on is not None and as_of >= book.disposed_on:
        closing = _closing(book, entries, disposed_on=book.disposed_on, proceeds=book.proceeds or Decimal(0))
        borne = entries_until(entries, closing, cost=book.cost, disposed_on=book.disposed_on)
        return BookView(book, borne, as_of, Decimal(0), book.cost - closing.book_value, closing)
    value = value_as_of(book, entries, as_of=as_of)
    return BookView(book, entries, as_of, value, book.cost - value)


def value_as_of(book: DepreciationBook, entries: Sequence[DepreciationEntry], *, as_of: date) -> Decimal:
    """Book value at the end of a day: nothing once disposed of."""
    if book.disposed_on is not None and as_of >= book.disposed_on:
        return Decimal(0)
    if as_of < book.in_service_on:
        return book.cost
    return book_value(book_terms(book), entries, as_of=as_of, accrual=Accrual.MONTH_END)


def fleet_value(
    session: Session, tenant: Tenant, *, as_of: date, asset_ids: Sequence[str] | None = None
) -> dict[str, Decimal]:
    """Book value of every asset in service by `as_of`, or of these: asset id -> value. Two queries."""
    values: dict[str, Decimal] = {}
    usage: dict[str, list[tuple[date, Decimal]]] = {}
    wanted = sa.true() if asset_ids is None else DepreciationBook.asset_id.in_(asset_ids)
    for row in session.scalars(scoped(DepreciationUsage, tenant).order_by(DepreciationUsage.month)):
        usage.setdefault(row.book_id, []).append((row.month, row.units))
    for book in session.scalars(
        scoped(DepreciationBook, tenant).where(
            DepreciationBook.name == "book", DepreciationBook.in_service_on <= as_of, wanted
        )
    ):
        entries = depreciation_schedule(book_terms(book), units_by_month=usage.get(book.id, []))
        values[book.asset_id] = value_as_of(book, entries, as_of=as_of)
    return values


def close_book(
    session: Session, tenant: Tenant, *, asset_id: str, disposed_on: date, proceeds: Decimal
) -> Disposal | None:
    """Close the book of an asset that was disposed of, with gain or loss; none if it has no book."""
    book = session.scalar(
        scoped(DepreciationBook, tenant)
        .where(DepreciationBook.asset_id == asset_id, DepreciationBook.name == "book")
        .with_for_update()
    )
    if book is None:
        return None
    entries = _entries(session, tenant, book)
    outcome = _closing(book, entries, disposed_on=disposed_on, proceeds=proceeds)
    if book.disposed_on is None:
        book.disposed_on, book.proceeds = disposed_on, proceeds
        session.flush()
    return outcome


def reopen_book(session: Session, tenant: Tenant, *, asset_id: str) -> None:
    """Go on writing an asset off that was given up for lost and is found again."""
    session.execute(
        sa.update(DepreciationBook)
        .where(
            DepreciationBook.partner_id == tenant.partner_id,
            DepreciationBook.asset_id == asset_id,
            DepreciationBook.name == "book",
        )
        .values(disposed_on=None, proceeds=None)
    )


def total_cost(session: Session, tenant: Tenant, *, as_of: date) -> Decimal:
    """Cost of all assets in service by `as_of` and not disposed of."""
    total = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(DepreciationBook.cost), 0)).where(
            DepreciationBook.partner_id == tenant.partner_id,
            DepreciationBook.in_service_on <= as_of,
            sa.or_(DepreciationBook.disposed_on.is_(None), DepreciationBook.disposed_on > as_of),
        )
    )
    return Decimal(total or 0)


def _entries(session: Session, tenant: Tenant, book: DepreciationBook) -> list[DepreciationEntry]:
    usage = session.execute(
        sa.select(DepreciationUsage.month, DepreciationUsage.units)
        .where(DepreciationUsage.partner_id == tenant.partner_id, DepreciationUsage.book_id == book.id)
        .order_by(DepreciationUsage.month)
    )
    return depreciation_schedule(book_terms(book), units_by_month=[(row.month, row.units) for row in usage])


def _closing(
    book: DepreciationBook, entries: Sequence[DepreciationEntry], *, disposed_on: date, proceeds: Decimal
) -> Disposal:
    return dispose(
        book_terms(book),
        entries,
        disposed_on=disposed_on,
        proceeds=proceeds,
        last_month=LastMonth(book.last_month),
    )
