"""Several books an asset, what happens to them, what they come to by month, and later costs of an asset."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0018_books"
down_revision = "0017_price_books"
branch_labels = None
depends_on = None

_JSON = postgresql.JSONB(astext_type=sa.Text())
_AMOUNT = sa.Numeric(15, 3)
_BOOK = "depreciation_book"
_OLD_METHODS = "'straight_line', 'declining_balance', 'sum_of_years_digits', 'units'"
_METHODS = "'straight_line', 'declining_balance', 'reducing_balance', 'sum_of_years_digits', 'units', 'macrs'"
_FIRST_MONTHS = "'full', 'half', 'daily', 'next', 'half_year', 'mid_quarter'"
_LAST_MONTHS = "'none', 'full', 'half', 'daily_inclusive', 'daily_exclusive', 'half_year', 'mid_quarter'"
_KINDS = (
    "'restate', 'estimate', 'revalue', 'capitalise', 'impair', 'reverse_impairment', 'split', 'dispose',"
    " 'reinstate', 'reverse'"
)
_CHECKS = {
    "first_month_known": f"first_month in ({_FIRST_MONTHS})",
    "last_month_known": f"last_month in ({_LAST_MONTHS})",
    "macrs_has_its_class": "method <> 'macrs' or recovery_years is not null",
    "rate_is_percent": "rate_pct is null or (rate_pct > 0 and rate_pct <= 100)",
    "tax_convention_known": "tax_convention in ('HY', 'MQ')",
    "year_end_month_in_year": "year_end_month between 1 and 12",
}


def _book_columns() -> list[sa.Column[Any]]:
    # Defaults stay in the database: the release that still runs knows nothing of these columns.
    return [
        sa.Column("switch", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("rate_pct", sa.Numeric(18, 6), nullable=True),
        sa.Column("recovery_years", sa.Integer(), nullable=True),
        sa.Column("tax_convention", sa.Text(), nullable=False, server_default="HY"),
        sa.Column("year_end_month", sa.Integer(), nullable=False, server_default="12"),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("opening_accumulated", _AMOUNT, nullable=False, server_default="0"),
        sa.Column("opening", _JSON, nullable=True),
    ]


def upgrade() -> None:
    """Columns and tables, then who may see and change them, then what old books have been through."""
    for column in _book_columns():
        op.add_column(_BOOK, column)
    _know_methods(_METHODS)
    for name, rule in _CHECKS.items():
        _check(name, rule)
    _usage_may_be_said_again()
    _events()
    _plans()
    _costs()
    ddl.protect("book_event", rights=ddl.APPEND_ONLY)
    ddl.protect("depreciation_plan")
    ddl.protect("asset_cost", rights=ddl.APPEND_ONLY)
    for table in ("book_event", "asset_cost"):
        ddl.audited(table)
    _old_disposals()


def downgrade() -> None:
    """The reverse. A usage that was said twice keeps its newest row."""
    for table in ("asset_cost", "depreciation_plan", "book_event"):
        op.drop_table(table)
    op.execute("alter table depreciation_usage no force row level security")
    op.execute(
        "delete from depreciation_usage o using depreciation_usage n where o.partner_id = n.partner_id"
        " and o.book_id = n.book_id and o.month = n.month and o.recorded_at < n.recorded_at"
    )
    op.execute("alter table depreciation_usage force row level security")
    op.drop_index("uq_depreciation_usage_known", "depreciation_usage")
    op.create_unique_constraint(
        op.f("uq_depreciation_usage_partner_id_book_id_month"),
        "depreciation_usage",
        ["partner_id", "book_id", "month"],
    )
    op.drop_column("depreciation_usage", "recorded_at")
    op.drop_column("depreciation_usage", "source")
    for name in _CHECKS:
        op.drop_constraint(op.f(f"ck_{_BOOK}_{name}"), _BOOK, type_="check")
    _know_methods(_OLD_METHODS)
    for column in _book_columns():
        op.drop_column(_BOOK, column.name)


def _usage_may_be_said_again() -> None:
    table = "depreciation_usage"
    op.add_column(table, sa.Column("source", sa.Text(), nullable=False, server_default="entered"))
    op.add_column(
        table,
        sa.Column("recorded_at", UtcDateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    # A table of a few rows a device and year: its index is built within the lock.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "create unique index uq_depreciation_usage_known"
        " on depreciation_usage (partner_id, book_id, month, recorded_at)"
    )
    op.execute(
        "-- squawk-ignore ban-drop-constraint\n"
        "alter table depreciation_usage drop constraint uq_depreciation_usage_partner_id_book_id_month"
    )


def _events() -> None:
    table = "book_event"
    op.create_table(
        table,
        *_key(),
        sa.Column("book_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("counts_from", sa.Text(), nullable=False),
        sa.Column("figures", _JSON, nullable=False),
        sa.Column("reverses_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"kind in ({_KINDS})", name=op.f(f"ck_{table}_kind_known")),
        sa.CheckConstraint(
            "counts_from in ('same_month', 'next_month')", name=op.f(f"ck_{table}_counts_from_known")
        ),
        sa.CheckConstraint(
            "(kind = 'reverse') = (reverses_id is not null)",
            name=op.f(f"ck_{table}_reverse_names_its_event"),
        ),
        *_references(table, {"book_id": _BOOK, "reverses_id": table}),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("partner_id", "reverses_id", name=op.f(f"uq_{table}_partner_id_reverses_id")),
    )
    op.create_index(f"ix_{table}_book", table, ["partner_id", "book_id", "effective_on", "id"])


def _plans() -> None:
    table = "depreciation_plan"
    op.create_table(
        table,
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("book_id", sa.Text(), nullable=False),
        sa.Column("first_month", sa.Date(), nullable=False),
        sa.Column("totals", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("movements", _JSON, nullable=False),
        sa.Column("computed_at", UtcDateTime(timezone=True), nullable=False),
        *_references(table, {"book_id": _BOOK}),
        sa.PrimaryKeyConstraint("partner_id", "book_id", name=op.f(f"pk_{table}")),
    )


def _costs() -> None:
    table = "asset_cost"
    op.create_table(
        table,
        *_key(),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", _AMOUNT, nullable=False),
        sa.Column("warranty_recovered", _AMOUNT, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("incurred_on", sa.Date(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("capitalised", sa.Boolean(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("extra_months", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('repair', 'accessory', 'upgrade', 'freight')", name=op.f(f"ck_{table}_kind_known")
        ),
        sa.CheckConstraint("amount > 0", name=op.f(f"ck_{table}_amount_positive")),
        sa.CheckConstraint(
            "warranty_recovered >= 0 and warranty_recovered <= amount",
            name=op.f(f"ck_{table}_recovered_within_amount"),
        ),
        sa.CheckConstraint("decided_by in ('rule', 'person')", name=op.f(f"ck_{table}_decided_by_known")),
        *_references(table, {"asset_id": "asset"}),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "partner_id", "idempotency_key", name=op.f(f"uq_{table}_partner_id_idempotency_key")
        ),
    )
    op.create_index(f"ix_{table}_asset", table, ["partner_id", "asset_id", "incurred_on", "id"])


def _old_disposals() -> None:
    """Books that were closed before there were events get theirs. The owner is bound by the policies too."""
    for table in (_BOOK, "book_event"):
        op.execute(f"alter table {table} no force row level security")
    op.execute(
        "insert into book_event (partner_id, id, book_id, kind, effective_on, counts_from, figures, reason,"
        " actor, recorded_at) select partner_id, 'bev' || substr(id, 4), id, 'dispose', disposed_on,"
        " 'same_month', jsonb_build_object('proceeds', coalesce(proceeds, 0)::text), '', 'migration', now()"
        " from depreciation_book where disposed_on is not null"
    )
    for table in (_BOOK, "book_event"):
        op.execute(f"alter table {table} force row level security")


def _know_methods(methods: str) -> None:
    # A wider rule takes its place in the same transaction.
    op.execute(
        f"-- squawk-ignore ban-drop-constraint\nalter table {_BOOK} drop constraint ck_{_BOOK}_method_known"
    )
    _check("method_known", f"method in ({methods})")


def _check(name: str, rule: str) -> None:
    # Not valid: the next migration reads the old rows, outside this lock.
    op.execute(f"alter table {_BOOK} add constraint ck_{_BOOK}_{name} check ({rule}) not valid")


def _key() -> list[sa.Column[Any]]:
    return [
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
    ]


def _references(table: str, columns: dict[str, str]) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f(f"fk_{table}_partner_id")),
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", column],
                [f"{target}.partner_id", f"{target}.id"],
                name=op.f(f"fk_{table}_partner_id_{column}"),
            )
            for column, target in columns.items()
        ),
    ]
