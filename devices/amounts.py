"""Amounts of money as people type them, checked before they are kept."""

from __future__ import annotations

from decimal import Decimal

from haas.errors import InvalidInput
from haas.money import round_minor


def checked_amount(amount: Decimal, currency: str, *, field: str) -> Decimal:
    """An amount of money that can be posted: not negative, whole minor units of `currency`.

    :raises InvalidInput: if it is not, or if the currency is not known.
    """
    if not amount.is_finite():
        raise InvalidInput("Give a number.", field=field)
    try:
        rounded = round_minor(amount, currency)
    except ValueError as unknown:
        raise InvalidInput(f"{currency} is not a currency that is known here.", field="currency") from unknown
    if amount < 0 or amount != rounded or amount >= Decimal(10) ** 12:
        raise InvalidInput(f"Give an amount of 0 or more in whole minor units of {currency}.", field=field)
    return rounded
