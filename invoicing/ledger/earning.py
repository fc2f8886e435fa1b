"""Rent of an operating lease is earned evenly over its days, whenever it is billed. Pure.

A calendar month weighs one, a part of it by its days: so a lease from the first of a month earns the same in
each. Steps and rent-free months are equalised over the whole (IFRS 16.81, ASC 842-30-25-11); what is agreed
on the way changes what is earned from that day on, never before it (IFRS 16.87, ASC 842-10-25-15). What is
billed and not earned yet stands in deferred rent; what is earned and not billed, on the other side of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from haas.calendar import ONE_DAY, Period, end_of_month
from haas.money import round_minor
from leases.schedule import RentKind, RentPayment

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Rents:
    """The base rent of one line, as it is agreed now: all of it, and the days for which it is.

    `before` are the totals that were agreed before, each with the day up to which it was, oldest first.
    """

    span: Period
    total: Decimal
    before: tuple[tuple[date, Decimal], ...] = ()


def rents_of(payments: Iterable[RentPayment]) -> Rents | None:
    """The base rent in a schedule; none if it has none. Interim rent and holdover are earned as billed."""
    rents = [payment for payment in payments if payment.kind is RentKind.RENT]
    if not rents:
        return None
    span = Period(min(rent.period_start for rent in rents), max(rent.period_end for rent in rents))
    return Rents(span, sum((rent.amount for rent in rents), NOTHING))


def months_in(span: Period) -> Fraction:
    """How many months a span has, each part of a month by its days."""
    weight, start = Fraction(0), span.start
    while start < span.end:
        last = end_of_month(start)
        end = min(last + ONE_DAY, span.end)
        weight += Fraction((end - start).days, last.day)
        start = end
    return weight


def earned_by(rents: Rents, *, until: date, currency: str) -> Decimal:
    """What of it is earned before the day `until`, rounded by running total.

    Where something else was agreed, the days from then on earn what was not earned till then.
    """
    if until <= rents.span.start:
        return NOTHING
    if until >= rents.span.end:
        return rents.total
    earned, since = Fraction(0), rents.span.start
    for day, total in (*rents.before, (rents.span.end, rents.total)):
        upto = min(day, until)
        if since < upto:
            share = months_in(Period(since, upto)) / months_in(Period(since, rents.span.end))
            earned += (Fraction(total) - earned) * share
            since = upto
    return round_minor(earned, currency)
