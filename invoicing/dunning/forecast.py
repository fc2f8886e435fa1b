"""What is to come in, and when: open invoices by how late a client uses to pay, and what is agreed. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import Literal

Span = Literal["week", "month"]
PAID_LEAST = 3  # invoices that a client must have paid before its habit counts for anything


@dataclass(frozen=True, slots=True)
class Expected:
    """Money that is to come: `due_on` if all goes well, `expected_on` as it uses to go."""

    client_id: str
    amount: Decimal
    due_on: date
    expected_on: date
    why: str  # invoice, promise, direct_debit, rent


@dataclass(frozen=True, slots=True)
class Bucket:
    """A week from Monday on, or a month: what comes in it at best, and as expected."""

    start: date
    best: Decimal
    expected: Decimal


def days_late(paid: Sequence[tuple[date, date]]) -> int:
    """How many days after the due day a client pays, by (due day, day of the last payment): the median.

    Nobody is taken to pay early, and whoever paid fewer than three invoices is taken to pay in time.
    """
    if len(paid) < PAID_LEAST:
        return 0
    return max(int(median((on - due).days for due, on in paid)), 0)


def expected_on(due: date, *, late: int, today: date, promised: date | None = None) -> date:
    """When money for an invoice is to be expected: as promised, else as late as usual; never in the past."""
    return max(promised or due + timedelta(days=late), today)


def by_span(rows: Iterable[Expected], *, start: date, until: date, span: Span) -> list[Bucket]:
    """Sums by week or month over [start, until), without gaps. What was due before stands in the first."""
    best: defaultdict[date, Decimal] = defaultdict(Decimal)
    expected: defaultdict[date, Decimal] = defaultdict(Decimal)
    for row in rows:
        if (due := max(row.due_on, start)) < until:
            best[_first(due, span)] += row.amount
        if (day := max(row.expected_on, start)) < until:
            expected[_first(day, span)] += row.amount
    buckets, day = [], _first(start, span)
    while day < until:
        buckets.append(Bucket(day, best[day], expected[day]))
        day = _next(day, span)
    return buckets


def days_sales_outstanding(open_amount: Decimal, billed: Decimal, *, days: int) -> Decimal | None:
    """What is open, in days of what was billed over the last `days`; one decimal, none if nothing was."""
    if billed <= 0:
        return None
    tenths = Fraction(open_amount) / Fraction(billed) * days * 10
    return Decimal(round(tenths)) / 10


def exposure(parts: Mapping[str, Decimal], *, limit: Decimal | None) -> Decimal | None:
    """What is left of a credit limit; negative if it is passed, none if there is none."""
    return None if limit is None else limit - sum(parts.values(), Decimal(0))


def _first(day: date, span: Span) -> date:
    return day.replace(day=1) if span == "month" else day - timedelta(days=day.weekday())


def _next(day: date, span: Span) -> date:
    if span == "week":
        return day + timedelta(days=7)
    return (day + timedelta(days=31)).replace(day=1)
