"""Cost, residual value, life and conventions -> the charge of every month. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from math import ceil, floor

from haas.calendar import ONE_DAY, add_months, end_of_month
from haas.money import exponent, round_places, round_ratio
from leases.depreciation import methods
from leases.depreciation.conventions import Convention, first_year_fraction, published_percentages
from leases.depreciation.spread import fiscal_year
from leases.depreciation.terms import YEAR_CONVENTIONS, DayBasis, DepreciationTerms, FirstMonth, Method


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
    places = exponent(terms.currency)
    if _is_plain(terms):
        totals = _straight_line_totals(terms, places)
    else:
        exact = exact_totals(terms, units_by_month=units_by_month)
        totals = [(month, round_places(total, places)) for month, total in exact]
    entries, before = [], Decimal(0)
    for month, total in totals:
        entries.append(DepreciationEntry(month, total - before, total, terms.cost - total))
        before = total
    return entries


def exact_totals(
    terms: DepreciationTerms, *, units_by_month: Sequence[tuple[date, Decimal]] = ()
) -> list[tuple[date, Fraction]]:
    """All that is written off by the end of each month that bears a charge, before rounding."""
    if terms.method is Method.UNITS:
        return _by_units(terms, units_by_month)
    if terms.method is Method.MACRS:
        return _by_tax_years(terms)
    if terms.day_basis is DayBasis.LIFE_DAYS:
        return _by_life_days(terms, Fraction(terms.depreciable))
    curve, points = _curve(terms), _points_of_life(terms)
    totals = [(month, methods.at_point(curve, passed / 12)) for month, passed in points]
    # A balance that only shrinks leaves a rest, which the last month bears.
    return [*totals[:-1], (totals[-1][0], Fraction(terms.depreciable))]


def _is_plain(terms: DepreciationTerms) -> bool:
    return (
        terms.method is Method.STRAIGHT_LINE
        and terms.day_basis is DayBasis.MONTHS
        and terms.first_month not in YEAR_CONVENTIONS
    )


def _points_of_life(terms: DepreciationTerms) -> list[tuple[date, Fraction]]:
    """How many months of the life are over at the end of each month that bears a charge."""
    life = Fraction(terms.useful_life_months)
    if terms.first_month not in YEAR_CONVENTIONS:
        months, first = _months_of_life(terms)
        return [(month, min(first + passed, life)) for passed, month in enumerate(months)]
    count, share = _first_year(terms)
    points: list[tuple[date, Fraction]] = []
    passed = Fraction(0)
    while passed < life:
        passed += share * 12 / count if len(points) < count else 1
        points.append((end_of_month(terms.in_service_on, len(points)), min(passed, life)))
    return points


def _first_year(terms: DepreciationTerms) -> tuple[int, Fraction]:
    """The months left of the fiscal year of first service, and the part of a year that they bear."""
    start = terms.in_service_on
    year = fiscal_year(start, end_month=terms.year_end_month)
    count = (year.last_day.year - start.year) * 12 + year.last_day.month - start.month + 1
    is_by_quarter = (
        terms.tax_convention is Convention.MID_QUARTER
        if terms.method is Method.MACRS
        else terms.first_month is FirstMonth.MID_QUARTER
    )
    convention = Convention.MID_QUARTER if is_by_quarter else Convention.HALF_YEAR
    return count, first_year_fraction(convention, quarter=quarter_of_year(count))


def quarter_of_year(months_left: int) -> int:
    """The quarter of the fiscal year in which so many months are left of it."""
    return 4 - (months_left - 1) // 3


def _by_tax_years(terms: DepreciationTerms) -> list[tuple[date, Fraction]]:
    """Each tax year's percentage over its months; of the last year only those that still bear any."""
    count, share = _first_year(terms)
    percentages = published_percentages(
        terms.recovery_years or 0, terms.tax_convention, quarter=quarter_of_year(count)
    )
    curve = list(accumulate((Fraction(percent) / 100 for percent in percentages), initial=Fraction(0)))
    lengths = [count, *[12] * (len(percentages) - 2), ceil((1 - share) * 12)]
    totals: list[tuple[date, Fraction]] = []
    for before, after, length in zip(curve, curve[1:], lengths, strict=False):
        for month in range(1, length + 1):
            part = before + (after - before) * month / length
            totals.append((end_of_month(terms.in_service_on, len(totals)), part * Fraction(terms.cost)))
    return totals


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
    if terms.method is Method.REDUCING_BALANCE:
        rate = (
            methods.fixed_rate(cost=cost, salvage=salvage, life=years, places=5)
            if terms.rate_pct is None
            else Fraction(terms.rate_pct) / 100
        )
        charges = methods.reducing_balance(cost=cost, salvage=salvage, rate=rate, periods=whole_years)
        return methods.running_totals(charges)
    if terms.method is Method.STRAIGHT_LINE:
        return [Fraction(terms.depreciable) * year / years for year in range(whole_years + 1)]
    if terms.method is Method.DECLINING_BALANCE and terms.switch:
        charges = methods.declining_with_switch(cost=cost, salvage=salvage, life=years, factor=terms.factor)
    elif terms.method is Method.DECLINING_BALANCE:
        rate = min(Fraction(terms.factor) / years, Fraction(1))
        charges = methods.reducing_balance(cost=cost, salvage=salvage, rate=rate, periods=whole_years)
        return methods.running_totals(charges)
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


def _by_units(terms: DepreciationTerms, used: Sequence[tuple[date, Decimal]]) -> list[tuple[date, Fraction]]:
    if terms.total_units is None:
        raise ValueError("units of use need the units of the whole life")
    charges = methods.units_of_production(
        cost=terms.cost,
        salvage=terms.residual_value,
        total_units=terms.total_units,
        units=[units for _, units in used],
    )
    months = [end_of_month(month) for month, _ in used]
    return list(zip(months, accumulate(charges), strict=True))
