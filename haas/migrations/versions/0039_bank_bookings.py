"""What was booked of a bank's line."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

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
    op.create_table(
        _TABLE,
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("reversal_id", sa.Text(), nullable=True),
        sa.Column("amount", sa.Numeric(15, 3), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        sa.Column("booked_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("booked_by", sa.Text(), nullable=False),
        sa.Column("undone_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", column],
                [f"{target}.partner_id", f"{target}.id"],
                name=op.f(f"fk_{_TABLE}_partner_id_{column}"),
            )
            for column, target in _REFERENCES.items()
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f(f"fk_{_TABLE}_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f(f"pk_{_TABLE}")),
        sa.UniqueConstraint(
            "partner_id", "line_id", "position", name=op.f(f"uq_{_TABLE}_partner_id_line_id_position")
        ),
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
