"""Mandates for SEPA direct debits, collections and their items."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.migrations import ddl
from haas.migrations.tables import amount, create_table, day, moment, text, texts

revision = "0044_direct_debits"
down_revision = "0043_dunning"
branch_labels = None
depends_on = None

_TABLES = ("sepa_mandate", "collection", "collection_item")
_BY_PREFIX = sa.Text(collation="C")


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
    create_table(
        table,
        text("client_id"),
        sa.Column("reference", _BY_PREFIX, nullable=False),
        *texts("holder", "iban", "bic", "scheme", "usage", "state"),
        day("signed_on", null=True),
        day("revoked_on", null=True),
        moment("created_at"),
        references={"client_id": "client"},
        checks={
            "state_known": "state in ('draft', 'active', 'revoked')",
            "scheme_known": "scheme in ('CORE', 'B2B')",
            "usage_known": "usage in ('recurrent', 'once')",
            "signed_has_day": "(state = 'draft') = (signed_on is null)",
        },
        uniques=[("partner_id", "reference")],
    )
    op.create_index(
        "uq_sepa_mandate_active",
        table,
        ["partner_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )


def _collections() -> None:
    create_table(
        "collection",
        sa.Column("number", _BY_PREFIX, nullable=False),
        *texts("account_id", "scheme"),
        day("collect_on"),
        amount("total"),
        text("file_id"),
        moment("created_at"),
        text("actor"),
        references={"account_id": "bank_account", "file_id": "stored_file"},
        checks={
            "total_positive": "total > 0",
        },
        uniques=[("partner_id", "number")],
    )
    op.create_index("ix_collection_recent", "collection", ["partner_id", "id"])
    table = "collection_item"
    create_table(
        table,
        *texts("collection_id", "mandate_id", "client_id", "invoice_id"),
        amount("amount"),
        text("sequence"),
        sa.Column("end_to_end_id", _BY_PREFIX, nullable=False),
        text("state"),
        text("receipt_id", null=True),
        text("return_reason"),
        references={
            "collection_id": "collection",
            "mandate_id": "sepa_mandate",
            "client_id": "client",
            "invoice_id": "invoice",
            "receipt_id": "receipt",
        },
        checks={
            "state_known": "state in ('ordered', 'collected', 'returned', 'cancelled')",
            "amount_positive": "amount > 0",
            "collected_has_receipt": "(state in ('collected', 'returned')) = (receipt_id is not null)",
        },
        uniques=[("partner_id", "end_to_end_id")],
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
