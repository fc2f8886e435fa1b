"""Notices of a lease's end, choices at it, buyouts and losses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0013_lease_ends"
down_revision = "0012_lease_models_checked"
branch_labels = None
depends_on = None

_JSON = postgresql.JSONB(astext_type=sa.Text())
_PLACE = {"lease_id": "lease", "line_id": "lease_line", "asset_id": "asset", "client_id": "client"}


def upgrade() -> None:
    """The tables, then who may see and change them."""
    _notices()
    _choices()
    _buyouts()
    _losses()
    ddl.protect("lease_end_notice", client="column", rights=ddl.APPEND_ONLY)
    for table in ("lease_end_choice", "buyout", "loss_charge"):
        ddl.protect(table, client="column", rights="select, insert, update")
    for table in ("lease_end_notice", "lease_end_choice", "buyout", "loss_charge"):
        ddl.audited(table)


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in ("loss_charge", "buyout", "lease_end_choice", "lease_end_notice"):
        op.drop_table(table)


def _notices() -> None:
    table = "lease_end_notice"
    op.create_table(
        table,
        *_key(),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("days_before", sa.Integer(), nullable=False),
        sa.Column("noticed_on", sa.Date(), nullable=False),
        sa.Column("said", _JSON, nullable=False),
        sa.Column("readers", _JSON, nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.UniqueConstraint(
            "partner_id",
            "lease_id",
            "ends_on",
            "days_before",
            name=op.f("uq_lease_end_notice_partner_id_lease_id_ends_on_days_before"),
        ),
        *_references(table, {"lease_id": "lease", "client_id": "client"}),
    )
    op.create_index("ix_lease_end_notice_lease", table, ["partner_id", "lease_id", "noticed_on"])


def _choices() -> None:
    table = "lease_end_choice"
    op.create_table(
        table,
        *_key(),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _PLACE),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("option", sa.Text(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=True),
        sa.Column("rent", sa.Numeric(18, 6), nullable=True),
        sa.Column("price", sa.Numeric(15, 3), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("model_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("chosen_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("chosen_by", sa.Text(), nullable=False),
        sa.Column("carried_out_at", UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "option in ('return', 'renew', 'refresh', 'buy')", name=op.f(f"ck_{table}_option_known")
        ),
        sa.CheckConstraint(
            "state in ('chosen', 'replaced', 'carried_out')", name=op.f(f"ck_{table}_state_known")
        ),
        sa.CheckConstraint(
            "(option = 'buy') = (price is not null)", name=op.f(f"ck_{table}_buying_has_price")
        ),
        sa.CheckConstraint(
            "(option = 'renew') = (months is not null)", name=op.f(f"ck_{table}_renewal_has_months")
        ),
        sa.CheckConstraint(
            "(state = 'carried_out') = (carried_out_at is not null)",
            name=op.f(f"ck_{table}_carried_out_has_moment"),
        ),
        *_references(table, {**_PLACE, "model_id": "hardware_model"}),
    )
    op.create_index(
        "uq_lease_end_choice_standing",
        table,
        ["partner_id", "line_id"],
        unique=True,
        postgresql_where=sa.text("state = 'chosen'"),
    )
    op.create_index("ix_lease_end_choice_lease", table, ["partner_id", "lease_id", "id"])


def _buyouts() -> None:
    table = "buyout"
    op.create_table(
        table,
        *_key(),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _PLACE),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("basis", _JSON, nullable=False),
        sa.Column("warnings", _JSON, nullable=False),
        sa.Column("price", sa.Numeric(15, 3), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("tax_category", sa.Text(), nullable=False),
        sa.Column("payment_terms_days", sa.Integer(), nullable=False),
        sa.Column("priced_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("title_passes", sa.Text(), nullable=False),
        sa.Column("offered_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("agreed_on", sa.Date(), nullable=True),
        sa.Column("agreed_by", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("title_passed_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("quote_file_id", sa.Text(), nullable=True),
        sa.Column("bill_of_sale_file_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('offered', 'agreed', 'passed', 'withdrawn')", name=op.f("ck_buyout_state_known")
        ),
        sa.CheckConstraint("price >= 0", name=op.f("ck_buyout_price_not_negative")),
        sa.CheckConstraint("valid_until >= priced_on", name=op.f("ck_buyout_valid_after_priced")),
        sa.CheckConstraint(
            "(state in ('agreed', 'passed')) = (agreed_on is not null and effective_on is not null)",
            name=op.f("ck_buyout_agreed_has_days"),
        ),
        sa.CheckConstraint(
            "(state = 'passed') = (title_passed_at is not null)", name=op.f("ck_buyout_passed_has_moment")
        ),
        sa.UniqueConstraint("partner_id", "number", name=op.f("uq_buyout_partner_id_number")),
        *_references(
            table, {**_PLACE, "quote_file_id": "stored_file", "bill_of_sale_file_id": "stored_file"}
        ),
    )
    op.create_index(
        "uq_buyout_agreed",
        table,
        ["partner_id", "asset_id"],
        unique=True,
        postgresql_where=sa.text("state in ('agreed', 'passed')"),
    )
    op.create_index("ix_buyout_lease", table, ["partner_id", "lease_id", "id"])
    op.create_index("ix_buyout_client", table, ["partner_id", "client_id", "id"])


def _losses() -> None:
    table = "loss_charge"
    op.create_table(
        table,
        *_key(),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _PLACE),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("lost_on", sa.Date(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(15, 3), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("tax_category", sa.Text(), nullable=False),
        sa.Column("payment_terms_days", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reversed_on", sa.Date(), nullable=True),
        sa.Column("confirmed_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.CheckConstraint("cause in ('lost', 'stolen')", name=op.f("ck_loss_charge_cause_known")),
        sa.CheckConstraint("state in ('owed', 'reversed')", name=op.f("ck_loss_charge_state_known")),
        sa.CheckConstraint(
            "(state = 'reversed') = (reversed_on is not null)", name=op.f("ck_loss_charge_reversed_has_day")
        ),
        sa.CheckConstraint(
            "cause <> 'stolen' or reference <> ''", name=op.f("ck_loss_charge_theft_has_reference")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_loss_charge_amount_not_negative")),
        *_references(table, _PLACE),
    )
    op.create_index(
        "uq_loss_charge_owed",
        table,
        ["partner_id", "asset_id"],
        unique=True,
        postgresql_where=sa.text("state = 'owed'"),
    )
    op.create_index("ix_loss_charge_client", table, ["partner_id", "client_id", "id"])


def _key() -> list[sa.Column[str]]:
    return [
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
    ]


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
