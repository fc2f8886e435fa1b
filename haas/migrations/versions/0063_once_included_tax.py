"""Which clients' prices hold tax or once did: what was billed to them then is read for the books."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0063_once_included_tax"
down_revision = "0062_model_tax_classes_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """With a default, so that the release before goes on writing; the few that it holds for are looked up."""
    op.add_column(
        "client", sa.Column("once_included_tax", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute(
        "update client set once_included_tax = true where prices_include_tax or (partner_id, id) in"
        " (select partner_id, client_id from invoice_line where included_tax <> 0)"
    )


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_column("client", "once_included_tax")
