"""Trial balance and roll-forwards: sums of the entries, so that each ties to them to the cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant
from invoicing.ledger.chart import Book, Purpose
from invoicing.ledger.models import JournalEntry, JournalLine, LedgerAccount
from leases.models import Lease

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Span:
    """The months of a report, both included, and the book that it reads."""

    book: Book
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """One account in one currency. Debit positive; `debit` and `credit` are what moved in the span."""

    account_id: str
    code: str
    name: str
    kind: str
    currency: str
    opening: Decimal
    debit: Decimal
    credit: Decimal

    @property
    def closing(self) -> Decimal:
        """The balance at the end of the span."""
        return self.opening + self.debit - self.credit


@dataclass(frozen=True, slots=True)
class RollForward:
    """What one report follows: which purposes, by whom or what, and which kinds of entries make its columns.

    A kind that has no column of its own is in the last one, so that opening and movements make the closing.
    """

    name: str
    purposes: tuple[Purpose, ...]
    by: str  # a column of JournalLine
    columns: Mapping[str, tuple[str, ...]]  # column -> kinds of entries
    sign: int = 1  # -1 shows a credit balance as positive


@dataclass(frozen=True, slots=True)
class RolledRow:
    """One group in one currency: opening, what moved by column, and what that makes."""

    key: str
    label: str
    currency: str
    opening: Decimal
    moved: Mapping[str, Decimal]

    @property
    def closing(self) -> Decimal:
        """Opening and all that moved."""
        return self.opening + sum(self.moved.values(), NOTHING)


OTHER = "other"
ASSET_COST = RollForward(
    "asset_cost",
    (Purpose.EQUIPMENT,),
    "asset_class",
    {
        "additions": ("addition", "capitalisation"),
        "disposals": ("disposal", "reinstatement", "settlement"),
        "leased_out": ("derecognition", "lease_swap", "lease_end"),
    },
)
ASSET_DEPRECIATION = RollForward(
    "asset_depreciation",
    (Purpose.ACCUMULATED_DEPRECIATION,),
    "asset_class",
    {
        "depreciation": ("depreciation",),
        "impairments": ("impairment", "revaluation"),
        "disposals": ("disposal", "reinstatement", "settlement"),
        "leased_out": ("derecognition", "lease_swap", "lease_end"),
    },
    sign=-1,
)
DEFERRED_RENT = RollForward(
    "deferred_rent",
    (Purpose.DEFERRED_RENT,),
    "lease_id",
    {"billed": ("invoice", "reclassification"), "earned": ("revenue",)},
    sign=-1,
)
NET_INVESTMENT = RollForward(
    "net_investment",
    (Purpose.NET_INVESTMENT, Purpose.UNGUARANTEED_RESIDUAL),
    "lease_id",
    {
        "additions": ("derecognition",),
        "interest": ("interest",),
        "billed": ("invoice", "reclassification"),
        "ended": ("lease_end",),
    },
)
RECEIVABLES = RollForward(
    "receivables",
    (Purpose.RECEIVABLES,),
    "client_id",
    {"billed": ("invoice",), "received": ("payment",)},
)
ROLL_FORWARDS = {
    report.name: report
    for report in (ASSET_COST, ASSET_DEPRECIATION, DEFERRED_RENT, NET_INVESTMENT, RECEIVABLES)
}


def trial_balance(session: Session, tenant: Tenant, *, span: Span) -> list[AccountBalance]:
    """Every account that has moved or has a balance; debits and credits are equal in each currency."""
    within = JournalLine.period >= span.first
    amount = JournalLine.amount
    rows = session.execute(
        sa.select(
            JournalLine.account_id,
            LedgerAccount.code,
            LedgerAccount.name,
            LedgerAccount.kind,
            JournalLine.currency,
            _sum(amount, sa.not_(within)),
            _sum(amount, sa.and_(within, amount > 0)),
            -_sum(amount, sa.and_(within, amount < 0)),
        )
        .join(
            LedgerAccount,
            sa.and_(
                LedgerAccount.partner_id == JournalLine.partner_id, LedgerAccount.id == JournalLine.account_id
            ),
        )
        .where(
            JournalLine.partner_id == tenant.partner_id,
            JournalLine.book == span.book,
            JournalLine.period <= span.last,
        )
        .group_by(
            JournalLine.account_id,
            LedgerAccount.code,
            LedgerAccount.name,
            LedgerAccount.kind,
            JournalLine.currency,
        )
        .order_by(JournalLine.currency, LedgerAccount.code)
    )
    return [AccountBalance(*row) for row in rows]


def roll_forward(session: Session, tenant: Tenant, *, report: RollForward, span: Span) -> list[RolledRow]:
    """Opening, movements and closing of each group that has any; two queries."""
    by: Any = getattr(JournalLine, report.by)
    within = JournalLine.period >= span.first
    rows = session.execute(
        sa.select(
            sa.func.coalesce(by, ""),
            JournalLine.currency,
            JournalEntry.source_kind,
            _sum(JournalLine.amount, sa.not_(within)),
            _sum(JournalLine.amount, within),
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
            JournalLine.purpose.in_(report.purposes),
            JournalLine.period <= span.last,
        )
        .group_by(by, JournalLine.currency, JournalEntry.source_kind)
    )
    columns = {kind: column for column, kinds in report.columns.items() for kind in kinds}
    openings: dict[tuple[str, str], Decimal] = {}
    moved: dict[tuple[str, str], dict[str, Decimal]] = {}
    for key, currency, kind, opening, movement in rows:
        group = (key, currency)
        openings[group] = openings.get(group, NOTHING) + report.sign * opening
        by_column = moved.setdefault(group, {})
        if movement:
            column = columns.get(kind, OTHER)
            by_column[column] = by_column.get(column, NOTHING) + report.sign * movement
    labels = _labels(session, tenant, report=report, keys={key for key, _ in openings})
    found = [
        RolledRow(key, labels.get(key, key), currency, opening, moved[key, currency])
        for (key, currency), opening in openings.items()
        if opening or any(moved[key, currency].values())
    ]
    return sorted(found, key=lambda row: (row.label, row.key, row.currency))


def totals(rows: Sequence[RolledRow]) -> list[RolledRow]:
    """The sum of all groups, by currency."""
    found: dict[str, RolledRow] = {}
    for row in rows:
        before = found.get(row.currency, RolledRow("", "", row.currency, NOTHING, {}))
        moved = {
            column: before.moved.get(column, NOTHING) + row.moved.get(column, NOTHING)
            for column in {*before.moved, *row.moved}
        }
        found[row.currency] = RolledRow("", "", row.currency, before.opening + row.opening, moved)
    return [found[currency] for currency in sorted(found)]


def columns_of(report: RollForward, rows: Sequence[RolledRow]) -> list[str]:
    """The report's columns; the one for everything else only where it has an amount."""
    has_other = any(row.moved.get(OTHER) for row in rows)
    return [*report.columns, *([OTHER] if has_other else [])]


def _sum(amount: Any, condition: Any) -> Any:
    return sa.func.coalesce(sa.func.sum(amount).filter(condition), 0)


def _labels(session: Session, tenant: Tenant, *, report: RollForward, keys: set[str]) -> Mapping[str, str]:
    if report.by == "client_id":
        statement = sa.select(Client.id, Client.name).where(Client.partner_id == tenant.partner_id)
    elif report.by == "lease_id":
        statement = sa.select(Lease.id, Lease.number).where(Lease.partner_id == tenant.partner_id)
    else:
        return {}
    if len(keys) <= _FEW:
        statement = statement.where(statement.selected_columns[0].in_(keys))
    return {row[0]: row[1] for row in session.execute(statement)}


_FEW = 1_000  # beyond it a list of ids in the statement costs more than reading all names
