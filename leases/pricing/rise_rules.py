"""How a price follows a percentage or an index, and when its rise may hold. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from haas.money import round_places, round_price

CHANGE_PLACES = 6  # of a percentage that an index gives
CHANGE_MAX = Decimal(100)


def change_by_index(*, base: Decimal, now: Decimal) -> Decimal:
    """The change of an index in per cent of its base, to six places: 118.4 after 112.0 is 5.714286.

    :raises ValueError: if either value is not positive.
    """
    if base <= 0 or now <= 0:
        raise ValueError("an index is positive")
    return round_places((Fraction(now) / Fraction(base) - 1) * 100, CHANGE_PLACES)


def risen(price: Decimal, *, change_pct: Decimal, currency: str) -> Decimal:
    """A price after the change, to the minor unit; a price that was finer stays fine."""
    risen_to = Fraction(price) * (100 + Fraction(change_pct)) / 100
    return round_price(risen_to, like=price, currency=currency)


def latest_announcement(effective_on: date, *, notice_days: int) -> date:
    """The last day on which a change may be announced."""
    return effective_on - timedelta(days=notice_days)
