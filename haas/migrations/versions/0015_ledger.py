"""The lessor's books: accounts, periods, entries, posting runs, and what depreciation was posted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0015_ledger"
down_revision = "0014_amendments"
branch_labels = None
depends_on = None

# Statement triggers see all rows of one INSERT: a set-based run pays for them once.
_GUARDS = """
create function haas_ledger_balances() returns trigger language plpgsql as $$
declare
  wrong text;
begin
  select entry_id into wrong from written group by entry_id having sum(amount) <> 0 limit 1;
  if found then
    raise exception 'journal entry % does not balance', wrong
      using errcode = 'check_violation';
  end if;
  return null;
end $$;

create function haas_ledger_lock_key(partner text, book text) returns bigint
language sql immutable parallel safe as $$ select hashtextextended('ledger:' || partner || ':' || book, 0) $$;

-- Whoever posts holds the book's key shared, whoever locks a month holds it alone: so an entry is either
-- there before the month is locked, or sees that it is.
create function haas_ledger_is_open() returns trigger language plpgsql as $$
declare
  target record;
begin
  for target in select partner_id, book, min(period) as period from written group by partner_id, book loop
    perform pg_advisory_xact_lock_shared(haas_ledger_lock_key(target.partner_id, target.book));
    if exists (select from accounting_period p
                where p.partner_id = target.partner_id and p.book = target.book
                  and p.month >= target.period and p.locked_at is not null) then
      raise exception 'the % book is locked for %', target.book, to_char(target.period, 'YYYY-MM')
        using errcode = 'restrict_violation';
    end if;
  end loop;
  return null;
end $$;

create function haas_ledger_lock() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.locked_at is not null and new.locked_at is distinct from old.locked_at then
    raise exception 'a locked month stays locked' using errcode = 'restrict_violation';
  end if;
  if new.locked_at is not null then
    perform pg_advisory_xact_lock(haas_ledger_lock_key(new.partner_id, new.book));
  end if;
  return new;
