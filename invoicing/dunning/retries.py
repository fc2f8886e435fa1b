"""When a declined charge is tried again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from haas.errors import InvalidInput

# Eight tries within two weeks: close together while a limit may lift overnight, then by pay days.
DEFAULT_DAYS = (1, 2, 3, 5, 7, 10, 12, 14)
TRIES_MAX, DAYS_MAX = 15, 60
_WEEKEND = 5


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Days after the first decline on which a charge is tried again; none if `days` is empty."""

    days: tuple[int, ...] = DEFAULT_DAYS
    on_weekends: bool = False

    def check(self) -> RetryPlan:
        """The same plan.

        :raises InvalidInput: for days that do not rise, too many, or too far away.
        """
        if len(self.days) > TRIES_MAX or any(not 1 <= day <= DAYS_MAX for day in self.days):
            raise InvalidInput(
                f"Give at most {TRIES_MAX} days, from 1 to {DAYS_MAX} after the first decline.", field="days"
            )
        if list(self.days) != sorted(set(self.days)):
            raise InvalidInput("Each try is later than the one before it.", field="days")
        return self


def next_try(plan: RetryPlan, *, declines: Sequence[tuple[date, bool]], today: date) -> date | None:
    """The day of the next try after these declines (day, whether soft), oldest first; none if there is none.

    A hard decline ends it: that method will not do, however often it is asked. A day at a weekend is put
    off to Monday unless banks are tried then too; what was missed is tried today.
    """
    if not declines or not all(soft for _, soft in declines):
        return None
    tries = len(declines) - 1
    if tries >= len(plan.days):
        return None
    day = declines[0][0] + timedelta(days=plan.days[tries])
    day = max(day, declines[-1][0] + timedelta(days=1), today)
    while not plan.on_weekends and day.weekday() >= _WEEKEND:
        day += timedelta(days=1)
    return day
