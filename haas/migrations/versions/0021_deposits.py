"""Deposits and their ledgers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0021_deposits"
down_revision = "0020_wholesale"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The tables, then who may see them; nobody changes them."""
    _deposits()
    _entries()
    for table in ("deposit", "deposit_entry"):
        ddl.protect(table, client="column", rights=ddl.APPEND_ONLY)
        ddl.audited(table)
    # A row is locked while its ledger grows, and locking asks for the right to update.
    op.execute(f"grant update (created_at) on deposit to {ddl.APP_ROLE}")


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_table("deposit_entry")
    op.drop_table("deposit")


def _deposits() -> None:
    op.create_table(
        "deposit",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("asked", sa.Numeric(15, 3), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("asked > 0", name=op.f("ck_deposit_asked_positive")),
        sa.UniqueConstraint("partner_id", "number", name=op.f("uq_deposit_partner_id_number")),
        *_references("deposit", {"lease_id": "lease", "client_id": "client"}),
    )
    op.create_index("ix_deposit_client", "deposit", ["partner_id", "client_id", "id"])
    op.create_index("ix_deposit_lease", "deposit", ["partner_id", "lease_id"])


def _entries() -> None:
    op.create_table(
        "deposit_entry",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("deposit_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("position_before", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(15, 3), nullable=False),
        sa.Column("balance_before", sa.Numeric(15, 3), nullable=False),
        sa.Column("balance_after", sa.Numeric(15, 3), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind in ('received', 'applied', 'refunded')", name=op.f("ck_deposit_entry_kind_known")
        ),
        sa.CheckConstraint(
            "(kind = 'received') = (amount > 0) and amount <> 0", name=op.f("ck_deposit_entry_sign_by_kind")
        ),
        sa.CheckConstraint(
            "(kind = 'applied') = (invoice_id is not null)", name=op.f("ck_deposit_entry_applied_has_invoice")
        ),
        sa.CheckConstraint("balance_after = balance_before + amount", name=op.f("ck_deposit_entry_adds_up")),
        sa.CheckConstraint("balance_after >= 0", name=op.f("ck_deposit_entry_balance_not_negative")),
        sa.CheckConstraint(
            "(position = 1 and position_before is null and balance_before = 0)"
            " or (position > 1 and position_before = position - 1)",
            name=op.f("ck_deposit_entry_follows"),
        ),
        sa.UniqueConstraint(
            "partner_id",
            "deposit_id",
            "position",
            name=op.f("uq_deposit_entry_partner_id_deposit_id_position"),
        ),
        sa.UniqueConstraint(
            "partner_id", "deposit_id", "position", "balance_after", name="uq_deposit_entry_stands"
        ),
        sa.UniqueConstraint(
            "partner_id",
            "deposit_id",
            "kind",
            "reference",
            name=op.f("uq_deposit_entry_partner_id_deposit_id_kind_reference"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "deposit_id", "position_before", "balance_before"],
            [
                "deposit_entry.partner_id",
                "deposit_entry.deposit_id",
                "deposit_entry.position",
                "deposit_entry.balance_after",
            ],
            name="fk_deposit_entry_before",
        ),
        *_references(
            "deposit_entry", {"deposit_id": "deposit", "client_id": "client", "invoice_id": "invoice"}
        ),
    )


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
