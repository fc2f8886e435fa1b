"""Quotes with their options, what the client answered, terms of contract, and what is to be bought."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0024_quotes"
down_revision = "0023_calendar_feeds"
branch_labels = None
depends_on = None

# What was sent is what is agreed to: no door, job or hand on the database changes it afterwards.
_FROZEN = """
create function haas_quote_frozen() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  if new.state <> 'draft' and old.document is not null and
     (new.document, new.document_sha256, new.valid_until, new.terms_version_id, new.number, new.revision,
      new.client_id, new.currency) is distinct from
     (old.document, old.document_sha256, old.valid_until, old.terms_version_id, old.number, old.revision,
      old.client_id, old.currency) then
    raise exception 'quote % was sent and is frozen', old.number using errcode = 'restrict_violation';
  end if;
  return new;
end $$;

create function haas_quote_part_frozen() returns trigger language plpgsql
set search_path = public, pg_temp as $$
declare
  whose text := case when tg_op = 'DELETE' then old.partner_id else new.partner_id end;
  part_of text := case when tg_op = 'DELETE' then old.quote_id else new.quote_id end;
begin
  if exists (select from quote where partner_id = whose and id = part_of and document is not null) then
    raise exception 'the parts of a quote that was sent are frozen' using errcode = 'restrict_violation';
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end $$;
"""
_PARTS = ("quote_option", "quote_line")


def upgrade() -> None:
    """The tables, then who may see and change them."""
    _create_tables()
    op.execute(_FROZEN)
    op.execute(
        "create trigger quote_frozen before update on quote for each row execute function haas_quote_frozen()"
    )
    for part in _PARTS:
        op.execute(
            f"create trigger {part}_frozen before insert or update or delete on {part}"
            " for each row execute function haas_quote_part_frozen()"
        )
    ddl.protect("terms_version", client="shared", rights=ddl.APPEND_ONLY)
    ddl.protect("quote", client="column")
    # Options and lines hold what things cost the partner: a client reads the frozen document alone.
    ddl.protect("quote_option")
    ddl.protect("quote_line")
    ddl.protect("quote_link", known_keys=("token_hash",))
    ddl.protect("quote_acceptance", client="column")
    ddl.protect("quote_question", client="column", rights=ddl.APPEND_ONLY)
    ddl.protect("purchase_need")
    for table in (
        "terms_version",
        "quote",
        *_PARTS,
        "quote_acceptance",
        "quote_question",
        "purchase_need",
    ):
        ddl.audited(table)
    ddl.audited("quote_link", masked=("token_hash",))


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in (
        "purchase_need",
        "quote_question",
        "quote_acceptance",
        "quote_link",
        "quote_line",
        "quote_option",
        "quote",
        "terms_version",
    ):
        op.drop_table(table)
    op.execute("drop function haas_quote_part_frozen()")
    op.execute("drop function haas_quote_frozen()")


def _create_tables() -> None:
    op.create_table(
        "terms_version",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("published_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.CheckConstraint("version <> '' and body <> ''", name=op.f("ck_terms_version_has_text")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_terms_version_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_terms_version")),
        sa.UniqueConstraint("partner_id", "version", name=op.f("uq_terms_version_partner_id_version")),
    )
    op.create_table(
        "quote",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("contact_name", sa.Text(), nullable=False),
        sa.Column("contact_email", sa.Text(), nullable=False),
        sa.Column("intro", sa.Text(), nullable=False),
        sa.Column("terms_version_id", sa.Text(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("deliver_by", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("sent_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("decided_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=True),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("document_sha256", sa.String(length=64), nullable=True),
        sa.Column("file_id", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state = 'accepted') = (lease_id is not null)", name=op.f("ck_quote_accepted_has_lease")
        ),
        sa.CheckConstraint(
            "(state in ('draft', 'sent')) = (decided_at is null)", name=op.f("ck_quote_decided_has_moment")
        ),
        sa.CheckConstraint(
            "state in ('draft', 'sent', 'accepted', 'declined', 'expired', 'withdrawn')",
            name=op.f("ck_quote_state_known"),
        ),
        sa.CheckConstraint(
            "state in ('draft', 'withdrawn') or (document is not null and document_sha256 is not null"
            " and valid_until is not null and terms_version_id is not null)",
            name=op.f("ck_quote_sent_is_frozen"),
        ),
        sa.CheckConstraint("revision > 0", name=op.f("ck_quote_revision_positive")),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id", "site_id"],
            ["site.partner_id", "site.client_id", "site.id"],
            name=op.f("fk_quote_partner_id_client_id_site_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_quote_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "file_id"],
            ["stored_file.partner_id", "stored_file.id"],
            name=op.f("fk_quote_partner_id_file_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "lease_id"],
            ["lease.partner_id", "lease.id"],
            name=op.f("fk_quote_partner_id_lease_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "terms_version_id"],
            ["terms_version.partner_id", "terms_version.id"],
            name=op.f("fk_quote_partner_id_terms_version_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_quote_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_quote")),
        sa.UniqueConstraint("partner_id", "lease_id", name=op.f("uq_quote_partner_id_lease_id")),
        sa.UniqueConstraint(
            "partner_id", "number", "revision", name=op.f("uq_quote_partner_id_number_revision")
        ),
    )
    op.create_index("ix_quote_client", "quote", ["partner_id", "client_id", "id"], unique=False)
    op.create_index("ix_quote_state", "quote", ["partner_id", "state", "id"], unique=False)
    op.create_index(
        "uq_quote_draft",
        "quote",
        ["partner_id", "number"],
        unique=True,
        postgresql_where=sa.text("state = 'draft'"),
    )
    op.create_index(
        "uq_quote_standing",
        "quote",
        ["partner_id", "number"],
        unique=True,
        postgresql_where=sa.text("state in ('sent', 'accepted')"),
    )
    op.create_table(
        "quote_option",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("commercial_model", sa.Text(), nullable=False),
        sa.Column("term_months", sa.Integer(), nullable=False),
        sa.Column("timing", sa.Text(), nullable=False),
        sa.Column("interval_months", sa.Integer(), nullable=False),
        sa.Column("anchor_day", sa.Integer(), nullable=False),
        sa.Column("interim_rent", sa.Boolean(), nullable=False),
        sa.Column("end_option", sa.Text(), nullable=False),
        sa.Column("buyout_price", sa.Numeric(precision=15, scale=3), nullable=True),
        sa.Column("early_return_pct", sa.Numeric(precision=15, scale=3), nullable=False),
        sa.CheckConstraint(
            "(end_option = 'buyout_fixed') = (buyout_price is not null)",
            name=op.f("ck_quote_option_buyout_priced"),
        ),
        sa.CheckConstraint(
            "commercial_model in ('term', 'rental', 'subscription', 'pass_through')",
            name=op.f("ck_quote_option_commercial_model_known"),
        ),
        sa.CheckConstraint("timing in ('advance', 'arrears')", name=op.f("ck_quote_option_timing_known")),
        sa.CheckConstraint("anchor_day between 1 and 31", name=op.f("ck_quote_option_anchor_day_in_month")),
        sa.CheckConstraint(
            "early_return_pct between 0 and 100", name=op.f("ck_quote_option_early_return_share")
        ),
        sa.CheckConstraint("term_months between 1 and 120", name=op.f("ck_quote_option_term_in_bounds")),
        sa.ForeignKeyConstraint(
            ["partner_id", "quote_id"],
            ["quote.partner_id", "quote.id"],
            name=op.f("fk_quote_option_partner_id_quote_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_quote_option_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_quote_option")),
        sa.UniqueConstraint(
            "partner_id", "quote_id", "position", name=op.f("uq_quote_option_partner_id_quote_id_position")
        ),
    )
    op.create_table(
        "quote_line",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("option_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("standalone_price", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("unit_cost", sa.Numeric(precision=15, scale=3), nullable=True),
        sa.Column("residual_value", sa.Numeric(precision=15, scale=3), nullable=True),
        sa.Column("tax_category", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "component in ('hardware', 'service')", name=op.f("ck_quote_line_component_known")
        ),
        sa.CheckConstraint(
            "kind <> 'asset' or (model_id is not null and quantity = trunc(quantity))",
            name=op.f("ck_quote_line_asset_is_whole"),
        ),
        sa.CheckConstraint(
            "kind in ('asset', 'pooled', 'service', 'one_off')", name=op.f("ck_quote_line_kind_known")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_quote_line_quantity_positive")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_quote_line_price_not_negative")),
        sa.ForeignKeyConstraint(
            ["partner_id", "model_id"],
            ["hardware_model.partner_id", "hardware_model.id"],
            name=op.f("fk_quote_line_partner_id_model_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "option_id"],
            ["quote_option.partner_id", "quote_option.id"],
            name=op.f("fk_quote_line_partner_id_option_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "quote_id"],
            ["quote.partner_id", "quote.id"],
            name=op.f("fk_quote_line_partner_id_quote_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_quote_line_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_quote_line")),
    )
    op.create_index(
        "ix_quote_line_option",
        "quote_line",
        ["partner_id", "quote_id", "option_id", "position"],
        unique=False,
    )
    op.create_table(
        "quote_link",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("used_at", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_quote_link_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "quote_id"],
            ["quote.partner_id", "quote.id"],
            name=op.f("fk_quote_link_partner_id_quote_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_quote_link_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_quote_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_quote_link_token_hash")),
    )
    op.create_index("ix_quote_link_quote", "quote_link", ["partner_id", "quote_id"], unique=False)
    op.create_table(
        "quote_acceptance",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("option_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("signer_name", sa.Text(), nullable=False),
        sa.Column("signer_title", sa.Text(), nullable=False),
        sa.Column("accepted_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("terms_version_id", sa.Text(), nullable=False),
        sa.Column("terms_sha256", sa.String(length=64), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=True),
        sa.CheckConstraint("signer_name <> ''", name=op.f("ck_quote_acceptance_is_signed")),
        sa.CheckConstraint(
            "via in ('link', 'portal', 'partner')", name=op.f("ck_quote_acceptance_via_known")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_quote_acceptance_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "file_id"],
            ["stored_file.partner_id", "stored_file.id"],
            name=op.f("fk_quote_acceptance_partner_id_file_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "lease_id"],
            ["lease.partner_id", "lease.id"],
            name=op.f("fk_quote_acceptance_partner_id_lease_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "option_id"],
            ["quote_option.partner_id", "quote_option.id"],
            name=op.f("fk_quote_acceptance_partner_id_option_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "quote_id"],
            ["quote.partner_id", "quote.id"],
            name=op.f("fk_quote_acceptance_partner_id_quote_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "terms_version_id"],
            ["terms_version.partner_id", "terms_version.id"],
            name=op.f("fk_quote_acceptance_partner_id_terms_version_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_quote_acceptance_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_quote_acceptance")),
        sa.UniqueConstraint("partner_id", "quote_id", name=op.f("uq_quote_acceptance_partner_id_quote_id")),
    )
    op.create_table(
        "quote_question",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("asked_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("text <> ''", name=op.f("ck_quote_question_says_something")),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_quote_question_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "quote_id"],
            ["quote.partner_id", "quote.id"],
            name=op.f("fk_quote_question_partner_id_quote_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_quote_question_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_quote_question")),
    )
    op.create_index(
        "ix_quote_question_quote", "quote_question", ["partner_id", "quote_id", "id"], unique=False
    )
    op.create_table(
        "purchase_need",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("needed_by", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("ordered_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("closed_at", UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state in ('open', 'ordered')) = (closed_at is null)",
            name=op.f("ck_purchase_need_closed_has_moment"),
        ),
        sa.CheckConstraint(
            "state in ('open', 'ordered', 'received', 'cancelled')", name=op.f("ck_purchase_need_state_known")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_purchase_need_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["partner_id", "lease_id"],
            ["lease.partner_id", "lease.id"],
            name=op.f("fk_purchase_need_partner_id_lease_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "model_id"],
            ["hardware_model.partner_id", "hardware_model.id"],
            name=op.f("fk_purchase_need_partner_id_model_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_purchase_need_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_purchase_need")),
        sa.UniqueConstraint(
            "partner_id", "lease_id", "model_id", name=op.f("uq_purchase_need_partner_id_lease_id_model_id")
        ),
    )
    op.create_index("ix_purchase_need_model", "purchase_need", ["partner_id", "model_id"], unique=False)
    op.create_index(
        "ix_purchase_need_state", "purchase_need", ["partner_id", "state", "needed_by", "id"], unique=False
    )
