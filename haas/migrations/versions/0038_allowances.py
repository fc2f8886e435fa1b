"""Discounts and surcharges by rule, and what each invoice line bears of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.migrations import ddl
from haas.migrations.tables import AMOUNT, amount, create_table, day, moment, text, texts, whole

revision = "0038_allowances"
down_revision = "0037_bank"
branch_labels = None
depends_on = None

_CHECKS = {
    "scope_known": "scope in ('lines', 'paper')",
    "percent_or_amount": "num_nonnulls(percent, amount) = 1",
    "percent_in_range": "percent > 0 and (is_charge or percent <= 100)",
    "amount_positive": "amount > 0",
    "dates_in_order": "valid_until is null or valid_until >= valid_from",
    "agreement_or_lease": "agreement_id is null or lease_id is null",
}
_REFERENCES = {"client_id": "client", "agreement_id": "agreement", "lease_id": "lease"}


def upgrade() -> None:
    """The table, of which only the end is ever changed; lines that were billed before bore nothing."""
    create_table(
        "allowance_rule",
        text("client_id"),
        text("agreement_id", null=True),
        text("lease_id", null=True),
        sa.Column("is_charge", sa.Boolean(), nullable=False),
        text("scope"),
        sa.Column("kinds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("percent", AMOUNT, nullable=True),
        amount("amount", null=True),
        sa.Column("currency", sa.String(3), nullable=False),
        *texts("reason", "reason_code"),
        whole("position"),
        amount("net_from", null=True),
        amount("net_below", null=True),
        day("valid_from"),
        day("valid_until", null=True),
        moment("created_at"),
        text("created_by"),
        references=_REFERENCES,
        checks=_CHECKS,
    )
    op.create_index("ix_allowance_rule_client", "allowance_rule", ["partner_id", "client_id", "id"])
    ddl.protect("allowance_rule", client="hidden", rights="select, insert, update (valid_until)")
    ddl.audited("allowance_rule")
    op.add_column("invoice_line", sa.Column("allowance", AMOUNT, nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_column("invoice_line", "allowance")
    op.drop_table("allowance_rule")
