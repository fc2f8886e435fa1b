"""Cost, residual, term and yield -> rent; and back from a rent to its yield. Pure.

payment = (cost - PV(residual)) / annuity; the implicit rate is the IRR of what the hardware is worth
(paid), the rents and the residual (received).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from haas.money import Number, allocate, round_minor
from leases.finance.numbers import decimal, precisely
from leases.finance.rates import Compounding, annual_rate, periodic_rate
from leases.finance.time_value import interest_rate, internal_rate, level_payment, net_present_value
from leases.terms import Timing


@dataclass(frozen=True, slots=True)
class Deal:
    """The hardware and how its rent is paid; `residual` is what it should be worth after the term."""

    cost: Decimal
    residual: Decimal
    term_months: int
    currency: str
    interval_months: int = 1
    timing: Timing = Timing.ADVANCE

    def __post_init__(self) -> None:
        """Refuse a deal that has no rent."""
        if self.cost <= 0:
            raise ValueError(f"cost {self.cost} is not positive")
        if self.residual < 0:
            raise ValueError(f"residual value {self.residual} is negative")
        if self.interval_months < 1 or self.term_months < 1 or self.term_months % self.interval_months:
            raise ValueError(f"{self.term_months} months are no whole periods of {self.interval_months}")

    @property
    def periods(self) -> int:
        """How many rents are paid."""
        return self.term_months // self.interval_months


def rent_for(deal: Deal, *, annual_yield: Number, compounding: Compounding) -> Decimal:
    """The rent of one period at which the deal yields so much per annum, to the minor unit."""
    rate = periodic_rate(annual_yield, months=deal.interval_months, compounding=compounding)
    return round_minor(exact_rent(deal, rate=rate), deal.currency)


def exact_rent(deal: Deal, *, rate: Number) -> Decimal:
    """The same at the rate of one period, before rounding."""
    return -level_payment(
        rate=rate, periods=deal.periods, present=deal.cost, future=-deal.residual, timing=deal.timing
    )


@dataclass(frozen=True, slots=True)
class Yield:
    """What a rent brings: the implicit rate of one period, and both ways to state it per annum."""

    periodic: Decimal
    nominal: Decimal
    effective: Decimal

    def per_annum(self, compounding: Compounding) -> Decimal:
        """The rate per annum by the named convention."""
        return self.nominal if compounding is Compounding.NOMINAL else self.effective


def yield_of(deal: Deal, *, rent: Decimal) -> Yield:
    """The yield of a rent. It is negative where rents and residual do not bring back the cost.

    :raises NoRate: if nothing comes back at all.
    """
    periodic = interest_rate(
        periods=deal.periods, payment=rent, present=-deal.cost, future=deal.residual, timing=deal.timing
    )
    return Yield(
        periodic=periodic,
        nominal=annual_rate(periodic, months=deal.interval_months, compounding=Compounding.NOMINAL),
        effective=annual_rate(periodic, months=deal.interval_months, compounding=Compounding.EFFECTIVE),
    )


def lease_rate_factor(*, rent: Number, cost: Number) -> Decimal:
    """The rent of one period for each 1 of cost: what a rate card quotes."""
    with precisely():
        return decimal(rent) / decimal(cost)


def flows_of(
    payments: Sequence[Number], *, residual: Number, timing: Timing, at_start: Number = 0
) -> list[Number]:
    """One flow a period: `at_start`, then the payments by their timing, the residual at the end."""
    flows: list[Number] = [Decimal(0)] * (len(payments) + 1)
    first = 0 if timing is Timing.ADVANCE else 1
    for number, payment in enumerate(payments, start=first):
        flows[number] = payment
    flows[0] = decimal(flows[0]) + decimal(at_start)
    flows[-1] = decimal(flows[-1]) + decimal(residual)
    return flows


def implicit_rate(
    payments: Sequence[Number],
    *,
    fair_value: Number,
    residual: Number,
    timing: Timing,
    initial_direct_costs: Number = 0,
) -> Decimal:
    """The rate implicit in a lease (IFRS 16, ASC 842): that of one period in a row of rents, which may step.

    :param residual: guaranteed and unguaranteed together.
    :param initial_direct_costs: those that are deferred; where they are expensed (a sales-type lease with
        a selling profit), none.
    :raises NoRate: if nothing comes back.
    """
    at_start = -(decimal(fair_value) + decimal(initial_direct_costs))
    return internal_rate(flows_of(payments, residual=residual, timing=timing, at_start=at_start))


def value_of_payments(
    payments: Sequence[Number], *, rate: Number, residual: Number = 0, timing: Timing
) -> Decimal:
    """What rents, and an amount at their end, are worth at commencement."""
    return net_present_value(flows_of(payments, residual=residual, timing=timing), rate=rate)


def split_by_standalone_price(
    price: Decimal, standalone: Mapping[str, Number], *, currency: str
) -> dict[str, Decimal]:
    """Share a bundle's price by what each component costs alone (ASC 606-10-32-31, IFRS 15.76).

    Hardware is a lease, services are not: the parts add up to the price to the minor unit.

    :raises ValueError: if no component has a price, or one is negative.
    """
    shares = allocate(price, list(standalone.values()), currency=currency)
    return dict(zip(standalone, shares, strict=True))
