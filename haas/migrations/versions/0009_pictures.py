"""Pictures of hardware models, and of single assets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_pictures"
down_revision = "0008_fleet_sorts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A file each, if there is one."""
    for table in ("hardware_model", "asset"):
        op.add_column(table, sa.Column("picture_file_id", sa.Text(), nullable=True))
        op.create_foreign_key(
            f"fk_{table}_partner_id_picture_file_id",
            table,
            "stored_file",
            ["partner_id", "picture_file_id"],
            ["partner_id", "id"],
        )


def downgrade() -> None:
    """The reverse."""
    for table in ("asset", "hardware_model"):
        op.drop_constraint(f"fk_{table}_partner_id_picture_file_id", table, type_="foreignkey")
        op.drop_column(table, "picture_file_id")
