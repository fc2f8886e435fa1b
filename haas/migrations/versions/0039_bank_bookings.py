"""What was booked of a bank's line."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.migrations import ddl
from haas.migrations.tables import amount, create_table, moment, text, texts, whole

revision = "0039_bank_bookings"
down_revision = "0038_allowances"
branch_labels = None
depends_on = None

_TABLE = "bank_booking"
_REFERENCES = {
    "line_id": "bank_line",
    "client_id": "client",
    "receipt_id": "receipt",
    "reversal_id": "receipt_reversal",
}


def upgrade() -> None:
    """The table, then who may see it; a booking can be undone, and nothing else of it changes."""
    create_table(
        _TABLE,
        text("line_id"),
        whole("position"),
        *texts("client_id", "receipt_id"),
        text("reversal_id", null=True),
        amount("amount"),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        moment("booked_at"),
        text("booked_by"),
        moment("undone_at", null=True),
        text("undone_by"),
        references=_REFERENCES,
        uniques=[("partner_id", "line_id", "position")],
    )
    op.create_index(
        "uq_bank_booking_stands",
        _TABLE,
        ["partner_id", "line_id", "client_id", "receipt_id"],
        unique=True,
        postgresql_where=sa.text("undone_at is null"),
    )
    op.create_index("ix_bank_booking_receipt", _TABLE, ["partner_id", "receipt_id"])
    ddl.protect(_TABLE, client="hidden", rights="select, insert, update (undone_at, undone_by)")
    ddl.audited(_TABLE)


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_table(_TABLE)
