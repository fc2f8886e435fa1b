"""The tax in a line's agreed price, apart; rows of before keep it in the allowance, with the same sum."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045_included_tax"
down_revision = "0044_direct_debits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """With a default, so that the release before goes on writing lines."""
    op.add_column(
        "invoice_line", sa.Column("included_tax", sa.Numeric(15, 3), nullable=False, server_default="0")
    )


def downgrade() -> None:
    """Drop it, once what it held is in the allowance, where the release before looks for it."""
    # The owner is bound by the policies too.
    op.execute("alter table invoice_line disable trigger user")
    op.execute("alter table invoice_line no force row level security")
    op.execute("update invoice_line set allowance = allowance - included_tax where included_tax <> 0")
    op.execute("alter table invoice_line force row level security")
    op.execute("alter table invoice_line enable trigger user")
    op.drop_column("invoice_line", "included_tax")
