"""Days on which TARGET, and so SEPA, settles."""

from __future__ import annotations

from datetime import date, timedelta

from dateutil.easter import easter

from haas.calendar import ONE_DAY

# The ECB's long-term calendar (since 2002): weekends and these days, whatever the country's own holidays.
_CLOSED = frozenset({(1, 1), (5, 1), (12, 25), (12, 26)})


def is_target_day(day: date) -> bool:
    """Whether TARGET is open: no weekend, New Year, Good Friday, Easter Monday, 1 May, 25 or 26 December."""
    sunday = easter(day.year)
    movable = {sunday - timedelta(days=2), sunday + ONE_DAY}
    return day.weekday() < 5 and (day.month, day.day) not in _CLOSED and day not in movable


def target_day_from(day: date) -> date:
    """The day itself if TARGET is open, else the next one."""
    while not is_target_day(day):
        day += ONE_DAY
    return day


def target_days_after(day: date, count: int) -> date:
    """The `count`th open day after `day`."""
    for _ in range(count):
        day = target_day_from(day + ONE_DAY)
    return day
