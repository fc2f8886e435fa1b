"""Cost, residual value, life and conventions -> monthly charges and book value as of any date. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from math import floor

from haas.calendar import ONE_DAY, add_months, end_of_month
from haas.money import exponent, round_minor, round_places, round_ratio
from leases.depreciation import methods


class Method(StrEnum):
    """How the depreciable amount is spread over the useful life (IAS 16.62)."""

    STRAIGHT_LINE = "straight_line"
    DECLINING_BALANCE = "declining_balance"  # with the switch to straight line
    SUM_OF_YEARS_DIGITS = "sum_of_years_digits"
    UNITS = "units"


class FirstMonth(StrEnum):
    """How much of the month of first service is charged. The end of the life moves with it."""

    FULL = "full"  # the whole month, whatever the day
    HALF = "half"
    DAILY = "daily"  # its days in use, the first day included, over its days
    NEXT = "next"  # nothing: depreciation begins with the next month


class DayBasis(StrEnum):
    """Whether months weigh the same, or by their calendar days."""

    MONTHS = "months"
    LIFE_DAYS = "life_days"  # actual days of the month over those of the whole life


@dataclass(frozen=True, slots=True)
class DepreciationTerms:
    """An asset's book: every convention that changes a number is a field.

    `factor` is that of the declining balance (2 is double). Declining balance and sum of years' digits
    charge by years of life, in equal months within each. `total_units` is the life in units of use.
    """

    cost: Decimal
    residual_value: Decimal
    in_service_on: date
    useful_life_months: int
    currency: str
    method: Method = Method.STRAIGHT_LINE
    first_month: FirstMonth = FirstMonth.FULL
    day_basis: DayBasis = DayBasis.MONTHS
    factor: Decimal = Decimal(2)
    total_units: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse a book that cannot be kept."""
        if not 0 <= self.residual_value <= self.cost:
            raise ValueError(f"residual value {self.residual_value} is outside 0..{self.cost}")
        if self.useful_life_months < 1:
            raise ValueError("useful life is at least one month")
        if self.day_basis is DayBasis.LIFE_DAYS and self.method is not Method.STRAIGHT_LINE:
            raise ValueError("only the straight line is charged by days of the life")
        if self.method is Method.UNITS and not (self.total_units and self.total_units > 0):
            raise ValueError("units of use need the units of the whole life")
        exponent(self.currency)

    @property
    def depreciable(self) -> Decimal:
        """Cost less residual value (IAS 16.6)."""
        return self.cost - self.residual_value


@dataclass(frozen=True, slots=True)
class DepreciationEntry:
    """One calendar month of an asset's book; `month` is its last day."""

    month: date
    charge: Decimal
    accumulated: Decimal
    book_value: Decimal


def depreciation_schedule(
    terms: DepreciationTerms, *, units_by_month: Sequence[tuple[date, Decimal]] = ()
) -> list[DepreciationEntry]:
    """Every month's charge over the whole life, to the cent, from the first month that bears any.

    Charges are steps of a rounded running total: they add up to cost less residual value exactly, and
    no rounding difference is left for a last month. `units_by_month` (last day of the month, units
    used) is what a book by units is charged for; its schedule ends with what has been used so far.
    """
    if terms.method is Method.UNITS:
        return _units_schedule(terms, units_by_month)
    places = exponent(terms.currency)
    if terms.method is Method.STRAIGHT_LINE and terms.day_basis is DayBasis.MONTHS:
        totals = _straight_line_totals(terms, places)
    else:
        totals = [(month, round_places(exact, places)) for month, exact in _running_totals(terms)]
    entries, before = [], Decimal(0)
    for month, total in totals:
        entries.append(DepreciationEntry(month, total - before, total, terms.cost - total))
        before = total
    return entries


