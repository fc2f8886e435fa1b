"""Views of lists that people name and keep."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0010_saved_views"
down_revision = "0009_pictures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table, then who may see and change it."""
    op.create_table(
        "saved_view",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("list_name", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "not is_shared or client_id is null", name=op.f("ck_saved_view_clients_share_nothing")
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_saved_view_partner_id")),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_saved_view_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_saved_view_user_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_saved_view")),
    )
    op.create_index(
        "uq_saved_view_name",
        "saved_view",
        ["partner_id", "user_id", "list_name", sa.text("lower(name)")],
        unique=True,
    )
    op.create_index(
        "ix_saved_view_shared",
        "saved_view",
        ["partner_id", "list_name"],
        postgresql_where=sa.text("is_shared"),
    )
    ddl.protect("saved_view", client="column")
    ddl.audited("saved_view")
    # A person's own, also among people of one house: what someone looks for is nobody else's business.
    mine = "user_id = current_setting('haas.actor', true) or (is_shared and haas_client() is null)"
    op.execute(f"create policy own on saved_view as restrictive for all using ({mine}) with check ({mine})")


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_table("saved_view")
