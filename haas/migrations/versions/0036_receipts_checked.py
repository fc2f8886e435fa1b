"""Read the old payments and clients against the rules of the migration before, without stopping anybody."""

from __future__ import annotations

from alembic import op

revision = "0036_receipts_checked"
down_revision = "0035_receipts"
branch_labels = None
depends_on = None

_RULES = (
    ("payment", "ck_payment_taken_off_names_what"),
    ("payment", "fk_payment_partner_id_receipt_id"),
    ("payment", "fk_payment_partner_id_balance_entry_id"),
    ("payment", "fk_payment_partner_id_reverses_payment_id"),
    ("client", "ck_client_payment_terms_sane"),
    ("client", "ck_client_credit_limit_not_negative"),
)


def upgrade() -> None:
    """In a transaction of its own: writers go on meanwhile."""
    for table, name in _RULES:
        # The linter reads the script of all migrations, which has one transaction for them all.
        op.execute(
            f"-- squawk-ignore constraint-missing-not-valid\nalter table {table} validate constraint {name}"
        )


def downgrade() -> None:
    """Nothing: a rule that was read stays read."""
