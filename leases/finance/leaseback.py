"""Hardware sold to a funder and leased back: what is a sale, what is borrowed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from haas.money import Number
from leases.finance.numbers import decimal, precisely


@dataclass(frozen=True, slots=True)
class Leaseback:
    """What a seller keeps and books, unrounded (IFRS 16.100 and 101)."""

    additional_financing: Decimal  # paid above fair value: borrowed; below zero it is rent paid ahead
    lease_liability: Decimal  # what is owed for the use, without what was borrowed
    right_of_use: Decimal  # the part of the carrying amount that the seller keeps the use of
    gain: Decimal  # on the part that passed to the buyer; below zero a loss


def sale_and_leaseback(
    *, price: Number, fair_value: Number, carrying_amount: Number, payments_value: Number
) -> Leaseback:
    """Split a sale by how much of the asset's use comes back.

    :param payments_value: the present value of all payments to the buyer.
    :raises ValueError: for an asset without value.
    """
    if fair_value <= 0:
        raise ValueError("the fair value is positive")
    with precisely():
        borrowed = decimal(price) - decimal(fair_value)
        liability = decimal(payments_value) - borrowed
        kept = liability / decimal(fair_value)
        carrying = decimal(carrying_amount)
        return Leaseback(
            additional_financing=borrowed,
            lease_liability=liability,
            right_of_use=carrying * kept,
            gain=(decimal(fair_value) - carrying) * (1 - kept),
        )
