"""Purchase orders of clients, and what gets an invoice of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0031_purchase_orders"
down_revision = "0030_finance_leases"
branch_labels = None
depends_on = None

_KNOWN = "billing_grouping in ('client', 'site', 'purchase_order', 'agreement', 'lease')"


def upgrade() -> None:
    """The table, then the columns that name it; old rows have none, so that nothing need be read."""
    _orders()
    ddl.protect("purchase_order", client="column", rights="select, insert, update")
    ddl.audited("purchase_order")
    op.add_column("client", sa.Column("billing_grouping", sa.Text(), nullable=False, server_default="client"))
    op.add_column("agreement", sa.Column("billing_grouping", sa.Text(), nullable=True))
    for table in ("client", "agreement"):
        op.execute(
            f"alter table {table} add constraint ck_{table}_billing_grouping_known check ({_KNOWN}) not valid"
        )
    op.add_column("lease", sa.Column("purchase_order_id", sa.Text(), nullable=True))
    op.execute(
        "alter table lease add constraint fk_lease_purchase_order"
        " foreign key (partner_id, client_id, purchase_order_id)"
        " references purchase_order (partner_id, client_id, id) not valid"
    )
    op.add_column("invoice_line", sa.Column("purchase_order_id", sa.Text(), nullable=True))
    op.execute(
        "alter table invoice_line add constraint fk_invoice_line_partner_id_purchase_order_id"
        " foreign key (partner_id, purchase_order_id) references purchase_order (partner_id, id) not valid"
    )


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_column("invoice_line", "purchase_order_id")
    op.drop_column("lease", "purchase_order_id")
    op.drop_column("agreement", "billing_grouping")
    op.drop_column("client", "billing_grouping")
    op.drop_table("purchase_order")


def _orders() -> None:
    op.create_table(
        "purchase_order",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("amount_limit", sa.Numeric(15, 3), nullable=True),
        sa.Column("billed_total", sa.Numeric(15, 3), nullable=False),
        sa.Column("closed_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "amount_limit is null or amount_limit > 0", name=op.f("ck_purchase_order_limit_positive")
        ),
        sa.CheckConstraint(
            "valid_until is null or valid_from is null or valid_from < valid_until",
            name=op.f("ck_purchase_order_dates_in_order"),
        ),
        sa.CheckConstraint(
            "amount_limit is null or billed_total <= amount_limit",
            name=op.f("ck_purchase_order_within_limit"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_purchase_order_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_purchase_order_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_purchase_order")),
        sa.UniqueConstraint(
            "partner_id",
            "client_id",
            "number",
            name=op.f("uq_purchase_order_partner_id_client_id_number"),
        ),
        sa.UniqueConstraint(
            "partner_id", "client_id", "id", name=op.f("uq_purchase_order_partner_id_client_id_id")
        ),
    )
