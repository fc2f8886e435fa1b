"""A lessor's revenue in an operating lease: equal each month, whatever is billed. Pure.

Rents may step, and months may be free: revenue is the whole of them in equal parts (ASC 842-30-25-11,
IFRS 16.81). The difference stands in the books: accrued while more is earned than billed, deferred else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from haas.calendar import ONE_DAY, Period, add_months, end_of_month
from haas.money import Number, round_minor, split

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class RentStep:
    """The rent of one period from a month of the term on, counted from 0. A rent of zero is rent-free."""

    from_month: int
    rent: Decimal


@dataclass(frozen=True, slots=True)
class RevenueMonth:
    """One month of a term, or of the calendar. `balance` is earned less billed so far.

    Above zero it is accrued rent, a receivable that is not billed yet; below it is deferred rent.
    """

    period: Period
    revenue: Decimal
    billed: Decimal
    balance: Decimal

    @property
    def accrued(self) -> Decimal:
        """What is earned and not billed yet."""
        return max(self.balance, NOTHING)

    @property
    def deferred(self) -> Decimal:
        """What is billed and not earned yet."""
        return max(-self.balance, NOTHING)


def stepped_rents(steps: Sequence[RentStep], *, term_months: int, interval_months: int = 1) -> list[Decimal]:
    """What is billed in each month of the term: the rent of the step that a period begins in.

    In arrears the same amounts fall in the last month of each period; what is earned does not change.

    :raises ValueError: if no step begins with the term, or two begin together.
    """
    ordered = sorted(steps, key=lambda step: step.from_month)
    starts = [step.from_month for step in ordered]
    if not starts or starts[0] != 0 or len(set(starts)) != len(starts):
        raise ValueError("the first step begins with the term, and no two begin together")
    rents = []
    for month in range(term_months):
        rent = next(step.rent for step in reversed(ordered) if step.from_month <= month)
        rents.append(rent if month % interval_months == 0 else NOTHING)
    return rents


def straight_line_revenue(billed: Sequence[Decimal], *, starts_on: date, currency: str) -> list[RevenueMonth]:
    """The same revenue in each month of the term; `billed` has what is billed in each of them."""
    revenue = split(sum(billed, NOTHING), parts=len(billed), currency=currency)
    months = [
        Period(add_months(starts_on, number), add_months(starts_on, number + 1))
        for number in range(len(billed))
    ]
    return _with_balance(months, revenue, billed)


def straight_line_by_dates(
    term: Period, billed: Mapping[date, Decimal], *, currency: str, total: Decimal | None = None
) -> list[RevenueMonth]:
    """Revenue by calendar month, each with the share of its days in the term's; all of it to the cent.

    :param billed: what is billed on which day; days outside the term belong to its first or last month.
    :param total: the whole rent, if not all of it is billed by these dates.
    """
    whole = sum(billed.values(), NOTHING) if total is None else total
    months = list(_calendar_months(term))
    revenue = _by_days(whole, term, months, currency)
    amounts = [NOTHING] * len(months)
    for day, amount in billed.items():
        index = next((at for at, month in enumerate(months) if day < month.end), len(months) - 1)
        amounts[index] += amount
    return _with_balance(months, revenue, amounts)


def _calendar_months(term: Period) -> Iterator[Period]:
    start = term.start
    while start < term.end:
        end = min(end_of_month(start) + ONE_DAY, term.end)
        yield Period(start, end)
        start = end


def _by_days(whole: Number, term: Period, months: Sequence[Period], currency: str) -> list[Decimal]:
    shares, before = [], NOTHING
    for month in months:
        running = round_minor(Fraction(whole) * (month.end - term.start).days / term.days, currency)
        shares.append(running - before)
        before = running
    return shares


def _with_balance(
    months: Sequence[Period], revenue: Sequence[Decimal], billed: Sequence[Decimal]
) -> list[RevenueMonth]:
    rows, balance = [], NOTHING
    for month, earned, charged in zip(months, revenue, billed, strict=True):
        balance += earned - charged
        rows.append(RevenueMonth(month, earned, charged, balance))
    return rows
