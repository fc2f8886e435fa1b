"""A debit is announced again where the mail never left, or more is open than was told."""

from __future__ import annotations

from alembic import op

from haas.migrations import ddl

revision = "0060_debits_told_again"
down_revision = "0059_dunning_choices"
branch_labels = None
depends_on = None

_TOLD = "mandate_id, amount, announced_on, announced_at, actor"


def upgrade() -> None:
    """What was told last of an invoice and a day; the audit trail has what was told before."""
    op.execute(f"grant update ({_TOLD}) on debit_notice to {ddl.APP_ROLE}")


def downgrade() -> None:
    """Take the right away again."""
    op.execute(f"revoke update ({_TOLD}) on debit_notice from {ddl.APP_ROLE}")
