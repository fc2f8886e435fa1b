"""When a charge by hand falls due, and for how much. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from haas.calendar import ONE_DAY, Period, add_months
from haas.money import round_minor

ONCE, MONTHLY = RECURRENCES = ("once", "monthly")


@dataclass(frozen=True, slots=True)
class ChargeTerms:
    """What counts of a charge. `until` is exclusive; none for once, or while nobody knows the end."""

    recurs: str
    charged_on: date
    until: date | None
    quantity: Decimal
    unit_price: Decimal
    currency: str

    @property
    def amount(self) -> Decimal:
        """Of one time, rounded to the minor unit."""
        return round_minor(self.quantity * self.unit_price, self.currency)


def periods_due(terms: ChargeTerms, *, as_of: date) -> list[Period]:
    """The periods whose first day has come by `as_of`; each costs the whole amount, in advance.

    A charge made once is for its day. Months begin on the day of the first one, or on the last of a month
    that is too short (31 January, 28 February, 31 March); one that begins before `until` counts whole.
    """
    if terms.recurs == ONCE:
        day = terms.charged_on
        return [Period(day, day + ONE_DAY)] if day <= as_of else []
    found: list[Period] = []
    while True:
        start = add_months(terms.charged_on, len(found))
        if start > as_of or (terms.until is not None and start >= terms.until):
            return found
        found.append(Period(start, add_months(terms.charged_on, len(found) + 1)))
