"""What a client still has to pay, invoice by invoice, and which of it money is put to first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from invoicing.document_parts import EarlyDiscount
from invoicing.payment_terms import discount_on

_NOTHING = Decimal(0)
# Days past due at which an older bucket begins: not due, 1-30, 31-60, 61-90, more.
AGEING_DAYS = (0, 30, 60, 90)


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An invoice of which something is to be paid."""

    invoice_id: str
    number: str
    client_id: str
    currency: str
    issued_on: date
    due_on: date
    total: Decimal
    open: Decimal  # total less credit notes less payments; more than 0
    discounts: tuple[EarlyDiscount, ...] = ()  # for early payment, as its document offers them

    def discount_on(self, day: date) -> Decimal:
        """What settling it on this day takes off."""
        return discount_on(self.discounts, open_total=self.open, paid_on=day, currency=self.currency)

    def days_overdue(self, today: date) -> int:
        """Days since it was due; 0 until then."""
        return max((today - self.due_on).days, 0)


def oldest_first(amount: Decimal, items: Iterable[OpenItem]) -> dict[str, Decimal]:
    """Put money to the items that have been due longest, each in full before the next; by invoice id.

    Of those due on one day the one issued first, then the lower number. What is left over is in no item.
    """
    left, found = amount, {}
    for item in sorted(items, key=lambda item: (item.due_on, item.issued_on, item.number)):
        if left <= 0:
            break
        found[item.invoice_id] = min(item.open, left)
        left -= found[item.invoice_id]
    return found


def exactly(amount: Decimal, items: Iterable[OpenItem]) -> dict[str, Decimal]:
    """The one item that this amount pays to the cent; none if no item, or more than one, is that much."""
    fits = [item for item in items if item.open == amount]
    return {fits[0].invoice_id: amount} if len(fits) == 1 else {}


def aged(items: Iterable[OpenItem], *, today: date, bounds: tuple[int, ...] = AGEING_DAYS) -> list[Decimal]:
    """What is open, by how long it has been due: not yet, then a sum for each of `bounds`, the last endless.

    With bounds 0, 30, 60, 90: not due, 1-30, 31-60, 61-90 and more than 90 days. One currency.
    """
    sums = [_NOTHING] * (len(bounds) + 1)
    for item in items:
        sums[sum(1 for bound in bounds if item.days_overdue(today) > bound)] += item.open
    return sums
