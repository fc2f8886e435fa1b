"""Charges by hand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.migrations import ddl
from haas.migrations.tables import create_table, day, moment, text, texts

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
    create_table(
        "charge",
        text("client_id"),
        text("lease_id", null=True),
        text("site_id", null=True),
        text("asset_id", null=True),
        text("serial"),
        text("purchase_order_id", null=True),
        *texts("category", "description"),
        sa.Column("quantity", sa.Numeric(18, 6), nullable=False),
        sa.Column("unit_price", sa.Numeric(18, 6), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        *texts("tax_category", "recurs"),
        day("charged_on"),
        day("until", null=True),
        text("reference", null=True),
        moment("created_at"),
        text("created_by"),
        moment("voided_at", null=True),
        text("void_reason", null=True),
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", "client_id", column],
                [f"{target}.partner_id", f"{target}.client_id", f"{target}.id"],
                name=op.f(f"fk_charge_{target}"),
            )
            for column, target in _OF_CLIENT.items()
        ),
        references=_OF_PARTNER,
        checks=_CHECKS,
        uniques=[("partner_id", "reference")],
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
