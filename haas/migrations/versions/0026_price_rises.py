"""Rises of prices: indexes by month, plans with their lines, and what clients were told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0026_price_rises"
down_revision = "0025_offboarding"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The tables, then who may see and change them."""
    op.create_table(
        "index_value",
        *_key("index_value"),
        sa.Column("index_name", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("value", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("value > 0", name=op.f("ck_index_value_value_positive")),
        sa.CheckConstraint("extract(day from month) = 1", name=op.f("ck_index_value_month_is_its_first_day")),
        sa.UniqueConstraint(
            "partner_id", "index_name", "month", name=op.f("uq_index_value_partner_id_index_name_month")
        ),
    )
    op.create_table(
        "price_rise",
        *_key("price_rise"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("change_pct", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("index_name", sa.Text(), nullable=True),
        sa.Column("base_month", sa.Date(), nullable=True),
        sa.Column("index_month", sa.Date(), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("notice_days", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("announced_on", sa.Date(), nullable=True),
        sa.Column("long_job_id", sa.Text(), nullable=True),
        sa.CheckConstraint("kind in ('percent', 'index')", name=op.f("ck_price_rise_kind_known")),
        sa.CheckConstraint(
            "(kind = 'index') = (index_name is not null and base_month is not null"
            " and index_month is not null)",
            name=op.f("ck_price_rise_index_is_named"),
        ),
        sa.CheckConstraint(
            "state in ('draft', 'announced', 'applying', 'applied')", name=op.f("ck_price_rise_state_known")
        ),
        sa.CheckConstraint(
            "(state = 'draft') = (announced_on is null)", name=op.f("ck_price_rise_announced_has_day")
        ),
        sa.CheckConstraint(
            "announced_on is null or announced_on + notice_days <= effective_on",
            name=op.f("ck_price_rise_announced_in_time"),
        ),
        sa.CheckConstraint("notice_days >= 1", name=op.f("ck_price_rise_never_retroactive")),
        *_to("price_rise", client_id="client", long_job_id="long_job"),
    )
    op.create_table(
        "price_rise_line",
        *_key("price_rise_line"),
        sa.Column("rise_id", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("old_price", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("new_price", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state in ('planned', 'applied', 'waiting', 'skipped')",
            name=op.f("ck_price_rise_line_state_known"),
        ),
        sa.UniqueConstraint(
            "partner_id", "rise_id", "line_id", name=op.f("uq_price_rise_line_partner_id_rise_id_line_id")
        ),
        *_to(
            "price_rise_line",
            rise_id="price_rise",
            lease_id="lease",
            line_id="lease_line",
            client_id="client",
        ),
    )
    op.create_index("ix_price_rise_line_lease", "price_rise_line", ["partner_id", "rise_id", "lease_id"])
    op.create_table(
        "price_rise_notice",
        *_key("price_rise_notice"),
        sa.Column("rise_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("more_a_month", sa.Numeric(precision=15, scale=3), nullable=False),
        sa.Column("told_on", sa.Date(), nullable=False),
        sa.Column("mailed_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("mailed_to", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.UniqueConstraint(
            "partner_id",
            "rise_id",
            "client_id",
            name=op.f("uq_price_rise_notice_partner_id_rise_id_client_id"),
        ),
        *_to("price_rise_notice", rise_id="price_rise", client_id="client"),
    )
    ddl.protect("index_value", rights=ddl.APPEND_ONLY)
    for table in ("price_rise", "price_rise_line", "price_rise_notice"):
        ddl.protect(table)
    for table in ("index_value", "price_rise", "price_rise_notice"):
        ddl.audited(table)


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in ("price_rise_notice", "price_rise_line", "price_rise", "index_value"):
        op.drop_table(table)


def _key(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f(f"fk_{table}_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f(f"pk_{table}")),
    ]


def _to(table: str, **targets: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.ForeignKeyConstraint(
            ["partner_id", column],
            [f"{target}.partner_id", f"{target}.id"],
            name=op.f(f"fk_{table}_partner_id_{column}"),
        )
        for column, target in targets.items()
    ]
