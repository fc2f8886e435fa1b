"""Indexes in the orders in which the fleet is listed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_fleet_sorts"
down_revision = "0007_swap_proposals"
branch_labels = None
depends_on = None

# What is not known comes last; the statement holds the same expression.
_SORTS = {
    "serial_norm": "\uffff",
    "grade": "\uffff",
    "warranty_until": "9999-12-31",
    "in_service_on": "9999-12-31",
}


def upgrade() -> None:
    """One index a sort."""
    op.create_index("ix_asset_by_cost", "asset", ["partner_id", "cost", "id"])
    for column, last in _SORTS.items():
        expression = sa.text(f"coalesce({column}, '{last}')")
        op.create_index(f"ix_asset_by_{column}", "asset", ["partner_id", expression, "id"])


def downgrade() -> None:
    """The reverse."""
    for column in (*_SORTS, "cost"):
        op.drop_index(f"ix_asset_by_{column}", table_name="asset")
