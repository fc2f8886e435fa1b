"""Swaps that failing devices ask for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0007_swap_proposals"
down_revision = "0006_telemetry"
branch_labels = None
depends_on = None

_REFERENCES = {
    "client_id": "client",
    "device_id": "device",
    "lease_id": "lease",
    "line_id": "lease_line",
    "outgoing_id": "asset",
    "spare_id": "asset",
    "swap_id": "swap",
}


def upgrade() -> None:
    """The table, then who may see and change it."""
    op.create_table(
        "swap_proposal",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("outgoing_id", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("spare_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("decided_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("swap_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('open', 'accepted', 'dismissed', 'withdrawn')",
            name=op.f("ck_swap_proposal_state_known"),
        ),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at is null)", name=op.f("ck_swap_proposal_decided_has_moment")
        ),
        sa.CheckConstraint(
            "state <> 'accepted' or swap_id is not null", name=op.f("ck_swap_proposal_accepted_has_swap")
        ),
        sa.CheckConstraint(
            "state not in ('dismissed', 'withdrawn') or because <> ''",
            name=op.f("ck_swap_proposal_closed_says_why"),
        ),
        sa.CheckConstraint(
            "spare_id is null or spare_id <> outgoing_id", name=op.f("ck_swap_proposal_two_assets")
        ),
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", column],
                [f"{table}.partner_id", f"{table}.id"],
                name=op.f(f"fk_swap_proposal_partner_id_{column}"),
            )
            for column, table in _REFERENCES.items()
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_swap_proposal_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_swap_proposal")),
    )
    op.create_index("ix_swap_proposal_asset", "swap_proposal", ["partner_id", "outgoing_id", "id"])
    op.create_index(
        "uq_swap_proposal_open",
        "swap_proposal",
        ["partner_id", "outgoing_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    # Not for a client's own people: what may happen to a device is told when somebody has decided.
    ddl.protect("swap_proposal", client="hidden", rights="select, insert, update")
    ddl.audited("swap_proposal")


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_table("swap_proposal")
