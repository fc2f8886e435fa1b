"""Charges by hand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0034_charges"
down_revision = "0033_companies"
branch_labels = None
depends_on = None

_CHECKS = {
    "category_known": "category in ('set_up', 'delivery', 'repair', 'fee', 'other')",
    "recurs_known": "recurs in ('once', 'monthly')",
    "once_has_no_end": "recurs = 'monthly' or until is null",
    "ends_after_it_begins": "until is null or until > charged_on",
    "is_a_charge": "quantity > 0 and unit_price > 0",
    "void_has_reason": "(voided_at is null) = (void_reason is null)",
}
_OF_PARTNER = {"client_id": "client", "lease_id": "lease", "asset_id": "asset"}
_OF_CLIENT = {"site_id": "site", "purchase_order_id": "purchase_order"}


def upgrade() -> None:
    """The table, then who may see it; of what it says nothing is changed but its end."""
    op.create_table(
        "charge",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=True),
        sa.Column("site_id", sa.Text(), nullable=True),
        sa.Column("asset_id", sa.Text(), nullable=True),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("purchase_order_id", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(18, 6), nullable=False),
        sa.Column("unit_price", sa.Numeric(18, 6), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("tax_category", sa.Text(), nullable=False),
        sa.Column("recurs", sa.Text(), nullable=False),
        sa.Column("charged_on", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("voided_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_charge_{name}")) for name, rule in _CHECKS.items()),
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", column],
                [f"{target}.partner_id", f"{target}.id"],
                name=op.f(f"fk_charge_partner_id_{column}"),
            )
            for column, target in _OF_PARTNER.items()
        ),
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", "client_id", column],
                [f"{target}.partner_id", f"{target}.client_id", f"{target}.id"],
                name=op.f(f"fk_charge_{target}"),
            )
            for column, target in _OF_CLIENT.items()
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_charge_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_charge")),
        sa.UniqueConstraint("partner_id", "reference", name=op.f("uq_charge_partner_id_reference")),
    )
    op.create_index("ix_charge_client", "charge", ["partner_id", "client_id", "id"])
    op.create_index(
        "ix_charge_lease",
        "charge",
        ["partner_id", "lease_id"],
        postgresql_where=sa.text("lease_id is not null"),
    )
    ddl.protect("charge", client="hidden", rights="select, insert, update (until, voided_at, void_reason)")
    ddl.audited("charge")


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_table("charge")