def _running_totals(terms: DepreciationTerms) -> list[tuple[date, Fraction]]:
    if terms.day_basis is DayBasis.LIFE_DAYS:
        return _by_life_days(terms, Fraction(terms.depreciable))
    months, first = _months_of_life(terms)
    life, curve = Fraction(terms.useful_life_months), _curve(terms)
    return [
        (month, methods.at_point(curve, min(first + passed, life) / 12))
        for passed, month in enumerate(months)
    ]


def _straight_line_totals(terms: DepreciationTerms, places: int) -> list[tuple[date, Decimal]]:
    """Depreciable amount x elapsed / life, in whole numbers: a fleet's books have a million such months."""
    months, first = _months_of_life(terms)
    numerator, denominator = terms.depreciable.as_integer_ratio()
    parts, life = first.denominator, terms.useful_life_months * first.denominator
    denominator *= life
    return [
        (month, round_ratio(numerator * min(first.numerator + passed * parts, life), denominator, places))
        for passed, month in enumerate(months)
    ]


def _months_of_life(terms: DepreciationTerms) -> tuple[tuple[date, ...], Fraction]:
    """The last day of each calendar month that bears a charge, and the share of the first."""
    start, first = terms.in_service_on, _first_month_share(terms)
    if terms.first_month is FirstMonth.NEXT:
        start = add_months(start, 1, day=1)
    life = terms.useful_life_months
    return _month_ends(start.year, start.month, life if first == 1 else life + 1), first


@lru_cache(maxsize=512)
def _month_ends(year: int, month: int, count: int) -> tuple[date, ...]:
    first = date(year, month, 1)
    return tuple(end_of_month(first, passed) for passed in range(count))


_WHOLE = Fraction(1)


def _first_month_share(terms: DepreciationTerms) -> Fraction:
    if terms.first_month is FirstMonth.HALF:
        return Fraction(1, 2)
    if terms.first_month is FirstMonth.DAILY:
        last = end_of_month(terms.in_service_on)
        return Fraction(last.day - terms.in_service_on.day + 1, last.day)
    return _WHOLE


def _curve(terms: DepreciationTerms) -> list[Fraction]:
    """Accumulated depreciation at the end of each year of life."""
    cost, salvage = terms.cost, terms.residual_value
    years = Fraction(terms.useful_life_months, 12)
    whole_years = -floor(-years)
    if terms.method is Method.DECLINING_BALANCE:
        charges = methods.declining_with_switch(cost=cost, salvage=salvage, life=years, factor=terms.factor)
    else:
        charges = methods.sum_of_years_digits(cost=cost, salvage=salvage, life=whole_years)
    totals = methods.running_totals(charges)
    if years == whole_years:
        return totals
    # A life that ends within a year reaches its last total there, so the last year's slope is steeper.
    totals[-1] = totals[-2] + (Fraction(terms.depreciable) - totals[-2]) / (years - (whole_years - 1))
    return totals


def _by_life_days(terms: DepreciationTerms, depreciable: Fraction) -> list[tuple[date, Fraction]]:
    start = terms.in_service_on
    if terms.first_month is FirstMonth.FULL:
        start = start.replace(day=1)
    elif terms.first_month is FirstMonth.HALF:
        start = start.replace(day=16)
    elif terms.first_month is FirstMonth.NEXT:
        start = add_months(start, 1, day=1)
    end = add_months(start, terms.useful_life_months)
    totals, month = [], end_of_month(start)
    while month < end - ONE_DAY:
        totals.append((month, depreciable * (month + ONE_DAY - start).days / (end - start).days))
        month = end_of_month(month, 1)
    return [*totals, (month, depreciable)]


def _units_schedule(
    terms: DepreciationTerms, used: Sequence[tuple[date, Decimal]]
) -> list[DepreciationEntry]:
    if terms.total_units is None:
        raise ValueError("units of use need the units of the whole life")
    charges = methods.units_of_production(
        cost=terms.cost,
        salvage=terms.residual_value,
        total_units=terms.total_units,
        units=[units for _, units in used],
    )
    entries, exact, before = [], Fraction(0), Decimal(0)
    for (month, _), charge in zip(used, charges, strict=True):
        exact += charge
        total = round_minor(exact, terms.currency)
        entries.append(DepreciationEntry(end_of_month(month), total - before, total, terms.cost - total))
        before = total
    return entries


