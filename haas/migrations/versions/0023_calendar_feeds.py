"""Secret addresses of people's calendars."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0023_calendar_feeds"
down_revision = "0022_funding"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table, then who may see and change it."""
    op.create_table(
        "calendar_feed",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_calendar_feed_partner_id")),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_calendar_feed_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_calendar_feed_user_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feed_token_hash")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_calendar_feed")),
    )
    op.create_index(
        "uq_calendar_feed_live",
        "calendar_feed",
        ["partner_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at is null"),
    )
    ddl.protect("calendar_feed", client="column", rights="select, insert, update", known_keys=("token_hash",))
    ddl.audited("calendar_feed", masked=("token_hash",))
    # A person's own, also among people of one house; a program that brings the secret is nobody yet.
    mine = "user_id = current_setting('haas.actor', true)"
    op.execute(
        "create policy own on calendar_feed as restrictive for all"
        f" using ({mine} or token_hash = haas_key()) with check ({mine})"
    )


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_table("calendar_feed")
