"""Discounts and surcharges by rule, and what each invoice line bears of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

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
    op.create_table(
        "allowance_rule",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("agreement_id", sa.Text(), nullable=True),
        sa.Column("lease_id", sa.Text(), nullable=True),
        sa.Column("is_charge", sa.Boolean(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("kinds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("percent", sa.Numeric(15, 3), nullable=True),
        sa.Column("amount", sa.Numeric(15, 3), nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("net_from", sa.Numeric(15, 3), nullable=True),
        sa.Column("net_below", sa.Numeric(15, 3), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_allowance_rule_{name}")) for name, rule in _CHECKS.items()),
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", column],
                [f"{target}.partner_id", f"{target}.id"],
                name=op.f(f"fk_allowance_rule_partner_id_{column}"),
            )
            for column, target in _REFERENCES.items()
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_allowance_rule_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_allowance_rule")),
    )
    op.create_index("ix_allowance_rule_client", "allowance_rule", ["partner_id", "client_id", "id"])
    ddl.protect("allowance_rule", client="hidden", rights="select, insert, update (valid_until)")
    ddl.audited("allowance_rule")
    op.add_column(
        "invoice_line", sa.Column("allowance", sa.Numeric(15, 3), nullable=False, server_default="0")
    )


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_column("invoice_line", "allowance")
    op.drop_table("allowance_rule")
