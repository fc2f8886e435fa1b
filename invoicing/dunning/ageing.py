"""What was open on a day, by client, currency and how long it had been due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from sqlalchemy.orm import Session

from haas.money import round_minor
from haas.tenancy.scope import Tenant
from invoicing.money.rate_rules import FoundRate
from invoicing.money.rates import latest_each
from invoicing.open_items import OpenItem, aged
from invoicing.open_on import open_on


@dataclass(frozen=True, slots=True)
class AgedClient:
    """A client's open items in one currency: a sum for each bucket, the first not due yet."""

    client_id: str
    currency: str
    buckets: tuple[Decimal, ...]

    @property
    def total(self) -> Decimal:
        """All that is open."""
        return sum(self.buckets, Decimal(0))


@dataclass(frozen=True, slots=True)
class UsedRate:
    """What one unit of a currency was taken to be worth, as a source said on a day."""

    base: str
    rate: Decimal
    day: date
    source: str


@dataclass(frozen=True, slots=True)
class InOwnCurrency:
    """The rows in the partner's own currency, at the rates of the report's day."""

    currency: str
    rows: Sequence[AgedClient | None]  # one for each row converted, in their order; none without a rate
    rates: Sequence[UsedRate]  # of the other currencies, by currency
    unrated: Sequence[str]  # currencies without a rate by that day: they are in no sum

    @property
    def sums(self) -> tuple[Decimal, ...]:
        """All clients by bucket; nothing where there is no row."""
        return tuple(sum(amounts, Decimal(0)) for amounts in zip(*self._buckets, strict=True))

    @property
    def total(self) -> Decimal:
        """All that is open and could be converted."""
        return sum(self.sums, Decimal(0))

    @property
    def _buckets(self) -> Iterator[tuple[Decimal, ...]]:
        return (row.buckets for row in self.rows if row is not None)


def ageing(session: Session, tenant: Tenant, *, as_of: date, bounds: tuple[int, ...]) -> list[AgedClient]:
    """By client and currency, the largest first; one query."""
    found: defaultdict[tuple[str, str], list[OpenItem]] = defaultdict(list)
    for item in open_on(session, tenant, as_of=as_of):
        found[item.currency, item.client_id].append(item)
    rows = [
        AgedClient(client, currency, tuple(aged(items, today=as_of, bounds=bounds)))
        for (currency, client), items in found.items()
    ]
    return sorted(rows, key=lambda row: (row.currency, -row.total, row.client_id))


def in_own_currency(
    session: Session, tenant: Tenant, *, rows: Sequence[AgedClient], currency: str, day: date
) -> InOwnCurrency:
    """The rows converted at the last rates by `day`; one query. Nothing is guessed where there is no rate."""
    found = latest_each(session, tenant, bases={row.currency for row in rows}, quote=currency, day=day)
    return InOwnCurrency(
        currency=currency,
        rows=[converted(row, found[row.currency], currency=currency) for row in rows],
        rates=[
            UsedRate(base, rate.rate, rate.day, rate.source)
            for base, rate in sorted(found.items())
            if rate is not None and base != currency
        ],
        unrated=sorted(base for base, rate in found.items() if rate is None),
    )


def converted(row: AgedClient, rate: FoundRate | None, *, currency: str) -> AgedClient | None:
    """The row in another currency. Each bucket is rounded once, so that rows and columns add up."""
    if rate is None:
        return None
    buckets = (round_minor(Fraction(amount) * Fraction(rate.rate), currency) for amount in row.buckets)
    return AgedClient(row.client_id, currency, tuple(buckets))
