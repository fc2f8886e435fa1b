"""Direct debits are announced before they are collected; a client may have agreed to fewer days."""

from __future__ import annotations

from alembic import op

from haas.migrations import ddl
from haas.migrations.tables import amount, create_table, day, moment, text, texts

revision = "0050_debit_notices"
down_revision = "0049_payment_terms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column that the release before does not know, and the table."""
    op.execute(
        "alter table sepa_mandate add column notice_days integer"
        " constraint ck_sepa_mandate_notice_days_sane check (notice_days between 1 and 60)"
    )
    create_table(
        "debit_notice",
        *texts("client_id", "invoice_id", "mandate_id"),
        amount("amount"),
        day("collect_on"),
        text("channel"),
        day("announced_on"),
        moment("announced_at"),
        moment("sent_at", null=True),
        text("actor"),
        references={"client_id": "client", "invoice_id": "invoice", "mandate_id": "sepa_mandate"},
        checks={"amount_positive": "amount > 0", "channel_known": "channel in ('mail', 'invoice')"},
        uniques=[("partner_id", "invoice_id", "collect_on")],
    )
    ddl.protect("debit_notice", client="hidden", rights="select, insert, update (sent_at)")
    ddl.audited("debit_notice")


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_table("debit_notice")
    op.drop_column("sepa_mandate", "notice_days")
