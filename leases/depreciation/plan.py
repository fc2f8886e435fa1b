"""A book's charges as running totals by month: what a posting run reads instead of a schedule. Pure.

A plan is computed once and anew only when the book changes. What a month is still to be charged is the
plan's total less what was posted: closed periods stay closed, and what they missed, or bore too much, is
made good in the first open one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from haas.calendar import end_of_month
from haas.money import exponent
from leases.depreciation.history import History


@dataclass(frozen=True, slots=True)
class Plan:
    """`totals[k]` is all that is charged by the end of the k-th month from `first_month`, in minor units.

    `first_month` is that month's last day. After the last total nothing more is charged.
    """

    first_month: date
    totals: Sequence[int]

    def total_by(self, month: date) -> int:
        """All that is charged by the end of the month of a day, in minor units."""
        place = months_between(self.first_month, month)
        if place < 0 or not self.totals:
            return 0
        return self.totals[min(place, len(self.totals) - 1)]

    def charge(self, month: date) -> int:
        """What one month bears by the plan alone."""
        return self.total_by(month) - self.total_by(end_of_month(month, -1))


def plan_of(history: History) -> Plan:
    """The running totals of a book's charges; a month without one repeats the total before it."""
    places = exponent(history.terms.currency)
    if not history.entries:
        return Plan(end_of_month(history.terms.in_service_on), [])
    first = history.entries[0].month
    totals: list[int] = []
    total = 0
    for entry in history.entries:
        gap = months_between(first, entry.month) - len(totals)
        totals.extend([total] * gap)
        total += _minor(entry.charge, places)
        totals.append(total)
    return Plan(first, totals)


def charge_between(plan: Plan, *, posted: int, month: date) -> int:
    """What the run for a month posts: the plan's total by its end, less all that was posted before."""
    return plan.total_by(month) - posted


def unposted(plan: Plan, *, posted: int, first_open: date, until: date) -> list[tuple[date, int]]:
    """The charges of the open months, the first of them with whatever closed ones missed or bore too much."""
    rows: list[tuple[date, int]] = []
    month = end_of_month(first_open)
    while month <= end_of_month(until):
        charge = charge_between(plan, posted=posted, month=month)
        rows.append((month, charge))
        posted += charge
        month = end_of_month(month, 1)
    return rows


def months_between(earlier: date, later: date) -> int:
    """Whole calendar months from the month of one day to that of another."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def _minor(amount: Decimal, places: int) -> int:
    return int(amount.scaleb(places))
