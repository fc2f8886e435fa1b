"""Reads of the journal: entries by filter, one entry with its lines, and what a depreciation entry sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import Asset
from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from invoicing.ledger.chart import Book
from invoicing.ledger.models import (
    DepreciationPosting,
    JournalEntry,
    JournalLine,
    LedgerAccount,
    PostingChunk,
)
from leases.models import DepreciationBook


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What a list of entries is narrowed to. What is asked of a line is asked of the same one."""

    book: Book = Book.FINANCIAL
    kind: str | None = None
    period_from: date | None = None
    period_until: date | None = None  # included: periods are months
    source_id: str | None = None
    account_id: str | None = None
    purpose: str | None = None
    client_id: str | None = None
    lease_id: str | None = None
    asset_class: str | None = None

    @property
    def of_lines(self) -> dict[str, str]:
        """The conditions on a line that are set."""
        asked = {
            "account_id": self.account_id,
            "purpose": self.purpose,
            "client_id": self.client_id,
            "lease_id": self.lease_id,
            "asset_class": self.asset_class,
        }
        return {name: value for name, value in asked.items() if value}


@dataclass(frozen=True, slots=True)
class PostedLine:
    """A line with its account as it is called now."""

    line: JournalLine
    account: LedgerAccount


@dataclass(frozen=True, slots=True)
class PostedBook:
    """What one asset's book was charged in an entry."""

    asset_id: str
    tag: str
    charge: Decimal
    accumulated: Decimal


def list_entries(tenant: Tenant, *, where: EntryFilter) -> sa.Select[Any]:
    """The entries that the filter names, for `fetch_page`."""
    statement = scoped(JournalEntry, tenant).where(JournalEntry.book == where.book)
    if where.kind:
        statement = statement.where(JournalEntry.source_kind == where.kind)
    if where.period_from is not None:
        statement = statement.where(JournalEntry.period >= where.period_from)
    if where.period_until is not None:
        statement = statement.where(JournalEntry.period <= where.period_until)
    if where.source_id:
        statement = statement.where(JournalEntry.source_id == where.source_id)
    if where.of_lines:
        statement = statement.where(sa.exists().where(*_of_entry(JournalEntry), *_conditions(where)))
    return statement


def amounts_of(
    session: Session, tenant: Tenant, *, entries: Sequence[JournalEntry], where: EntryFilter
) -> dict[str, Decimal]:
    """For each entry the sum of the lines asked for, or of its debits if no line is; one query."""
    wanted = _conditions(where) if where.of_lines else [JournalLine.amount > 0]
    rows = session.execute(
        sa.select(JournalLine.entry_id, sa.func.sum(JournalLine.amount))
        .where(
            JournalLine.partner_id == tenant.partner_id,
            JournalLine.entry_id.in_([entry.id for entry in entries]),
            *wanted,
        )
        .group_by(JournalLine.entry_id)
    )
    return {entry_id: amount for entry_id, amount in rows}  # noqa: C416 - rows are no pairs for mypy


def get_entry(session: Session, tenant: Tenant, *, entry_id: str) -> JournalEntry:
    """One entry.

    :raises NotFound: if this partner has no such entry.
    """
    entry = session.scalar(scoped(JournalEntry, tenant).where(JournalEntry.id == entry_id))
    if entry is None:
        raise NotFound(f"There is no journal entry {entry_id}.")
    return entry


def lines_of(session: Session, tenant: Tenant, *, entry_ids: Sequence[str]) -> dict[str, list[PostedLine]]:
    """The lines of entries with their accounts; one query."""
    rows = session.execute(
        sa.select(JournalLine, LedgerAccount)
        .join(
            LedgerAccount,
            sa.and_(
                LedgerAccount.partner_id == JournalLine.partner_id, LedgerAccount.id == JournalLine.account_id
            ),
        )
        .where(JournalLine.partner_id == tenant.partner_id, JournalLine.entry_id.in_(entry_ids))
        .order_by(JournalLine.entry_id, JournalLine.position)
    )
    found: dict[str, list[PostedLine]] = {entry_id: [] for entry_id in entry_ids}
    for line, account in rows:
        found[line.entry_id].append(PostedLine(line, account))
    return found


def books_of(
    session: Session, tenant: Tenant, *, entry: JournalEntry, limit: int, after: str | None = None
) -> list[PostedBook]:
    """What a depreciation entry sums, asset by asset in the order of their tags; `after` is a tag."""
    chunk = session.scalar(scoped(PostingChunk, tenant).where(PostingChunk.id == entry.source_id))
    if chunk is None:
        return []
    statement = (
        sa.select(Asset.id, Asset.tag, DepreciationPosting.charge, DepreciationPosting.accumulated)
        .select_from(DepreciationPosting)
        .join(
            DepreciationBook,
            sa.and_(
                DepreciationBook.partner_id == DepreciationPosting.partner_id,
                DepreciationBook.id == DepreciationPosting.book_id,
            ),
        )
        .join(
            Asset,
            sa.and_(Asset.partner_id == DepreciationBook.partner_id, Asset.id == DepreciationBook.asset_id),
        )
        .where(
            DepreciationPosting.partner_id == tenant.partner_id,
            DepreciationPosting.book == entry.book,
            DepreciationPosting.period == entry.period,
            DepreciationPosting.book_id.between(chunk.first_id, chunk.last_id),
            DepreciationPosting.posted_at == entry.posted_at,
            DepreciationBook.currency == entry.currency,
        )
        .order_by(Asset.tag)
        .limit(limit)
    )
    if after:
        statement = statement.where(Asset.tag > after)
    return [PostedBook(*row) for row in session.execute(statement)]


def _of_entry(entry: type[JournalEntry]) -> list[sa.ColumnElement[bool]]:
    return [JournalLine.partner_id == entry.partner_id, JournalLine.entry_id == entry.id]


def _conditions(where: EntryFilter) -> list[sa.ColumnElement[bool]]:
    return [getattr(JournalLine, name) == value for name, value in where.of_lines.items()]
