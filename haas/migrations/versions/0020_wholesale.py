"""The operator's accounts with partners, the lines that mirror what they use, and billing all in one go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0020_wholesale"
down_revision = "0019_books_checked"
branch_labels = None
depends_on = None

_STAFF = "haas_client() is null"
# What a partner reads as the house's client: the wholesale books that are assigned to it.
_ASSIGNED = (
    "level = 'wholesale' and published_at is not null and exists (select from wholesale_account a"
    " where a.partner_id = price_book.partner_id and a.client_id = haas_client()"
    " and a.book_name = price_book.name)"
)
# The inner query is bound by the policies of the book.
_OF_A_BOOK = (
    "exists (select from price_book b where b.partner_id = price_entry.partner_id"
    " and b.id = price_entry.book_id)"
)


# Table -> what a partner reads of the house, as its client. It never writes there.
_READ_BY_BUYER = {
    "wholesale_account": "client_id = haas_client()",
    "wholesale_line": "client_id = haas_client()",
    "price_book": _ASSIGNED,
    "price_entry": _OF_A_BOOK,
}


def upgrade() -> None:
    """The tables, who may see and change them, and what a partner may read of the house's books."""
    _wholesale()
    _rounds()
    for table in ("wholesale_account", "wholesale_line", "billing_round", "billing_round_part"):
        ddl.protect(table)
    ddl.audited("wholesale_account")
    ddl.audited("billing_round")
    # Its own account tells a partner which client of the house it is; a partner's clients see none.
    op.execute("create policy buyer on wholesale_account for select using (buyer_id = haas_partner())")
    for table, readable in _READ_BY_BUYER.items():
        op.execute(f"drop policy client on {table}")
        op.execute(
            f"create policy client on {table} as restrictive for select using ({_STAFF} or {readable})"
        )
        op.execute(f"create policy client_insert on {table} as restrictive for insert with check ({_STAFF})")
        op.execute(f"create policy client_update on {table} as restrictive for update using ({_STAFF})")
        op.execute(f"create policy client_delete on {table} as restrictive for delete using ({_STAFF})")


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in ("price_book", "price_entry"):
        for policy in ("client", "client_insert", "client_update", "client_delete"):
            op.execute(f"drop policy {policy} on {table}")
        op.execute(
            f"create policy client on {table} as restrictive for all using ({_STAFF}) with check ({_STAFF})"
        )
    for table in ("billing_round_part", "billing_round", "wholesale_line", "wholesale_account"):
        op.drop_table(table)


def _wholesale() -> None:
    op.create_table(
        "wholesale_account",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("book_name", sa.Text(), nullable=False),
        sa.Column("tier_basis", sa.Text(), nullable=False),
        sa.Column("tax_category", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=True),
        sa.Column("synced_until", sa.Date(), nullable=True),
        sa.Column("unpriced", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "buyer_id <> partner_id", name=op.f("ck_wholesale_account_nobody_buys_from_itself")
        ),
        sa.CheckConstraint(
            "tier_basis in ('any_day', 'first_day')", name=op.f("ck_wholesale_account_tier_basis_known")
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_wholesale_account_partner_id")),
        sa.ForeignKeyConstraint(["buyer_id"], ["partner.id"], name=op.f("fk_wholesale_account_buyer_id")),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_wholesale_account_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "lease_id"],
            ["lease.partner_id", "lease.id"],
            name=op.f("fk_wholesale_account_partner_id_lease_id"),
        ),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_wholesale_account")),
        sa.UniqueConstraint("partner_id", "buyer_id", name=op.f("uq_wholesale_account_partner_id_buyer_id")),
        sa.UniqueConstraint(
            "partner_id", "client_id", name=op.f("uq_wholesale_account_partner_id_client_id")
        ),
    )
    op.create_index("ix_wholesale_account_buyer", "wholesale_account", ["buyer_id"])
    op.create_table(
        "wholesale_line",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("source_lease_id", sa.Text(), nullable=False),
        sa.Column("source_line_id", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_wholesale_line_partner_id")),
        sa.ForeignKeyConstraint(
            ["partner_id", "account_id"],
            ["wholesale_account.partner_id", "wholesale_account.id"],
            name=op.f("fk_wholesale_line_partner_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_wholesale_line_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "line_id"],
            ["lease_line.partner_id", "lease_line.id"],
            name=op.f("fk_wholesale_line_partner_id_line_id"),
        ),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_wholesale_line")),
        sa.UniqueConstraint(
            "partner_id",
            "account_id",
            "source_line_id",
            "starts_on",
            name=op.f("uq_wholesale_line_partner_id_account_id_source_line_id_starts_on"),
        ),
    )
    op.create_index(
        "ix_wholesale_line_lease", "wholesale_line", ["partner_id", "account_id", "source_lease_id"]
    )


def _rounds() -> None:
    op.create_table(
        "billing_round",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("started_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_billing_round_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_billing_round")),
    )
    op.create_table(
        "billing_round_part",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("round_id", sa.Text(), nullable=False),
        sa.Column("house_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("invoices", sa.Integer(), nullable=False),
        sa.Column("credit_notes", sa.Integer(), nullable=False),
        sa.Column("problems", sa.Integer(), nullable=False),
        sa.Column("finished_at", UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done')", name=op.f("ck_billing_round_part_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_billing_round_part_partner_id")
        ),
        sa.ForeignKeyConstraint(["house_id"], ["partner.id"], name=op.f("fk_billing_round_part_house_id")),
        sa.ForeignKeyConstraint(
            ["partner_id", "round_id"],
            ["billing_round.partner_id", "billing_round.id"],
            name=op.f("fk_billing_round_part_partner_id_round_id"),
        ),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_billing_round_part")),
        sa.UniqueConstraint(
            "partner_id",
            "round_id",
            "house_id",
            name=op.f("uq_billing_round_part_partner_id_round_id_house_id"),
        ),
    )
    op.create_index("ix_billing_round_part_run", "billing_round_part", ["partner_id", "house_id", "run_id"])
