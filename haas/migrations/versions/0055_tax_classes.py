"""By which of a place's rates a charge or a line of a lease is taxed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0055_tax_classes"
down_revision = "0054_early_discounts"
branch_labels = None
depends_on = None

_KNOWN = "tax_class in ('standard', 'reduced', 'super_reduced', 'zero', 'exempt')"


def upgrade() -> None:
    """With a default, so that the release before goes on writing; the next migration reads the old rows."""
    for table in ("charge", "lease_line"):
        op.add_column(table, sa.Column("tax_class", sa.Text(), nullable=False, server_default="standard"))
        op.execute(
            f"alter table {table} add constraint ck_{table}_tax_class_known check ({_KNOWN}) not valid"
        )


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in ("charge", "lease_line"):
        op.drop_column(table, "tax_class")
