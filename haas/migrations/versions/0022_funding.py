"""Finance houses, what they fund, and what was paid to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0022_funding"
down_revision = "0021_deposits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The tables, then who may see and change them."""
    _funder()
    _funding()
    _payment()
    # Nothing of this is a client's to see: it says what the hardware cost and what its rent leaves.
    for table in ("funder", "funding"):
        ddl.protect(table, client="hidden", rights="select, insert, update")
    ddl.protect("funding_payment", client="hidden", rights=ddl.APPEND_ONLY)
    for table in ("funder", "funding", "funding_payment"):
        ddl.audited(table)


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in ("funding_payment", "funding", "funder"):
        op.drop_table(table)


def _funder() -> None:
    op.create_table(
        "funder",
        *_key(),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("archived_at", UtcDateTime(timezone=True), nullable=True),
        *_references("funder", {}),
    )
    op.create_index("uq_funder_name", "funder", ["partner_id", sa.text("lower(name)")], unique=True)


def _funding() -> None:
    table = "funding"
    op.create_table(
        table,
        *_key(),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("funder_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.Numeric(15, 3), nullable=False),
        sa.Column("annual_rate", sa.Numeric(18, 12), nullable=False),
        sa.Column("compounding", sa.Text(), nullable=False),
        sa.Column("payment", sa.Numeric(15, 3), nullable=False),
        sa.Column("payments", sa.Integer(), nullable=False),
        sa.Column("interval_months", sa.Integer(), nullable=False),
        sa.Column("timing", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("balloon", sa.Numeric(15, 3), nullable=False),
        sa.Column("residual_share_pct", sa.Numeric(15, 3), nullable=False),
        sa.Column("recourse", sa.Text(), nullable=False),
        sa.Column("title_holder", sa.Text(), nullable=False),
        sa.Column("settlement_basis", sa.Text(), nullable=False),
        sa.Column("settlement_fee_pct", sa.Numeric(18, 6), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.Column("settlement", sa.Numeric(15, 3), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_funding_{name}"))
            for name, rule in {
                "amount_positive": "amount > 0",
                "payment_positive": "payment > 0",
                "payments_positive": "payments > 0",
                "interval_positive": "interval_months > 0",
                "balloon_within_amount": "balloon >= 0 and balloon < amount",
                "residual_share_in_range": "residual_share_pct between 0 and 100",
                "settlement_fee_in_range": "settlement_fee_pct between 0 and 100",
                "timing_known": "timing in ('advance', 'arrears')",
                "compounding_known": "compounding in ('nominal', 'effective')",
                "recourse_known": "recourse in ('none', 'limited', 'full')",
                "title_holder_known": "title_holder in ('funder', 'partner')",
                "settlement_basis_known": "settlement_basis in ('balance', 'remaining')",
                "state_known": "state in ('active', 'paid', 'settled')",
                "settled_has_figures": (
                    "(state = 'settled') = (settled_on is not null and settlement is not null)"
                ),
            }.items()
        ),
        sa.UniqueConstraint("partner_id", "number", name=op.f("uq_funding_partner_id_number")),
        *_references(table, {"lease_id": "lease", "funder_id": "funder"}),
    )
    op.create_index(
        "uq_funding_open",
        table,
        ["partner_id", "lease_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index("ix_funding_funder", table, ["partner_id", "funder_id", "id"])
    op.create_index("ix_funding_lease", table, ["partner_id", "lease_id", "id"])


def _payment() -> None:
    table = "funding_payment"
    op.create_table(
        table,
        *_key(),
        sa.Column("funding_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(15, 3), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_funding_payment_amount_positive")),
        sa.CheckConstraint("number > 0", name=op.f("ck_funding_payment_number_positive")),
        sa.UniqueConstraint(
            "partner_id",
            "funding_id",
            "number",
            name=op.f("uq_funding_payment_partner_id_funding_id_number"),
        ),
        *_references(table, {"funding_id": "funding"}),
    )


def _key() -> tuple[sa.Column[str], sa.Column[str]]:
    return sa.Column("partner_id", sa.Text(), nullable=False), sa.Column("id", sa.Text(), nullable=False)


def _references(table: str, targets: dict[str, str]) -> list[sa.Constraint]:
    return [
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", column],
                [f"{target}.partner_id", f"{target}.id"],
                name=op.f(f"fk_{table}_partner_id_{column}"),
            )
            for column, target in targets.items()
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f(f"fk_{table}_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f(f"pk_{table}")),
    ]
