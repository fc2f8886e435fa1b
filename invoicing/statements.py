"""A client's account: what was charged, given back and paid, with the balance after each. Reads only.

Its balance is what is open of invoices less what the client has to its credit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import ONE_DAY
from haas.errors import InvalidInput
from haas.tenancy.scope import Tenant
from invoicing.models import Invoice, Payment
from invoicing.money.models import BalanceEntry, Receipt, ReceiptReversal
from invoicing.open_items import OpenItem, aged

_NOTHING = Decimal(0)

# Of what happened on one day, the charge stands before what settles it.
_ORDER = {"invoice": 0, "credit_note": 1, "goodwill": 2, "payment": 3, "reversal": 4, "refund": 5}


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement; a charge is positive. `balance` is what is owed after it."""

    on: date
    kind: str  # invoice | credit_note | payment | reversal | goodwill | refund
    text: str  # the document's number, the payment's reference, or why
    invoice_id: str  # of a document
    receipt_id: str  # of money
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
    overdue: Decimal  # of the closing balance, what was late at the end, as `aged` says, less the credit
    credit: Decimal  # what the client has to its credit at the end; the closing balance is less by it
    aged: Sequence[Decimal]  # what is open at the end: not due, then by days late (AGEING_DAYS)


def statements_of(
    session: Session, tenant: Tenant, *, client_id: str, start: date, until: date
) -> list[Statement]:
    """The client's account in each of its currencies; four queries.

    :raises InvalidInput: if it would end before it starts.
    """
    if until <= start:
        raise InvalidInput("Choose an end behind the start.", field="last")
    moves: dict[str, list[_Move]] = {}
    for currency, move in chain(
        _documents(session, tenant, client_id, until), _money(session, tenant, client_id, until)
    ):
        moves.setdefault(currency, []).append(move)
    credit = _credit(session, tenant, client_id, until)
    paid = _paid(session, tenant, client_id, until)
    issued = {move.invoice_id for found in moves.values() for move in found}
    for (currency, invoice_id), amount in paid.items():
        # A transfer of the 31st for the invoice of the 1st: at the month's end it is on no invoice yet.
        if invoice_id not in issued:
            credit[currency] = credit.get(currency, _NOTHING) + amount
    return [
        _statement(
            currency,
            found,
            start=start,
            until=until,
            credit=credit.get(currency, _NOTHING),
            aged=aged(_open_then(currency, client_id, found, paid), today=until - ONE_DAY),
        )
        for currency, found in sorted(moves.items())
    ]


class _Move(NamedTuple):
    on: date
    kind: str
    text: str
    invoice_id: str
    receipt_id: str
    due_on: date | None
    amount: Decimal
    credits_id: str = ""


def _documents(session: Session, tenant: Tenant, client_id: str, until: date) -> Iterator[tuple[str, _Move]]:
    """Every paper before `until`, with its currency."""
    documents = sa.select(
        Invoice.currency, Invoice.issued_on, Invoice.kind, Invoice.number, Invoice.id, Invoice.due_on,
        Invoice.total, Invoice.credits_invoice_id,
    ).where(
        Invoice.partner_id == tenant.partner_id, Invoice.client_id == client_id, Invoice.issued_on < until
    )  # fmt: skip
    for currency, on, kind, number, invoice_id, due_on, total, credits_id in session.execute(documents):
        yield currency, _Move(on, kind, number, invoice_id, "", due_on, total, credits_id or "")


