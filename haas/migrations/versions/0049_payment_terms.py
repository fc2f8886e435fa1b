"""Terms of payment by kind, and discounts for early payment: of the partner, its clients and agreements."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0049_payment_terms"
down_revision = "0048_pro_formas"
branch_labels = None
depends_on = None

_KINDS = "payment_terms_kind in ('days', 'end_of_month', 'day_of_next_month')"
_DISCOUNTS = (
    "(early_discount_days is null) = (early_discount_pct is null)"
    " and (second_discount_days is null) = (second_discount_pct is null)"
    " and (early_discount_days is null or early_discount_days between 0 and 365)"
    " and (early_discount_pct is null or early_discount_pct between 0 and 50)"
    " and (second_discount_days is null or (early_discount_days is not null"
    " and second_discount_days > early_discount_days and second_discount_days <= 365"
    " and second_discount_pct > 0 and second_discount_pct < early_discount_pct))"
)
_STEPS = ("early_discount", "second_discount")
_CHECKS = {
    "partner": {"payment_terms_kind_known": _KINDS, "discounts_sane": _DISCOUNTS},
    "client": {"payment_terms_kind_known": _KINDS, "discounts_sane": _DISCOUNTS},
    "agreement": {"payment_terms_kind_known": _KINDS},
}


def upgrade() -> None:
    """Columns that are empty or have a default: the release before goes on writing rows."""
    for table in ("partner", "agreement"):
        op.add_column(
            table, sa.Column("payment_terms_kind", sa.Text(), nullable=False, server_default="days")
        )
    op.add_column("client", sa.Column("payment_terms_kind", sa.Text(), nullable=True))
    for table in ("partner", "client"):
        for step in _STEPS:
            op.add_column(table, sa.Column(f"{step}_days", sa.Integer(), nullable=True))
            op.add_column(table, sa.Column(f"{step}_pct", sa.Numeric(5, 2), nullable=True))
    op.add_column("invoice", sa.Column("discount_until", sa.Date(), nullable=True))
    for table, rules in _CHECKS.items():
        for name, rule in rules.items():
            # All rows are as the defaults made them: the look at them is short.
            op.execute(
                "-- squawk-ignore constraint-missing-not-valid\n"
                f"alter table {table} add constraint ck_{table}_{name} check ({rule})"
            )


def downgrade() -> None:
    """The reverse."""
    for table, rules in _CHECKS.items():
        for name in rules:
            op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.drop_column("invoice", "discount_until")
    for table in ("partner", "client"):
        for step in _STEPS:
            op.drop_column(table, f"{step}_days")
            op.drop_column(table, f"{step}_pct")
    for table in ("partner", "client", "agreement"):
        op.drop_column(table, "payment_terms_kind")
