"""A client's account at the end of a day as everybody tells it; whoever disagrees fails the test."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import ONE_DAY, add_months
from haas.tenancy.scope import Tenant
from invoicing.dunning.ageing import ageing
from invoicing.ledger.chart import Book
from invoicing.ledger.models import JournalLine
from invoicing.ledger.reports import RECEIVABLES, Span, roll_forward, trial_balance
from invoicing.open_items import AGEING_DAYS
from invoicing.open_on import open_on
from invoicing.statements import statements_of

NOTHING = Decimal(0)
_EVER = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Account:
    """What is open, and what is to the client's credit."""

    open: Decimal = NOTHING
    credit: Decimal = NOTHING


def at_end_of(session: Session, tenant: Tenant, *, client_id: str, day: date) -> dict[str, Account]:
    """The account by currency, once statement, ageing and open items tell the same of that day."""
    items: dict[str, Decimal] = defaultdict(Decimal)
    for item in open_on(session, tenant, as_of=day):
        assert item.client_id == client_id
        assert 0 < item.open <= item.total
        items[item.currency] += item.open
    rows = ageing(session, tenant, as_of=day, bounds=AGEING_DAYS)
    assert {row.currency: row.total for row in rows} == items
    buckets = {row.currency: list(row.buckets) for row in rows}
    found = {}
    for told in statements_of(session, tenant, client_id=client_id, start=_EVER, until=day + ONE_DAY):
        assert list(told.aged) == buckets.get(told.currency, [NOTHING] * len(told.aged))
        assert told.closing == items[told.currency] - told.credit
        assert told.closing == sum((entry.amount for entry in told.entries), told.opening)
        assert told.credit >= 0
        assert 0 <= told.overdue <= sum(told.aged)
        found[told.currency] = Account(items[told.currency], told.credit)
    assert items.keys() <= found.keys()
    return found


def in_the_books(
    session: Session, tenant: Tenant, *, client_id: str, month: date
) -> dict[str, dict[str, Decimal]]:
    """What purposes stand at by currency at the end of a month that is posted: with the client's account.

    Receivables and prepayments are what is open and what is credit; money for an invoice that was not issued
    yet stands against receivables, and is credit on the statement.
    """
    span = Span(Book.FINANCIAL, month, month)
    totals: dict[str, list[Decimal]] = defaultdict(lambda: [NOTHING, NOTHING])
    for row in trial_balance(session, tenant, span=span):
        totals[row.currency][0] += row.opening
        totals[row.currency][1] += row.debit - row.credit
    assert all(total == [NOTHING, NOTHING] for total in totals.values())
    stands: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for currency, purpose, amount in session.execute(
        sa.select(JournalLine.currency, JournalLine.purpose, sa.func.sum(JournalLine.amount))
        .where(
            JournalLine.partner_id == tenant.partner_id,
            JournalLine.book == Book.FINANCIAL,
            JournalLine.period <= month,
        )
        .group_by(JournalLine.currency, JournalLine.purpose)
    ):
        stands[currency][purpose] = amount
    rolled = {
        row.currency: row.closing
        for row in roll_forward(session, tenant, report=RECEIVABLES, span=span)
        if row.key == client_id
    }
    last = add_months(month, 1) - ONE_DAY
    for currency, account in at_end_of(session, tenant, client_id=client_id, day=last).items():
        receivable = stands[currency].get("receivables", NOTHING)
        assert rolled.get(currency, NOTHING) == receivable
        assert receivable + stands[currency].get("prepayments", NOTHING) == account.open - account.credit
    return stands
