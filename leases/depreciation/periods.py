"""Charges by month, quarter or year on a grid of dates, each rounded, the last bearing the rest. Pure.

The asset's book (`book.py`) charges calendar months by rounded running totals. Ledgers that were kept
elsewhere charge otherwise: a first period by its days, a rate that was rounded before it was applied, an
opening balance in the middle of a life. Every such convention is a field here, so that what another
system has printed can be taken over to the cent and gone on with.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from haas.calendar import ONE_DAY, Period, add_months, end_of_month, is_end_of_month
from haas.money import round_minor, round_places
from leases.depreciation import methods
from leases.depreciation.spread import fiscal_year, period_ends_of_year

ZERO = Decimal(0)


class PeriodMethod(StrEnum):
    """What a whole period bears."""

    STRAIGHT_LINE = "straight_line"
    REDUCING_BALANCE = "reducing_balance"  # `rate` of the book value; what is left falls into the last period
    SUM_OF_DIGITS = "sum_of_digits"


class Weight(StrEnum):
    """How a period weighs against the others."""

    PERIODS = "periods"  # each the same, a first part of one by its days
    YEAR_DAYS = "year_days"  # its days over those of the fiscal year that has its last day
    LIFE_DAYS = "life_days"  # its days over those of the whole life


class RateOf(StrEnum):
    """What the rate of a reducing balance is a rate of."""

    PERIOD = "period"  # of the book value before each period
    YEAR = "year"  # of the book value before each fiscal year, shared over its periods


class LifeEnd(StrEnum):
    """When an asset is written off whose first period was cut short."""

    ANNIVERSARY = "anniversary"  # so many months after its first day: a last part of a period
    PERIODS = "periods"  # with its last whole period


@dataclass(frozen=True, slots=True)
class PeriodTerms:
    """A life in periods. `first_period_end` is the last day of the first period that is still to be charged.

    Without it periods are those of the fiscal year. `booked` periods, and `opening_accumulated` with them,
    were charged elsewhere. `extended_months` is what was added to the life later. `disposed_on` bears
    its own day.
    """

    cost: Decimal
    residual_value: Decimal
    currency: str
    in_service_on: date
    periods: int
    months_per_period: int = 1
    first_period_end: date | None = None
    method: PeriodMethod = PeriodMethod.STRAIGHT_LINE
    weight: Weight = Weight.PERIODS
    rate: Fraction | None = None
    rate_of: RateOf = RateOf.PERIOD
    life_end: LifeEnd = LifeEnd.ANNIVERSARY
    booked: int = 0
    opening_accumulated: Decimal = ZERO
    extended_months: int = 0
    fiscal_year_end: tuple[int, int] = (12, 31)
    disposed_on: date | None = None

    def __post_init__(self) -> None:
        """Refuse a life that cannot be charged."""
        if not 0 <= self.residual_value <= self.cost:
            raise ValueError(f"residual value {self.residual_value} is outside 0..{self.cost}")
        if self.periods < 1 or self.months_per_period < 1:
            raise ValueError("a life has at least one period of at least one month")
        if not 0 <= self.booked < self.periods:
            raise ValueError(f"{self.booked} periods booked of {self.periods} leave none to charge")
        if not 0 <= self.opening_accumulated <= self.cost - self.residual_value:
            raise ValueError("the opening depreciation is more than can be depreciated")
        if self.method is PeriodMethod.REDUCING_BALANCE and not (self.rate and 0 < self.rate <= 1):
            raise ValueError("a reducing balance needs a rate above 0 and up to 100 %")
        if self.method is PeriodMethod.SUM_OF_DIGITS and self.weight is not Weight.PERIODS:
            raise ValueError("digits are of whole periods")


@dataclass(frozen=True, slots=True)
class PeriodEntry:
    """One period: what it bears, and all that was borne so far."""

    period_end: date
    charge: Decimal
    accumulated: Decimal


def period_schedule(terms: PeriodTerms) -> list[PeriodEntry]:
    """The periods still to be charged, in order; together with the opening they bear cost less residual."""
    grid = _Grid(terms)
    depreciable, accumulated = terms.cost - terms.residual_value, terms.opening_accumulated
    entries: list[PeriodEntry] = []
    year_end, year_opening = None, ZERO
    for place, end in enumerate(grid.ends):
        year = grid.fiscal_year(place)
        if year.end != year_end:
            year_end, year_opening = year.end, terms.cost - accumulated
        is_disposal = terms.disposed_on is not None and end >= terms.disposed_on
        until = terms.disposed_on if is_disposal and terms.disposed_on else end
        left = depreciable - accumulated
        if place == len(grid.ends) - 1 and not is_disposal:
            charge = left
        else:
            exact = grid.exact(place, until=until, book=terms.cost - accumulated, year_opening=year_opening)
            charge = min(round_minor(exact, terms.currency), left)
        if charge > 0:
            accumulated += charge
            entries.append(PeriodEntry(until, charge, accumulated))
        if is_disposal or accumulated == depreciable:
            break
    return entries


def period_ends(terms: PeriodTerms) -> list[date]:
    """The last days of the periods: month ends stay month ends, and a cut life ends on its anniversary."""
    return _Grid(terms).ends


def declining_rate(*, periods: int, factor: Decimal = Decimal(2), places: int = 5) -> Fraction:
    """`factor` over the periods of the life, rounded before it is applied: 2/3 is 0.66667."""
    return min(Fraction(round_places(Fraction(factor) / periods, places)), Fraction(1))


def rate_to_residual(*, cost: Decimal, residual_value: Decimal, periods: int, places: int = 5) -> Fraction:
    """The rate by which cost declines to the residual value in so many periods, rounded likewise."""
    return methods.fixed_rate(cost=cost, salvage=residual_value, life=periods, places=places)


class _Grid:
    """The dates of a life's periods, and what the days of each weigh."""

    def __init__(self, terms: PeriodTerms) -> None:
        self.terms = terms
        self.first_end = terms.first_period_end or _first_end(terms)
        self.keeps_month_ends = is_end_of_month(self.first_end)
        oldest = -terms.booked
        held = (self.regular_end(oldest) - terms.in_service_on).days + 1
        if held < 1:
            raise ValueError(
                f"{terms.booked} periods before {self.first_end} are over before {terms.in_service_on}"
            )
        # The share of the very first period of the life, which may be one that is booked already.
        self.first_share = min(Fraction(held, self.regular_days(oldest)), Fraction(1))
        self.is_cut = self.first_share < 1 and terms.life_end is LifeEnd.ANNIVERSARY
        self.life_end = _anniversary(terms)
        self.ends = self._ends()

    def regular_end(self, place: int) -> date:
        """The last day of a whole period; `place` is negative for periods that were booked elsewhere."""
        day = add_months(self.first_end, place * self.terms.months_per_period)
        return end_of_month(day) if self.keeps_month_ends else day

    def regular_days(self, place: int) -> int:
        """The days of a whole period."""
        return (self.regular_end(place) - self.regular_end(place - 1)).days

    def fiscal_year(self, place: int) -> Period:
        """The fiscal year of a period's last day."""
        month, day = self.terms.fiscal_year_end
        return fiscal_year(end_of_month(self.regular_end(place)), end_month=month, end_day=day)

    def held_days(self, place: int, until: date) -> int:
        """The days in use of a period, its last day included."""
        start = self.regular_end(place - 1) + ONE_DAY
        if place == 0 and not self.terms.booked:
            start = max(start, self.terms.in_service_on)
        return max((until - start).days + 1, 0)

    def exact(self, place: int, *, until: date, book: Decimal, year_opening: Decimal) -> Fraction:
        """What a period bears up to and with a day, before rounding."""
        terms, days = self.terms, self.held_days(place, until)
        share = Fraction(days, self.regular_days(place))
        years = Fraction(terms.months_per_period, 12)
        if terms.method is PeriodMethod.SUM_OF_DIGITS:
            return self._digits()[terms.booked + place] * (share / self._whole_share(place))
        if terms.method is PeriodMethod.REDUCING_BALANCE:
            rate = terms.rate or Fraction(0)
            if terms.weight is not Weight.PERIODS:
                return Fraction(year_opening) * rate * days / self.fiscal_year(place).days
            if terms.rate_of is RateOf.YEAR:
                return Fraction(year_opening) * rate * years * share
            return Fraction(book) * rate * share
        left = Fraction(terms.cost - terms.residual_value - terms.opening_accumulated)
        if terms.weight is Weight.LIFE_DAYS:
            start = max(self.regular_end(-1) + ONE_DAY, terms.in_service_on)
            return left * days / (self.life_end - start).days
        if terms.weight is Weight.YEAR_DAYS:
            return left / (self._periods_left() * years) * days / self.fiscal_year(place).days
        return left / self._periods_left() * share

    def _ends(self) -> list[date]:
        terms = self.terms
        count = -(
            -(terms.periods * terms.months_per_period + terms.extended_months) // terms.months_per_period
        )
        if not self.is_cut:
            return [self.regular_end(place) for place in range(count - terms.booked)]
        ends: list[date] = []
        while self.regular_end(len(ends)) < self.life_end:
            ends.append(self.regular_end(len(ends)))
        return [*ends, self.life_end]

    def _periods_left(self) -> Fraction:
        """Whole periods and the parts of the first and the last that remain to be charged."""
        terms = self.terms
        total = terms.periods + Fraction(terms.extended_months, terms.months_per_period)
        if not self.is_cut:
            total -= 1 - self.first_share
        return total - (self.first_share + terms.booked - 1 if terms.booked else 0)

    def _digits(self) -> list[Fraction]:
        terms = self.terms
        return methods.sum_of_years_digits(
            cost=terms.cost,
            salvage=terms.residual_value,
            life=terms.periods,
            first_year=self.first_share if self.is_cut else Fraction(1),
        )

    def _whole_share(self, place: int) -> Fraction:
        return self.first_share if place == 0 and not self.terms.booked else Fraction(1)


def _anniversary(terms: PeriodTerms) -> date:
    """The first day after the life; of an asset that began on a month's last day again a last day."""
    months = terms.periods * terms.months_per_period + terms.extended_months
    start = terms.in_service_on
    return end_of_month(start, months) if is_end_of_month(start) else add_months(start, months)


def _first_end(terms: PeriodTerms) -> date:
    """The end of the fiscal year's period that has the first day, and the booked periods later."""
    start, length = terms.in_service_on, terms.months_per_period
    if 12 % length:
        return add_months(start, length * (terms.booked + 1)) - ONE_DAY
    month, day = terms.fiscal_year_end
    year_end = fiscal_year(start, end_month=month, end_day=day).last_day
    first = next(end for end in period_ends_of_year(year_end, length) if end >= start)
    return end_of_month(first, terms.booked * length)
