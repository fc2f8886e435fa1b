"""By which of a place's rates a model is taxed, a line of a quote, a device that is bought or lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0061_model_tax_classes"
down_revision = "0060_debits_told_again"
branch_labels = None
depends_on = None

_TABLES = ("hardware_model", "quote_line", "buyout", "loss_charge")
_KNOWN = "tax_class in ('standard', 'reduced', 'super_reduced', 'zero', 'exempt')"


def upgrade() -> None:
    """With a default, so that the release before goes on writing; the next migration reads the old rows."""
    for table in _TABLES:
        op.add_column(table, sa.Column("tax_class", sa.Text(), nullable=False, server_default="standard"))
        op.execute(
            f"alter table {table} add constraint ck_{table}_tax_class_known check ({_KNOWN}) not valid"
        )


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in _TABLES:
        op.drop_column(table, "tax_class")
