"""A lease that a finance house pays for: what is owed to it, beside what the client pays. Pure.

The funder advances an amount, discounted at its rate; the partner pays it back in equal payments, and what
the funder bears of the residual value (the balloon) after the term.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from haas.calendar import Period, add_months, end_of_month
from haas.money import round_minor
from leases.finance.net_investment import net_investment_schedule
from leases.finance.numbers import decimal
from leases.finance.pricing import Deal, rent_for, yield_of
from leases.finance.rates import Compounding, periodic_rate
from leases.terms import Timing

NOTHING = Decimal(0)


class Recourse(StrEnum):
    """What the funder may ask of the partner where the client does not pay."""

    NONE = "none"
    LIMITED = "limited"
    FULL = "full"


class TitleHolder(StrEnum):
    """Whose the hardware is while it is funded."""

    FUNDER = "funder"
    PARTNER = "partner"


class SettlementBasis(StrEnum):
    """What is owed when the partner pays the funder back before the term."""

    BALANCE = "balance"  # what is outstanding, with interest to the day
    REMAINING = "remaining"  # every payment that is left, and the balloon, undiscounted


@dataclass(frozen=True, slots=True)
class FundingTerms:
    """What was agreed with the funder; every convention that changes a number is a field.

    `annual_rate` is a share (0.06), by `compounding` the rate of each period. `payment` is what is paid
    each period, to the minor unit: what rounding moves is in the interest of the last one.
    """

    amount: Decimal
    payment: Decimal
    payments: int
    annual_rate: Decimal
    starts_on: date
    currency: str
    compounding: Compounding = Compounding.NOMINAL
    timing: Timing = Timing.ADVANCE
    interval_months: int = 1
    balloon: Decimal = NOTHING
    settlement_basis: SettlementBasis = SettlementBasis.BALANCE
    settlement_fee_pct: Decimal = NOTHING  # of what is outstanding

    @property
    def ends_on(self) -> date:
        """The first day after the term: the balloon falls due."""
        return self.boundary(self.payments)

    def boundary(self, period: int) -> date:
        """The day on which a period begins, counted from 0."""
        return add_months(self.starts_on, period * self.interval_months)


def deal_of(
    *, amount: Decimal, balloon: Decimal, payments: int, interval_months: int, timing: Timing, currency: str
) -> Deal:
    """The advance as a deal of the funder's: it pays the amount, and gets payments and balloon."""
    return Deal(
        cost=amount,
        residual=balloon,
        term_months=payments * interval_months,
        currency=currency,
        interval_months=interval_months,
        timing=timing,
    )


def payment_for(deal: Deal, *, annual_rate: Decimal, compounding: Compounding) -> Decimal:
    """What the partner pays the funder each period at its rate."""
    return rent_for(deal, annual_yield=annual_rate, compounding=compounding)


def rate_of(deal: Deal, *, payment: Decimal, compounding: Compounding) -> Decimal:
    """The rate per annum in a payment that the funder quoted.

    :raises NoRate: if nothing comes back.
    """
    return yield_of(deal, rent=payment).per_annum(compounding)


@dataclass(frozen=True, slots=True)
class FundingRow:
    """One payment to the funder, numbered from 1; the balloon has the number after the last."""

    number: int
    due_on: date
    payment: Decimal
    interest: Decimal
    principal: Decimal
    balance: Decimal  # outstanding after it


