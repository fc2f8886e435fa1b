"""Accounts, periods, entries and their lines, runs, depreciation as posted, finance leases as recognised."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, one_of, owned_by_partner
from invoicing.ledger.chart import KINDS, Book


class LedgerAccount(PartnerOwned, Base):
    """An account of the partner's chart. Its code and name may change; what was posted stays with it."""

    __tablename__ = "ledger_account"
    __table_args__ = (
        sa.UniqueConstraint("partner_id", "code"),
        one_of("kind", KINDS),
    )

    code: Mapped[str] = mapped_column(ByPrefix)
    name: Mapped[str]
    kind: Mapped[str]


class LedgerPurpose(PartnerOwned, Base):
    """Which account a purpose is posted to from now on."""

    __tablename__ = "ledger_purpose"
    __table_args__ = (
        owned_by_partner("account_id", "ledger_account"),
        sa.UniqueConstraint("partner_id", "purpose"),
    )

    purpose: Mapped[str]  # invoicing.ledger.chart.Purpose
    account_id: Mapped[str]


class AccountingPeriod(PartnerOwned, Base):
    """A month of one book: proposed, posted, at last locked, after which the database refuses entries."""

    __tablename__ = "accounting_period"
    __table_args__ = (
        sa.UniqueConstraint("partner_id", "book", "month"),
        one_of("book", tuple(Book)),
        sa.CheckConstraint("extract(day from month) = 1", name="month_is_a_first_day"),
    )

    book: Mapped[str]
    month: Mapped[date]
    proposed_at: Mapped[datetime | None]
    posted_at: Mapped[datetime | None]  # by the newest run; later facts make it be posted again
    locked_at: Mapped[datetime | None]
    locked_by: Mapped[str] = mapped_column(default="")


class PostingRun(PartnerOwned, Base):
    """Post everything dated up to the end of a month; cut into chunks that can each be done again."""

    __tablename__ = "posting_run"
    __table_args__ = (
        owned_by_partner("long_job_id", "long_job"),
        sa.Index("ix_posting_run_recent", "partner_id", "started_at"),
        # Whoever starts a second run is led to the one that is under way.
        sa.Index(
            "uq_posting_run_under_way",
            "partner_id",
            unique=True,
            postgresql_where=sa.text("finished_at is null"),
        ),
    )

    month: Mapped[date]
    long_job_id: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    started_by: Mapped[str]


class PostingChunk(PartnerOwned, Base):
    """One step of a run for a range of its sources, posted in one transaction that also marks it done."""

    __tablename__ = "posting_chunk"
    __table_args__ = (
        owned_by_partner("run_id", "posting_run"),
        sa.UniqueConstraint("partner_id", "run_id", "position"),
    )

    run_id: Mapped[str]
    position: Mapped[int]
    wave: Mapped[int]  # a wave begins when the one before it is done
    step: Mapped[str]
    book: Mapped[str]
    first_id: Mapped[str] = mapped_column(default="")  # of papers the one before it
    last_id: Mapped[str] = mapped_column(default="")  # inclusive
    items: Mapped[int] = mapped_column(default=0)
    posted: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]


_AS_ENTRY = ("book", "period", "currency")


class JournalEntry(PartnerOwned, Base):
    """One balanced entry, from one source, in one currency. Never changed: a correction is a new entry."""

    __tablename__ = "journal_entry"
    __table_args__ = (
        owned_by_partner("run_id", "posting_run"),
        # What happened is posted once, whatever the jobs do.
        sa.UniqueConstraint("partner_id", "book", "source_kind", "source_id", "key"),
        # What a line says as well: its foreign key compares.
        sa.UniqueConstraint("partner_id", "id", *_AS_ENTRY, name="uq_journal_entry_as_lines_say"),
        sa.Index("ix_journal_entry_period", "partner_id", "book", "period", "id"),
        sa.Index("ix_journal_entry_dated", "partner_id", "book", "dated_on", "id"),
        one_of("book", tuple(Book)),
        sa.CheckConstraint("extract(day from period) = 1", name="period_is_a_first_day"),
    )

    book: Mapped[str]
    period: Mapped[date]  # the month that bears it: that of `dated_on`, or the first open one after it
    dated_on: Mapped[date]  # when it happened
    currency: Mapped[str] = mapped_column(sa.String(3))
    source_kind: Mapped[str]
    source_id: Mapped[str]
    key: Mapped[str]
    reference: Mapped[str]  # how people know the source: its number, its tag
    run_id: Mapped[str | None]
    posted_at: Mapped[datetime]
    posted_by: Mapped[str]


