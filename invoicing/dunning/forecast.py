"""What is to come in, and when: open invoices by how late a client uses to pay, and what is agreed. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Literal

from invoicing.open_items import OpenItem

Span = Literal["week", "month"]
WHYS = ("invoice", "disputed", "promise", "direct_debit", "rent", "charge")
WEEKS_LEAST, WEEKS_MOST = 4, 26
PAID_LEAST = 3  # invoices that a client must have paid before its habit counts for anything


@dataclass(frozen=True, slots=True)
class Expected:
    """Money that is to come: `due_on` if all goes well, `expected_on` as it uses to go."""

    client_id: str
    amount: Decimal
    due_on: date
    expected_on: date | None  # none: disputed, and not to be counted on
    why: str  # a name of WHYS


@dataclass(frozen=True, slots=True)
class Bucket:
    """A week from Monday on, or a month: what comes in it at best, and as expected."""

    start: date
    best: Decimal
    expected: Decimal


@dataclass(frozen=True, slots=True)
class Agreed:
    """Money of which a day is known: a promise, or a direct debit that the bank has."""

    on: date
    why: str  # promise, direct_debit
    invoice_id: str | None = None  # none: whatever of the client is due by then, the oldest first
    amount: Decimal | None = None  # none: all that is open


def of_open_items(
    items: Sequence[OpenItem],
    *,
    agreed: Iterable[Agreed],
    disputed: Collection[str],
    late: int,
    today: date,
) -> list[Expected]:
    """One client's open invoices of one currency: first what has a day, then the rest as it uses to pay.

    :param agreed: debits before promises: what the bank collects is not paid a second time.
    :param disputed: ids of invoices; nothing of the rest of them is expected.
    :param late: days after the due day, by `days_late`.
    """
    left = {item.invoice_id: item.open for item in items}
    rows = []
    for each in agreed:
        still = each.amount
        for item in items:
            named = item.invoice_id == each.invoice_id or (each.invoice_id is None and item.due_on <= each.on)
            part = left[item.invoice_id] if still is None else min(left[item.invoice_id], still)
            if not named or part <= 0:
                continue
            left[item.invoice_id] -= part
            still = None if still is None else still - part
            rows.append(Expected(item.client_id, part, each.on, max(each.on, today), each.why))
    for item in items:
        if (rest := left[item.invoice_id]) <= 0:
            continue
        if item.invoice_id in disputed:
            rows.append(Expected(item.client_id, rest, item.due_on, None, "disputed"))
        else:
            on = expected_on(item.due_on, late=late, today=today)
            rows.append(Expected(item.client_id, rest, item.due_on, on, "invoice"))
    return rows


def less_credit(rows: Iterable[Expected], credit: Decimal) -> list[Expected]:
    """What of a client's invoices to come its credit pays is no money to come; the earliest first."""
    found = []
    for row in sorted(rows, key=lambda row: row.due_on):
        used = min(credit, row.amount)
        credit -= used
        if used < row.amount:
            found.append(replace(row, amount=row.amount - used))
    return found


def days_late(paid: Sequence[tuple[date, date]]) -> int:
    """How many days after the due day a client pays, by (due day, day of the last payment): the median.

    Nobody is taken to pay early, and whoever paid fewer than three invoices is taken to pay in time.
    """
    if len(paid) < PAID_LEAST:
        return 0
    return max(int(median((on - due).days for due, on in paid)), 0)


def expected_on(due: date, *, late: int, today: date) -> date:
    """When money for an invoice is to be expected: as late as usual; never in the past."""
    return max(due + timedelta(days=late), today)


def by_span(rows: Iterable[Expected], *, start: date, until: date, span: Span) -> list[Bucket]:
    """Sums by week or month over [start, until), without gaps. What was due before stands in the first."""
    best: defaultdict[date, Decimal] = defaultdict(Decimal)
    expected: defaultdict[date, Decimal] = defaultdict(Decimal)
    for row in rows:
        if (due := max(row.due_on, start)) < until:
            best[_first(due, span)] += row.amount
        if row.expected_on is not None and (day := max(row.expected_on, start)) < until:
            expected[_first(day, span)] += row.amount
    buckets, day = [], _first(start, span)
    while day < until:
        buckets.append(Bucket(day, best[day], expected[day]))
        day = _next(day, span)
    return buckets


def _first(day: date, span: Span) -> date:
    return day.replace(day=1) if span == "month" else day - timedelta(days=day.weekday())


def _next(day: date, span: Span) -> date:
    if span == "week":
        return day + timedelta(days=7)
    return (day + timedelta(days=31)).replace(day=1)
