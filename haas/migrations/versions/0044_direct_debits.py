"""Mandates for SEPA direct debits, collections and their items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0044_direct_debits"
down_revision = "0043_dunning"
branch_labels = None
depends_on = None

_TABLES = ("sepa_mandate", "collection", "collection_item")
_BY_PREFIX = sa.Text(collation="C")


def _text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=null)


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


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def upgrade() -> None:
    """The tables, then who may see and change what: an order stays as it was sent."""
    _mandates()
    _collections()
    ddl.protect(
        "sepa_mandate", client="hidden", rights="select, insert, update (state, signed_on, revoked_on)"
    )
    ddl.audited("sepa_mandate", masked=("iban",))
    # FOR UPDATE asks for the right to change a column: the number, which nothing changes.
    ddl.protect("collection", client="hidden", rights="select, insert, update (number)")
    ddl.audited("collection")
    ddl.protect(
        "collection_item",
        client="hidden",
        rights="select, insert, update (state, receipt_id, return_reason)",
    )
    ddl.audited("collection_item")


def _mandates() -> None:
    table = "sepa_mandate"
    _create(
        table,
        _text("client_id"),
        sa.Column("reference", _BY_PREFIX, nullable=False),
        _text("holder"),
        _text("iban"),
        _text("bic"),
        _text("scheme"),
        _text("usage"),
        _text("state"),
        sa.Column("signed_on", sa.Date(), nullable=True),
        sa.Column("revoked_on", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        _unique(table, "partner_id", "reference"),
        _check(table, "state_known", "state in ('draft', 'active', 'revoked')"),
        _check(table, "scheme_known", "scheme in ('CORE', 'B2B')"),
        _check(table, "usage_known", "usage in ('recurrent', 'once')"),
        _check(table, "signed_has_day", "(state = 'draft') = (signed_on is null)"),
        references={"client_id": "client"},
    )
    op.create_index(
        "uq_sepa_mandate_active",
        table,
        ["partner_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )


def _collections() -> None:
    _create(
        "collection",
        sa.Column("number", _BY_PREFIX, nullable=False),
        _text("account_id"),
        _text("scheme"),
        sa.Column("collect_on", sa.Date(), nullable=False),
        sa.Column("total", sa.Numeric(15, 3), nullable=False),
        _text("file_id"),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        _text("actor"),
        _unique("collection", "partner_id", "number"),
        _check("collection", "total_positive", "total > 0"),
        references={"account_id": "bank_account", "file_id": "stored_file"},
    )
    op.create_index("ix_collection_recent", "collection", ["partner_id", "id"])
    table = "collection_item"
    _create(
        table,
        _text("collection_id"),
        _text("mandate_id"),
        _text("client_id"),
        _text("invoice_id"),
        sa.Column("amount", sa.Numeric(15, 3), nullable=False),
        _text("sequence"),
        sa.Column("end_to_end_id", _BY_PREFIX, nullable=False),
        _text("state"),
        _text("receipt_id", null=True),
        _text("return_reason"),
        _unique(table, "partner_id", "end_to_end_id"),
        _check(table, "state_known", "state in ('ordered', 'collected', 'returned', 'cancelled')"),
        _check(table, "amount_positive", "amount > 0"),
        _check(
            table, "collected_has_receipt", "(state in ('collected', 'returned')) = (receipt_id is not null)"
        ),
        references={
            "collection_id": "collection",
            "mandate_id": "sepa_mandate",
            "client_id": "client",
            "invoice_id": "invoice",
            "receipt_id": "receipt",
        },
    )
    op.create_index(
        "uq_collection_item_ordered",
        table,
        ["partner_id", "invoice_id"],
        unique=True,
        postgresql_where=sa.text("state = 'ordered'"),
    )
    op.create_index("ix_collection_item_collection", table, ["partner_id", "collection_id", "end_to_end_id"])
    op.create_index("ix_collection_item_mandate", table, ["partner_id", "mandate_id"])


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in reversed(_TABLES):
        op.drop_table(table)
