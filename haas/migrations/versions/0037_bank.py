"""Bank accounts, their statements and lines, and what matches have taught."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0037_bank"
down_revision = "0036_receipts_checked"
branch_labels = None
depends_on = None

_TABLES = ("bank_account", "bank_statement", "bank_line", "bank_hint")
_BY_PREFIX = sa.Text(collation="C")
# What is done with a line; what the bank said of it stays.
_DECISIONS = "state, category, note, decided_at, decided_by"


def _text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=null)


def _amount(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Numeric(15, 3), nullable=null)


def _moment(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, UtcDateTime(timezone=True), nullable=null)


def _whole(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _create(table: str, *parts: sa.schema.SchemaItem, references: Mapping[str, str]) -> None:
    op.create_table(
        table,
        _text("partner_id"),
        _text("id"),
        *parts,
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", column],
                [f"{target}.partner_id", f"{target}.id"],
                name=op.f(f"fk_{table}_partner_id_{column}"),
            )
            for column, target in references.items()
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f(f"fk_{table}_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f(f"pk_{table}")),
    )


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    """The tables, then who may see and change what."""
    _create(
        "bank_account",
        _text("name"),
        _text("holder"),
        sa.Column("number", _BY_PREFIX, nullable=False),
        _text("bic"),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("auto_book", sa.Boolean(), nullable=False),
        sa.Column("csv_layout", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        _moment("created_at"),
        _moment("closed_at", null=True),
        _whole("version"),
        _unique("bank_account", "partner_id", "number"),
        references={},
    )
    _create(
        "bank_statement",
        _text("account_id"),
        _text("file_id"),
        _whole("position"),
        _text("kind"),
        _text("bank_id"),
        sa.Column("first_on", sa.Date(), nullable=True),
        sa.Column("last_on", sa.Date(), nullable=True),
        _amount("opening", null=True),
        _amount("closing", null=True),
        _whole("new_lines"),
        _whole("known_lines"),
        _whole("left_out"),
        _moment("imported_at"),
        _text("actor"),
        _unique("bank_statement", "partner_id", "account_id", "file_id", "position"),
        references={"account_id": "bank_account", "file_id": "stored_file"},
    )
    op.create_index(
        "ix_bank_statement_recent", "bank_statement", ["partner_id", "account_id", "last_on", "id"]
    )
    _create_lines()
    _create(
        "bank_hint",
        _text("kind"),
        _text("key"),
        _text("client_id"),
        _whole("confirmed"),
        _whole("refuted"),
        _moment("changed_at"),
        _unique("bank_hint", "partner_id", "kind", "key", "client_id"),
        _check("bank_hint", "kind_known", "kind in ('iban', 'name', 'mandate')"),
        _check("bank_hint", "counts_not_negative", "confirmed >= 0 and refuted >= 0"),
        references={"client_id": "client"},
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
    _create(
        table,
        _text("account_id"),
        _text("statement_id"),
        _text("key"),
        _text("kind"),
        _whole("entry"),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=False),
        _amount("amount"),
        sa.Column("currency", sa.String(3), nullable=False),
        *(_text(name) for name in told),
        sa.Column("is_return", sa.Boolean(), nullable=False),
        _text("return_reason"),
        _amount("charges"),
        _text("state"),
        _text("category"),
        _text("note"),
        _moment("decided_at", null=True),
        _text("decided_by"),
        _unique(table, "partner_id", "account_id", "key"),
        _check(table, "state_known", "state in ('open', 'booked', 'ignored')"),
        _check(table, "amount_not_zero", "amount <> 0"),
        _check(table, "ignored_has_category", "(state = 'ignored') = (category <> '')"),
        references={"account_id": "bank_account", "statement_id": "bank_statement"},
    )
    op.create_index("ix_bank_line_state", table, ["partner_id", "state", "booked_on", "id"])
    op.create_index("ix_bank_line_account", table, ["partner_id", "account_id", "booked_on", "id"])


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in reversed(_TABLES):
        op.drop_table(table)
