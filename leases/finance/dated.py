"""Payments on dates: XNPV and XIRR under a named day count. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pyxirr

from haas.money import Number
from leases.daycount import day_count
from leases.finance.numbers import decimal, precisely, require_both_ways, root

# What a spreadsheet's XNPV and XIRR count by; on a contract the day count is always named.
SPREADSHEET = "act/365F"

DatedFlow = tuple[date, Number]


def discount_factor(*, rate: Number, since: date, on: date, convention: str) -> Decimal:
    """What 1 on a day was worth at `since`, at a rate of a year under the day count."""
    with precisely():
        years = decimal(day_count(convention).year_fraction(since, on))
        return (1 + decimal(rate)) ** -years


def dated_present_value(
    flows: Sequence[DatedFlow], *, rate: Number, convention: str = SPREADSHEET, valued_on: date | None = None
) -> Decimal:
    """XNPV: what payments on dates are worth on the first of these days, or on `valued_on`."""
    since = valued_on or min(day for day, _ in flows)
    with precisely():
        growth = 1 + decimal(rate)
        return _discounted(_in_years(flows, convention, since), growth)


def dated_internal_rate(
    flows: Sequence[DatedFlow], *, convention: str = SPREADSHEET, near: float | None = None
) -> Decimal:
    """XIRR: the rate of a year at which payments on dates are worth nothing. It may be negative.

    :raises NoRate: if all flow one way.
    """
    amounts = [amount for _, amount in flows]
    require_both_ways(amounts)
    years = _in_years(flows, convention, min(day for day, _ in flows))
    if near is None:  # the library's day counts differ from ours in corners: near is all we need
        near = pyxirr.xirr([day for day, _ in flows], [float(amount) for amount in amounts])
    return root(lambda rate: _discounted(years, 1 + rate), near=near)


def _in_years(flows: Sequence[DatedFlow], convention: str, since: date) -> list[tuple[Decimal, Decimal]]:
    fraction = day_count(convention).year_fraction
    return [(decimal(fraction(since, day)), decimal(amount)) for day, amount in flows]


def _discounted(flows: Sequence[tuple[Decimal, Decimal]], growth: Decimal) -> Decimal:
    return sum((amount * growth**-years for years, amount in flows), Decimal(0))
