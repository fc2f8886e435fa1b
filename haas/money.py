"""Rounding to the minor unit, exact splitting, currency exponents."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache

from babel.core import get_global

Number = Decimal | Fraction | int

UNIT_PRICE_PLACES = 6  # as many as a unit price is kept in

# CLDR, and so babel, gives the places *shown* in each country. For these currencies ISO 4217 (list
# one) still counts minor units that nobody mints, and invoices and banks follow ISO 4217.
_ISO_4217_DIFFERS = {
    **dict.fromkeys(
        (
            "AFN",
            "ALL",
            "IRR",
            "KPW",
            "LAK",
            "LBP",
            "MGA",
            "MMK",
            "RSD",
            "SOS",
            "SYP",
            "YER",
        ),
        2,
    ),
    "IQD": 3,
}


@cache
def exponent(currency: str) -> int:
    """How many decimal places the currency's minor unit has: 2 for EUR, 0 for JPY, 3 for KWD (ISO 4217).

    :raises ValueError: if `currency` is not an ISO 4217 code.
    """
    if currency not in get_global("all_currencies"):
        raise ValueError(f"{currency!r} is not an ISO 4217 currency code")
    if currency in _ISO_4217_DIFFERS:
        return _ISO_4217_DIFFERS[currency]
    fractions = get_global("currency_fractions")
    places: int = fractions.get(currency, fractions["DEFAULT"])[0]
    return places


def round_minor(amount: Number, currency: str) -> Decimal:
    """Round to the currency's minor unit; a half goes away from zero: 2.345 EUR is 2.35, -2.345 is -2.35."""
    return round_places(amount, exponent(currency))


def round_places(amount: Number, places: int) -> Decimal:
    """Round to `places` decimal places; a half goes away from zero. Exact for Decimal and Fraction."""
    numerator, denominator = amount.as_integer_ratio()
    return round_ratio(numerator, denominator, places)


def round_price(amount: Number, *, like: Decimal, currency: str) -> Decimal:
    """Round a price that came from the price `like`: to the minor unit, or to six places if that was finer.

    3 per cent on 0.125 a gigabyte is 0.12875 and not 0.13.
    """
    is_finer = round_minor(like, currency) != like
    return round_places(amount, UNIT_PRICE_PLACES if is_finer else exponent(currency))


def round_ratio(numerator: int, denominator: int, places: int) -> Decimal:
    """The same for a ratio of whole numbers, for loops in which building fractions is what takes the time."""
    return _from_units(_half_away_from_zero(numerator * 10**places, denominator), places)


def _from_units(units: int, places: int) -> Decimal:
    # Built from text: unlike scaleb and quantize this never rounds to the context's precision.
    return Decimal(f"{units}E-{places}")


def _half_away_from_zero(numerator: int, denominator: int) -> int:
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -whole if numerator < 0 else whole


def split(total: Decimal, *, parts: int, currency: str) -> list[Decimal]:
    """Share `total` in equal parts by rounded running totals: 100.00 in 3 is 33.33, 33.34, 33.33.

    The parts add up to the total exactly, and no two differ by more than one minor unit.

    :raises ValueError: if `parts` is not positive or `total` is finer than the minor unit.
    """
    if parts < 1:
        raise ValueError(f"cannot share in {parts} parts")
    places = exponent(currency)
    whole = _whole_minor_units(total, places)
    shares, before = [], 0
    for part in range(1, parts + 1):
        running = _half_away_from_zero(whole * part, parts)
        shares.append(_from_units(running - before, places))
        before = running
    return shares


def allocate(total: Decimal, weights: Sequence[Number], *, currency: str) -> list[Decimal]:
    """Share `total` in proportion to `weights` by largest remainder, so that the shares add up exactly.

    Each share is first cut down to whole minor units; the units left over go one each to the largest
    remainders, the earlier first where two are equal (Hamilton's method).

    :raises ValueError: if a weight is negative, all are zero, or `total` is finer than the minor unit.
    """
    exact = [Fraction(weight) for weight in weights]
    whole_weight = sum(exact)
    if whole_weight <= 0 or min(exact) < 0:
        raise ValueError(f"weights must be zero or more, and not all zero: {list(weights)}")
    places = exponent(currency)
    whole = _whole_minor_units(total, places)
    if len(exact) == 1:  # nearly always: what one device costs is shared by nobody
        return [_from_units(whole, places)]
    sign = -1 if whole < 0 else 1
    quotas = [abs(whole) * weight / whole_weight for weight in exact]
    units = [quota.numerator // quota.denominator for quota in quotas]
    by_remainder = sorted(range(len(quotas)), key=lambda i: (units[i] - quotas[i], i))
    for i in by_remainder[: abs(whole) - sum(units)]:
        units[i] += 1
    return [_from_units(sign * unit, places) for unit in units]


def _whole_minor_units(total: Decimal, places: int) -> int:
    numerator, denominator = total.as_integer_ratio()
    scale: int = 10**places
    units, rest = divmod(numerator * scale, denominator)
    if rest:
        raise ValueError(f"{total} is finer than the minor unit ({places} decimal places)")
    return units
