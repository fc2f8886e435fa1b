"""Purchase orders of clients, and what gets an invoice of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.migrations import ddl
from haas.migrations.tables import amount, create_table, day, moment, text

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
    create_table(
        "purchase_order",
        text("client_id"),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        text("description"),
        sa.Column("currency", sa.String(3), nullable=False),
        day("valid_from", null=True),
        day("valid_until", null=True),
        amount("amount_limit", null=True),
        amount("billed_total"),
        moment("closed_at", null=True),
        moment("created_at"),
        references={"client_id": "client"},
        checks={
            "limit_positive": "amount_limit is null or amount_limit > 0",
            "dates_in_order": "valid_until is null or valid_from is null or valid_from < valid_until",
            "within_limit": "amount_limit is null or billed_total <= amount_limit",
        },
        uniques=[("partner_id", "client_id", "number"), ("partner_id", "client_id", "id")],
    )
