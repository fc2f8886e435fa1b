"""A lessor's net investment in a lease, row by row: receivable, residual and interest on both. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from haas.money import Number, round_minor
from leases.finance.dated import discount_factor
from leases.finance.numbers import decimal, precisely
from leases.finance.pricing import value_of_payments
from leases.terms import Timing

NOTHING = Decimal(0)
Moment = TypeVar("Moment", int, date)  # a period counted from commencement, or a day


@dataclass(frozen=True, slots=True)
class NetInvestmentRow:
    """One payment, which is interest and principal; `period` counts from 0, the day of commencement."""

    period: int
    payment: Decimal
    interest: Decimal
    principal: Decimal
    balance: Decimal  # after it
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class NetInvestment:
    """What the lessor's asset consists of at commencement, each at present value."""

    lease_receivable: Decimal  # the rents, and what is guaranteed of the residual
    unguaranteed_residual: Decimal

    @property
    def total(self) -> Decimal:
        """Both together: what interest is earned on."""
        return self.lease_receivable + self.unguaranteed_residual


def net_investment(
    payments: Sequence[Number],
    *,
    rate: Number,
    timing: Timing,
    currency: str,
    guaranteed: Number = 0,
    unguaranteed: Number = 0,
) -> NetInvestment:
    """The net investment at the rate of one period: rents, guaranteed and unguaranteed residual discounted.

    The whole is rounded, then the receivable; the residual is the difference, so that both add up.
    """
    receivable = value_of_payments(payments, rate=rate, residual=guaranteed, timing=timing)
    whole = value_of_payments(
        payments, rate=rate, residual=decimal(guaranteed) + decimal(unguaranteed), timing=timing
    )
    rounded = round_minor(receivable, currency)
    return NetInvestment(rounded, round_minor(whole, currency) - rounded)


def net_investment_schedule(
    payments: Sequence[Decimal],
    *,
    opening: Decimal,
    rate: Number,
    residual: Decimal,
    timing: Timing,
    currency: str,
) -> list[NetInvestmentRow]:
    """Interest on what is outstanding, payment by payment, until nothing is (the effective interest method).

    In advance the first payment, on the day of commencement, bears no interest. The residual comes back
    one period after the last payment in advance, together with it in arrears: a row of its own. Interest
    is rounded each period; the last of it takes what rounding left, so that the balance ends at zero.

    :param opening: the net investment at commencement.
    :param residual: what is expected at the end, guaranteed or not.
    """
    first = 0 if timing is Timing.ADVANCE else 1
    flows = [(period, payment) for period, payment in enumerate(payments, start=first)]
    if residual:
        flows.append((len(payments), residual))  # in periods from commencement, for both timings

    def interest_on(balance: Decimal, before: int, period: int) -> Decimal:
        return round_minor(decimal(balance) * decimal(rate), currency) if period > before else NOTHING

    earned = _earned(flows, since=0, opening=opening, interest_on=interest_on)
    return [
        NetInvestmentRow(period, payment, interest, payment - interest, balance)
        for (period, payment), (interest, balance) in zip(flows, earned, strict=True)
    ]


def dated_net_investment_schedule(
    flows: Sequence[tuple[date, Decimal]],
    *,
    opening: Decimal,
    since: date,
    annual_rate: Number,
    convention: str,
    currency: str,
) -> list[NetInvestmentRow]:
    """The same by actual dates: interest for the days between payments, at an effective rate a year.

    :param flows: rents and residual by their due days, oldest first.
    :param since: when the opening net investment was outstanding.
    :param convention: the day count by which days are part of a year.
    """

    def interest_on(balance: Decimal, before: date, day: date) -> Decimal:
        worth = discount_factor(rate=annual_rate, since=before, on=day, convention=convention)
        with precisely():
            return round_minor(decimal(balance) * (1 / worth - 1), currency)

    earned = _earned(flows, since=since, opening=opening, interest_on=interest_on)
    return [
        NetInvestmentRow(at, payment, interest, payment - interest, balance, day)
        for at, ((day, payment), (interest, balance)) in enumerate(zip(flows, earned, strict=True))
    ]


def _earned(
    flows: Sequence[tuple[Moment, Decimal]],
    *,
    since: Moment,
    opening: Decimal,
    interest_on: Callable[[Decimal, Moment, Moment], Decimal],
) -> list[tuple[Decimal, Decimal]]:
    """The interest in each flow and the balance after it; the last with time before it takes the rounding."""
    befores = [since] + [moment for moment, _ in flows]
    plugged = max((at for at, (moment, _) in enumerate(flows) if moment > befores[at]), default=None)
    earned: list[tuple[Decimal, Decimal]] = []
    balance = opening
    for at, (moment, payment) in enumerate(flows):
        if at == plugged:
            interest = sum((later for _, later in flows[at:]), NOTHING) - balance
        else:
            interest = interest_on(balance, befores[at], moment)
        balance += interest - payment
        earned.append((interest, balance))
    return earned


@dataclass(frozen=True, slots=True)
class SellingProfit:
    """What a lessor books at commencement, when the asset leaves its books."""

    revenue: Decimal  # the lesser of fair value and receivable
    cost_of_goods: Decimal  # the carrying amount less the unguaranteed residual, which stays
    profit: Decimal


def selling_profit(
    investment: NetInvestment, *, fair_value: Decimal, carrying_amount: Decimal
) -> SellingProfit:
    """The profit or loss of handing an asset over for good (ASC 842-30-30-1 and 25-8; IFRS 16.71).

    A sales-type lease books it at once. A direct financing lease defers a profit into its interest, and
    books a loss at once.
    """
    revenue = min(fair_value, investment.lease_receivable)
    cost = carrying_amount - investment.unguaranteed_residual
    return SellingProfit(revenue, cost, revenue - cost)


@dataclass(frozen=True, slots=True)
class LiabilityRow:
    """A period of what a lessee owes: it opens, bears interest, and is paid by the timing."""

    period: int  # from 1
    opening: Decimal
    interest: Decimal
    payment: Decimal
    closing: Decimal


def liability_schedule(
    payments: Sequence[Number], *, opening: Number, rate: Number, timing: Timing
) -> list[LiabilityRow]:
    """A lessee's liability by the effective interest method, unrounded (IFRS 16.36).

    In advance a payment comes before its period's interest; in arrears after it.
    """
    rows = []
    with precisely():
        balance, share = decimal(opening), decimal(rate)
        for period, payment in enumerate(payments, start=1):
            paid = decimal(payment)
            base = balance - paid if timing is Timing.ADVANCE else balance
            interest = base * share
            rows.append(LiabilityRow(period, balance, interest, paid, balance + interest - paid))
            balance += interest - paid
    return rows
