"""What leaving before the end of the term costs, by the policy of the agreement. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from haas.calendar import whole_months
from haas.errors import InvalidInput
from haas.money import round_minor
from leases.schedule import RentKind, RentPayment, rent_due
from leases.terms import LeaseTerms

NOTHING = Decimal(0)


class Policy(StrEnum):
    """What is owed for the rest of the term."""

    NONE = "none"
    REMAINING_RENTS = "remaining_rents"  # a percent of them
    PRESENT_VALUE = "present_value"  # of rents and booked residual value, less what the device is worth
    DECLINING = "declining"  # a percent of the remaining rents that falls by the month of the term


@dataclass(frozen=True, slots=True)
class Rule:
    """What an agreement says. `steps`: (month of the term from which, percent), the first from month 1.

    `discount_pct` is nominal, a year, compounded monthly; a rent is discounted by the whole months from
    the return to the day on which it would have fallen due.
    """

    policy: Policy = Policy.NONE
    pct: Decimal = NOTHING
    discount_pct: Decimal = NOTHING
    steps: tuple[tuple[int, Decimal], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a rule that nobody could reckon with, naming the field."""
        if not 0 <= self.pct <= 100:
            raise InvalidInput("A percent of the remaining rents is 0 to 100.", field="early_return_pct")
        if not 0 <= self.discount_pct <= 100:
            raise InvalidInput("The discount is 0 to 100 percent a year.", field="early_return_discount_pct")
        months = [month for month, _pct in self.steps]
        if self.policy is Policy.DECLINING and (not months or months[0] != 1):
            raise InvalidInput("The table begins with month 1.", field="early_return_steps")
        if months != sorted(set(months)) or any(not 0 <= pct <= 100 for _month, pct in self.steps):
            raise InvalidInput(
                "Each row has a later month than the one before, and 0 to 100 percent.",
                field="early_return_steps",
            )


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a line would have gone on to owe within the base term, if it did not end."""

    rents: Sequence[tuple[date, Decimal]]  # due day and amount, oldest first
    commences_on: date
    ends_on: date  # exclusive
    currency: str
    residual_value: Decimal = NOTHING
    fair_market_value: Decimal = NOTHING

    @property
    def remaining(self) -> Decimal:
        """The sum of the rents."""
        return sum((amount for _day, amount in self.rents), NOTHING)


def charge(rule: Rule, leaving: Leaving, *, on: date) -> Decimal:
    """What is owed for ending on that day, exclusive; nothing once the term is over. Rounded once.

    12 rents of 100.00 remain. 50 percent of them: 600.00. By 40 percent from month 13 on: 480.00.
    """
    if on >= leaving.ends_on or not leaving.remaining:
        return NOTHING
    if rule.policy is Policy.REMAINING_RENTS:
        return round_minor(Fraction(leaving.remaining) * Fraction(rule.pct) / 100, leaving.currency)
    if rule.policy is Policy.DECLINING:
        pct = _declining_pct(rule, month=whole_months(leaving.commences_on, on) + 1)
        return round_minor(Fraction(leaving.remaining) * Fraction(pct) / 100, leaving.currency)
    if rule.policy is Policy.PRESENT_VALUE:
        worth = _present_value(rule, leaving, on=on) - Fraction(leaving.fair_market_value)
        return round_minor(max(Fraction(0), worth), leaving.currency)
    return NOTHING


@dataclass(frozen=True, slots=True)
class TableRow:
    """What leaving in a month of the term costs, if the line ends on the month's first day."""

    month: int  # 1 is the first
    start: date
    charge: Decimal


def table(
    rule: Rule,
    terms: LeaseTerms,
    *,
    line_start: date,
    residual_value: Decimal = NOTHING,
    values: Sequence[Decimal] = (),
) -> list[TableRow]:
    """The charge of every month of the term, to be printed beforehand.

    :param values: what the device is expected to be worth, month by month; left out, it counts as nothing
        and a charge by present value is the most that can be owed.
    """
    rows = []
    day, month = terms.commences_on, 1
    while day < terms.base_end:
        left = Leaving(
            rents=rents_given_up(terms, terms, line_start=line_start, line_end=None, on=day),
            commences_on=terms.commences_on,
            ends_on=terms.base_end,
            currency=terms.currency,
            residual_value=residual_value,
            fair_market_value=values[month - 1] if month <= len(values) else NOTHING,
        )
        rows.append(TableRow(month, day, charge(rule, left, on=day)))
        day, month = terms.after_months(month), month + 1
    return rows


def rents_given_up(
    before: LeaseTerms, after: LeaseTerms, *, line_start: date, line_end: date | None, on: date
) -> list[tuple[date, Decimal]]:
    """What a line no longer owes within the base term it had, once it ends (or shrinks) on that day.

    :param after: the terms that hold from then on; the same as `before` where the line ends.
    """
    ends = before is after
    kept = _within(before, after, line_start, on if ends else line_end)
    return [
        (payment.due_on, amount)
        for payment in _within(before, before, line_start, line_end).values()
        if (amount := payment.amount - _amount(kept, payment)) > 0
    ]


def _within(
    whole: LeaseTerms, terms: LeaseTerms, line_start: date, line_end: date | None
) -> dict[tuple[RentKind, date], RentPayment]:
    end = whole.base_end if line_end is None else min(line_end, whole.base_end)
    return {
        (payment.kind, payment.period_start): payment
        for payment in rent_due(terms, line_start, end, whole.base_end)
    }


def _amount(kept: dict[tuple[RentKind, date], RentPayment], payment: RentPayment) -> Decimal:
    found = kept.get((payment.kind, payment.period_start))
    return found.amount if found else NOTHING


def _declining_pct(rule: Rule, *, month: int) -> Decimal:
    return max((step for step in rule.steps if step[0] <= month), key=lambda step: step[0])[1]


def _present_value(rule: Rule, leaving: Leaving, *, on: date) -> Fraction:
    growth = 1 + Fraction(rule.discount_pct) / 1200
    ahead = [*leaving.rents, (leaving.ends_on, leaving.residual_value)]
    return sum(
        (Fraction(amount) / growth ** whole_months(on, day) for day, amount in ahead),
        Fraction(0),
    )
