"""Depreciation methods as formulas: cost, residual value and life -> exact charges by period. Pure.

A period is whatever the life is counted in: years, months, quarters or days. Answers are exact
fractions; rounding, dates and fiscal years are `spread.py`'s and `book.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import accumulate, pairwise
from math import ceil, floor

from haas.money import Number, round_places

ZERO = Fraction(0)


def salvage_value(cost: Number, *, kind: str, value: Number) -> Fraction:
    """The residual value as agreed: a `percent` of cost, or a `fixed` amount.

    :raises ValueError: if there is no such kind.
    """
    if kind == "percent":
        return Fraction(cost) * Fraction(value) / 100
    if kind in ("fixed", "amount"):
        return Fraction(value)
    raise ValueError(f"there is no salvage value by {kind!r}; there are percent and fixed")


def straight_line_charge(*, cost: Number, salvage: Number, life: Number) -> Fraction:
    """SLN: an equal share of cost less salvage in each period of the life (IAS 16.62)."""
    return (Fraction(cost) - Fraction(salvage)) / Fraction(life)


def straight_line_gross(*, cost: Number, salvage: Number, periods: int) -> list[Fraction]:
    """An equal share of the *cost* each period, cut off once salvage is reached ("linear up to salvage")."""
    book, charges = Fraction(cost), []
    for _ in range(periods):
        charge = max(min(Fraction(cost) / periods, book - Fraction(salvage)), ZERO)
        charges.append(charge)
        book -= charge
    return charges


def remaining_straight_line(
    *, cost: Number, salvage: Number, opening_accumulated: Number, booked: int, periods: int
) -> Fraction:
    """The charge of each remaining period of an asset taken over with `booked` periods behind it.

    What is left to depreciate is spread over what is left of the life (prospectively, IAS 8.36).
    """
    left = Fraction(cost) - Fraction(salvage) - Fraction(opening_accumulated)
    return left / (periods - booked)


def sum_of_years_digits_charge(*, cost: Number, salvage: Number, life: Number, period: Number) -> Fraction:
    """SYD: cost less salvage by the digits of the life, largest first: (n - p + 1) * 2 / (n * (n + 1))."""
    n = Fraction(life)
    return (Fraction(cost) - Fraction(salvage)) * (n - Fraction(period) + 1) * 2 / (n * (n + 1))


def sum_of_years_digits(
    *, cost: Number, salvage: Number, life: int, first_year: Fraction = Fraction(1)
) -> list[Fraction]:
    """SYD by year where the first year holds only the part `first_year` of the first digit's year.

    Each later year has the rest of one digit and the first part of the next, and a last one the rest of
    the life, so that the charges add up to cost less salvage. The half-year convention is 1/2.
    """
    digits = [
        sum_of_years_digits_charge(cost=cost, salvage=salvage, life=life, period=period)
        for period in range(1, life + 1)
    ]
    return shifted(digits, first_year)


def shifted(charges: Sequence[Fraction], first: Fraction) -> list[Fraction]:
    """Charges by year of life -> by accounting year, whose first holds `first` of a year of life."""
    rest = 1 - first
    years = [first * now + rest * before for now, before in zip(charges, [ZERO, *charges[:-1]], strict=True)]
    return years if not rest else [*years, rest * charges[-1]]


def declining_balance_charge(
    *, cost: Number, salvage: Number, life: Number, period: int, factor: Number = 2
) -> Fraction:
    """DDB: `factor` / life of the book value, never below salvage, without a switch to straight line."""
    curve = DecliningCurve.of(cost=cost, salvage=salvage, life=life, factor=factor, switch=False)
    return curve.after(period) - curve.after(period - 1)


def declining_balance(*, cost: Number, salvage: Number, life: int, factor: Number = 2) -> list[Fraction]:
    """DDB for each period of the life; factor 1.5 is the 150 % declining balance."""
    rate = Fraction(factor) / life
    return reducing_balance(cost=cost, salvage=salvage, rate=min(rate, Fraction(1)), periods=life)


def reducing_balance(
    *, cost: Number, rate: Number, periods: int, salvage: Number = 0, minimum: Number = 0
) -> list[Fraction]:
    """`rate` of the book value each period, down to salvage and no further; zero once it is reached.

    `minimum` is a floor under each charge: with cost / life it is the declining balance that turns
    linear ("degressive-linear"), which ends before the life does.
    """
    book, charges = Fraction(cost), []
    for _ in range(periods):
        charge = max(book * Fraction(rate), Fraction(minimum))
        charge = max(min(charge, book - Fraction(salvage)), ZERO)
        charges.append(charge)
        book -= charge
    return charges


def fixed_rate(*, cost: Number, salvage: Number, life: Number, places: int = 3) -> Fraction:
    """The rate at which cost declines to salvage over the life: 1 - (salvage / cost) ** (1 / life).

    Rounded to `places` (spreadsheets' DB uses three).
    """
    if not cost:
        return ZERO
    with localcontext(prec=60):
        ratio = _decimal(Fraction(salvage) / Fraction(cost))
        root = ratio ** (1 / _decimal(Fraction(life))) if ratio else Decimal(0)
        return Fraction(round_places(1 - root, places))


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)


def fixed_declining_balance(
    *, cost: Number, salvage: Number, life: int, first_year_months: int = 12
) -> list[Fraction]:
    """Spreadsheets' DB: a fixed rate of the book value, rounded to three places.

    A first year of fewer than twelve months is charged by months, and a year after the life by the rest.
    """
    rate = fixed_rate(cost=cost, salvage=salvage, life=life)
    first = Fraction(first_year_months, 12)
    book = Fraction(cost)
    charges = []
    for year in range(1, life + 2):
        part = first if year == 1 else (1 - first if year > life else Fraction(1))
        charge = book * rate * part
        book -= charge
        charges.append(charge)
    return charges if first < 1 else charges[:-1]


def variable_declining_balance(
    *,
    cost: Number,
    salvage: Number,
    life: Number,
    start: Number,
    end: Number,
    factor: Number = 2,
    switch: bool = True,
) -> Fraction:
    """VDB: the charge between two points of the life, which may lie within periods.

    Declining balance by `factor`, switching once and for good to straight line over the rest of the
    life when that charges more (unless `switch` is off). Part of a period is charged in proportion.

    :raises ValueError: if the points are not in order within 0..life.
    """
    if not 0 <= Fraction(start) <= Fraction(end) <= Fraction(life):
        raise ValueError(f"{start}..{end} is not within a life of {life}")
    curve = DecliningCurve.of(cost=cost, salvage=salvage, life=life, factor=factor, switch=switch)
    return curve.at(Fraction(end)) - curve.at(Fraction(start))


def running_totals(charges: Sequence[Fraction]) -> list[Fraction]:
    """Accumulated depreciation at the start and then at the end of each period."""
    return list(accumulate(charges, initial=ZERO))


def at_point(accumulated: Sequence[Fraction], point: Fraction) -> Fraction:
    """The running total at a point that may lie within a period, where it grows in proportion."""
    whole = min(floor(point), len(accumulated) - 1)
    if whole == len(accumulated) - 1:
        return accumulated[-1]
    return accumulated[whole] + (point - whole) * (accumulated[whole + 1] - accumulated[whole])


def declining_with_switch(
    *, cost: Number, salvage: Number, life: Number, factor: Number = 2
) -> list[Fraction]:
    """Declining balance by period, switching once to straight line over the remaining life.

    The charges of the whole life add up to cost less salvage.
    """
    curve = DecliningCurve.of(cost=cost, salvage=salvage, life=life, factor=factor)
    totals = [curve.after(period) for period in range(ceil(Fraction(life)) + 1)]
    return [after - before for before, after in pairwise(totals)]


@dataclass(frozen=True, slots=True)
class DecliningCurve:
    """Accumulated depreciation by declining balance, as a function of the time in service.

    Until period `switch_at` each period charges `rate` of the book value, down to salvage; from then
    on the rest is charged in a straight line. In closed form, so that a life of 3,650 days costs no
    more than one of ten years.
    """

    cost: Fraction
    salvage: Fraction
    life: Fraction
    rate: Fraction
    switch_at: int | None

    @classmethod
    def of(
        cls, *, cost: Number, salvage: Number, life: Number, factor: Number = 2, switch: bool = True
    ) -> DecliningCurve:
        """The curve of a rate of `factor` / life, with the switch where straight line first charges more."""
        exact_life = Fraction(life)
        rate = min(Fraction(factor) / exact_life, Fraction(1))
        curve = cls(Fraction(cost), Fraction(salvage), exact_life, rate, None)
        return replace(curve, switch_at=curve._first_linear_period()) if switch else curve

    def after(self, periods: int) -> Fraction:
        """What has been charged at the end of so many whole periods."""
        if self.switch_at is None or periods <= self.switch_at:
            return max(min(self.cost - self._book(periods), self.cost - self.salvage), ZERO)
        charged = self.after(self.switch_at)
        linear = min((periods - self.switch_at) / self._remaining(self.switch_at), Fraction(1))
        return charged + (self.cost - self.salvage - charged) * linear

    def at(self, point: Fraction) -> Fraction:
        """The same at a point within a period, of which part is charged in proportion."""
        whole = floor(point)
        before = self.after(whole)
        return before if point == whole else before + (point - whole) * (self.after(whole + 1) - before)

    def _book(self, periods: int) -> Fraction:
        return self.cost * (1 - self.rate) ** periods

    def _remaining(self, period: int) -> Fraction:
        return max(self.life - period, Fraction(1))

    def _first_linear_period(self) -> int | None:
        # Straight line charges more where (book - salvage) / remaining > book * rate.
        for period in range(ceil(self.life)):
            share = 1 - self.rate * self._remaining(period)
            if share <= 0:
                continue
            book = self._book(period)
            if book <= self.salvage:
                return None
            if book * share > self.salvage:
                return period
        return None


def units_of_production(
    *, cost: Number, salvage: Number, total_units: Number, units: Sequence[Number]
) -> list[Fraction]:
    """Cost less salvage by the units used in each period; nothing beyond the units of the whole life."""
    per_unit = (Fraction(cost) - Fraction(salvage)) / Fraction(total_units)
    left, charges = Fraction(total_units), []
    for used in units:
        counted = min(Fraction(used), left)
        charges.append(per_unit * counted)
        left -= counted
    return charges


def diminishing_value(
    *, cost: Number, effective_life: Number, days_held: Sequence[int], factor: Number = 2
) -> list[Fraction]:
    """Australia, ITAA 1997 s 40-72: base value x days held / 365 x `factor` (200 %) / effective life.

    The base value of a year is what the years before have left. Leap years divide by 365 as well.
    """
    book, charges = Fraction(cost), []
    for days in days_held:
        charge = min(book * Fraction(days, 365) * Fraction(factor) / Fraction(effective_life), book)
        charges.append(charge)
        book -= charge
    return charges


def prime_cost(*, cost: Number, effective_life: Number, days_held: Sequence[int]) -> list[Fraction]:
    """Australia, ITAA 1997 s 40-75: cost x days held / 365 x 100 % / effective life, up to cost."""
    left, charges = Fraction(cost), []
    for days in days_held:
        charge = min(Fraction(cost) * Fraction(days, 365) / Fraction(effective_life), left)
        charges.append(charge)
        left -= charge
    return charges
