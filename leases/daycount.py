"""Day-count conventions by name: days between two dates, and the fraction of a year they are."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from haas.calendar import add_months, is_end_of_month


def actual_days(start: date, end: date) -> int:
    """Calendar days from `start` up to `end`."""
    return (end - start).days


def days_30e_360(start: date, end: date) -> int:
    """30E/360 (Eurobond; ISDA 2006 4.16(g)): a 31st counts as the 30th, at either end."""
    return _days_360(start, min(start.day, 30), end, min(end.day, 30))


def days_30_360_isda(start: date, end: date) -> int:
    """30/360 Bond Basis (ISDA 2006 4.16(f)): the end's 31st is a 30th only after a start on the 30th/31st."""
    first = min(start.day, 30)
    return _days_360(start, first, end, 30 if end.day == 31 and first == 30 else end.day)


def days_30u_360(start: date, end: date) -> int:
    """30U/360 (SIA, the US rule with end of month): as Bond Basis, and the last day of February is a 30th.

    The end's February is a 30th only if the start is one too.
    """
    first, last = start.day, end.day
    starts_at_february_end = start.month == 2 and is_end_of_month(start)
    if starts_at_february_end and end.month == 2 and is_end_of_month(end):
        last = 30
    if starts_at_february_end:
        first = 30
    if last == 31 and first >= 30:
        last = 30
    return _days_360(start, min(first, 30), end, last)


def days_30e_360_isda(start: date, end: date) -> int:
    """30E/360 ISDA (ISDA 2006 4.16(h)): the last day of any month is a 30th, February's too.

    ISDA leaves February's last day alone at the contract's termination date; here no end is one.
    """
    first = 30 if is_end_of_month(start) else start.day
    last = 30 if is_end_of_month(end) else end.day
    return _days_360(start, first, end, last)


def days_30e_plus_360(start: date, end: date) -> int:
    """30E+/360: an end on the 31st is the 1st of the next month."""
    if end.day == 31:
        end = add_months(end, 1, day=1)
    return _days_360(start, min(start.day, 30), end, end.day)


def _days_360(start: date, first: int, end: date, last: int) -> int:
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + last - first


def days_without_leap(start: date, end: date, *, counts: str = "end") -> int:
    """Actual days less each 29 February, so that every year has 365 (NL/365).

    `counts` says which end belongs to the days: with "end" a 29 February on the end date is left out
    (bond practice, start excluded); with "start" one on the start date is (half-open periods).
    """
    leap_days = 0
    for year in range(start.year, end.year + 1):
        if calendar.isleap(year):
            leap_day = date(year, 2, 29)
            leap_days += start < leap_day <= end if counts == "end" else start <= leap_day < end
    return actual_days(start, end) - leap_days


def _year_fraction_actual_actual_isda(start: date, end: date) -> Fraction:
    """Actual/actual ISDA (4.16(b)): days in leap years over 366, the others over 365."""
    total = Fraction(0)
    for year in range(start.year, end.year + 1):
        first, last = max(start, date(year, 1, 1)), min(end, date(year + 1, 1, 1))
        total += Fraction(max((last - first).days, 0), 366 if calendar.isleap(year) else 365)
    return total


def _year_fraction_actual_actual_afb(start: date, end: date) -> Fraction:
    """Actual/actual AFB: whole years counted back from the end, the rest over 366 if it has a 29 February."""
    years = 0
    while add_months(end, -12 * (years + 1)) >= start:
        years += 1
    rest_end = add_months(end, -12 * years)
    has_leap_day = actual_days(start, rest_end) != days_without_leap(start, rest_end, counts="start")
    return years + Fraction(actual_days(start, rest_end), 366 if has_leap_day else 365)


def _year_fraction_actual_365a(start: date, end: date) -> Fraction:
    """Actual/365A: over 366 if a 29 February lies after the start and not after the end."""
    days = actual_days(start, end)
    return Fraction(days, 365 if days == days_without_leap(start, end) else 366)


def _year_fraction_actual_365l(start: date, end: date) -> Fraction:
    """Actual/365L (ICMA 251.1(i) for annual coupons): over 366 if the end lies in a leap year."""
    return Fraction(actual_days(start, end), 366 if calendar.isleap(end.year) else 365)


@dataclass(frozen=True, slots=True)
class DayCount:
    """A convention: how it counts days, and what fraction of a year they are."""

    name: str
    days: Callable[[date, date], int]
    year_fraction: Callable[[date, date], Fraction]


def _fixed(name: str, days: Callable[[date, date], int], year: Fraction) -> DayCount:
    return DayCount(name, days, lambda start, end: days(start, end) / year)


DAY_COUNTS: dict[str, DayCount] = {
    convention.name: convention
    for convention in (
        DayCount("act/act ISDA", actual_days, _year_fraction_actual_actual_isda),
        DayCount("act/act AFB", actual_days, _year_fraction_actual_actual_afb),
        _fixed("act/365F", actual_days, Fraction(365)),
        DayCount("act/365A", actual_days, _year_fraction_actual_365a),
        DayCount("act/365L", actual_days, _year_fraction_actual_365l),
        _fixed("act/365.25", actual_days, Fraction(1461, 4)),
        _fixed("act/364", actual_days, Fraction(364)),
        _fixed("act/360", actual_days, Fraction(360)),
        _fixed("NL/365", days_without_leap, Fraction(365)),
        _fixed("NL/360", days_without_leap, Fraction(360)),
        _fixed("30/360 ISDA", days_30_360_isda, Fraction(360)),
        _fixed("30E/360", days_30e_360, Fraction(360)),
        _fixed("30E+/360", days_30e_plus_360, Fraction(360)),
        _fixed("30E/360 ISDA", days_30e_360_isda, Fraction(360)),
        _fixed("30U/360", days_30u_360, Fraction(360)),
    )
}

# The same conventions under the names other books give them.
ALIASES = {
    "actual": "act/365F",
    "act/365": "act/365F",
    "actual/365": "act/365F",
    "actual/360": "act/360",
    "act/act": "act/act ISDA",
    "actual/actual": "act/act ISDA",
    "30/360": "30/360 ISDA",
    "30/360 SIA": "30U/360",
    "30/360 US": "30U/360",
    "30A/360": "30/360 ISDA",
    "NL365": "NL/365",
}


def day_count(name: str) -> DayCount:
    """The convention of that name or alias.

    :raises ValueError: if no convention has it.
    """
    try:
        return DAY_COUNTS[ALIASES.get(name, name)]
    except KeyError:
        known = ", ".join([*DAY_COUNTS, *ALIASES])
        raise ValueError(f"there is no day count {name!r}; there are {known}") from None


def days_between(start: date, end: date, convention: str) -> int:
    """Days from `start` up to `end` under the named convention."""
    return day_count(convention).days(start, end)


def year_fraction(start: date, end: date, convention: str) -> Fraction:
    """The share of a year from `start` up to `end` under the named convention, exactly."""
    return day_count(convention).year_fraction(start, end)
