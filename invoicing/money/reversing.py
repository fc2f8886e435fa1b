"""A receipt's money goes back: which credit and which invoices it is taken from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Held:
    """What of one payment still stands on its invoice."""

    payment_id: str
    left: Decimal


@dataclass(frozen=True, slots=True)
class ReversalPlan:
    """The parts of a reversal; together they are its amount."""

    from_credit: Decimal  # of the receipt's own credit, not spent yet
    taken_off: Sequence[Held]  # of the receipt's payments
    unapplied: Sequence[Held]  # of payments out of the client's credit, which the receipt's credit has become
    shortfall: Decimal  # what nothing is left of: it was given back before

    @property
    def out_of_balance(self) -> Decimal:
        """What leaves the client's credit, once `unapplied` is back in it."""
        return self.from_credit + total(self.unapplied)


def plan_reversal(
    amount: Decimal,
    *,
    credit_of_receipt: Decimal,
    balance: Decimal,
    payments: Iterable[Held],
    applied: Iterable[Held],
) -> ReversalPlan:
    """Take back `amount`: first credit that nobody has spent, then what paid invoices, the newest first.

    `payments` of the receipt and `applied` of the client's credit come newest first. A receipt's credit that
    was spent meanwhile stands on the invoices it paid, so these are reopened next; what was refunded is gone,
    and is the shortfall.
    """
    from_credit = min(amount, credit_of_receipt, balance)
    left, taken_off = take(amount - from_credit, payments)
    spent = min(left, credit_of_receipt - from_credit)
    short, unapplied = take(spent, applied)
    return ReversalPlan(from_credit, taken_off, unapplied, left - spent + short)


def take(amount: Decimal, held: Iterable[Held]) -> tuple[Decimal, list[Held]]:
    """As much as there is, in the order given: (what is missing, what is taken of each)."""
    taken = []
    for each in held:
        if amount <= 0:
            break
        if part := min(amount, each.left):
            taken.append(Held(each.payment_id, part))
            amount -= part
    return amount, taken


def total(held: Iterable[Held]) -> Decimal:
    """What they come to."""
    return sum((each.left for each in held), _NOTHING)
