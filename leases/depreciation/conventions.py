"""Conventions of the first tax year, and the published percentages that follow from them. Pure."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from leases.macrs_tables import PERCENTAGES


class Convention(StrEnum):
    """When in its first year property counts as placed in service (Pub. 946, "Which convention applies?")."""

    HALF_YEAR = "HY"
    MID_QUARTER = "MQ"
    MID_MONTH = "MM"  # real property


def first_year_fraction(
    convention: Convention, *, quarter: int | None = None, month: int | None = None
) -> Fraction:
    """The part of a year that the first tax year bears.

    :raises ValueError: if the quarter (1..4) or month (1..12) that the convention needs is missing.
    """
    if convention is Convention.HALF_YEAR:
        return Fraction(1, 2)
    if convention is Convention.MID_QUARTER and quarter is not None and 1 <= quarter <= 4:
        return Fraction(9 - 2 * quarter, 8)
    if convention is Convention.MID_MONTH and month is not None and 1 <= month <= 12:
        return Fraction(25 - 2 * month, 24)
    raise ValueError(f"{convention} with quarter {quarter} and month {month} names no point of the year")


def published_percentages(
    recovery_years: int, convention: Convention, *, quarter: int | None = None
) -> tuple[Decimal, ...]:
    """Percent of the basis by year of service, as Tables A-1 to A-5 print it.

    :raises ValueError: if those tables have no such column.
    """
    table = f"MQ{quarter}" if convention is Convention.MID_QUARTER else str(convention)
    try:
        return PERCENTAGES[table, recovery_years]
    except KeyError:
        raise ValueError(f"tables A-1 to A-5 have no column for {table}, {recovery_years} years") from None
