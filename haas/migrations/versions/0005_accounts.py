"""Passkey challenges and logos; the operator may invite."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0005_accounts"
down_revision = "0004_invoicing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables, then who may see and change them."""
    op.create_table(
        "passkey_challenge",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey_challenge")),
    )
    op.create_index(
        op.f("ix_passkey_challenge_expires_at"), "passkey_challenge", ["expires_at"], unique=False
    )
    op.execute("alter table passkey_challenge enable row level security")
    op.execute("alter table passkey_challenge force row level security")
    # Not audited: it says nothing but that somebody opened the sign-in page.
    op.execute(
        "create policy holder on passkey_challenge for all"
        " using (id = haas_key()) with check (id = haas_key())"
    )
    op.execute(
        "create policy sweep on passkey_challenge for all using (haas_level() = 'relay') with check (false)"
    )
    op.execute(f"grant select, insert, delete on passkey_challenge to {ddl.APP_ROLE}")

    op.create_table(
        "partner_logo",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_partner_logo_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_partner_logo")),
    )
    ddl.protect("partner_logo", client="shared", rights=ddl.APPEND_ONLY)
    ddl.audited("partner_logo", masked=("png",))

    # A partner's first owner is invited in the transaction that makes the partner, which is the operator's.
    op.execute(
        "create policy operator_invites on outbox_event for insert"
        " with check (haas_level() = 'operator' and name like 'account.%')"
    )


def downgrade() -> None:
    """Drop what `upgrade` made, newest first."""
    op.execute("drop policy operator_invites on outbox_event")
    op.drop_table("partner_logo")
    op.drop_table("passkey_challenge")
