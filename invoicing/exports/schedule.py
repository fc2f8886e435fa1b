"""When a profile's next batch is due, and up to which day it reaches. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Rhythm(StrEnum):
    """How often a batch is made by itself."""

    NEVER = "never"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Cut(StrEnum):
    """Up to which day a batch that is made by itself reaches."""

    EVERYTHING = "everything"
    ENDED_MONTHS = "ended_months"  # nothing of the month that is under way


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A rhythm in the partner's own time. `weekday` 0 is Monday; `month_day` is 1 to 28."""

    rhythm: Rhythm
    at_minute: int
    weekday: int
    month_day: int
    zone: str

    def next_after(self, moment: datetime) -> datetime | None:
        """The first moment after `moment` at which a batch is due, in UTC; none if never.

        A time that the clocks skip is due when they have sprung forward; one that comes twice is due once.
        """
        if self.rhythm is Rhythm.NEVER:
            return None
        day = moment.astimezone(ZoneInfo(self.zone)).date()
        while True:
            if self._fits(day):
                due = self._at(day)
                if due > moment:
                    return due
            day += timedelta(days=1)

    def _fits(self, day: date) -> bool:
        match self.rhythm:
            case Rhythm.WEEKLY:
                return day.weekday() == self.weekday
            case Rhythm.MONTHLY:
                return day.day == self.month_day
            case _:
                return True

    def _at(self, day: date) -> datetime:
        wall = time(self.at_minute // 60, self.at_minute % 60)
        return datetime.combine(day, wall, ZoneInfo(self.zone)).astimezone(UTC)


def cut_off(cut: Cut, *, today: date) -> date | None:
    """The first day that a batch leaves out; none if it takes everything."""
    return today.replace(day=1) if cut is Cut.ENDED_MONTHS else None
