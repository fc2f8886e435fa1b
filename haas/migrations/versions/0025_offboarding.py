"""Off-boarding of clients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0025_offboarding"
down_revision = "0024_quotes"
branch_labels = None
depends_on = None

_REFERENCES = {"client_id": "client", "long_job_id": "long_job", "bundle_file_id": "stored_file"}


def upgrade() -> None:
    """The table, then who may see and change it."""
    op.create_table(
        "offboarding",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("noticed_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("long_job_id", sa.Text(), nullable=False),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("started_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("finished_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("bundle_file_id", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('started', 'ending', 'done')", name=op.f("ck_offboarding_state_known")),
        sa.CheckConstraint(
            "(state = 'done') = (finished_at is not null)", name=op.f("ck_offboarding_done_has_moment")
        ),
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", column],
                [f"{target}.partner_id", f"{target}.id"],
                name=op.f(f"fk_offboarding_partner_id_{column}"),
            )
            for column, target in _REFERENCES.items()
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_offboarding_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_offboarding")),
    )
    op.create_index(
        "uq_offboarding_under_way",
        "offboarding",
        ["partner_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'done'"),
    )
    ddl.protect("offboarding", client="hidden", rights="select, insert, update")
    ddl.audited("offboarding")


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_table("offboarding")
