"""Part of a period -> part of its rent. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from haas.calendar import Period
from haas.money import Number, round_minor
from leases.daycount import days_30e_360
from leases.terms import Proration

_ALL = Fraction(1)  # to make one takes longer than all else that is done to a period


@dataclass(frozen=True, slots=True)
class Share:
    """What part of a period's rent is owed: `days` of `basis_days` as they are counted and printed."""

    days: int
    basis_days: int
    fraction: Fraction


def prorate(part: Period, whole: Period, rule: Proration = Proration.ACTUAL_PERIOD) -> Share:
    """The share of the rent of `whole` that is owed for `part` of it.

    Both are half-open, so the first day and the last used day both count. The days of several parts of
    one period add up to those of the period under both day rules, so nothing is lost at a cut. A month
    of 30 days counts as 30E/360 does (its 31st costs nothing more, the end of February what is missing).

    :raises ValueError: if `part` does not lie within `whole`.
    """
    if not whole.start <= part.start <= part.end <= whole.end or not whole.days:
        raise ValueError(f"{part} does not lie within {whole}")
    if rule is Proration.THIRTY_DAY:
        days, basis = (
            days_30e_360(part.start, part.end),
            days_30e_360(whole.start, whole.end),
        )
        return Share(days, basis, _ALL if part == whole else Fraction(days, basis))
    if part == whole:
        return Share(part.days, part.days, _ALL)
    fraction = Fraction(part.days, whole.days)
    if rule is Proration.WHOLE:
        fraction = Fraction(bool(part.days))
    elif rule is Proration.NONE:
        fraction = Fraction(0)
    return Share(part.days, whole.days, fraction)


def whole_days(whole: Period, rule: Proration) -> int:
    """The days of a whole period as the rule counts them."""
    return days_30e_360(whole.start, whole.end) if rule is Proration.THIRTY_DAY else whole.days


def prorated_amount(
    amount: Number,
    part: Period,
    whole: Period,
    *,
    currency: str,
    rule: Proration = Proration.ACTUAL_PERIOD,
) -> Decimal:
    """What `part` of the period `whole` costs when the whole costs `amount`, rounded once."""
    return round_minor(Fraction(amount) * prorate(part, whole, rule).fraction, currency)


@dataclass(frozen=True, slots=True)
class ReturnCredit:
    """What is owed of a period that was billed ahead, and what goes back."""

    owed: Decimal
    credit: Decimal


def return_credit(
    billed: Period,
    *,
    returned_on: date,
    amount: Decimal,
    whole: Period,
    rule: Proration,
    currency: str,
) -> ReturnCredit:
    """Credit = what was invoiced less what should have been, for a return during a billed period.

    The day of return is the last day owed. `amount` was billed for `billed`, which lies in the anchored
    period `whole`. The credit is the difference, so that both add up to the amount.
    """
    used = Period(billed.start, min(max(billed.start, returned_on + date.resolution), billed.end))
    full = prorate(billed, whole, rule).fraction
    owed = (
        round_minor(Fraction(amount) * prorate(used, whole, rule).fraction / full, currency)
        if full
        else Decimal(0)
    )
    return ReturnCredit(owed=owed, credit=amount - owed)


@dataclass(frozen=True, slots=True)
class PriceChange:
    """The two lines of a change during a period that was billed ahead: `net` is what to bill or give back."""

    credit: Decimal
    debit: Decimal

    @property
    def net(self) -> Decimal:
        """The sum of both lines."""
        return self.credit + self.debit


def price_change(*, old: Number, new: Number, elapsed: Fraction, currency: str) -> PriceChange:
    """Credit the unused part at the old price (negative), charge it at the new one.

    `elapsed` is the part of the period that has passed at the change (Stripe's two visible lines).

    :raises ValueError: if `elapsed` is outside 0..1.
    """
    if not 0 <= elapsed <= 1:
        raise ValueError(f"elapsed fraction {elapsed} is outside 0..1")
    unused = 1 - elapsed
    return PriceChange(
        credit=-round_minor(Fraction(old) * unused, currency),
        debit=round_minor(Fraction(new) * unused, currency),
    )
