"""A line of a finance lease in its lessor's books: what stands for it day by day, from its own flows. Pure.

Each piece of hardware is a lease component of its own (ASC 842-10-15-28, IFRS 16.B32). What was agreed when
it was recognised is frozen: interest is earned on that by actual dates, whatever is billed when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from haas.money import round_minor
from leases.finance.classification import LeaseClass
from leases.finance.dated import dated_internal_rate, discount_factor
from leases.finance.net_investment import (
    NetInvestment,
    NetInvestmentRow,
    dated_net_investment_schedule,
    selling_profit,
)
from leases.finance.numbers import decimal, precisely

NOTHING = Decimal(0)
RATE_PLACES = 12  # as the rate is kept


@dataclass(frozen=True, slots=True)
class Flows:
    """Rents by their due days, oldest first, and what is expected back at the end."""

    since: date
    ends_on: date
    rents: Sequence[tuple[date, Decimal]]
    guaranteed: Decimal  # of the residual
    unguaranteed: Decimal
    currency: str
    day_count: str

    @property
    def residual(self) -> Decimal:
        """All that is expected back."""
        return self.guaranteed + self.unguaranteed

    @property
    def all(self) -> list[tuple[date, Decimal]]:
        """Rents, then the residual."""
        return [*self.rents, (self.ends_on, self.residual)] if self.residual else list(self.rents)


@dataclass(frozen=True, slots=True)
class Recognised:
    """How a line came into the books: its rate a year, its net investment, and what it was sold for."""

    annual_rate: Decimal
    investment: NetInvestment
    revenue: Decimal
    cost_of_goods: Decimal
    profit: Decimal  # booked at once; a loss is negative


def recognise(
    flows: Flows, *, lease_class: LeaseClass, fair_value: Decimal, carrying_amount: Decimal
) -> Recognised:
    """Put a net investment in the place of the asset (ASC 842-30-25-1 and -8, IFRS 16.67 and 71).

    A sales-type or finance lease is worth its fair value at the implicit rate, and the profit is booked at
    once. A direct financing lease defers a profit: what it cost is worth as much at a higher rate; a loss
    is booked at once. A rate below zero is none: what does not come back is a loss (ASC 842-30-30-1).

    :raises NoRate: if nothing comes back.
    """
    opening = fair_value
    if lease_class is LeaseClass.DIRECT_FINANCING:
        opening = min(fair_value, carrying_amount)
    rate = round_rate(dated_internal_rate([(flows.since, -opening), *flows.all], convention=flows.day_count))
    if rate < 0:
        rate, opening = NOTHING, sum((amount for _, amount in flows.all), NOTHING)
    residual = round_minor(flows.unguaranteed * _worth(flows, rate, flows.ends_on), flows.currency)
    investment = NetInvestment(opening - residual, residual)
    if lease_class is LeaseClass.DIRECT_FINANCING:
        return Recognised(rate, investment, NOTHING, NOTHING, opening - carrying_amount)
    sold = selling_profit(investment, fair_value=fair_value, carrying_amount=carrying_amount)
    return Recognised(rate, investment, sold.revenue, sold.cost_of_goods, sold.profit)


@dataclass(frozen=True, slots=True)
class Effective:
    """A recognised line's schedule, and what it comes to by any day."""

    flows: Flows
    annual_rate: Decimal
    opening: NetInvestment
    rows: Sequence[NetInvestmentRow]

    @classmethod
    def of(cls, flows: Flows, *, annual_rate: Decimal, opening: NetInvestment) -> Effective:
        """The schedule by actual dates."""
        rows = dated_net_investment_schedule(
            flows.all,
            opening=opening.total,
            since=flows.since,
            annual_rate=annual_rate,
            convention=flows.day_count,
            currency=flows.currency,
        )
        return cls(flows, annual_rate, opening, rows)

    def interest_until(self, day: date) -> Decimal:
        """All interest for the days before `day`: whole rows, and of the one under way its days."""
        earned, balance, since = NOTHING, self.opening.total, self.flows.since
        for row in self.rows:
            due_on = row.due_on or self.flows.ends_on
            if due_on > day:
                with precisely():
                    growth = 1 / discount_factor(
                        rate=self.annual_rate, since=since, on=day, convention=self.flows.day_count
                    )
                    part = round_minor(decimal(balance) * (growth - 1), self.flows.currency)
                return earned + part if day > since else earned
            earned, balance, since = earned + row.interest, row.balance, due_on
        return earned

    def residual_interest_until(self, day: date) -> Decimal:
        """The part of it by which the unguaranteed residual grows up to what is expected."""
        if day >= self.flows.ends_on:
            return self.flows.unguaranteed - self.opening.unguaranteed_residual
        left = self.flows.unguaranteed * _worth(self.flows, self.annual_rate, self.flows.ends_on, since=day)
        return round_minor(left, self.flows.currency) - self.opening.unguaranteed_residual


def round_rate(rate: Decimal) -> Decimal:
    """As a rate is kept."""
    return round(rate, RATE_PLACES)


def _worth(flows: Flows, rate: Decimal, on: date, *, since: date | None = None) -> Decimal:
    return discount_factor(rate=rate, since=since or flows.since, on=on, convention=flows.day_count)