class Accrual(StrEnum):
    """What a date within a month has borne of that month's charge."""

    MONTH_END = "month_end"  # nothing before the month's last day: what has been posted
    DAY = "day"  # its days so far, the date included, over those of the month in use


def book_value(
    terms: DepreciationTerms,
    entries: Sequence[DepreciationEntry],
    *,
    as_of: date,
    accrual: Accrual = Accrual.MONTH_END,
) -> Decimal:
    """Cost less the depreciation borne by the end of the day `as_of`; cost itself before first service."""
    accumulated = Decimal(0)
    for entry in entries:
        if entry.month <= as_of:
            accumulated = entry.accumulated
        elif accrual is Accrual.DAY:
            began = max(entry.month.replace(day=1), _first_day(terms, entries))
            if began <= as_of:
                share = Fraction((as_of - began).days + 1, (entry.month - began).days + 1)
                accumulated += round_minor(Fraction(entry.charge) * share, terms.currency)
            break
        else:
            break
    return terms.cost - accumulated


def _first_day(terms: DepreciationTerms, entries: Sequence[DepreciationEntry]) -> date:
    if terms.first_month in (FirstMonth.DAILY, FirstMonth.HALF):
        return terms.in_service_on
    return entries[0].month.replace(day=1)


class LastMonth(StrEnum):
    """What the month of disposal still bears."""

    NONE = "none"  # nothing: the last charge is that of the month before
    FULL = "full"
    DAILY_INCLUSIVE = "daily_inclusive"  # its days up to and including the day of disposal
    DAILY_EXCLUSIVE = "daily_exclusive"  # its days before the day of disposal


@dataclass(frozen=True, slots=True)
class Disposal:
    """The closing of a book. `gain` is negative where it is a loss (IAS 16.71)."""

    final_charge: Decimal
    book_value: Decimal
    gain: Decimal


def dispose(
    terms: DepreciationTerms,
    entries: Sequence[DepreciationEntry],
    *,
    disposed_on: date,
    proceeds: Decimal,
    last_month: LastMonth = LastMonth.NONE,
) -> Disposal:
    """What the month of disposal bears, the book value it leaves, and the gain or loss against proceeds."""
    month_start = disposed_on.replace(day=1)
    opening = book_value(terms, entries, as_of=month_start - ONE_DAY)
    if last_month is LastMonth.NONE:
        closing = opening
    elif last_month is LastMonth.FULL:
        closing = book_value(terms, entries, as_of=end_of_month(disposed_on))
    else:
        last = disposed_on if last_month is LastMonth.DAILY_INCLUSIVE else disposed_on - ONE_DAY
        closing = book_value(terms, entries, as_of=last, accrual=Accrual.DAY)
    return Disposal(final_charge=opening - closing, book_value=closing, gain=proceeds - closing)


def entries_until(
    entries: Sequence[DepreciationEntry], closing: Disposal, *, cost: Decimal, disposed_on: date
) -> list[DepreciationEntry]:
    """The months that a closed book has borne: those before the disposal, and what its own month bore."""
    borne = [entry for entry in entries if entry.month < disposed_on.replace(day=1)]
    if closing.final_charge:
        month = end_of_month(disposed_on)
        borne.append(
            DepreciationEntry(month, closing.final_charge, cost - closing.book_value, closing.book_value)
        )
    return borne


def gain_on_disposal(*, book_value: Decimal, proceeds: Decimal = Decimal(0)) -> Decimal:
    """Proceeds less book value; negative is a loss, and a scrapped asset loses its whole book value."""
    return proceeds - book_value
