"""A client's account: what was charged, given back and paid, with the balance after each. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import InvalidInput
from haas.tenancy.scope import Tenant
from invoicing.models import Invoice, Payment

# Of what happened on one day, the charge stands before what settles it.
_ORDER = {"invoice": 0, "credit_note": 1, "payment": 2}


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement; a charge is positive. `balance` is what is owed after it."""

    on: date
    kind: str  # invoice | credit_note | payment
    text: str  # the document's number, or the payment's reference
    invoice_id: str
    due_on: date | None
    amount: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """One currency's account from a day up to, and not including, another."""

    currency: str
    start: date
    until: date
    opening: Decimal
    entries: Sequence[Entry]
    closing: Decimal
    overdue: Decimal  # of the closing balance, what should have been paid by its last day


def statements_of(
    session: Session, tenant: Tenant, *, client_id: str, start: date, until: date
) -> list[Statement]:
    """The client's account in each of its currencies; two queries.

    :raises InvalidInput: if it would end before it starts.
    """
    if until <= start:
        raise InvalidInput("Choose an end behind the start.", field="last")
    moves: dict[str, list[_Move]] = {}
    for currency, move in _moves(session, tenant, client_id, until):
        moves.setdefault(currency, []).append(move)
    return [
        _statement(currency, found, start=start, until=until) for currency, found in sorted(moves.items())
    ]


class _Move(NamedTuple):
    on: date
    kind: str
    text: str
    invoice_id: str
    due_on: date | None
    amount: Decimal


def _moves(session: Session, tenant: Tenant, client_id: str, until: date) -> Iterator[tuple[str, _Move]]:
    """Everything before `until`, with its currency."""
    documents = sa.select(
        Invoice.currency, Invoice.issued_on, Invoice.kind, Invoice.number, Invoice.id, Invoice.due_on,
        Invoice.total,
    ).where(
        Invoice.partner_id == tenant.partner_id, Invoice.client_id == client_id, Invoice.issued_on < until
    )  # fmt: skip
    for currency, on, kind, number, invoice_id, due_on, total in session.execute(documents):
        yield currency, _Move(on, kind, number, invoice_id, due_on, total)
    payments = sa.select(
        Payment.currency, Payment.received_on, Payment.reference, Payment.invoice_id, Payment.amount
    ).where(
        Payment.partner_id == tenant.partner_id, Payment.client_id == client_id, Payment.received_on < until
    )
    for currency, on, reference, invoice_id, amount in session.execute(payments):
        yield currency, _Move(on, "payment", reference, invoice_id, None, -amount)


def _statement(currency: str, moves: list[_Move], *, start: date, until: date) -> Statement:
    moves.sort(key=lambda move: (move.on, _ORDER[move.kind], move.text))
    opening = balance = sum((move.amount for move in moves if move.on < start), Decimal(0))
    entries = []
    for move in moves:
        if move.on >= start:
            balance += move.amount
            entries.append(
                Entry(move.on, move.kind, move.text, move.invoice_id, move.due_on, move.amount, balance)
            )
    not_yet_due = sum(
        (
            move.amount
            for move in moves
            if move.kind == "invoice" and move.due_on is not None and move.due_on >= until
        ),
        Decimal(0),
    )
    # What was given back and paid settles the oldest charges first.
    overdue = max(balance - not_yet_due, Decimal(0))
    return Statement(currency, start, until, opening, entries, balance, overdue)
