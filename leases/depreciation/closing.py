"""What the month of disposal still bears, and what a disposal makes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from haas.calendar import ONE_DAY, end_of_month
from haas.money import round_minor
from leases.depreciation.book import DepreciationEntry, quarter_of_year
from leases.depreciation.spread import fiscal_year
from leases.depreciation.terms import DepreciationTerms, FirstMonth, LastMonth


def _first_day(terms: DepreciationTerms, entries: Sequence[DepreciationEntry]) -> date:
    if terms.first_month in (FirstMonth.DAILY, FirstMonth.HALF):
        return terms.in_service_on
    return entries[0].month.replace(day=1)


@dataclass(frozen=True, slots=True)
class Disposal:
    """The closing of a book. `gain` is negative where it is a loss (IAS 16.71)."""

    final_charge: Decimal
    book_value: Decimal
    gain: Decimal


def final_charge(
    terms: DepreciationTerms,
    entries: Sequence[DepreciationEntry],
    *,
    disposed_on: date,
    last_month: LastMonth,
) -> Decimal:
    """What the month of disposal bears, from the charges that the months would have borne.

    A convention of the year looks at the year's charges, so its last month may give some back.
    """
    if last_month in (LastMonth.HALF_YEAR, LastMonth.MID_QUARTER):
        return _by_year(terms, entries, disposed_on=disposed_on, last_month=last_month)
    month = end_of_month(disposed_on)
    charge = next((entry.charge for entry in entries if entry.month == month), Decimal(0))
    if last_month is LastMonth.NONE:
        return Decimal(0)
    if last_month is LastMonth.FULL:
        return charge
    if last_month is LastMonth.HALF:
        return round_minor(Fraction(charge) / 2, terms.currency)
    last = disposed_on if last_month is LastMonth.DAILY_INCLUSIVE else disposed_on - ONE_DAY
    began = max(month.replace(day=1), _first_day(terms, entries)) if entries else last
    if not charge or last < began:
        return Decimal(0)
    share = Fraction((last - began).days + 1, (month - began).days + 1)
    return round_minor(Fraction(charge) * share, terms.currency)


def _by_year(
    terms: DepreciationTerms,
    entries: Sequence[DepreciationEntry],
    *,
    disposed_on: date,
    last_month: LastMonth,
) -> Decimal:
    """Part of the year's charge, less what its months have borne already.

    Nothing is borne where the asset came in the same year: property placed in service and disposed of
    within one tax year has no deduction (Pub. 946).
    """
    year = fiscal_year(disposed_on, end_month=terms.year_end_month)
    of_year = [entry for entry in entries if entry.month in year]
    borne = sum((entry.charge for entry in of_year if entry.month < disposed_on.replace(day=1)), Decimal(0))
    if terms.in_service_on in year:
        return -borne
    part = Fraction(1, 2)
    if last_month is LastMonth.MID_QUARTER:
        last = year.last_day
        left = (last.year - disposed_on.year) * 12 + last.month - disposed_on.month + 1
        part = Fraction(2 * quarter_of_year(left) - 1, 8)
    whole = sum((entry.charge for entry in of_year), Decimal(0))
    return round_minor(Fraction(whole) * part, terms.currency) - borne


def gain_on_disposal(*, book_value: Decimal, proceeds: Decimal = Decimal(0)) -> Decimal:
    """Proceeds less book value; negative is a loss, and a scrapped asset loses its whole book value."""
    return proceeds - book_value
