"""Months with a remembered day, half-open periods, and grids of periods (cycles)."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


def month_day(year: int, month: int, day: int) -> date:
    """The given day of a month, or the month's last day if it is shorter. `month` may lie outside 1..12."""
    years, zero_based = divmod(month - 1, 12)
    year, month = year + years, zero_based + 1
    if day > 28:  # every month has 28 days, and looking up how many more is what takes the time
        day = min(day, calendar.monthrange(year, month)[1])
    return date(year, month, day)


def add_months(start: date, months: int, *, day: int | None = None) -> date:
    """Move a date by whole months; a day that the month lacks becomes its last day.

    `day` is the anchor's remembered day: from 28 February with day 31, one month on is 31 March.
    """
    return month_day(start.year, start.month + months, day or start.day)


def end_of_month(day: date, months: int = 0) -> date:
    """The last day of the month that is `months` after the month of `day`."""
    return month_day(day.year, day.month + months, 31)


def is_end_of_month(day: date) -> bool:
    """Whether the next day belongs to another month."""
    return (day + ONE_DAY).month != day.month


def term_end(start: date, months: int) -> date:
    """The last day of a term of `months`: the day before the clamped anniversary.

    31 January 2024 and 13 months end on 27 February 2025.
    """
    return add_months(start, months) - ONE_DAY


def local_day(moment: datetime, zone: str) -> date:
    """The calendar day of an aware moment where the client is. Rent days are the client's days.

    :raises ValueError: if `moment` has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return moment.astimezone(ZoneInfo(zone)).date()


def start_of_day(day: date, zone: str) -> datetime:
    """The moment, in UTC, at which `day` begins in `zone`: the day's first instant."""
    local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    # Where the clocks spring forward over midnight (Beirut, Santiago) 00:00 does not exist, and fold=0
    # reads it with the offset before the gap, which is exactly the first instant of the day.
    return local.astimezone(UTC)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The days from `start` up to, and not including, `end`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        """Refuse a period that runs backwards."""
        if self.end < self.start:
            raise ValueError(f"a period cannot end on {self.end}, before its start {self.start}")

    @property
    def days(self) -> int:
        """How many calendar days it has."""
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        """The last day that belongs to it: the inclusive end that people read."""
        return self.end - ONE_DAY

    def __contains__(self, day: date) -> bool:
        """Whether the day is one of its days."""
        return self.start <= day < self.end

    def overlap(self, other: Period) -> Period | None:
        """The days that both have, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None


def overlaps(start: date, end: date | None, other_start: date, other_end: date | None) -> bool:
    """Whether two half-open ranges share a day; an end of None is never."""
    return (other_end is None or start < other_end) and (end is None or other_start < end)


@dataclass(frozen=True, slots=True)
class Cycle:
    """An endless grid of half-open periods; boundary k lies k lengths after `anchor`, also for k < 0.

    The length is `months` or `days`. A cycle in months remembers `day` (by default the anchor's): an
    anchor on the 31st gives 28 February and then 31 March again, so that no period is lost or doubled.
    """

    anchor: date
    months: int = 0
    days: int = 0
    day: int = 0

    def __post_init__(self) -> None:
        """Refuse a length that is not exactly one of months and days."""
        if (self.months > 0) == (self.days > 0) or self.months < 0 or self.days < 0:
            raise ValueError("the length of a cycle is a positive number of months or of days")

    def boundary(self, index: int) -> date:
        """Where period `index` begins."""
        if self.days:
            return self.anchor + index * self.days * ONE_DAY
        return add_months(self.anchor, index * self.months, day=self.day or None)

    def index_of(self, day: date) -> int:
        """The index of the period that has this day."""
        if self.days:
            return (day - self.anchor).days // self.days
        months = (day.year - self.anchor.year) * 12 + day.month - self.anchor.month
        # A clamped boundary lies in the month it is counted to, so at most this one is too late.
        index = months // self.months
        return index if self.boundary(index) <= day else index - 1

    def period(self, index: int) -> Period:
        """The period from boundary `index` to the next."""
        return Period(self.boundary(index), self.boundary(index + 1))

    def containing(self, day: date) -> Period:
        """The period that has this day."""
        return self.period(self.index_of(day))

    def next_boundary(self, day: date) -> date:
        """The first boundary after `day`."""
        return self.boundary(self.index_of(day) + 1)

    def whole_periods(self, start: date, end: date | None) -> Iterator[Period]:
        """Every period of the grid that has a day of start..end, uncut; without end for ever."""
        index = self.index_of(start)
        first = self.boundary(index)
        while end is None or first < end:
            index += 1
            following = self.boundary(index)
            yield Period(first, following)
            first = following

    def cut(self, start: date, end: date | None) -> Iterator[tuple[Period, Period]]:
        """The days from `start` up to `end`, period by period: each part with the whole period it lies in.

        The parts neither gap nor overlap, and together have exactly the days of start..end.
        """
        for whole in self.whole_periods(start, end):
            if start <= whole.start and (end is None or whole.end <= end):
                yield whole, whole  # nearly every one
                continue
            part = Period(
                max(whole.start, start),
                whole.end if end is None else min(whole.end, end),
            )
            if part.days:
                yield part, whole


def whole_months(start: date, day: date) -> int:
    """Whole months from `start` to `day`, the day of the month kept and clamped; 0 if it lies before."""
    return max(Cycle(start, months=1).index_of(day), 0)


def first_boundary(start: date, *, day: int, months: int = 1) -> date:
    """The first anchored date on or after `start`: `day` (clamped) of start's month, or whole lengths later.

    An annual cycle on day 30 from 31 January 2012 begins on 30 January 2013 (Kill Bill's rule).
    """
    candidate, steps = month_day(start.year, start.month, day), 0
    while candidate < start:
        steps += 1
        candidate = month_day(start.year, start.month + steps * months, day)
    return candidate


def anchored_cycle(start: date, *, day: int, months: int = 1) -> Cycle:
    """The cycle of `months` on `day` of the month whose first boundary is the first on or after `start`."""
    return Cycle(first_boundary(start, day=day, months=months), months=months, day=day)


def calendar_cycle(start: date, *, months: int) -> Cycle:
    """Periods that begin on the 1st of a month, the first of them in the month of `start`."""
    return Cycle(start.replace(day=1), months=months)


def week_cycle(day: date, *, first_weekday: int = calendar.MONDAY) -> Cycle:
    """Calendar weeks that begin on `first_weekday` (0 is Monday)."""
    return Cycle(day - (day.weekday() - first_weekday) % 7 * ONE_DAY, days=7)
