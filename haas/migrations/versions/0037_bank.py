"""Bank accounts, their statements and lines, and what matches have taught."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.migrations import ddl
from haas.migrations.tables import amount, create_table, day, moment, text, texts, whole

revision = "0037_bank"
down_revision = "0036_receipts_checked"
branch_labels = None
depends_on = None

_TABLES = ("bank_account", "bank_statement", "bank_line", "bank_hint")
_BY_PREFIX = sa.Text(collation="C")
# What is done with a line; what the bank said of it stays.
_DECISIONS = "state, category, note, decided_at, decided_by"


def upgrade() -> None:
    """The tables, then who may see and change what."""
    create_table(
        "bank_account",
        *texts("name", "holder"),
        sa.Column("number", _BY_PREFIX, nullable=False),
        text("bic"),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("auto_book", sa.Boolean(), nullable=False),
        sa.Column("csv_layout", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        moment("created_at"),
        moment("closed_at", null=True),
        whole("version"),
        uniques=[("partner_id", "number")],
    )
    create_table(
        "bank_statement",
        *texts("account_id", "file_id"),
        whole("position"),
        *texts("kind", "bank_id"),
        day("first_on", null=True),
        day("last_on", null=True),
        amount("opening", null=True),
        amount("closing", null=True),
        whole("new_lines"),
        whole("known_lines"),
        whole("left_out"),
        moment("imported_at"),
        text("actor"),
        references={"account_id": "bank_account", "file_id": "stored_file"},
        uniques=[("partner_id", "account_id", "file_id", "position")],
    )
    op.create_index(
        "ix_bank_statement_recent", "bank_statement", ["partner_id", "account_id", "last_on", "id"]
    )
    _create_lines()
    create_table(
        "bank_hint",
        *texts("kind", "key", "client_id"),
        whole("confirmed"),
        whole("refuted"),
        moment("changed_at"),
        references={"client_id": "client"},
        checks={
            "kind_known": "kind in ('iban', 'name', 'mandate')",
            "counts_not_negative": "confirmed >= 0 and refuted >= 0",
        },
        uniques=[("partner_id", "kind", "key", "client_id")],
    )
    ddl.protect("bank_account", client="hidden", rights="select, insert, update")
    ddl.protect("bank_statement", client="hidden", rights=ddl.APPEND_ONLY)
    ddl.protect("bank_line", client="hidden", rights=f"select, insert, update ({_DECISIONS})")
    ddl.protect("bank_hint", client="hidden", rights="select, insert, update")
    for table in _TABLES:
        ddl.audited(table)


def _create_lines() -> None:
    table = "bank_line"
    told = (
        "counterparty_name", "counterparty_iban", "reference", "end_to_end_id", "mandate", "text",
        "bank_code", "bank_id", "batch_id",
    )  # fmt: skip
    create_table(
        table,
        *texts("account_id", "statement_id", "key", "kind"),
        whole("entry"),
        day("booked_on"),
        day("value_on"),
        amount("amount"),
        sa.Column("currency", sa.String(3), nullable=False),
        *texts(*told),
        sa.Column("is_return", sa.Boolean(), nullable=False),
        text("return_reason"),
        amount("charges"),
        *texts("state", "category", "note"),
        moment("decided_at", null=True),
        text("decided_by"),
        references={"account_id": "bank_account", "statement_id": "bank_statement"},
        checks={
            "state_known": "state in ('open', 'booked', 'ignored')",
            "amount_not_zero": "amount <> 0",
            "ignored_has_category": "(state = 'ignored') = (category <> '')",
        },
        uniques=[("partner_id", "account_id", "key")],
    )
    op.create_index("ix_bank_line_state", table, ["partner_id", "state", "booked_on", "id"])
    op.create_index("ix_bank_line_account", table, ["partner_id", "account_id", "booked_on", "id"])


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in reversed(_TABLES):
        op.drop_table(table)
