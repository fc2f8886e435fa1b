"""MACRS: the convention test, the published percentages, and the formula that checks them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from haas.money import Number, round_minor
from leases.depreciation.conventions import Convention, first_year_fraction, published_percentages
from leases.depreciation.methods import shifted, straight_line_charge

__all__ = [
    "Convention",
    "ConventionChoice",
    "MethodYear",
    "PlacedInService",
    "choose_convention",
    "compare_methods",
    "declining_factor",
    "deductions",
    "first_year_fraction",
    "formula_percentages",
    "published_percentages",
    "straight_line_percentages",
]

MID_QUARTER_SHARE = Fraction(40, 100)  # IRC 168(d)(3): *more* than this in the last three months


def declining_factor(recovery_years: int) -> Fraction:
    """The factor of the declining balance: 200 % up to 10 years, 150 % for 15 and 20 (IRC 168(b))."""
    return Fraction(2) if recovery_years <= 10 else Fraction(3, 2)


def formula_percentages(recovery_years: int, *, first_year: Fraction, factor: Fraction) -> list[Fraction]:
    """The same by the rule, exactly: declining balance, then straight line over the rest when that is more.

    The published tables differ by up to a hundredth of a point, since they round each year and then
    alternate the last digit.
    """
    return [year.charge for year in compare_methods(Fraction(100), recovery_years, first_year, factor)]


@dataclass(frozen=True, slots=True)
class MethodYear:
    """One tax year: what each method would charge on the book value then left, and what is charged."""

    declining_balance: Fraction
    straight_line: Fraction
    charge: Fraction


def compare_methods(
    basis: Number, recovery_years: int, first_year: Fraction, factor: Fraction
) -> list[MethodYear]:
    """Year by year, the declining-balance and the straight-line charge, and the larger of the two.

    The straight line is that of the remaining recovery period at the start of the year (in year 2 of
    five, under the half-year convention, 1 / 4.5). The switch is for good.
    """
    left, remaining = Fraction(basis), Fraction(recovery_years)
    years: list[MethodYear] = []
    switched = False
    while remaining > 0:
        part = first_year if not years else min(Fraction(1), remaining)
        by_balance = left * factor / recovery_years * part
        by_line = left * part / remaining
        switched = switched or by_line >= by_balance
        charge = by_line if switched else by_balance
        years.append(MethodYear(by_balance, by_line, charge))
        left -= charge
        remaining -= part
    return years


def straight_line_percentages(recovery_years: Number, *, first_year: Fraction) -> list[Fraction]:
    """Tables A-8 to A-12: 100 / n each year, its first-year part in the first, the rest after the last."""
    each = straight_line_charge(cost=100, salvage=0, life=recovery_years)
    years = Fraction(recovery_years)
    if years.denominator == 1:
        return shifted([each] * int(years), first_year)
    first, left = each * first_year, Fraction(100)
    charges = [first]
    left -= first
    while left > 0:
        charges.append(min(each, left))
        left -= charges[-1]
    return charges


@dataclass(frozen=True, slots=True)
class PlacedInService:
    """One asset of a tax year: its recovery period in years, its basis and its day."""

    recovery_years: int
    basis: Decimal
    placed_on: date

    @property
    def quarter(self) -> int:
        """The quarter of the calendar tax year."""
        return (self.placed_on.month + 2) // 3


@dataclass(frozen=True, slots=True)
class ConventionChoice:
    """The outcome of the 40 % test, with the share that decided it."""

    last_quarter_share: Fraction
    convention: Convention


def choose_convention(assets: Sequence[PlacedInService]) -> ConventionChoice:
    """Mid-quarter for all the year's property if more than 40 % of its basis came in the last quarter.

    IRC 168(d)(3), for a calendar tax year; otherwise half-year.
    """
    total = sum((asset.basis for asset in assets), Decimal(0))
    late = sum((asset.basis for asset in assets if asset.quarter == 4), Decimal(0))
    share = Fraction(late) / Fraction(total) if total else Fraction(0)
    is_mid_quarter = share > MID_QUARTER_SHARE
    return ConventionChoice(share, Convention.MID_QUARTER if is_mid_quarter else Convention.HALF_YEAR)


def deductions(
    basis: Decimal,
    recovery_years: int,
    convention: Convention,
    *,
    quarter: int | None = None,
    currency: str = "USD",
) -> list[Decimal]:
    """The deduction of each tax year: the published percentage of the unadjusted basis, rounded."""
    percentages = published_percentages(recovery_years, convention, quarter=quarter)
    return [round_minor(Fraction(basis) * Fraction(percent) / 100, currency) for percent in percentages]