def _money(session: Session, tenant: Tenant, client_id: str, until: date) -> Iterator[tuple[str, _Move]]:
    """All that came in, went back or was granted before `until`; one query.

    What was put to an invoice out of credit moves nothing: it was credit before.
    """
    came = _of_client(Receipt, tenant, client_id).with_only_columns(
        Receipt.currency,
        Receipt.received_on,
        _word("payment"),
        Receipt.reference,
        Receipt.id,
        -Receipt.amount,
    )
    went = _of_client(ReceiptReversal, tenant, client_id).with_only_columns(
        ReceiptReversal.currency,
        ReceiptReversal.reversed_on,
        _word("reversal"),
        ReceiptReversal.reference,
        ReceiptReversal.receipt_id,
        ReceiptReversal.amount - ReceiptReversal.shortfall,
    )
    kind = sa.case((BalanceEntry.kind == "goodwill", "goodwill"), else_="refund")
    moved = (
        _of_client(BalanceEntry, tenant, client_id)
        .where(BalanceEntry.kind.in_(("goodwill", "refund", "refund_failed")))
        .with_only_columns(
            BalanceEntry.currency,
            BalanceEntry.happened_on,
            kind,
            BalanceEntry.reason,
            _word(""),
            -BalanceEntry.amount,
        )
    )
    every = sa.union_all(
        came.where(Receipt.received_on < until),
        went.where(ReceiptReversal.reversed_on < until),
        moved.where(BalanceEntry.happened_on < until),
    )
    for currency, on, what, text, receipt_id, amount in session.execute(every):
        yield currency, _Move(on, what, text, "", receipt_id, None, amount)


def _word(word: str) -> sa.ColumnElement[str]:
    return sa.literal(word, sa.Text)


def _of_client(model: Any, tenant: Tenant, client_id: str) -> Any:
    return sa.select(model).where(model.partner_id == tenant.partner_id, model.client_id == client_id)


def _credit(session: Session, tenant: Tenant, client_id: str, until: date) -> dict[str, Decimal]:
    """What the client had to its credit before `until`, by currency."""
    rows = session.execute(
        sa.select(BalanceEntry.currency, sa.func.sum(BalanceEntry.amount))
        .where(
            BalanceEntry.partner_id == tenant.partner_id,
            BalanceEntry.client_id == client_id,
            BalanceEntry.happened_on < until,
        )
        .group_by(BalanceEntry.currency)
    )
    return {currency: amount for currency, amount in rows if amount}


def _paid(session: Session, tenant: Tenant, client_id: str, until: date) -> dict[tuple[str, str], Decimal]:
    """What of each invoice was paid before `until`, by currency and its id."""
    rows = session.execute(
        sa.select(Payment.currency, Payment.invoice_id, sa.func.sum(Payment.amount))
        .where(
            Payment.partner_id == tenant.partner_id,
            Payment.client_id == client_id,
            Payment.received_on < until,
        )
        .group_by(Payment.currency, Payment.invoice_id)
    )
    return {(currency, invoice_id): amount for currency, invoice_id, amount in rows}


def _open_then(
    currency: str, client_id: str, moves: Sequence[_Move], paid: Mapping[tuple[str, str], Decimal]
) -> Iterator[OpenItem]:
    """The invoices that were open at the end, as they stood then."""
    back: dict[str, Decimal] = {}
    for move in moves:
        if move.credits_id:
            back[move.credits_id] = back.get(move.credits_id, _NOTHING) + move.amount
    for move in moves:
        if move.kind != "invoice" or move.due_on is None:
            continue
        left = (
            move.amount
            + back.get(move.invoice_id, _NOTHING)
            - paid.get((currency, move.invoice_id), _NOTHING)
        )
        if left > 0:
            yield OpenItem(
                move.invoice_id, move.text, client_id, currency, move.on, move.due_on, move.amount, left
            )


def _statement(
    currency: str,
    moves: list[_Move],
    *,
    start: date,
    until: date,
    credit: Decimal,
    aged: Sequence[Decimal],
) -> Statement:
    moves.sort(key=lambda move: (move.on, _ORDER[move.kind], move.text))
    opening = balance = sum((move.amount for move in moves if move.on < start), _NOTHING)
    entries = []
    for move in moves:
        if move.on >= start:
            balance += move.amount
            entries.append(
                Entry(
                    on=move.on,
                    kind=move.kind,
                    text=move.text,
                    invoice_id=move.invoice_id,
                    receipt_id=move.receipt_id,
                    due_on=move.due_on,
                    amount=move.amount,
                    balance=balance,
                )
            )
    # What is to the client's credit would settle the oldest first.
    overdue = max(sum(aged[1:], _NOTHING) - credit, _NOTHING)
    return Statement(currency, start, until, opening, entries, balance, overdue, credit, aged)
