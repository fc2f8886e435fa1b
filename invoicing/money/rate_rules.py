"""Exchange rates: one checked, and one found directly, turned round, or across the euro. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from haas.errors import InvalidInput
from haas.money import exponent, round_places

ACROSS = "EUR"  # what the European Central Bank quotes all others against
PLACES, DIGITS = 8, 12  # decimals of a rate on file, significant digits of one that is computed
RATE_MAX = Decimal(10) ** 9
AGE_MAX = timedelta(days=31)  # an older rate says nothing of the day (art. 91 of the VAT Directive)


@dataclass(frozen=True, slots=True)
class DayRate:
    """What one unit of `base` was worth in `quote` on a day; `row` is where it stands in a file, from 1."""

    base: str
    quote: str
    day: date
    rate: Decimal
    row: int = 1


def checked(row: DayRate) -> DayRate:
    """The same rate.

    :raises InvalidInput: naming its row, if it cannot be one.
    """
    where = f"Row {row.row}: "
    for code in (row.base, row.quote):
        try:
            exponent(code)
        except ValueError as unknown:
            raise InvalidInput(f"{where}{code[:10]!r} is no currency.", field="rows") from unknown
    if row.base == row.quote:
        raise InvalidInput(f"{where}give two different currencies.", field="rows")
    if not row.rate.is_finite() or not 0 < row.rate < RATE_MAX:
        raise InvalidInput(f"{where}the rate is more than 0 and less than {RATE_MAX:,}.", field="rows")
    if round(row.rate, PLACES) != row.rate:
        raise InvalidInput(f"{where}the rate has at most {PLACES} decimals.", field="rows")
    return row


@dataclass(frozen=True, slots=True)
class FoundRate:
    """A rate with the day that it is of: the older one where two were needed."""

    rate: Decimal
    day: date
    source: str


class RateTable:
    """Rates on file of some currencies over some days: what held on each of them."""

    def __init__(self, rows: Iterable[tuple[str, str, FoundRate]]) -> None:
        """Rows of base, quote and rate, the oldest first."""
        self._by_pair: defaultdict[tuple[str, str], list[FoundRate]] = defaultdict(list)
        for base, quote, rate in rows:
            self._by_pair[base, quote].append(rate)
        self._found: dict[tuple[str, str, date], FoundRate | None] = {}

    @property
    def days(self) -> list[date]:
        """Every day of which something is on file, the oldest first."""
        return sorted({rate.day for rates in self._by_pair.values() for rate in rates})

    def on(self, base: str, quote: str, day: date) -> FoundRate | None:
        """One unit of `base` in `quote` on a day: the last rate by then, if it is not too old."""
        if base == quote:
            return FoundRate(Decimal(1), day, "")
        key = (base, quote, day)
        if key not in self._found:
            codes = (base, quote, ACROSS)
            pairs = [(one, other) for one in codes for other in codes]
            held = {pair: rate for pair in pairs if (rate := self._held(pair, day)) is not None}
            self._found[key] = resolve(base, quote, held)
        return self._found[key]

    def _held(self, pair: tuple[str, str], day: date) -> FoundRate | None:
        rates = self._by_pair.get(pair, ())
        at = bisect_right(rates, day, key=lambda rate: rate.day)
        return rates[at - 1] if at and rates[at - 1].day >= day - AGE_MAX else None


def resolve(base: str, quote: str, known: Mapping[tuple[str, str], FoundRate]) -> FoundRate | None:
    """One unit of `base` in `quote`: the newest of what is on file as it is, turned round, across the euro.

    Of one day, what is on file itself comes first. What is computed has twelve significant digits, a half
    away from zero: eight decimals would be few for a currency of which thousands make one of another.
    """
    first, second = _either_way(base, ACROSS, known), _either_way(ACROSS, quote, known)
    ways = [_as_it_is(base, quote, known), _either_way(base, quote, known)]
    if first is not None and second is not None:
        older = min(first[1], second[1], key=lambda found: found.day)
        ways.append((first[0] * second[0], older))
    found = [way for way in ways if way is not None]
    if not found:
        return None
    exact, told = max(found, key=lambda way: way[1].day)  # of equals the first
    return FoundRate(_significant(exact), told.day, told.source)


def _as_it_is(
    base: str, quote: str, known: Mapping[tuple[str, str], FoundRate]
) -> tuple[Fraction, FoundRate] | None:
    found = known.get((base, quote))
    return None if found is None else (Fraction(found.rate), found)


def _either_way(
    base: str, quote: str, known: Mapping[tuple[str, str], FoundRate]
) -> tuple[Fraction, FoundRate] | None:
    turned = known.get((quote, base))
    ways = [_as_it_is(base, quote, known), None if turned is None else (1 / Fraction(turned.rate), turned)]
    return max((way for way in ways if way is not None), key=lambda way: way[1].day, default=None)


def _significant(exact: Fraction) -> Decimal:
    size = (Decimal(exact.numerator) / Decimal(exact.denominator)).adjusted()
    return round_places(exact, max(DIGITS - 1 - size, 0))
