"""What kind of lease each lease is to its lessor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0016_lease_classification"
down_revision = "0015_ledger"
branch_labels = None
depends_on = None

_JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    """The table, then who may see and change it."""
    op.create_table(
        "lease_classification",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("framework", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("inputs", _JSON, nullable=False),
        sa.Column("tests", _JSON, nullable=False),
        sa.Column("cautions", _JSON, nullable=False),
        sa.Column("decided_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "framework in ('asc842', 'ifrs16')", name=op.f("ck_lease_classification_framework_known")
        ),
        sa.CheckConstraint(
            "result in ('sales_type', 'direct_financing', 'operating', 'finance')",
            name=op.f("ck_lease_classification_result_known"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_lease_classification_partner_id")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "lease_id"],
            ["lease.partner_id", "lease.id"],
            name=op.f("fk_lease_classification_partner_id_lease_id"),
        ),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_lease_classification")),
        sa.UniqueConstraint(
            "partner_id",
            "lease_id",
            "framework",
            name=op.f("uq_lease_classification_partner_id_lease_id_framework"),
        ),
    )
    # Not for a client's own people: it shows what the hardware costs and what the lease yields.
    ddl.protect("lease_classification", client="hidden", rights="select, insert, update")
    ddl.audited("lease_classification")


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_table("lease_classification")
