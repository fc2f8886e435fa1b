"""What is known of an asset's money: its worth, where it stood, what that earned and cost. Values, pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from haas.calendar import ONE_DAY

NOTHING = Decimal(0)
Payments = Sequence[tuple[date, Decimal]]  # (day on which it falls due, amount), oldest first


class Worth(Protocol):
    """What an asset is worth in one book, and what was spent on it, on any day."""

    @property
    def disposed_on(self) -> date | None:
        """When its book was closed; none while it is open."""

    @property
    def proceeds(self) -> Decimal:
        """What its disposal brought in."""

    def at(self, day: date) -> Decimal:
        """Book value at the end of a day: cost before first service, nothing once disposed of."""

    def cost_on(self, day: date) -> Decimal:
        """What was spent on it by the end of a day, whether it is still there or not."""

    def changes(self) -> Sequence[tuple[date, Decimal]]:
        """What was added to its cost after it was bought, or (negative) went to another asset."""


@dataclass(frozen=True, slots=True)
class Unbooked:
    """An asset that was never in service has no book: it is worth what was spent on it."""

    price: Decimal
    added: Sequence[tuple[date, Decimal]] = ()
    disposed_on: date | None = None
    proceeds: Decimal = NOTHING

    def at(self, day: date) -> Decimal:
        """What was spent on it."""
        return self.cost_on(day)

    def cost_on(self, day: date) -> Decimal:
        """Its price, and what was added to it."""
        return self.price + sum((amount for on, amount in self.added if on <= day), NOTHING)

    def changes(self) -> Sequence[tuple[date, Decimal]]:
        """What was added to its cost."""
        return self.added


@dataclass(frozen=True, slots=True)
class Curve:
    """A book to which nothing happened, by the ends of its schedule's months."""

    cost: Decimal
    in_service_on: date
    months: Sequence[date]
    values: Sequence[Decimal]
    disposed_on: date | None = None
    proceeds: Decimal = NOTHING

    def at(self, day: date) -> Decimal:
        """Book value at the end of a day: months are borne on their last day."""
        if self.disposed_on is not None and day >= self.disposed_on:
            return NOTHING
        place = bisect_right(self.months, day) if day >= self.in_service_on else 0
        return self.values[place - 1] if place else self.cost

    def cost_on(self, day: date) -> Decimal:
        """Its cost, whatever the day."""
        del day
        return self.cost

    def changes(self) -> Sequence[tuple[date, Decimal]]:
        """None."""
        return ()


@dataclass(frozen=True, slots=True)
class Place:
    """On whose lease an asset stands; none of both while it is in the partner's own hands."""

    lease_id: str | None = None
    client_id: str | None = None


IN_STOCK = Place()


@dataclass(frozen=True, slots=True)
class Standing:
    """An asset's days on a lease: from `start` up to, and not including, `end`."""

    place: Place
    start: date
    end: date | None


@dataclass(frozen=True, slots=True)
class Rents:
    """What an asset's days on one line earn. Assets with the same rent share their payments.

    `payments` reach as far as was agreed, `last_day` is the last one that they are for.
    """

    place: Place
    currency: str
    payments: Payments
    last_day: date


class ChargeKind(StrEnum):
    """Why an asset earned or cost something beside its rent."""

    DAMAGE = "damage"  # charged to the client at its return
    EARLY_RETURN = "early_return"  # charged to the client for leaving early
    COST = "cost"  # repairs and whatever else is no part of its cost


@dataclass(frozen=True, slots=True)
class Charge:
    """A single amount: positive comes in, negative goes out."""

    on: date
    kind: ChargeKind
    amount: Decimal
    place: Place


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """All that is known of one asset's money. `acquired_on`: the first day on which it counts."""

    id: str
    tag: str
    model_id: str
    model_name: str
    category: str
    currency: str
    acquired_on: date
    in_service_on: date | None
    worth: Worth
    standings: Sequence[Standing] = ()  # by day, never overlapping
    rents: Sequence[Rents] = ()
    charges: Sequence[Charge] = ()

    def place_on(self, day: date) -> Place:
        """Where it stands on a day."""
        return place_among(self.standings, day)

    def lost_by(self, day: date) -> Decimal:
        """What it has lost in value by the end of a day: spent on it, less book value, less proceeds."""
        gone_on = self.worth.disposed_on
        back = self.worth.proceeds if gone_on is not None and gone_on <= day else NOTHING
        return self.worth.cost_on(day) - self.worth.at(day) - back

    def places_between(self, since: date, until: date) -> Iterator[tuple[Place, date, date]]:
        """Where it stood, without a gap, from `since` up to and including `until`: place, first, last day."""
        day = since
        for standing in self.standings:
            if standing.start > until or (standing.end is not None and standing.end <= day):
                continue
            if standing.start > day:
                yield IN_STOCK, day, standing.start - ONE_DAY
                day = standing.start
            last = until if standing.end is None else min(standing.end - ONE_DAY, until)
            yield standing.place, day, last
            day = last + ONE_DAY
        if day <= until:
            yield IN_STOCK, day, until


def place_among(standings: Sequence[Standing], day: date) -> Place:
    """Where an asset with these standings is on a day."""
    for standing in reversed(standings):
        if standing.start <= day:
            return standing.place if standing.end is None or day < standing.end else IN_STOCK
    return IN_STOCK


@dataclass(slots=True)
class Between:
    """Sums of payments that fall due from `since` (none: ever) to `until`, both included.

    A fleet has few schedules and many assets on each: what was added up once is remembered.
    """

    since: date | None
    until: date
    _known: dict[int, tuple[Payments, Decimal]] = field(default_factory=dict)

    def __contains__(self, day: date) -> bool:
        """Whether the day is one of these."""
        return (self.since is None or self.since <= day) and day <= self.until

    def sum_of(self, payments: Payments) -> Decimal:
        """What of these payments falls due in these days."""
        known = self._known.get(id(payments))
        if known is None:
            total = sum((amount for due_on, amount in payments if due_on in self), NOTHING)
            # The payments are kept with their sum: an id is only theirs as long as they live.
            known = self._known[id(payments)] = (payments, total)
        return known[1]