end $$;
"""


def upgrade() -> None:
    """Tables, then who may see and change them, then the guards of the books."""
    _create()
    for table in ("ledger_account", "ledger_purpose"):
        ddl.protect(table)
        ddl.audited(table)
    ddl.protect(
        "accounting_period",
        rights="select, insert, update (proposed_at, posted_at, locked_at, locked_by)",
    )
    ddl.audited("accounting_period")
    ddl.protect("posting_run", rights="select, insert, update (finished_at)")
    ddl.audited("posting_run")
    ddl.protect("posting_chunk", rights="select, insert, update (items, posted, done_at)")
    # A chunk leaves one audit note with its counts and sums; a row trigger would double what it writes.
    for table in ("journal_entry", "journal_line", "depreciation_posting"):
        ddl.protect(table, rights=ddl.APPEND_ONLY)
    op.execute(_GUARDS)
    op.execute(
        "create trigger journal_line_balances after insert on journal_line referencing new table as written"
        " for each statement execute function haas_ledger_balances()"
    )
    for table in ("journal_entry", "depreciation_posting"):
        op.execute(
            f"create trigger {table}_is_open after insert on {table} referencing new table as written"
            " for each statement execute function haas_ledger_is_open()"
        )
    op.execute(
        "create trigger accounting_period_lock before insert or update on accounting_period"
        " for each row execute function haas_ledger_lock()"
    )


def downgrade() -> None:
    """Drop what `upgrade` made, newest first."""
    for table in (
        "journal_line",
        "journal_entry",
        "depreciation_posting",
        "posting_chunk",
        "posting_run",
        "accounting_period",
        "ledger_purpose",
        "ledger_account",
    ):
        op.drop_table(table)
    for signature in (
        "haas_ledger_lock()",
        "haas_ledger_is_open()",
        "haas_ledger_lock_key(text, text)",
        "haas_ledger_balances()",
    ):
        op.execute(f"drop function {signature}")


def _create() -> None:
    op.create_table(
        "depreciation_posting",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("book_id", sa.Text(), nullable=False),
        sa.Column("charge", sa.Numeric(precision=15, scale=3), nullable=False),
        sa.Column("accumulated", sa.Numeric(precision=15, scale=3), nullable=False),
        sa.Column("posted_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "partner_id", "book", "period", "book_id", name=op.f("pk_depreciation_posting")
        ),
    )
    op.create_index(
        "ix_depreciation_posting_book", "depreciation_posting", ["partner_id", "book_id"], unique=False
    )
    op.create_table(
        "accounting_period",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("proposed_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("posted_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("locked_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("locked_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "book in ('financial', 'tax', 'margin')", name=op.f("ck_accounting_period_book_known")
        ),
        sa.CheckConstraint(
            "extract(day from month) = 1", name=op.f("ck_accounting_period_month_is_a_first_day")
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_accounting_period_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_accounting_period")),
        sa.UniqueConstraint(
            "partner_id", "book", "month", name=op.f("uq_accounting_period_partner_id_book_month")
        ),
    )
    op.create_table(
        "ledger_account",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind in ('asset', 'liability', 'equity', 'income', 'expense')",
            name=op.f("ck_ledger_account_kind_known"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_ledger_account_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint("partner_id", "code", name=op.f("uq_ledger_account_partner_id_code")),
    )
    op.create_table(
        "ledger_purpose",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id", "account_id"],
            ["ledger_account.partner_id", "ledger_account.id"],
            name=op.f("fk_ledger_purpose_partner_id_account_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_ledger_purpose_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_ledger_purpose")),
        sa.UniqueConstraint("partner_id", "purpose", name=op.f("uq_ledger_purpose_partner_id_purpose")),
    )
    op.create_table(
        "posting_run",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("long_job_id", sa.Text(), nullable=False),
        sa.Column("started_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("finished_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id", "long_job_id"],
            ["long_job.partner_id", "long_job.id"],
            name=op.f("fk_posting_run_partner_id_long_job_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_posting_run_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_posting_run")),
    )
    op.create_index("ix_posting_run_recent", "posting_run", ["partner_id", "started_at"], unique=False)
    op.create_index(
        "uq_posting_run_under_way",
        "posting_run",
        ["partner_id"],
        unique=True,
        postgresql_where=sa.text("finished_at is null"),
    )
    op.create_table(
        "journal_entry",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("dated_on", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("posted_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("posted_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "book in ('financial', 'tax', 'margin')", name=op.f("ck_journal_entry_book_known")
        ),
        sa.CheckConstraint(
            "extract(day from period) = 1", name=op.f("ck_journal_entry_period_is_a_first_day")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "run_id"],
            ["posting_run.partner_id", "posting_run.id"],
            name=op.f("fk_journal_entry_partner_id_run_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_journal_entry_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_journal_entry")),
        sa.UniqueConstraint(
            "partner_id", "id", "book", "period", "currency", name=op.f("uq_journal_entry_as_lines_say")
        ),
        sa.UniqueConstraint(
            "partner_id",
            "book",
            "source_kind",
            "source_id",
            "key",
            name=op.f("uq_journal_entry_partner_id_book_source_kind_source_id_key"),
        ),
    )
    op.create_index(
        "ix_journal_entry_dated", "journal_entry", ["partner_id", "book", "dated_on", "id"], unique=False
    )
    op.create_index(
        "ix_journal_entry_period", "journal_entry", ["partner_id", "book", "period", "id"], unique=False
    )
    op.create_table(
        "posting_chunk",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("first_id", sa.Text(), nullable=False),
        sa.Column("last_id", sa.Text(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("posted", sa.Integer(), nullable=False),
        sa.Column("done_at", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["partner_id", "run_id"],
            ["posting_run.partner_id", "posting_run.id"],
            name=op.f("fk_posting_chunk_partner_id_run_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_posting_chunk_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_posting_chunk")),
        sa.UniqueConstraint(
            "partner_id", "run_id", "position", name=op.f("uq_posting_chunk_partner_id_run_id_position")
        ),
    )
    op.create_table(
        "journal_line",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=15, scale=3), nullable=False),
        sa.Column("asset_class", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("lease_id", sa.Text(), nullable=True),
        sa.Column("asset_id", sa.Text(), nullable=True),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_journal_line_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["partner_id", "account_id"],
            ["ledger_account.partner_id", "ledger_account.id"],
            name=op.f("fk_journal_line_partner_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "asset_id"],
            ["asset.partner_id", "asset.id"],
            name=op.f("fk_journal_line_partner_id_asset_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_journal_line_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "entry_id", "book", "period", "currency"],
            [
                "journal_entry.partner_id",
                "journal_entry.id",
                "journal_entry.book",
                "journal_entry.period",
                "journal_entry.currency",
            ],
            name=op.f("fk_journal_line_as_its_entry_says"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "lease_id"],
            ["lease.partner_id", "lease.id"],
            name=op.f("fk_journal_line_partner_id_lease_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_journal_line_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "entry_id", "position", name=op.f("pk_journal_line")),
    )
    op.create_index(
        "ix_journal_line_account",
        "journal_line",
        ["partner_id", "book", "account_id", "period", "entry_id"],
        unique=False,
    )
    op.create_index(
        "ix_journal_line_purpose", "journal_line", ["partner_id", "book", "purpose", "period"], unique=False
    )
