"""What one book says of one asset: cost, residual value, life, and every convention as a field. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from haas.money import exponent
from leases.depreciation.conventions import Convention

ZERO = Decimal(0)


class Method(StrEnum):
    """How the depreciable amount is spread over the useful life (IAS 16.62)."""

    STRAIGHT_LINE = "straight_line"
    DECLINING_BALANCE = "declining_balance"  # a factor of the straight line; `switch` says how it ends
    REDUCING_BALANCE = "reducing_balance"  # a yearly rate of the book value; the rest in the last month
    SUM_OF_YEARS_DIGITS = "sum_of_years_digits"
    UNITS = "units"
    MACRS = "macrs"  # published percentages of the cost by tax year


class FirstMonth(StrEnum):
    """How much of the month (or year) of first service is charged. The end of the life moves with it."""

    FULL = "full"  # the whole month, whatever the day
    HALF = "half"
    DAILY = "daily"  # its days in use, the first day included, over its days
    NEXT = "next"  # nothing: depreciation begins with the next month
    HALF_YEAR = "half_year"  # half a year's charge over the months left of the fiscal year
    MID_QUARTER = "mid_quarter"  # likewise, from the middle of its quarter


class LastMonth(StrEnum):
    """What the month (or year) of disposal still bears."""

    NONE = "none"  # nothing: the last charge is that of the month before
    FULL = "full"
    HALF = "half"
    DAILY_INCLUSIVE = "daily_inclusive"  # its days up to and including the day of disposal
    DAILY_EXCLUSIVE = "daily_exclusive"  # its days before the day of disposal
    HALF_YEAR = "half_year"  # the year of disposal bears half of its charge in all
    MID_QUARTER = "mid_quarter"  # likewise, up to the middle of its quarter


class DayBasis(StrEnum):
    """Whether months weigh the same, or by their calendar days."""

    MONTHS = "months"
    LIFE_DAYS = "life_days"  # actual days of the month over those of the whole life


YEAR_CONVENTIONS = frozenset({FirstMonth.HALF_YEAR, FirstMonth.MID_QUARTER})


@dataclass(frozen=True, slots=True)
class DepreciationTerms:
    """An asset's book: every convention that changes a number is a field.

    `factor` is that of the declining balance (2 is double), which turns to the straight line where that
    charges more unless `switch` is off. `rate_pct` is that of the reducing balance, a year; without it the
    rate is the one that leads to the residual value. Both, and sum of years' digits, charge by years of
    life, in equal months within each. `total_units` is the life in units of use. `recovery_years` and
    `tax_convention` name the column of the MACRS tables. Fiscal years end with `year_end_month`.
    A book that was taken over on `opened_on` begins with `opening_accumulated` written off.
    """

    cost: Decimal
    residual_value: Decimal
    in_service_on: date
    useful_life_months: int
    currency: str
    method: Method = Method.STRAIGHT_LINE
    first_month: FirstMonth = FirstMonth.FULL
    day_basis: DayBasis = DayBasis.MONTHS
    factor: Decimal = Decimal(2)
    total_units: Decimal | None = None
    last_month: LastMonth = LastMonth.NONE
    switch: bool = True
    rate_pct: Decimal | None = None
    recovery_years: int | None = None
    tax_convention: Convention = Convention.HALF_YEAR
    year_end_month: int = 12
    opened_on: date | None = None
    opening_accumulated: Decimal = ZERO

    def __post_init__(self) -> None:
        """Refuse a book that cannot be kept."""
        if not 0 <= self.residual_value <= self.cost:
            raise ValueError(f"residual value {self.residual_value} is outside 0..{self.cost}")
        if self.useful_life_months < 1:
            raise ValueError("useful life is at least one month")
        if not 1 <= self.year_end_month <= 12:
            raise ValueError("a fiscal year ends in a month from 1 to 12")
        if self.day_basis is DayBasis.LIFE_DAYS and self.method is not Method.STRAIGHT_LINE:
            raise ValueError("only the straight line is charged by days of the life")
        if self.day_basis is DayBasis.LIFE_DAYS and self.first_month in YEAR_CONVENTIONS:
            raise ValueError("a life in days has no convention of the first year")
        if self.method is Method.UNITS and not (self.total_units and self.total_units > 0):
            raise ValueError("units of use need the units of the whole life")
        self._check_method()
        exponent(self.currency)

    def _check_method(self) -> None:
        if self.method is Method.REDUCING_BALANCE:
            if self.rate_pct is None and not 0 < self.residual_value < self.cost:
                raise ValueError("a reducing balance needs a rate, or a residual value that it leads to")
            if self.rate_pct is not None and not 0 < self.rate_pct <= 100:
                raise ValueError("the rate of a reducing balance is above 0 and at most 100 percent")
        if self.method is Method.MACRS:
            if self.recovery_years is None:
                raise ValueError("MACRS needs the recovery period in years")
            if self.residual_value:
                raise ValueError("MACRS writes the whole cost off: its residual value is nothing")

    @property
    def depreciable(self) -> Decimal:
        """Cost less residual value (IAS 16.6)."""
        return self.cost - self.residual_value
