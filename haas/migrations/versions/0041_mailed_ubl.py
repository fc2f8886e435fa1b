"""Whether a client gets the UBL file beside the PDF by mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041_mailed_ubl"
down_revision = "0040_exports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """With a default, so that the release before goes on adding clients."""
    op.add_column("client", sa.Column("wants_ubl", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Nobody gets it."""
    op.drop_column("client", "wants_ubl")
