"""Decisions on a lease's class are kept, one after the other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.migrations import ddl

revision = "0028_classification_history"
down_revision = "0027_damage_notes"
branch_labels = None
depends_on = None

_ONE = "uq_lease_classification_partner_id_lease_id_framework"
_EACH = "uq_lease_classification_partner_id_lease_id_framework_position"


def upgrade() -> None:
    """A place in the order for each; nobody changes what was decided."""
    op.add_column(
        "lease_classification", sa.Column("position", sa.Integer(), nullable=False, server_default="0")
    )
    # What relied on it is the writer of the release before, which decides a lease once.
    op.execute(
        f"-- squawk-ignore ban-drop-constraint\nalter table lease_classification drop constraint {_ONE}"
    )
    op.create_unique_constraint(
        _EACH, "lease_classification", ["partner_id", "lease_id", "framework", "position"]
    )
    op.execute(f"revoke update on lease_classification from {ddl.APP_ROLE}")
    ddl.append_only("lease_classification")


def downgrade() -> None:
    """Keep the last decision of each, as it was kept before."""
    op.execute("drop trigger lease_classification_append_only on lease_classification")
    op.execute(
        "delete from lease_classification a using lease_classification b"
        " where b.partner_id = a.partner_id and b.lease_id = a.lease_id and b.framework = a.framework"
        " and b.position > a.position"
    )
    op.execute(f"grant update on lease_classification to {ddl.APP_ROLE}")
    op.drop_constraint(_EACH, "lease_classification")
    op.create_unique_constraint(_ONE, "lease_classification", ["partner_id", "lease_id", "framework"])
    op.drop_column("lease_classification", "position")
