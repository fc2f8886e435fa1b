"""The trial balance in the partner's own currency: postings in other currencies at the rate of a named day.

Each entry balances in its own currency and is of one day, so the converted whole balances too, but for the
cents that each account rounds away: these are told in a line of their own, never hidden in an account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import end_of_month
from haas.money import round_minor
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from invoicing.ledger.exchange_rules import ConvertedBy
from invoicing.ledger.models import JournalEntry, JournalLine
from invoicing.ledger.reports import NOTHING, AccountBalance, Span, trial_balance
from invoicing.money import rates
from invoicing.money.rate_rules import RateTable
from invoicing.tax.taxation import NoExchangeRate


@dataclass(frozen=True, slots=True)
class ConvertedBalance:
    """Every account in one currency, and what rounding left: opening, debits, credits."""

    currency: str
    by: ConvertedBy
    accounts: Sequence[AccountBalance]

    @property
    def difference(self) -> AccountBalance:
        """The line that makes openings add up to nothing, and debits to credits."""
        opening = -sum((row.opening for row in self.accounts), NOTHING)
        moved = sum((row.credit - row.debit for row in self.accounts), NOTHING)
        return AccountBalance(
            "", "", "", "", self.currency, opening, max(moved, NOTHING), max(-moved, NOTHING)
        )


@dataclass(slots=True)
class _Sums:
    opening: Fraction = Fraction(0)
    debit: Fraction = Fraction(0)
    credit: Fraction = Fraction(0)


def converted_balance(session: Session, tenant: Tenant, *, span: Span, by: ConvertedBy) -> ConvertedBalance:
    """The trial balance in the partner's currency, each account rounded once; at most four queries.

    :raises NoExchangeRate: naming the currency and the day of which no rate is on file.
    """
    own = session.get_one(Partner, tenant.partner_id).currency
    balances = trial_balance(session, tenant, span=span)
    last = end_of_month(span.last)
    sums: dict[str, _Sums] = defaultdict(_Sums)
    by_day = by is ConvertedBy.POSTING_DAY
    codes = {own, *(row.currency for row in balances)}
    table = rates.load(session, tenant, codes=codes, first=last, last=last)
    for row in balances:
        if row.currency == own or not by_day:
            rate = _rate(table, row.currency, own, last)
            _add(sums[row.account_id], row.opening, row.debit, row.credit, rate=rate)
    if by_day and codes > {own}:
        rows = _moved_by_day(session, tenant, span=span, own=own)
        days = [row[2] for row in rows]
        table = rates.load(session, tenant, codes=codes, first=min(days), last=max(days))
        for account_id, currency, day, opening, debit, credit in rows:
            _add(sums[account_id], opening, debit, credit, rate=_rate(table, currency, own, day))
    named = {row.account_id: row for row in balances}
    accounts = [
        replace(
            named[account_id],
            currency=own,
            opening=round_minor(each.opening, own),
            debit=round_minor(each.debit, own),
            credit=round_minor(each.credit, own),
        )
        for account_id, each in sums.items()
    ]
    return ConvertedBalance(own, by, sorted(accounts, key=lambda row: row.code))


def _moved_by_day(session: Session, tenant: Tenant, *, span: Span, own: str) -> Sequence[Any]:
    """(account, currency, day, opening, debit, credit) of what is not in the own currency."""
    within = JournalLine.period >= span.first
    amount = JournalLine.amount
    return session.execute(
        sa.select(
            JournalLine.account_id,
            JournalLine.currency,
            JournalEntry.dated_on,
            sa.func.coalesce(sa.func.sum(amount).filter(sa.not_(within)), 0),
            sa.func.coalesce(sa.func.sum(amount).filter(within, amount > 0), 0),
            -sa.func.coalesce(sa.func.sum(amount).filter(within, amount < 0), 0),
        )
        .join(
            JournalEntry,
            sa.and_(
                JournalEntry.partner_id == JournalLine.partner_id, JournalEntry.id == JournalLine.entry_id
            ),
        )
        .where(
            JournalLine.partner_id == tenant.partner_id,
            JournalLine.book == span.book,
            JournalLine.period <= span.last,
            JournalLine.currency != own,
        )
        .group_by(JournalLine.account_id, JournalLine.currency, JournalEntry.dated_on)
    ).all()


def _rate(table: RateTable, currency: str, own: str, day: date) -> Decimal:
    found = table.on(currency, own, day)
    if found is None:
        raise NoExchangeRate(
            f"No rate of {currency} in {own} is known for {day:%d %B %Y}:"
            " add one of that day or the month before it under Settings, Exchange rates."
        )
    return found.rate


def _add(sums: _Sums, opening: Decimal, debit: Decimal, credit: Decimal, *, rate: Decimal) -> None:
    factor = Fraction(rate)
    sums.opening += Fraction(opening) * factor
    sums.debit += Fraction(debit) * factor
    sums.credit += Fraction(credit) * factor
