"""Rows of a lease -> the terms and stays that its rules read. The one place where both meet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from haas.calendar import local_day
from leases.amendment_models import Abatement, LineTerms
from leases.book_models import BookEventRow
from leases.depreciation import Convention, DayBasis, DepreciationTerms, FirstMonth, LastMonth, Method
from leases.depreciation.events import CONVENTIONS, BookEvent, CountsFrom, EventKind, read_conventions
from leases.models import Agreement, Assignment, DepreciationBook, Lease, Line
from leases.schedule import Stay
from leases.terms import Abated, LeaseTerms, Proration, RentStep, Timing, steps_in_force

# What a full period costs at first, how that changes, and what of it is not owed.
RentOverTime = tuple[Decimal, tuple[RentStep, ...], tuple[Abated, ...]]


def terms_of(
    lease: Lease, line: Line, agreement: Agreement, *, if_commenced_on: date | None = None
) -> LeaseTerms:
    """The rent terms of one line.

    :param if_commenced_on: the base term's first day for a lease that is only offered yet.
    :raises ValueError: for a lease that has not commenced: it owes nothing yet.
    """
    commences_on = lease.commences_on or if_commenced_on
    if commences_on is None:
        raise ValueError(f"lease {lease.number} has not commenced")
    rent, steps, abated = rent_over_time(line)
    return LeaseTerms(
        commences_on=commences_on,
        term_months=lease.term_months,
        rent=rent,
        currency=lease.currency,
        timing=Timing(lease.timing),
        anchor_day=lease.anchor_day,
        interval_months=lease.interval_months,
        proration=Proration(lease.proration),
        day_count=lease.day_count,
        time_zone=lease.time_zone,
        interim_rent=lease.interim_rent,
        holdover_pct=agreement.holdover_rate_pct,
        ends_on=lease.ends_on,
        steps=steps,
        abated=abated,
    )


def rent_over_time(line: Line) -> RentOverTime:
    """What a full period of the line costs at first, how that changes, and what of it is not owed.

    Lines for which this and their first and last days are the same have the same schedule.
    """
    return _rent_of(line, line.terms_over_time[1:], line.abatements)


def agreed_before(line: Line, *, time_zone: str) -> list[tuple[date, RentOverTime]]:
    """What the rent of the line was agreed to be before it was amended: up to which day, oldest first.

    Something else is agreed on the client's day on which it is written down, or from when it holds if that
    is earlier.
    """
    changed = [
        (_agreed_on(row.created_at, row.effective_from, time_zone), row) for row in line.terms_over_time[1:]
    ]
    free = [(_agreed_on(row.created_at, row.starts_on, time_zone), row) for row in line.abatements]
    days = sorted({day for day, _ in changed} | {day for day, _ in free})
    return [
        (day, _rent_of(line, [row for on, row in changed if on < day], [row for on, row in free if on < day]))
        for day in days
    ]


def _agreed_on(written_at: datetime, holds_from: date, time_zone: str) -> date:
    return min(local_day(written_at, time_zone), holds_from)


def _rent_of(line: Line, changed: Sequence[LineTerms], free: Sequence[Abatement]) -> RentOverTime:
    first = _first_terms(line)
    steps = steps_in_force(RentStep(row.effective_from, row.unit_price * row.quantity) for row in changed)
    abated = tuple(Abated(row.starts_on, row.ends_on, row.share) for row in free)
    return first.unit_price * first.quantity, steps, abated


def _first_terms(line: Line) -> LineTerms | Line:
    return line.terms_over_time[0] if line.terms_over_time else line


def terms_on(line: Line, day: date) -> tuple[Decimal, Decimal]:
    """Quantity and price of the line on that day: the last that was agreed among those that have begun."""
    begun = [row for row in steps_in_force(line.terms_over_time[1:]) if row.effective_from <= day]
    held = begun[-1] if begun else _first_terms(line)
    return held.quantity, held.unit_price


def stays_of(assignments: Sequence[Assignment], *, time_zone: str) -> list[Stay]:
    """The assets' times on a line in the client's days; what was only reserved counts from acceptance."""
    return [
        Stay.between(row.serial, row.during.lower, row.during.upper, time_zone=time_zone)
        for row in assignments
        if row.during.lower is not None
    ]


def book_terms(book: DepreciationBook) -> DepreciationTerms:
    """How one asset's book began, before anything happened to it."""
    conventions: dict[str, Any] = {
        "cost": book.cost,
        "residual_value": book.residual_value,
        "useful_life_months": book.life_months,
        "method": Method(book.method),
        "first_month": FirstMonth(book.first_month),
        "last_month": LastMonth(book.last_month),
        "day_basis": DayBasis(book.day_basis),
        "factor": book.factor,
        "total_units": book.total_units,
        "switch": book.switch,
        "rate_pct": book.rate_pct,
        "recovery_years": book.recovery_years,
        "tax_convention": Convention(book.tax_convention),
        "year_end_month": book.year_end_month,
    }
    if book.opening is not None:
        kept = {name: value for name, value in book.opening.items() if name != "cost"}
        conventions |= {"cost": Decimal(book.opening["cost"]), **read_conventions(kept)}
    return DepreciationTerms(
        in_service_on=book.in_service_on,
        currency=book.currency,
        opened_on=book.opened_on,
        opening_accumulated=book.opening_accumulated,
        **conventions,
    )


def book_columns(terms: DepreciationTerms) -> dict[str, Any]:
    """Cost and conventions as a book's row has them."""
    columns = {name: getattr(terms, name) for name in ("cost", *CONVENTIONS)}
    columns["life_months"] = columns.pop("useful_life_months")
    return columns


def opening_of(terms: DepreciationTerms) -> dict[str, Any]:
    """The figures that `book_terms` reads back, as JSON keeps them."""
    figures: dict[str, Any] = {"cost": str(terms.cost)}
    for name in sorted(CONVENTIONS):
        value = getattr(terms, name)
        figures[name] = str(value) if isinstance(value, Decimal) else value
    return figures


def event_of(row: BookEventRow) -> BookEvent:
    """One event as the rules read it."""
    return BookEvent(
        id=row.id,
        kind=EventKind(row.kind),
        effective_on=row.effective_on,
        recorded_at=row.recorded_at,
        figures=row.figures,
        counts_from=CountsFrom(row.counts_from),
        reverses_id=row.reverses_id,
    )
