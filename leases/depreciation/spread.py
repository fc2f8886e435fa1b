"""Straight line over fiscal years and the periods within them, by named conventions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from haas.calendar import ONE_DAY, Period, add_months, end_of_month, month_day
from haas.money import Number, round_minor
from leases.daycount import days_30e_360


class FirstYear(StrEnum):
    """How much of the first fiscal year's charge is borne, and so how the later years share the rest."""

    FULL = "full"  # every fiscal year of the life bears a whole year's charge, the first too
    YEAR_DAYS = "year_days"  # days in use over the days of that fiscal year; the complement comes at the end
    LIFE_DAYS = "life_days"  # every year bears its days of the whole life's days, leap years one more
    THIRTY_360 = "thirty_360"  # months of 30 days over 360; the complement comes at the end


@dataclass(frozen=True, slots=True)
class YearCharge:
    """What a fiscal year bears: `year_end` is its last day."""

    year_end: date
    charge: Decimal


def fiscal_year(day: date, *, end_month: int = 12, end_day: int = 31) -> Period:
    """The fiscal year that has `day`; it ends on the given day of the year, clamped to its month."""
    last = month_day(day.year, end_month, end_day)
    if last < day:
        last = month_day(day.year + 1, end_month, end_day)
    return Period(month_day(last.year - 1, end_month, end_day) + ONE_DAY, last + ONE_DAY)


def by_fiscal_year(
    base: Number,
    *,
    start: date,
    years: int,
    currency: str,
    first_year: FirstYear = FirstYear.YEAR_DAYS,
    end_month: int = 12,
    end_day: int = 31,
) -> list[YearCharge]:
    """Spread a depreciable amount in a straight line over the fiscal years of its life, to the cent.

    The first day counts. Each year is rounded, and the last takes what is left, so that the charges
    add up to `base`. A leap year changes only the years that the convention says it does.
    """
    life = Period(start, add_months(start, 12 * years))
    annual, left = Fraction(base) / years, round_minor(base, currency)
    charges: list[YearCharge] = []
    is_last = False
    while not is_last:
        day = charges[-1].year_end + ONE_DAY if charges else start
        year = fiscal_year(day, end_month=end_month, end_day=end_day)
        is_last = len(charges) == years - 1 if first_year is FirstYear.FULL else life.end <= year.end
        exact = annual * _share_of_year(life, year, first_year) if life.start in year else annual
        if first_year is FirstYear.LIFE_DAYS:
            held = life.overlap(year)
            exact = Fraction(base) * Fraction(held.days if held else 0, life.days)
        charge = round_minor(exact, currency)
        # Rounding up tiny charges may use the base up before its last year.
        charge = left if is_last or abs(charge) > abs(left) else charge
        charges.append(YearCharge(year.last_day, charge))
        left -= charge
    return charges


def _share_of_year(life: Period, year: Period, first_year: FirstYear) -> Fraction:
    if first_year is FirstYear.FULL or life.start == year.start:
        return Fraction(1)
    if first_year is FirstYear.THIRTY_360:
        return Fraction(days_30e_360(life.start, year.end), 360)
    return Fraction((year.end - life.start).days, year.days)


@dataclass(frozen=True, slots=True)
class PeriodCharge:
    """What a month, quarter or year bears: `period_end` is its last day."""

    period_end: date
    charge: Decimal


def within_years(
    years: Sequence[YearCharge], *, life: Period, months_per_period: int, regular: Decimal
) -> list[PeriodCharge]:
    """Share each fiscal year's charge over its periods by the `regular` rounded charge of one period.

    `life` is what the years' charges cover. A year that it begins within starts with the odd amount (in
    the period of its first day); every other year ends with it, a year that it ends within in the
    period of its last day. So each fiscal year keeps its own total to the cent.
    """
    charges: list[PeriodCharge] = []
    for year in years:
        all_ends = period_ends_of_year(year.year_end, months_per_period)
        ends = [end for end in all_ends if end >= life.start]
        if life.last_day < year.year_end:
            ends = [end for end in ends if end_of_month(end, -months_per_period) < life.last_day]
        year_start = end_of_month(year.year_end, -12) + ONE_DAY
        if life.start > year_start and life.last_day >= year.year_end:
            rest = year.charge - regular * (len(ends) - 1)
            charges += [PeriodCharge(end, rest if end == ends[0] else regular) for end in ends]
            continue
        left = year.charge
        for end in ends:
            charge = left if end == ends[-1] else min(regular, left)
            charges.append(PeriodCharge(end, charge))
            left -= charge
    return charges


def period_ends_of_year(year_end: date, months_per_period: int) -> list[date]:
    """The last days of a fiscal year's periods, by its own last day."""
    return [end_of_month(year_end, -back) for back in range(12 - months_per_period, -1, -months_per_period)]


def rounded_straight_line(base: Decimal, *, periods: int, currency: str) -> list[Decimal]:
    """Equal rounded charges; the last takes the rounding difference."""
    each = round_minor(Fraction(base) / periods, currency)
    return [*[each] * (periods - 1), base - each * (periods - 1)]


def catch_up(charges: Sequence[Decimal], *, locked: int) -> list[Decimal]:
    """Periods that were locked before they were charged bear nothing; the first open one bears theirs too.

    :raises ValueError: if every period is locked.
    """
    if locked >= len(charges):
        raise ValueError("no open period is left to bear what was missed")
    missed = sum(charges[: locked + 1], Decimal(0))
    return [*[Decimal(0)] * locked, missed, *charges[locked + 1 :]]


@dataclass(frozen=True, slots=True)
class DailyRate:
    """A straight line by calendar days: the same amount each day of the life."""

    total_days: int
    per_day: Fraction


def daily_rate(base: Number, *, start: date, years: int) -> DailyRate:
    """The charge of one day: the amount over the actual days of the life."""
    days = (add_months(start, 12 * years) - start).days
    return DailyRate(days, Fraction(base) / days)
