"""How many lines may go back at zero charge: the flex-down allowance of an agreement. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from haas.calendar import Cycle, Period


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an agreement says: a share of the lines a contract year, or a number a calendar quarter."""

    pct: Decimal = Decimal(0)
    lines_a_quarter: int = 0
    notice_days: int = 30


@dataclass(frozen=True, slots=True)
class Given:
    """An amendment that was applied: on that day so many lines went back at zero charge."""

    on: date
    lines: int


@dataclass(frozen=True, slots=True)
class Room:
    """How many more lines may go back at zero charge on a day, and why not more."""

    granted: int  # by the rule that leaves the most room
    used: int
    within: Period | None  # the contract year or quarter; none: nothing is agreed
    notice_from: date  # the first day that the notice allows
    in_time: bool

    @property
    def left(self) -> int:
        """How many are free."""
        return max(0, self.granted - self.used) if self.in_time else 0


def room(
    allowance: Allowance,
    *,
    lines: int,
    commences_on: date,
    asked_on: date,
    on: date,
    given: Sequence[Given],
) -> Room:
    """The room on that day. 10 percent of 25 lines are 2: parts of a line do not count.

    :param lines: how many ran in the contract year.
    :param asked_on: when the client asked; the notice counts from there.
    """
    year = contract_year(commences_on, on)
    by_year = _room_in(year, int(Fraction(allowance.pct) * lines / 100), given)
    by_quarter = _room_in(quarter(on), allowance.lines_a_quarter, given)
    granted, used, within = max(by_year, by_quarter, key=lambda found: found[0] - found[1])
    notice_from = asked_on + timedelta(days=allowance.notice_days)
    return Room(granted, used, within if granted else None, notice_from, in_time=on >= notice_from)


def contract_year(commences_on: date, day: date) -> Period:
    """The year of the lease that has this day, counted from the start of its term."""
    return Cycle(commences_on, months=12).containing(max(day, commences_on))


def quarter(day: date) -> Period:
    """The calendar quarter that has this day."""
    return Cycle(date(day.year, 1, 1), months=3).containing(day)


def _room_in(within: Period, granted: int, given: Sequence[Given]) -> tuple[int, int, Period]:
    return granted, sum(each.lines for each in given if each.on in within), within
