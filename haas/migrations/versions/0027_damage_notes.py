"""What is said of charges for damage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0027_damage_notes"
down_revision = "0026_price_rises"
branch_labels = None
depends_on = None

_REFERENCES = {"return_id": "return_order", "client_id": "client", "file_id": "stored_file"}


def upgrade() -> None:
    """The table, then who may see it; nobody changes it."""
    op.create_table(
        "damage_note",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("return_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=True),
        sa.Column("amount", sa.Numeric(15, 3), nullable=True),
        sa.Column("written_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.CheckConstraint("side in ('client', 'partner')", name=op.f("ck_damage_note_side_known")),
        sa.CheckConstraint(
            "text <> '' or file_id is not null or amount is not null",
            name=op.f("ck_damage_note_says_something"),
        ),
        sa.CheckConstraint(
            "amount is null or (amount >= 0 and side = 'partner')",
            name=op.f("ck_damage_note_partner_settles"),
        ),
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", column],
                [f"{table}.partner_id", f"{table}.id"],
                name=op.f(f"fk_damage_note_partner_id_{column}"),
            )
            for column, table in _REFERENCES.items()
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_damage_note_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_damage_note")),
    )
    op.create_index("ix_damage_note_return", "damage_note", ["partner_id", "return_id", "id"])
    ddl.protect("damage_note", client="column", rights=ddl.APPEND_ONLY)
    ddl.audited("damage_note")


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_table("damage_note")
