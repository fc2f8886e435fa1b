"""Depreciation books: opened at first service, read as of any date, closed at disposal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import Asset, HardwareModel
from haas import clock
from haas.calendar import end_of_month
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from leases.book_events import add_event, new_event
from leases.book_models import AssetCost, BookEventRow, DepreciationUsage
from leases.book_plans import refresh_plans, write_plans
from leases.book_policies import FINANCIAL, kept_books, opening_terms, policy_of
from leases.book_records import ENDS, BookRecord, record_of, records_of
from leases.contract import book_columns
from leases.depreciation import DayBasis, DepreciationEntry, Disposal, LastMonth, Method
from leases.depreciation.events import EventKind, known_events
from leases.depreciation.history import History, replay
from leases.models import DepreciationBook

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class BookFacts:
    """A book's conventions and its end, as they were known."""

    id: str
    asset_id: str
    name: str
    method: str
    first_month: str
    last_month: str
    day_basis: str
    factor: Decimal
    switch: bool
    rate_pct: Decimal | None
    recovery_years: int | None
    tax_convention: str
    year_end_month: int
    cost: Decimal
    residual_value: Decimal
    currency: str
    in_service_on: date
    life_months: int
    total_units: Decimal | None
    opened_on: date | None
    disposed_on: date | None
    proceeds: Decimal | None


@dataclass(frozen=True, slots=True)
class BookView:
    """A book with its schedule and its value as of a date; `disposal` once it was closed by then."""

    book: BookFacts
    entries: Sequence[DepreciationEntry]
    as_of: date
    value: Decimal
    accumulated: Decimal
    history: History
    disposal: Disposal | None = None

    @property
    def gain(self) -> Decimal | None:
        """Proceeds less the book value at the closing; negative is a loss, none while the book is open."""
        return self.disposal.gain if self.disposal else None


def open_book(
    session: Session, tenant: Tenant, *, asset: Asset, in_service_on: date, at: datetime
) -> DepreciationBook:
    """Start writing an asset off on the day of its first service, in every book that the partner keeps.

    A second call finds them open. The answer is the financial book.
    """
    found = {
        book.name: book
        for book in session.scalars(
            scoped(DepreciationBook, tenant).where(DepreciationBook.asset_id == asset.id)
        )
    }
    if FINANCIAL in found:
        return found[FINANCIAL]
    model = session.scalars(scoped(HardwareModel, tenant).where(HardwareModel.id == asset.model_id)).one()
    partner = session.get_one(Partner, tenant.partner_id)
    added = session.scalar(
        scoped(AssetCost, tenant)
        .with_only_columns(sa.func.sum(AssetCost.amount - AssetCost.warranty_recovered))
        .where(AssetCost.asset_id == asset.id, AssetCost.capitalised)
    )
    opened: list[DepreciationBook] = []
    for name in kept_books(partner):
        terms = opening_terms(
            policy_of(partner, name, model_id=asset.model_id),
            cost=asset.cost + (added or ZERO),
            currency=asset.currency,
            in_service_on=in_service_on,
            useful_life_months=model.useful_life_months,
            residual_value_pct=model.residual_value_pct,
        )
        opened.append(
            DepreciationBook(
                partner_id=tenant.partner_id,
                id=new_id("bok"),
                asset_id=asset.id,
                name=name,
                currency=terms.currency,
                in_service_on=in_service_on,
                opening_accumulated=ZERO,
                created_at=at,
                **book_columns(terms),
            )
        )
    session.add_all(opened)
    session.flush()
    write_plans(session, tenant, records=[BookRecord(book, [], []) for book in opened])
    return opened[0]


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
    switch: bool = True,
    rate_pct: Decimal | None = None,
    recovery_years: int | None = None,
    name: str = FINANCIAL,
) -> DepreciationBook:
    """Keep one of the asset's books by other conventions, from its first day.

    :raises InvalidInput: for conventions that do not go together.
    """
    record = record_of(session, tenant, asset_id=asset_id, name=name, lock=True)
    if record.book.disposed_on is not None:
        raise Conflict("This book is closed.")
    if (method == Method.UNITS) != (total_units is not None):
        raise InvalidInput(
            "Say how many units its life has if it is written off by units, and only then.",
            field="total_units",
        )
    # What is not said is said to be nothing: it must not stay from before.
    event = new_event(
        EventKind.RESTATE,
        effective_on=record.book.in_service_on,
        figures={
            "method": method,
            "first_month": first_month,
            "last_month": last_month,
            "day_basis": day_basis,
            "factor": factor,
            "switch": switch,
            "useful_life_months": life_months,
            "residual_value": residual_value,
            "total_units": total_units,
            "rate_pct": rate_pct,
            "recovery_years": recovery_years,
        },
    )
    try:
        replay(record.terms, [*record.events, event], usage=record.usage())
    except ValueError as wrong:
        raise InvalidInput(f"These conventions do not go together: {wrong}.", field="method") from wrong
    add_event(session, tenant, record=record, event=event)
    if method == Method.UNITS:  # what was said of its use before counts from now on
        refresh_plans(session, tenant, book_ids=[record.book.id])
    return record.book


def record_usage(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    month: date,
    units: Decimal,
    name: str = FINANCIAL,
    source: str = "entered",
) -> DepreciationUsage:
    """What the asset was used in a month (a book by units charges for it). Said again, it is corrected."""
    record = record_of(session, tenant, asset_id=asset_id, name=name, lock=True)
    usage = DepreciationUsage(
        partner_id=tenant.partner_id,
        id=new_id("use"),
        book_id=record.book.id,
        month=month,
        units=units,
        source=source,
        recorded_at=clock.now(),
    )
    session.add(usage)
    session.flush()
    refresh_plans(session, tenant, book_ids=[record.book.id])
    return usage


