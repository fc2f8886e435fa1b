"""A lessor's net investment in a lease, row by row: receivable, residual and interest on both. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from haas.money import Number, round_minor
from leases.finance.dated import discount_factor
from leases.finance.numbers import decimal, precisely
from leases.finance.pricing import value_of_payments
from leases.terms import Timing

NOTHING = Decimal(0)


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
    due_on: Sequence[date] = (),
) -> list[NetInvestmentRow]:
    """Interest on what is outstanding, payment by payment, until nothing is (the effective interest method).

    In advance the first payment, on the day of commencement, bears no interest. The residual comes back
    one period after the last payment in advance, together with it in arrears: a row of its own. Interest
    is rounded each period; the last of it takes what rounding left, so that the balance ends at zero.

    :param opening: the net investment at commencement.
    :param residual: what is expected at the end, guaranteed or not.
    :param due_on: the dates of periods 0, 1, 2 …, if they are known.
    """
    first = 0 if timing is Timing.ADVANCE else 1
    flows = [(period, payment) for period, payment in enumerate(payments, start=first)]
    end = len(payments)  # in periods from commencement, for both timings
    if residual:
        flows.append((end, residual))
    # The last flow that has time before it takes the rounding.
    plugged = max((index for index, (period, _) in enumerate(flows) if _bears(flows, index)), default=None)
    rows: list[NetInvestmentRow] = []
    balance = opening
    for index, (period, payment) in enumerate(flows):
        interest = (
            round_minor(decimal(balance) * decimal(rate), currency) if _bears(flows, index) else NOTHING
        )
        if index == plugged:
            interest = sum((later for _, later in flows[index:]), NOTHING) - balance
        balance += interest - payment
        rows.append(
            NetInvestmentRow(
                period,
                payment,
                interest,
                payment - interest,
                balance,
                due_on[period] if due_on else None,
            )
        )
    return rows


def _bears(flows: Sequence[tuple[int, Decimal]], index: int) -> bool:
    """Whether a period has passed since the flow before."""
    before = flows[index - 1][0] if index else 0
    return flows[index][0] > before


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
    plugged = max((at for at, (day, _) in enumerate(flows) if _days_before(flows, at, since)), default=None)
    rows: list[NetInvestmentRow] = []
    balance = opening
    for at, (day, payment) in enumerate(flows):
        before = flows[at - 1][0] if at else since
        worth = discount_factor(rate=annual_rate, since=before, on=day, convention=convention)
        with precisely():
            interest = round_minor(decimal(balance) * (1 / worth - 1), currency)
        if at == plugged:
            interest = sum((later for _, later in flows[at:]), NOTHING) - balance
        balance += interest - payment
        rows.append(NetInvestmentRow(at, payment, interest, payment - interest, balance, day))
    return rows


def _days_before(flows: Sequence[tuple[date, Decimal]], at: int, since: date) -> bool:
    return flows[at][0] > (flows[at - 1][0] if at else since)


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
