"""Amendments, a line's terms over time, and abated rent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0014_amendments"
down_revision = "0013_lease_ends"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables, then who may see and change them."""
    _create()
    ddl.protect("amendment", client="column")
    ddl.audited("amendment")
    ddl.protect("line_terms", client="column", rights=ddl.APPEND_ONLY)
    ddl.audited("line_terms")
    ddl.protect("abatement", client="column", rights=ddl.APPEND_ONLY)
    ddl.audited("abatement")


def downgrade() -> None:
    """Drop what `upgrade` made, newest first."""
    op.drop_table("line_terms")
    op.drop_table("abatement")
    op.drop_table("amendment")


def _create() -> None:
    op.create_table(
        "amendment",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("line_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("wanted", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("shown", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("charge", sa.Numeric(precision=15, scale=3), nullable=False),
        sa.Column("charge_kind", sa.Text(), nullable=True),
        sa.Column("covered_lines", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("applied_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("file_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'applied') = (applied_at is not null)",
            name=op.f("ck_amendment_applied_at_says_when_it_was"),
        ),
        sa.CheckConstraint(
            "charge_kind in ('early_return', 'buy_out')", name=op.f("ck_amendment_charge_kind_known")
        ),
        sa.CheckConstraint(
            "kind in ('scale_up', 'scale_down', 'price_change', 'co_term', 'move', 'substitute',"
            " 'renew', 'terminate', 'buy_out', 'abate')",
            name=op.f("ck_amendment_kind_known"),
        ),
        sa.CheckConstraint(
            "state in ('draft', 'approved', 'applied', 'rejected', 'withdrawn')",
            name=op.f("ck_amendment_state_known"),
        ),
        sa.CheckConstraint(
            "(charge > 0) = (charge_kind is not null)", name=op.f("ck_amendment_charge_has_kind")
        ),
        sa.CheckConstraint("charge >= 0", name=op.f("ck_amendment_charge_not_negative")),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_amendment_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "file_id"],
            ["stored_file.partner_id", "stored_file.id"],
            name=op.f("fk_amendment_partner_id_file_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "lease_id"],
            ["lease.partner_id", "lease.id"],
            name=op.f("fk_amendment_partner_id_lease_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_amendment_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_amendment")),
        sa.UniqueConstraint(
            "partner_id", "idempotency_key", name=op.f("uq_amendment_partner_id_idempotency_key")
        ),
        sa.UniqueConstraint("partner_id", "number", name=op.f("uq_amendment_partner_id_number")),
    )
    op.create_index(
        "ix_amendment_charged",
        "amendment",
        ["partner_id", "client_id"],
        unique=False,
        postgresql_where=sa.text("state = 'applied' and charge > 0"),
    )
    op.create_index("ix_amendment_lease", "amendment", ["partner_id", "lease_id", "id"], unique=False)
    op.create_index("ix_amendment_state", "amendment", ["partner_id", "state", "id"], unique=False)
    op.create_table(
        "abatement",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("share", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amendment_id", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("partner_id"), "="),
            (sa.column("line_id"), "="),
            (sa.text("daterange(starts_on, ends_on)"), "&&"),
            using="gist",
            name="ex_abatement_one_a_day",
        ),
        sa.CheckConstraint("share > 0 and share <= 1", name=op.f("ck_abatement_share_of_one")),
        sa.CheckConstraint("starts_on < ends_on", name=op.f("ck_abatement_lasts")),
        sa.ForeignKeyConstraint(
            ["partner_id", "amendment_id"],
            ["amendment.partner_id", "amendment.id"],
            name=op.f("fk_abatement_partner_id_amendment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_abatement_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "line_id"],
            ["lease_line.partner_id", "lease_line.id"],
            name=op.f("fk_abatement_partner_id_line_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_abatement_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_abatement")),
    )
    op.create_index("ix_abatement_line", "abatement", ["partner_id", "line_id"], unique=False)
    op.create_table(
        "line_terms",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("amendment_id", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(position = 0) = (amendment_id is null)", name=op.f("ck_line_terms_first_has_no_amendment")
        ),
        sa.CheckConstraint("position >= 0", name=op.f("ck_line_terms_position_counts")),
        sa.CheckConstraint("quantity > 0 and unit_price >= 0", name=op.f("ck_line_terms_a_rent")),
        sa.ForeignKeyConstraint(
            ["partner_id", "amendment_id"],
            ["amendment.partner_id", "amendment.id"],
            name=op.f("fk_line_terms_partner_id_amendment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_line_terms_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "line_id"],
            ["lease_line.partner_id", "lease_line.id"],
            name=op.f("fk_line_terms_partner_id_line_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_line_terms_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_line_terms")),
        sa.UniqueConstraint(
            "partner_id", "line_id", "position", name=op.f("uq_line_terms_partner_id_line_id_position")
        ),
    )
    # ### end Alembic commands ###
