"""Read the old rows against the rules of the migration before, without stopping anybody."""

from __future__ import annotations

from alembic import op

revision = "0012_lease_models_checked"
down_revision = "0011_lease_models"
branch_labels = None
depends_on = None

_CHECKS = {
    "lease": ["commercial_model_known"],
    "lease_line": ["component_known", "standalone_price_not_negative", "kind_known"],
    "agreement": ["early_return_known", "early_return_pct_in_range"],
}


def upgrade() -> None:
    """In a transaction of its own: writers go on meanwhile."""
    for table, names in _CHECKS.items():
        for name in names:
            # The linter reads the script of all migrations, which has one transaction for them all.
            op.execute(
                "-- squawk-ignore constraint-missing-not-valid\n"
                f"alter table {table} validate constraint ck_{table}_{name}"
            )


def downgrade() -> None:
    """Nothing: a rule that was read stays read."""
