"""A rate of a year and the rate of a period, by a named convention of compounding. Pure."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from haas.money import Number
from leases.finance.numbers import decimal, precisely

MONTHS_A_YEAR = 12


class Compounding(StrEnum):
    """What a rate per annum means for a part of the year."""

    NOMINAL = "nominal"  # a twelfth a month: interest is added each period (an APR)
    EFFECTIVE = "effective"  # the twelfth root a month: what a year brings when all is left in (an EAR)


def periodic_rate(annual: Number, *, months: Number, compounding: Compounding) -> Decimal:
    """The rate of a period of so many months. Rates are shares: one per cent is 0.01."""
    with precisely():
        share = decimal(months) / MONTHS_A_YEAR
        if compounding is Compounding.NOMINAL:
            return decimal(annual) * share
        return (1 + decimal(annual)) ** share - 1


def annual_rate(periodic: Number, *, months: Number, compounding: Compounding) -> Decimal:
    """The rate per annum of which a period of so many months bears this rate."""
    with precisely():
        times = MONTHS_A_YEAR / decimal(months)
        if compounding is Compounding.NOMINAL:
            return decimal(periodic) * times
        return (1 + decimal(periodic)) ** times - 1
