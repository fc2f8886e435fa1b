"""Price books with tiers, rate cards, and which partner is the operator's own house."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0017_price_books"
down_revision = "0016_lease_classification"
branch_labels = None
depends_on = None

# A published book is what offers were made from: neither it nor its entries change any more.
_FREEZE = """
create function haas_price_book_frozen() returns trigger language plpgsql as $$
begin
  if old.published_at is not null then
    raise exception 'a published price book is never edited' using errcode = 'restrict_violation';
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end $$;
create function haas_price_entry_frozen() returns trigger language plpgsql as $$
begin
  if exists (select from price_book b where b.published_at is not null
             and ((tg_op <> 'INSERT' and b.partner_id = old.partner_id and b.id = old.book_id)
                  or (tg_op <> 'DELETE' and b.partner_id = new.partner_id and b.id = new.book_id))) then
    raise exception 'a published price book is never edited' using errcode = 'restrict_violation';
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end $$;
create trigger price_book_frozen before update or delete on price_book
  for each row execute function haas_price_book_frozen();
create trigger price_entry_frozen before insert or update or delete on price_entry
  for each row execute function haas_price_entry_frozen();
"""


def upgrade() -> None:
    """The tables, what freezes them, then who may see and change them."""
    op.add_column(
        "partner", sa.Column("is_operator", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute(
        # A table of a few rows: the lock is held for an instant.
        "-- squawk-ignore require-concurrent-index-creation\n"
        "create unique index uq_partner_operator on partner (is_operator) where is_operator"
    )
    _books()
    _cards()
    op.execute(_FREEZE)
    for table in ("price_book", "price_entry"):
        ddl.protect(table)
        ddl.audited(table)
    for table in ("rate_card", "rate_card_row"):
        ddl.protect(table, rights=ddl.APPEND_ONLY)
        ddl.audited(table)


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in ("rate_card_row", "rate_card", "price_entry", "price_book"):
        op.drop_table(table)
    op.execute("drop function haas_price_entry_frozen()")
    op.execute("drop function haas_price_book_frozen()")
    op.drop_index("uq_partner_operator", table_name="partner")
    op.drop_column("partner", "is_operator")


def _books() -> None:
    op.create_table(
        "price_book",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("interval_months", sa.Integer(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("published_at", UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "level in ('wholesale', 'retail', 'client')", name=op.f("ck_price_book_level_known")
        ),
        sa.CheckConstraint(
            "(level = 'client') = (client_id is not null)",
            name=op.f("ck_price_book_client_level_names_client"),
        ),
        sa.CheckConstraint("interval_months between 1 and 12", name=op.f("ck_price_book_interval_sane")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_price_book_partner_id")),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_price_book_partner_id_client_id"),
        ),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_price_book")),
    )
    op.create_index(
        "uq_price_book_version",
        "price_book",
        [
            "partner_id",
            "level",
            sa.text("coalesce(client_id, '')"),
            "currency",
            "name",
            "valid_from",
        ],
        unique=True,
    )
    op.create_table(
        "price_entry",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("book_id", sa.Text(), nullable=False),
        sa.Column("item_kind", sa.Text(), nullable=False),
        sa.Column("item_key", sa.Text(), nullable=False),
        sa.Column("item_name", sa.Text(), nullable=False),
        sa.Column("commercial_model", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("quantity_from", sa.Integer(), nullable=False),
        sa.Column("quantity_until", sa.Integer(), nullable=True),
        sa.Column("term_from", sa.Integer(), nullable=False),
        sa.Column("term_until", sa.Integer(), nullable=True),
        sa.Column("price", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.CheckConstraint(
            "item_kind in ('model', 'category', 'service')", name=op.f("ck_price_entry_item_kind_known")
        ),
        sa.CheckConstraint(
            "commercial_model in ('term', 'rental', 'subscription', 'pass_through')",
            name=op.f("ck_price_entry_commercial_model_known"),
        ),
        sa.CheckConstraint(
            "component in ('hardware', 'service')", name=op.f("ck_price_entry_component_known")
        ),
        sa.CheckConstraint("price >= 0", name=op.f("ck_price_entry_price_not_negative")),
        sa.CheckConstraint("quantity_from >= 1", name=op.f("ck_price_entry_quantity_from_one")),
        sa.CheckConstraint("term_from >= 0", name=op.f("ck_price_entry_term_not_negative")),
        sa.CheckConstraint("quantity_until > quantity_from", name=op.f("ck_price_entry_quantities_in_order")),
        sa.CheckConstraint("term_until > term_from", name=op.f("ck_price_entry_terms_in_order")),
        postgresql.ExcludeConstraint(
            (sa.column("partner_id"), "="),
            (sa.column("book_id"), "="),
            (sa.column("item_kind"), "="),
            (sa.column("item_key"), "="),
            (sa.column("commercial_model"), "="),
            (sa.column("component"), "="),
            (sa.text("int4range(quantity_from, quantity_until)"), "&&"),
            (sa.text("int4range(term_from, term_until)"), "&&"),
            using="gist",
            name="ex_price_entry_one_price",
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_price_entry_partner_id")),
        sa.ForeignKeyConstraint(
            ["partner_id", "book_id"],
            ["price_book.partner_id", "price_book.id"],
            name=op.f("fk_price_entry_partner_id_book_id"),
        ),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_price_entry")),
    )
    op.create_index("ix_price_entry_book", "price_entry", ["partner_id", "book_id", "id"])


def _cards() -> None:
    op.create_table(
        "rate_card",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("timing", sa.Text(), nullable=False),
        sa.Column("interval_months", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("timing in ('advance', 'arrears')", name=op.f("ck_rate_card_timing_known")),
        sa.CheckConstraint("interval_months between 1 and 12", name=op.f("ck_rate_card_interval_sane")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_rate_card_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_rate_card")),
        sa.UniqueConstraint(
            "partner_id", "name", "valid_from", name=op.f("uq_rate_card_partner_id_name_valid_from")
        ),
    )
    op.create_table(
        "rate_card_row",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("card_id", sa.Text(), nullable=False),
        sa.Column("term_months", sa.Integer(), nullable=False),
        sa.Column("residual_pct", sa.Numeric(precision=15, scale=3), nullable=False),
        sa.Column("yield_pct", sa.Numeric(precision=15, scale=3), nullable=False),
        sa.CheckConstraint("term_months between 1 and 120", name=op.f("ck_rate_card_row_term_sane")),
        sa.CheckConstraint(
            "residual_pct between 0 and 100", name=op.f("ck_rate_card_row_residual_is_a_share")
        ),
        sa.CheckConstraint("yield_pct >= 0 and yield_pct < 100", name=op.f("ck_rate_card_row_yield_sane")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_rate_card_row_partner_id")),
        sa.ForeignKeyConstraint(
            ["partner_id", "card_id"],
            ["rate_card.partner_id", "rate_card.id"],
            name=op.f("fk_rate_card_row_partner_id_card_id"),
        ),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_rate_card_row")),
        sa.UniqueConstraint(
            "partner_id",
            "card_id",
            "term_months",
            name=op.f("uq_rate_card_row_partner_id_card_id_term_months"),
        ),
    )
