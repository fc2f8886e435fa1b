"""What a lost device costs, month by month of its lease. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from haas.calendar import add_months
from haas.money import round_minor
from leases.ends.policy import EndPolicy, LossBasis
from leases.ends.values import months_between, pct_at


@dataclass(frozen=True, slots=True)
class Insured:
    """One device's place on a lease: what is still to come for it."""

    cost: Decimal
    residual_value: Decimal
    currency: str
    starts_on: date
    ends_on: date  # exclusive
    rents: Sequence[tuple[date, Decimal]]  # due day and amount, net


@dataclass(frozen=True, slots=True)
class LossValue:
    """What is owed if the device is lost from `start` on, up to the next row's."""

    month: int  # 0 is the first
    start: date
    amount: Decimal


def loss_table(place: Insured, *, policy: EndPolicy) -> list[LossValue]:
    """The stipulated loss value of every month of the term, and of the time after it."""
    months = months_between(place.starts_on, place.ends_on)
    if add_months(place.starts_on, months) < place.ends_on:
        months += 1
    rows = [add_months(place.starts_on, month) for month in range(months)] + [place.ends_on]
    return [LossValue(month, start, _value(place, start, policy)) for month, start in enumerate(rows)]


def loss_value(place: Insured, *, lost_on: date, policy: EndPolicy) -> LossValue:
    """The row that holds on the day of the loss; before the first day the first."""
    rows = loss_table(place, policy=policy)
    return max((row for row in rows if row.start <= lost_on), key=lambda row: row.month, default=rows[0])


def _value(place: Insured, start: date, policy: EndPolicy) -> Decimal:
    """By the curve, a percent of cost; else what is still to come, each month discounted by a twelfth.

    1,200 of cost with 100 of residual value, two rents of 50 ahead (now and in one month), 12 percent a
    year: 50 + 50/1.01 + 100/1.01^2 = 197.53.
    """
    if policy.loss_basis == LossBasis.CURVE:
        month = months_between(place.starts_on, start)
        return round_minor(Fraction(place.cost) * pct_at(policy.loss_curve, month) / 100, place.currency)
    factor = 1 + Fraction(policy.loss_discount_pct) / 1200
    ahead = [(due_on, amount) for due_on, amount in place.rents if due_on >= start]
    ahead.append((max(place.ends_on, start), place.residual_value))
    worth = sum(
        (Fraction(amount) / factor ** months_between(start, due_on) for due_on, amount in ahead), Fraction(0)
    )
    return round_minor(worth, place.currency)
