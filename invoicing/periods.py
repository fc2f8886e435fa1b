"""Which billing periods have fallen due by a date, as exact fractions of whole periods. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

from haas.calendar import (
    Cycle,
    Period,
    add_months,
    anchored_cycle,
    calendar_cycle,
    first_boundary,
)
from leases.proration import Share, prorate
from leases.terms import Proration, Timing


@dataclass(frozen=True, slots=True)
class BillingInterval:
    """The length of a billing period: so many months, or so many days."""

    months: int = 0
    days: int = 0


# Names as Kill Bill's catalogue and OCA's contracts use them, in lower case.
INTERVALS: dict[str, BillingInterval] = {
    "daily": BillingInterval(days=1),
    "weekly": BillingInterval(days=7),
    "biweekly": BillingInterval(days=14),
    "thirty_days": BillingInterval(days=30),
    "thirty_one_days": BillingInterval(days=31),
    "sixty_days": BillingInterval(days=60),
    "ninety_days": BillingInterval(days=90),
    "monthly": BillingInterval(months=1),
    "bimestrial": BillingInterval(months=2),
    "quarterly": BillingInterval(months=3),
    "triannual": BillingInterval(months=4),
    "biannual": BillingInterval(months=6),
    "semesterly": BillingInterval(months=6),
    "annual": BillingInterval(months=12),
    "yearly": BillingInterval(months=12),
    "sesquiannual": BillingInterval(months=18),
    "biennial": BillingInterval(months=24),
    "triennial": BillingInterval(months=36),
}


def billing_interval(name: str, count: int = 1) -> BillingInterval:
    """`count` times the named interval.

    :raises ValueError: if no interval has that name.
    """
    try:
        one = INTERVALS[name.lower()]
    except KeyError:
        raise ValueError(f"there is no billing interval {name!r}; there are {', '.join(INTERVALS)}") from None
    return BillingInterval(months=one.months * count, days=one.days * count)


class Alignment(StrEnum):
    """Where periods begin: on the day of the start, or on the 1st so that they end with a month."""

    ANNIVERSARY = "anniversary"
    MONTH_END = "month_end"


def cycle_from(
    start: date,
    interval: BillingInterval,
    *,
    alignment: Alignment = Alignment.ANNIVERSARY,
) -> Cycle:
    """The grid of periods of something that starts on `start`."""
    if interval.days:
        return Cycle(start, days=interval.days)
    if alignment is Alignment.MONTH_END:
        return calendar_cycle(start, months=interval.months)
    return Cycle(start, months=interval.months)


def cycle_on_day(start: date, interval: BillingInterval, *, day: int) -> Cycle:
    """The grid on a bill cycle day: its first boundary is the first such day on or after `start`.

    A length in days has no day of the month: its periods follow `start`.
    """
    if interval.days:
        return Cycle(start, days=interval.days)
    return anchored_cycle(start, day=day, months=interval.months)


def first_billing_date(start: date, interval: BillingInterval, *, day: int) -> date:
    """The first bill cycle day on or after `start`, clamped to its month."""
    return start if interval.days else first_boundary(start, day=day, months=interval.months)


@dataclass(frozen=True, slots=True)
class DuePeriod:
    """A period, or part of one, that has fallen due, with its share of the whole period it lies in."""

    period: Period
    whole: Period
    share: Share


def due(
    cycle: Cycle,
    *,
    start: date,
    end: date | None,
    as_of: date,
    timing: Timing = Timing.ADVANCE,
    rule: Proration = Proration.ACTUAL_PERIOD,
) -> Iterator[DuePeriod]:
    """Every period of start..end (exclusive) that has fallen due by `as_of`, in order.

    In advance a period is due from its first day, in arrears from the day after its last. A part is
    measured against the anchored period it lies in, never against the part before or after it.
    """
    if end is not None and end <= start:
        return
    for part, whole in cycle.cut(start, end):
        if part.start > as_of:
            return
        if (part.start if timing is Timing.ADVANCE else part.end) <= as_of:
            yield DuePeriod(part, whole, prorate(part, whole, rule))


def cycles_due(
    cycle: Cycle,
    *,
    start: date,
    end: date | None,
    as_of: date,
    timing: Timing = Timing.ADVANCE,
) -> Fraction:
    """How many billing periods have fallen due by `as_of`, parts included, exactly."""
    periods = due(cycle, start=start, end=end, as_of=as_of, timing=timing)
    return sum((each.share.fraction for each in periods), Fraction(0))


def cycles_by_first_length(last_boundary: date, end: date, interval: BillingInterval) -> Fraction:
    """Days from `last_boundary` to `end` over the days of the one period that follows `last_boundary`.

    Kill Bill's simplification for what trails its last boundary. Right only within that period: three
    calendar months come to 2.97 periods by it. Our own billing uses `cycles_due`.
    """
    following = cycle_from(last_boundary, interval).containing(last_boundary)
    return Fraction((end - last_boundary).days, following.days)


def invoice_date(
    period_start: date,
    interval: BillingInterval,
    *,
    timing: Timing,
    alignment: Alignment = Alignment.ANNIVERSARY,
    until: date | None = None,
    offset_days: int | None = None,
) -> date | None:
    """When the period that starts on `period_start` is invoiced; None if nothing is left to invoice.

    In advance on its first day; in arrears on the day after its last, or, where periods end with a
    month, on its last day. `until` is the contract's last day, inclusive: it cuts the period.
    `offset_days` replaces the days after the first (advance) or last (arrears) day.
    """
    if until is not None and period_start > until:
        return None
    last_day = cycle_from(period_start, interval, alignment=alignment).containing(period_start).last_day
    last_day = last_day if until is None else min(last_day, until)
    if timing is Timing.ADVANCE:
        return period_start + timedelta(days=offset_days or 0)
    after = 0 if alignment is Alignment.MONTH_END else 1
    return last_day + timedelta(days=after if offset_days is None else offset_days)


def next_billing_dates(anchor: date, months: list[int]) -> list[date]:
    """The billing dates so many months after an anchor, its day kept and clamped in each month."""
    return [add_months(anchor, count) for count in months]
