"""Terms of payment: when an invoice is due, and what paying early takes off. Values; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from haas.calendar import add_months
from haas.errors import InvalidInput

DISCOUNT_PCT_MAX = Decimal(50)
_HUNDREDTH = Decimal("0.01")  # the e-invoice's percentage has two digits (XRechnung BR-DE-18)


class TermsKind(StrEnum):
    """How the due day follows from the day of issue."""

    DAYS = "days"  # n days after issue
    END_OF_MONTH = "end_of_month"  # the end of the month of issue, and n days
    DAY_OF_NEXT_MONTH = "day_of_next_month"  # the n-th of the month after the month of issue


@dataclass(frozen=True, slots=True, order=True)
class DiscountStep:
    """So many per cent off for who pays within so many days of issue."""

    days: int
    percent: Decimal


@dataclass(frozen=True, slots=True, order=True)
class PaymentTerms:
    """A kind and its number; and the discounts for early payment, the shortest time first."""

    kind: TermsKind = TermsKind.DAYS
    number: int = 14
    discounts: tuple[DiscountStep, ...] = ()

    def check(self) -> PaymentTerms:
        """The same terms.

        :raises InvalidInput: for a number that the kind has not.
        """
        low, high = (1, 31) if self.kind is TermsKind.DAY_OF_NEXT_MONTH else (0, 365)
        if not low <= self.number <= high:
            raise InvalidInput(f"Give a number from {low} to {high}.", field="payment_terms_days")
        return self


def due_on(terms: PaymentTerms, issued_on: date) -> date:
    """The last day on which payment is in time. A 31st that a month has not is its last day."""
    if terms.kind is TermsKind.DAYS:
        return issued_on + timedelta(days=terms.number)
    next_month = add_months(issued_on.replace(day=1), 1)
    if terms.kind is TermsKind.END_OF_MONTH:
        return next_month - timedelta(days=1) + timedelta(days=terms.number)
    last = add_months(next_month, 1) - timedelta(days=1)
    return min(next_month + timedelta(days=terms.number - 1), last)


class OffersDiscounts(Protocol):
    """Who has up to two discounts for early payment: a partner, or a client of its own."""

    early_discount_days: int | None
    early_discount_pct: Decimal | None
    second_discount_days: int | None
    second_discount_pct: Decimal | None


# The fields of the two steps: days, percent.
DISCOUNT_FIELDS = (
    ("early_discount_days", "early_discount_pct"),
    ("second_discount_days", "second_discount_pct"),
)


def own_discounts(holder: OffersDiscounts) -> tuple[DiscountStep, ...] | None:
    """The steps that stand on the holder; none where it says nothing, no step where it says 0 per cent."""
    told = [
        DiscountStep(days, percent)
        for days, percent in (
            (holder.early_discount_days, holder.early_discount_pct),
            (holder.second_discount_days, holder.second_discount_pct),
        )
        if days is not None and percent is not None
    ]
    return tuple(step for step in told if step.percent) if told else None


def discounts_of(client: OffersDiscounts, partner: OffersDiscounts) -> tuple[DiscountStep, ...]:
    """The client's own steps, else the partner's."""
    own = own_discounts(client)
    return (own_discounts(partner) or ()) if own is None else own


def check_discounts(steps: Sequence[tuple[int | None, Decimal | None]]) -> None:
    """Refuse steps that are no offer: half given, or a longer time that takes off no less.

    :param steps: days and percent of the first and the second step; None and None is no step.
    :raises InvalidInput: naming the field.
    """
    for (days, percent), (days_field, percent_field) in zip(steps, DISCOUNT_FIELDS, strict=True):
        if (days is None) != (percent is None):
            raise InvalidInput(
                "Give both the days and the percentage of a discount, or neither.",
                field=days_field if days is None else percent_field,
            )
        if days is None or percent is None:
            continue
        if not 0 <= days <= 365:
            raise InvalidInput("Choose 0 to 365 days.", field=days_field)
        if not 0 <= percent <= DISCOUNT_PCT_MAX or percent != percent.quantize(_HUNDREDTH):
            raise InvalidInput(
                f"Choose 0 to {DISCOUNT_PCT_MAX} %, with two decimals at most.", field=percent_field
            )
    (first_days, first_pct), (second_days, second_pct) = steps
    if second_days is None or second_pct is None:
        return
    if first_days is None or first_pct is None:
        raise InvalidInput("Give the first discount before the second.", field=DISCOUNT_FIELDS[0][0])
    if second_days <= first_days:
        raise InvalidInput("The second discount lasts longer than the first.", field=DISCOUNT_FIELDS[1][0])
    if not 0 < second_pct < first_pct:
        raise InvalidInput("The second discount is less than the first.", field=DISCOUNT_FIELDS[1][1])
