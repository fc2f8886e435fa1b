"""Orders to the bank that give credit back to clients, and their transfers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.migrations import ddl
from haas.migrations.tables import amount, create_table, day, moment, text, texts

revision = "0053_transfer_orders"
down_revision = "0052_credit_parts_checked"
branch_labels = None
depends_on = None

_BY_PREFIX = sa.Text(collation="C")


def upgrade() -> None:
    """The tables, then who may see and change what: an order stays as it was sent."""
    create_table(
        "transfer_order",
        sa.Column("number", _BY_PREFIX, nullable=False),
        text("account_id"),
        day("pay_on"),
        amount("total"),
        text("file_id"),
        moment("created_at"),
        text("actor"),
        moment("sent_at", null=True),
        text("sent_by"),
        moment("cancelled_at", null=True),
        references={"account_id": "bank_account", "file_id": "stored_file"},
        checks={
            "total_positive": "total > 0",
            "sent_or_cancelled": "sent_at is null or cancelled_at is null",
        },
        uniques=[("partner_id", "number")],
    )
    table = "transfer_item"
    create_table(
        table,
        *texts("order_id", "refund_id", "client_id"),
        amount("amount"),
        *texts("name", "iban"),
        sa.Column("end_to_end_id", _BY_PREFIX, nullable=False),
        *texts("state", "failure"),
        references={"order_id": "transfer_order", "refund_id": "refund", "client_id": "client"},
        checks={
            "state_known": "state in ('ordered', 'settled', 'failed', 'cancelled')",
            "amount_positive": "amount > 0",
        },
        uniques=[("partner_id", "end_to_end_id")],
    )
    op.create_index(
        "uq_transfer_item_stands",
        table,
        ["partner_id", "refund_id"],
        unique=True,
        postgresql_where=sa.text("state in ('ordered', 'settled')"),
    )
    op.create_index("ix_transfer_item_order", table, ["partner_id", "order_id", "id"])
    ddl.protect(
        "transfer_order", client="hidden", rights="select, insert, update (sent_at, sent_by, cancelled_at)"
    )
    ddl.audited("transfer_order")
    ddl.protect(table, client="hidden", rights="select, insert, update (state, failure)")
    ddl.audited(table, masked=("iban",))


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_table("transfer_item")
    op.drop_table("transfer_order")
