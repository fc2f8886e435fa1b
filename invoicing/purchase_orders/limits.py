"""What a purchase order allows on a day: how much is left of it, or why nothing may be billed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """What counts of an order. Amounts are net, in its currency; `valid_until` is exclusive."""

    number: str
    currency: str
    valid_from: date | None = None
    valid_until: date | None = None
    amount_limit: Decimal | None = None
    billed_total: Decimal = Decimal(0)
    is_closed: bool = False

    @property
    def left(self) -> Decimal | None:
        """How much may still be billed; none: any amount."""
        return None if self.amount_limit is None else self.amount_limit - self.billed_total


def objection(order: OrderTerms, *, amount: Decimal, currency: str, day: date) -> str | None:
    """Why `amount` more cannot be billed under the order on that day, with the remedy; none if it can.

    What goes back is never objected to.
    """
    if amount <= 0:
        return None
    if order.is_closed:
        return f"Purchase order {order.number} is closed. Reopen it, or name another."
    if (order.valid_from and day < order.valid_from) or (order.valid_until and day >= order.valid_until):
        return f"Purchase order {order.number} is not valid on {day:%d %B %Y}. Change that, or name another."
    if currency != order.currency:
        return f"Purchase order {order.number} is in {order.currency}, but {currency} is to be billed."
    if order.left is not None and amount > order.left:
        return (
            f"Purchase order {order.number} has {max(order.left, Decimal(0)):.2f} {currency} left of"
            f" {order.amount_limit:.2f}, but {amount:.2f} is to be billed. Raise its limit, or name another."
        )
    return None


def objections(
    amounts: Mapping[tuple[str, str], Decimal], orders: Mapping[str, OrderTerms], *, day: date
) -> dict[str, str]:
    """The orders under which what is to be billed cannot be, by id; `amounts` by order and currency."""
    found: dict[str, str] = {}
    for (order_id, currency), amount in sorted(amounts.items()):
        why = objection(orders[order_id], amount=amount, currency=currency, day=day)
        if why is not None:
            found.setdefault(order_id, why)
    return found