def funding_schedule(terms: FundingTerms) -> list[FundingRow]:
    """Every payment to the funder with its interest, until nothing is outstanding."""
    rate = periodic_rate(terms.annual_rate, months=terms.interval_months, compounding=terms.compounding)
    rows = net_investment_schedule(
        [terms.payment] * terms.payments,
        opening=terms.amount,
        rate=rate,
        residual=terms.balloon,
        timing=terms.timing,
        currency=terms.currency,
    )
    return [
        FundingRow(number, terms.boundary(row.period), row.payment, row.interest, row.principal, row.balance)
        for number, row in enumerate(rows, start=1)
    ]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What it takes to be quit with the funder on a day."""

    on: date
    unpaid: Decimal  # payments that fell due by that day and were not made
    outstanding: Decimal  # principal, or all payments that are left, by the terms' basis
    interest: Decimal  # since the last due day
    fee: Decimal

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.unpaid + self.outstanding + self.interest + self.fee


def settle(terms: FundingTerms, *, on: date, paid: frozenset[int] = frozenset()) -> Settlement:
    """What is owed on a day: payments missed, what is outstanding, interest to the day, the fee.

    Interest accrues by days within the period that the day lies in.

    :param paid: the numbers of the payments that were made.
    :raises ValueError: for a day before the funding began.
    """
    if on < terms.starts_on:
        raise ValueError(f"the funding begins on {terms.starts_on}")
    rows = funding_schedule(terms)
    due = [row for row in rows if row.due_on <= on]
    unpaid = sum((row.payment for row in due if row.number not in paid), NOTHING)
    # What was paid ahead of its day is no longer owed.
    ahead = [row for row in rows if row.due_on > on]
    prepaid = sum((row.payment for row in ahead if row.number in paid), NOTHING)
    balance = due[-1].balance if due else terms.amount
    if terms.settlement_basis is SettlementBasis.REMAINING:
        outstanding, interest = sum((row.payment for row in ahead), NOTHING), NOTHING
    else:
        outstanding, interest = balance, _accrued(terms, balance, on=on)
    fee = round_minor(outstanding * terms.settlement_fee_pct / 100, terms.currency)
    return Settlement(on, unpaid, outstanding - prepaid, interest, fee)


def _accrued(terms: FundingTerms, balance: Decimal, *, on: date) -> Decimal:
    period = next(
        (
            Period(terms.boundary(number), terms.boundary(number + 1))
            for number in range(terms.payments)
            if on < terms.boundary(number + 1)
        ),
        None,
    )
    if period is None:
        return NOTHING
    rate = periodic_rate(terms.annual_rate, months=terms.interval_months, compounding=terms.compounding)
    share = decimal(Fraction((on - period.start).days, period.days))
    return round_minor(decimal(balance) * rate * share, terms.currency)


@dataclass(frozen=True, slots=True)
class MarginMonth:
    """A calendar month: what the client owes, what the funder is owed, and what stays; also so far."""

    month: date  # its last day
    rent: Decimal
    to_funder: Decimal
    margin_so_far: Decimal

    @property
    def margin(self) -> Decimal:
        """What stays of this month. In the month of the balloon it is paid from what the hardware brings."""
        return self.rent - self.to_funder


@dataclass(frozen=True, slots=True)
class Margin:
    """Rents beside payments over the whole term, in the months in which they fall due."""

    months: Sequence[MarginMonth] = field(default=())

    @property
    def rent(self) -> Decimal:
        """All that the client owes."""
        return sum((month.rent for month in self.months), NOTHING)

    @property
    def to_funder(self) -> Decimal:
        """All that the funder is owed."""
        return sum((month.to_funder for month in self.months), NOTHING)

    @property
    def total(self) -> Decimal:
        """What stays in the end."""
        return self.rent - self.to_funder


def side_by_side(rents: Mapping[date, Decimal], payments: Mapping[date, Decimal]) -> Margin:
    """What falls due from the client and to the funder, month by month, without a gap."""
    days = [*rents, *payments]
    if not days:
        return Margin()
    month, last = end_of_month(min(days)), end_of_month(max(days))
    rent, owed = _by_month(rents), _by_month(payments)
    months, so_far = [], NOTHING
    while month <= last:
        taken, given = rent.get(month, NOTHING), owed.get(month, NOTHING)
        so_far += taken - given
        months.append(MarginMonth(month, taken, given, so_far))
        month = end_of_month(month, 1)
    return Margin(months)


def _by_month(amounts: Mapping[date, Decimal]) -> dict[date, Decimal]:
    sums: dict[date, Decimal] = {}
    for day, amount in amounts.items():
        month = end_of_month(day)
        sums[month] = sums.get(month, NOTHING) + amount
    return sums
