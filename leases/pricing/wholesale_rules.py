"""What a partner uses, and its books -> the lines at their wholesale prices. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from math import ceil

from haas.calendar import add_months
from leases.pricing.rules import BUYING, Book, Item, Question, resolve


class TierBasis(StrEnum):
    """Which units of a calendar month make the tier of that month."""

    ANY_DAY = "any_day"  # every unit that was in use on some day of it
    FIRST_DAY = "first_day"  # those in use on its first day; one at least


@dataclass(frozen=True, slots=True)
class Span:
    """So many units from a day up to, and not including, another; open while they stand there."""

    start: date
    end: date | None
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Usage:
    """One hardware line of a partner's lease, as far as the operator may know it."""

    line_id: str
    lease_id: str
    lease_number: str
    name: str
    item: Item
    commercial_model: str
    term_months: int
    spans: Sequence[Span]

    @property
    def kind(self) -> tuple[Item, str]:
        """What is counted together for a tier."""
        return self.item, self.commercial_model


def since(usages: Sequence[Usage], day: date) -> list[Usage]:
    """What is used from a day on; what was used before it is left out."""
    return [
        replace(
            usage,
            spans=[
                replace(span, start=max(span.start, day))
                for span in usage.spans
                if span.end is None or span.end > day
            ],
        )
        for usage in usages
    ]


@dataclass(frozen=True, slots=True)
class Segment:
    """A line at one monthly price and number, from a day on."""

    usage: Usage
    starts_on: date
    ends_on: date | None
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Wholesale:
    """The lines to bill, and what has no price."""

    segments: Sequence[Segment]
    unpriced: Sequence[Usage]


def price_usage(
    usages: Sequence[Usage],
    books: Sequence[Book],
    *,
    currency: str,
    until: date,
    basis: TierBasis = TierBasis.ANY_DAY,
) -> Wholesale:
    """Every line at the price of each month until the month of `until`, equal months joined.

    A month's price is that of the version in force on the first day of the line in it, at the tier of the
    month's number of units. Only at the beginning of a month the price of a line changes.
    """
    horizon = add_months(until.replace(day=1), 1)
    counts = _count(usages, until=horizon, basis=basis)
    known: dict[tuple[object, ...], Decimal | None] = {}

    def price_on(usage: Usage, day: date) -> Decimal | None:
        units = counts[usage.kind, day.replace(day=1)]
        key = (*usage.kind, usage.term_months, units, day)
        if key not in known:
            question = Question(
                item=usage.item,
                day=day,
                currency=currency,
                quantity=max(1, units),
                term_months=usage.term_months,
                commercial_model=usage.commercial_model,
            )
            known[key] = resolve(books, question, levels=BUYING).monthly
        return known[key]

    segments: list[Segment] = []
    unpriced: list[Usage] = []
    for usage in usages:
        before = len(segments)
        lacks = False
        for span in usage.spans:
            for start, end in _months(span, until=horizon):
                price = price_on(usage, start)
                if price is None:
                    lacks = True
                    continue
                last = segments[-1] if len(segments) > before else None
                if last and (last.ends_on, last.price, last.quantity) == (start, price, span.quantity):
                    segments.pop()
                    start = last.starts_on  # noqa: PLW2901 - the month joins the one before
                segments.append(Segment(usage, start, end, span.quantity, price))
        if lacks:
            unpriced.append(usage)
    return Wholesale(segments, unpriced)


def _count(
    usages: Sequence[Usage], *, until: date, basis: TierBasis
) -> Counter[tuple[tuple[Item, str], date]]:
    """Units by item and month."""
    counts: Counter[tuple[tuple[Item, str], date]] = Counter()
    for usage in usages:
        most: Counter[date] = Counter()
        for span in usage.spans:
            for start, _end in _months(span, until=until):
                month = start.replace(day=1)
                if basis is TierBasis.ANY_DAY or start == month:
                    # Where its number changed within the month, the larger one counts.
                    most[month] = max(most[month], ceil(span.quantity))
        for month, units in most.items():
            counts[usage.kind, month] += units
    return counts


def _months(span: Span, *, until: date) -> Iterator[tuple[date, date | None]]:
    """The span cut at the beginning of each month before `until`; its last piece ends as the span does."""
    start = span.start
    while start < until and (span.end is None or start < span.end):
        following = add_months(start.replace(day=1), 1)
        if span.end is not None and span.end <= following:
            yield start, span.end
            return
        # The month of the horizon stays open: what comes after it is not known yet.
        yield start, following if following < until else span.end
        start = following