class JournalLine(Base):
    """One side of an entry. All lines of an entry are written by one statement, which must balance."""

    __tablename__ = "journal_line"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["partner_id", "entry_id", *_AS_ENTRY],
            [
                "journal_entry.partner_id",
                "journal_entry.id",
                *(f"journal_entry.{name}" for name in _AS_ENTRY),
            ],
            name="fk_journal_line_as_its_entry_says",
        ),
        owned_by_partner("account_id", "ledger_account"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("asset_id", "asset"),
        sa.Index("ix_journal_line_account", "partner_id", "book", "account_id", "period", "entry_id"),
        sa.Index("ix_journal_line_purpose", "partner_id", "book", "purpose", "period"),
        sa.CheckConstraint("amount <> 0", name="amount_not_zero"),
    )

    partner_id: Mapped[str] = mapped_column(sa.ForeignKey("partner.id"), primary_key=True)
    entry_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    book: Mapped[str]  # as its entry says, for sums without a join; the database compares them
    period: Mapped[date]
    currency: Mapped[str] = mapped_column(sa.String(3))
    account_id: Mapped[str]
    purpose: Mapped[str]
    amount: Mapped[Amount]  # debit positive, credit negative
    asset_class: Mapped[str] = mapped_column(default="")
    client_id: Mapped[str | None]
    lease_id: Mapped[str | None]
    asset_id: Mapped[str | None]

    @property
    def debit(self) -> Decimal | None:
        """The amount if it is a debit."""
        return self.amount if self.amount > 0 else None

    @property
    def credit(self) -> Decimal | None:
        """The amount if it is a credit."""
        return -self.amount if self.amount < 0 else None


class DepreciationPosting(Base):
    """What one depreciation book was charged in one month, and in all by its end. Never changed.

    The period leads the key, so that a month's rows are written side by side, whatever came before. No
    foreign keys: their triggers would cost more than the insert, and the writer reads the books' own rows.
    """

    __tablename__ = "depreciation_posting"
    __table_args__ = (sa.Index("ix_depreciation_posting_book", "partner_id", "book_id"),)

    partner_id: Mapped[str] = mapped_column(primary_key=True)
    book: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[date] = mapped_column(primary_key=True)  # the month's first day
    book_id: Mapped[str] = mapped_column(primary_key=True)
    charge: Mapped[Amount]
    accumulated: Mapped[Amount]
    posted_at: Mapped[datetime]  # that of the entry with their sum, which it leads to


class FinanceLeaseLine(PartnerOwned, Base):
    """A line of a finance lease as it was when a net investment took its asset's place. Never changed.

    What was agreed then is kept here, so that no later amendment, and no new class, moves what is posted.
    """

    __tablename__ = "finance_lease_line"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("line_id", "lease_line"),
        owned_by_partner("asset_id", "asset"),
        sa.UniqueConstraint("partner_id", "line_id"),
        sa.Index("ix_finance_lease_line_lease", "partner_id", "lease_id"),
    )

    lease_id: Mapped[str]
    line_id: Mapped[str]
    asset_id: Mapped[str]  # that stood there; its net investment is posted with it, also after a swap
    framework: Mapped[str]
    lease_class: Mapped[str]  # leases.finance.classification.LeaseClass
    recognised_on: Mapped[date]
    ends_on: Mapped[date]  # of the base term, as agreed then
    currency: Mapped[str] = mapped_column(sa.String(3))
    day_count: Mapped[str]
    annual_rate: Mapped[Decimal] = mapped_column(sa.Numeric(18, 12))  # a share: 0.06 is six per cent
    fair_value: Mapped[Amount]
    cost: Mapped[Amount]  # of the asset in the financial book, gross
    accumulated: Mapped[Amount]
    receivable: Mapped[Amount]
    residual: Mapped[Amount]  # the unguaranteed one, at present value
    guaranteed: Mapped[Amount]
    unguaranteed: Mapped[Amount]
    revenue: Mapped[Amount]
    cost_of_goods: Mapped[Amount]
    profit: Mapped[Amount]
    rents: Mapped[list[Any]]  # [due on, amount], oldest first
    created_at: Mapped[datetime]
