"""What a lost device costs, month by month of its lease. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from haas.calendar import add_months, whole_months
from haas.money import round_minor
from leases.ends.policy import EndPolicy, LossBasis
from leases.ends.values import pct_at


@dataclass(frozen=True, slots=True)
class Rent:
    """One payment still to come: the period it is for begins on `period_start`."""

    period_start: date
    due_on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Insured:
    """One device's place on a lease: what is still to come for it."""

    cost: Decimal
    residual_value: Decimal
    currency: str
    starts_on: date
    ends_on: date  # exclusive
    rents: Sequence[Rent]


@dataclass(frozen=True, slots=True)
class LossValue:
    """What is owed if the device is lost from `start` on, up to the next row's.

    The rent of the period that has the day is owed as rent: the line ends on `rent_until`, exclusive. After
    the term rent stops with the day of the loss, and `rent_until` is none.
    """

    month: int  # 0 is the first
    start: date
    amount: Decimal
    rent_until: date | None


def loss_table(place: Insured, *, policy: EndPolicy) -> list[LossValue]:
    """The stipulated loss value of every month of the term, and of the time after it."""
    months = whole_months(place.starts_on, place.ends_on)
    if add_months(place.starts_on, months) < place.ends_on:
        months += 1
    starts = [*(add_months(place.starts_on, month) for month in range(months)), place.ends_on]
    rows = [_row(month, *around, place, policy) for month, around in enumerate(pairwise(starts))]
    return [*rows, LossValue(months, place.ends_on, _value(place, place.ends_on, [], policy), None)]


def loss_value(place: Insured, *, lost_on: date, policy: EndPolicy) -> LossValue:
    """The row that holds on the day of the loss; before the first day the first."""
    rows = loss_table(place, policy=policy)
    return max((row for row in rows if row.start <= lost_on), key=lambda row: row.month, default=rows[0])


def _row(month: int, start: date, following: date, place: Insured, policy: EndPolicy) -> LossValue:
    ahead = [rent for rent in place.rents if rent.period_start >= following]
    rent_until = min((rent.period_start for rent in ahead), default=place.ends_on)
    return LossValue(month, start, _value(place, start, ahead, policy), rent_until)


def _value(place: Insured, start: date, ahead: Sequence[Rent], policy: EndPolicy) -> Decimal:
    """By the curve, a percent of cost; else what is still to come, each month discounted by a twelfth.

    100 of residual value in two months and a rent of 50 in one, at 12 percent a year: 50/1.01 + 100/1.01^2
    is 147.53.
    """
    if policy.loss_basis == LossBasis.CURVE:
        month = whole_months(place.starts_on, start)
        return round_minor(Fraction(place.cost) * pct_at(policy.loss_curve, month) / 100, place.currency)
    factor = 1 + Fraction(policy.loss_discount_pct) / 1200
    residual = Fraction(place.residual_value) / factor ** whole_months(start, place.ends_on)
    rents = (Fraction(rent.amount) / factor ** whole_months(start, rent.due_on) for rent in ahead)
    return round_minor(sum(rents, residual), place.currency)
