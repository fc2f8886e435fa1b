"""How long money stays out: days sales outstanding by two formulas, and the rate of collection. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from haas.calendar import add_months
from haas.money import round_places


class DsoMethod(StrEnum):
    """How days sales outstanding are reckoned."""

    SIMPLE = "simple"  # what is open, in days of what was billed over some months
    COUNT_BACK = "count_back"  # months are taken off what is open, the newest first, each by its days


@dataclass(frozen=True, slots=True)
class Month:
    """A month's figures in one currency, with tax, credit notes taken off."""

    start: date
    billed: Decimal
    open: Decimal  # at its end
    fell_due: Decimal = Decimal(0)  # of invoices due in it, less what was credited of them
    paid: Decimal = Decimal(0)  # of those, until today

    @property
    def days(self) -> int:
        """How long it is."""
        return (add_months(self.start, 1) - self.start).days

    @property
    def collected_pct(self) -> Decimal | None:
        """Which share of what fell due in it was paid until today, in per cent; none if nothing fell due."""
        if self.fell_due <= 0:
            return None
        return round_places(Fraction(self.paid) / Fraction(self.fell_due) * 100, 1)


def days_sales_outstanding(months: Sequence[Month], *, method: DsoMethod, over_months: int) -> Decimal | None:
    """Days that sales stay open at the end of the last of these months, to one decimal.

    Simple: open / billed x days, over the last `over_months`; none if nothing was billed in them. Count-back:
    as many whole months as the open sum covers, the newest first, and the part of the one before that it
    still covers; a month in which nothing was billed has its days, too. Where more is open than all months
    have billed, at least the days of all of them: none, since nobody knows how many.
    """
    if not months:
        return None
    if method is DsoMethod.SIMPLE:
        taken = months[-over_months:]
        billed = sum((month.billed for month in taken), Decimal(0))
        if billed <= 0:
            return None
        days = sum(month.days for month in taken)
        return round_places(Fraction(months[-1].open) / Fraction(billed) * days, 1)
    left, counted = Fraction(months[-1].open), Fraction(0)
    for month in reversed(months):
        if left <= 0:
            break
        billed_then = Fraction(month.billed)
        counted += month.days if left >= billed_then else left / billed_then * month.days
        left -= max(billed_then, Fraction(0))
    return None if left > 0 else round_places(counted, 1)
