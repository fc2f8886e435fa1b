"""Short rentals: a price by duration, only the days kept are owed; and use counted by the day. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from haas.calendar import ONE_DAY, Cycle, Period
from haas.money import Number, round_minor


@dataclass(frozen=True, slots=True)
class DurationPrice:
    """What one piece costs for so many days; a longer rental pays the same a day, if no longer price fits."""

    days: int
    price: Decimal


def price_per_day(prices: Sequence[DurationPrice], *, days: int) -> Fraction:
    """The price of a day under the longest duration that the rental reaches; under all, the shortest one's.

    :raises ValueError: if there are no prices.
    """
    if not prices:
        raise ValueError("a rental has at least one price")
    by_length = sorted(prices, key=lambda price: price.days)
    reached = [price for price in by_length if price.days <= days]
    chosen = reached[-1] if reached else by_length[0]
    return Fraction(chosen.price) / chosen.days


@dataclass(frozen=True, slots=True)
class RentalTotal:
    """What a rental costs: net, tax and both."""

    net: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        """With tax."""
        return self.net + self.tax


def rental_total(
    per_day: Number, *, quantity: Number, days: int, tax_rate: Number, currency: str
) -> RentalTotal:
    """So many pieces for the days that they were kept. A piece that comes back early owes its days alone."""
    if days < 0:
        raise ValueError(f"a rental cannot last {days} days")
    net = round_minor(Fraction(per_day) * Fraction(quantity) * days, currency)
    return RentalTotal(net, round_minor(Fraction(net) * Fraction(tax_rate), currency))


@dataclass(frozen=True, slots=True)
class Consumption:
    """What a subscription has used: one line a period of use, and when the next one begins."""

    lines: tuple[date, ...]  # the first day of each
    quantity: Fraction
    amount: Decimal
    next_on: date


def consumption(
    cycle: Cycle, *, start: date, through: date, quantity: Number, unit_price: Number, currency: str
) -> Consumption:
    """Each period of use that began from `start` to `through` (a last day), all with the same quantity."""
    first = cycle.index_of(start - ONE_DAY) + 1  # that of the first period to begin on the start or later
    lines: list[date] = []
    while (day := cycle.boundary(first + len(lines))) <= through:
        lines.append(day)
    used = Fraction(quantity) * len(lines)
    return Consumption(tuple(lines), used, round_minor(used * Fraction(unit_price), currency), day)


def days_kept(planned: Period, *, returned_on: date | None) -> int:
    """The days of a rental that are owed: the day of return is the last; else all that were planned."""
    if returned_on is None:
        return planned.days
    return max(0, (min(returned_on + ONE_DAY, planned.end) - planned.start).days)