def get_book(
    session: Session, tenant: Tenant, *, asset_id: str, lock: bool = False, name: str = FINANCIAL
) -> DepreciationBook:
    """One of the asset's books.

    :raises NotFound: if the asset was never in service.
    """
    return record_of(session, tenant, asset_id=asset_id, name=name, lock=lock).book


def view_book(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    as_of: date,
    name: str = FINANCIAL,
    known_at: datetime | None = None,
) -> BookView:
    """The whole schedule, and the value at the end of the day `as_of`, as it was known at a moment."""
    record = record_of(session, tenant, asset_id=asset_id, name=name)
    view = _view(record, as_of=as_of, known_at=known_at)
    if view is None:
        raise NotFound(f"Asset {asset_id} had no book that was known then.")
    return view


def view_record(record: BookRecord, *, as_of: date) -> BookView | None:
    """The same of a book that was read before; no query."""
    return _view(record, as_of=as_of, known_at=None)


def view_books(
    session: Session, tenant: Tenant, *, asset_id: str, as_of: date, known_at: datetime | None = None
) -> list[BookView]:
    """Every book of the asset, the financial one first; none before its first service. Three queries."""
    found = records_of(session, tenant, asset_ids=[asset_id])
    views = (_view(record, as_of=as_of, known_at=known_at) for record in found)
    return [view for view in views if view is not None]


def fleet_value(
    session: Session,
    tenant: Tenant,
    *,
    as_of: date,
    asset_ids: Sequence[str] | None = None,
    name: str = FINANCIAL,
) -> dict[str, Decimal]:
    """Book value of every asset in service by `as_of`, or of these: asset id -> value. Three queries."""
    found = records_of(session, tenant, asset_ids=asset_ids, names=[name], in_service_by=as_of)
    return {record.book.asset_id: record.history().value_on(as_of) for record in found}


def close_book(
    session: Session, tenant: Tenant, *, asset_id: str, disposed_on: date, proceeds: Decimal
) -> Disposal | None:
    """Close the books of an asset that was disposed of; the financial one's gain or loss, none without one.

    A second call finds them closed, and answers what the first did.
    """
    outcome = None
    for record in records_of(session, tenant, asset_ids=[asset_id], lock=True):
        known: list[BookEventRow] = list(record.rows)
        if record.book.disposed_on is None:
            on = max(disposed_on, record.book.opened_on or record.book.in_service_on)
            known += _take_back_after(session, tenant, record, on)
            event = new_event(EventKind.DISPOSE, effective_on=on, figures={"proceeds": proceeds})
            standing = BookRecord(record.book, known, record.used)
            known = [*known, add_event(session, tenant, record=standing, event=event)]
        if record.book.name == FINANCIAL:
            outcome = _disposal(BookRecord(record.book, known, record.used).history())
    return outcome


def _take_back_after(session: Session, tenant: Tenant, record: BookRecord, on: date) -> list[BookEventRow]:
    """What was planned for days on which the asset is gone never happens; the newest is taken back first."""
    later = [event for event in known_events(record.events, known_at=None) if event.effective_on > on]
    rows: list[BookEventRow] = []
    for event in reversed(later):
        reversal = replace(
            new_event(EventKind.REVERSE, effective_on=event.effective_on, figures={}), reverses_id=event.id
        )
        standing = BookRecord(record.book, [*record.rows, *rows], record.used)
        rows.append(add_event(session, tenant, record=standing, event=reversal, reason=f"It left on {on}."))
    return rows


def reopen_book(session: Session, tenant: Tenant, *, asset_id: str, on: date) -> None:
    """Go on writing an asset off that was given up for lost and is found again; nothing if it is open."""
    for record in records_of(session, tenant, asset_ids=[asset_id], lock=True):
        if record.book.disposed_on is None:
            continue
        event = new_event(EventKind.REINSTATE, effective_on=max(on, record.book.disposed_on), figures={})
        add_event(session, tenant, record=record, event=event)


def _view(record: BookRecord, *, as_of: date, known_at: datetime | None) -> BookView | None:
    book = record.book
    if known_at is not None and book.created_at > known_at:
        return None
    whole = record.history(known_at=known_at)
    # A schedule that is asked for before the disposal shows the life as it was planned.
    ends_later = any(move.kind in ENDS and move.on > as_of for move in whole.movements)
    stood = record.history(known_at=known_at, leaving_out_after=as_of) if ends_later else whole
    began = whole.movements[0].on
    facts = _facts(book, whole)
    if as_of < began:
        return BookView(facts, stood.entries, as_of, facts.cost, ZERO, stood)
    value = stood.value_on(as_of)
    disposal = _disposal(stood)
    written_off = stood.cost_on(as_of) - value
    if stood.closing is not None and disposal is not None:
        written_off = -stood.closing.cost - disposal.book_value
    return BookView(facts, stood.entries, as_of, value, written_off, stood, disposal)


def _disposal(history: History) -> Disposal | None:
    closing = history.closing
    if closing is None:
        return None
    month = end_of_month(closing.on)
    return Disposal(
        final_charge=next((entry.charge for entry in history.entries if entry.month == month), ZERO),
        book_value=-closing.value,
        gain=closing.gain if closing.gain is not None else ZERO,
    )


def _facts(book: DepreciationBook, history: History) -> BookFacts:
    terms = history.terms
    told = {
        field.name: getattr(terms, field.name) for field in fields(BookFacts) if hasattr(terms, field.name)
    }
    return BookFacts(
        id=book.id,
        asset_id=book.asset_id,
        name=book.name,
        life_months=terms.useful_life_months,
        disposed_on=history.disposed_on,
        proceeds=history.proceeds,
        **told,
    )
