"""Discounts for early payment that were taken, and what a page to pay on takes off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.migrations import ddl
from haas.migrations.tables import AMOUNT, amount, create_table, day, moment, text, texts

revision = "0054_early_discounts"
down_revision = "0053_transfer_orders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table; and a column with a default, so that the release before goes on asking for payments."""
    table = "early_discount"
    create_table(
        table,
        *texts("client_id", "invoice_id", "credit_note_id", "receipt_id"),
        amount("amount"),
        sa.Column("currency", sa.String(3), nullable=False),
        day("paid_on"),
        moment("recorded_at"),
        text("actor"),
        references={
            "client_id": "client",
            "invoice_id": "invoice",
            "credit_note_id": "invoice",
            "receipt_id": "receipt",
        },
        checks={"amount_positive": "amount > 0"},
        uniques=[("partner_id", "invoice_id"), ("partner_id", "credit_note_id")],
    )
    op.create_index("ix_early_discount_receipt", table, ["partner_id", "receipt_id"])
    ddl.protect(table, client="column", rights=ddl.APPEND_ONLY)
    ddl.clients_only_read(table)
    ddl.audited(table)
    op.add_column("payment_attempt", sa.Column("discount", AMOUNT, nullable=False, server_default="0"))
    # All rows are as the default made them: the look at them is short.
    op.execute(
        "-- squawk-ignore constraint-missing-not-valid\n"
        "alter table payment_attempt add constraint ck_payment_attempt_discount_not_negative"
        " check (discount >= 0)"
    )


def downgrade() -> None:
    """The reverse."""
    op.drop_column("payment_attempt", "discount")
    op.drop_table("early_discount")
