"""Lines of finance leases, as they were when a net investment took their assets' place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0030_finance_leases"
down_revision = "0029_signed_stays"
branch_labels = None
depends_on = None

_TABLE = "finance_lease_line"
_AMOUNTS = (
    "fair_value",
    "cost",
    "accumulated",
    "receivable",
    "residual",
    "guaranteed",
    "unguaranteed",
    "revenue",
    "cost_of_goods",
    "profit",
)


def upgrade() -> None:
    """The table, then who may see it."""
    op.create_table(
        _TABLE,
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("framework", sa.Text(), nullable=False),
        sa.Column("lease_class", sa.Text(), nullable=False),
        sa.Column("recognised_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("day_count", sa.Text(), nullable=False),
        sa.Column("annual_rate", sa.Numeric(18, 12), nullable=False),
        *(sa.Column(name, sa.Numeric(15, 3), nullable=False) for name in _AMOUNTS),
        sa.Column("rents", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f(f"fk_{_TABLE}_partner_id")),
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", column],
                [f"{table}.partner_id", f"{table}.id"],
                name=op.f(f"fk_{_TABLE}_partner_id_{column}"),
            )
            for column, table in (("lease_id", "lease"), ("line_id", "lease_line"), ("asset_id", "asset"))
        ),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f(f"pk_{_TABLE}")),
        sa.UniqueConstraint("partner_id", "line_id", name=op.f(f"uq_{_TABLE}_partner_id_line_id")),
    )
    op.create_index(f"ix_{_TABLE}_lease", _TABLE, ["partner_id", "lease_id"])
    # Not for a client's own people: it shows what the hardware cost and what the lease yields.
    ddl.protect(_TABLE, client="hidden", rights=ddl.APPEND_ONLY)
    ddl.audited(_TABLE)


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_table(_TABLE)
