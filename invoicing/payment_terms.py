"""When an invoice is due: days, the end of a month, a day of the month after. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from haas.calendar import add_months
from haas.errors import InvalidInput


class TermsKind(StrEnum):
    """How the due day follows from the day of issue."""

    DAYS = "days"  # n days after issue
    END_OF_MONTH = "end_of_month"  # the end of the month of issue, and n days
    DAY_OF_NEXT_MONTH = "day_of_next_month"  # the n-th of the month after the month of issue


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """A kind and its number."""

    kind: TermsKind = TermsKind.DAYS
    number: int = 14

    def check(self) -> PaymentTerms:
        """The same terms.

        :raises InvalidInput: for a number that the kind has not.
        """
        low, high = (1, 31) if self.kind is TermsKind.DAY_OF_NEXT_MONTH else (0, 365)
        if not low <= self.number <= high:
            raise InvalidInput(f"Give a number from {low} to {high}.", field="payment_terms_days")
        return self


def due_on(terms: PaymentTerms, issued_on: date) -> date:
    """The last day on which payment is in time. A 31st that a month has not is its last day."""
    if terms.kind is TermsKind.DAYS:
        return issued_on + timedelta(days=terms.number)
    next_month = add_months(issued_on.replace(day=1), 1)
    if terms.kind is TermsKind.END_OF_MONTH:
        return next_month - timedelta(days=1) + timedelta(days=terms.number)
    last = add_months(next_month, 1) - timedelta(days=1)
    return min(next_month + timedelta(days=terms.number - 1), last)
