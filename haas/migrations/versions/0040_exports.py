"""Profiles and batches of exports to the partners' own books, with what stands in each batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0040_exports"
down_revision = "0039_bank_bookings"
branch_labels = None
depends_on = None

_JSON = postgresql.JSONB(astext_type=sa.Text())
_CONTENTS = ("invoices", "payments", "sales", "journal")
_RULES = ("name", "legal_name", "number", "number_and_name")


def upgrade() -> None:
    """The tables, then who may see and change them."""
    _profiles()
    _mappings()
    _batches()
    _items()
    _deliveries()
    for table in ("export_profile", "export_batch", "export_item", "export_delivery"):
        ddl.protect(table, rights="select, insert, update")
    ddl.protect("export_mapping")
    for table in ("export_mapping", "export_batch", "export_delivery"):
        ddl.audited(table)
    ddl.audited("export_profile", masked=("secret",))


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in ("export_delivery", "export_item", "export_batch", "export_mapping", "export_profile"):
        op.drop_table(table)


def _profiles() -> None:
    table = "export_profile"
    op.create_table(
        table,
        *_key(),
        *_texts("name", "format", "content", "family", "contact_rule"),
        sa.Column("begins_on", sa.Date(), nullable=True),
        sa.Column("options", _JSON, nullable=False),
        *_texts("rhythm"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("at_minute", "weekday", "month_day")),
        *_texts("cut"),
        sa.Column("next_at", UtcDateTime(timezone=True), nullable=True),
        *_texts("channel"),
        sa.Column("destination", _JSON, nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        *_texts("alert_email"),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        *_texts("created_by"),
        sa.Column("archived_at", UtcDateTime(timezone=True), nullable=True),
        *_keys(table),
        sa.UniqueConstraint("partner_id", "name", name=op.f(f"uq_{table}_partner_id_name")),
        _one_of(table, "content", _CONTENTS),
        _one_of(table, "contact_rule", _RULES),
        _one_of(table, "rhythm", ("never", "daily", "weekly", "monthly")),
        _one_of(table, "cut", ("everything", "ended_months")),
        _one_of(table, "channel", ("none", "mail", "sftp")),
        sa.CheckConstraint("weekday between 0 and 6", name=op.f(f"ck_{table}_weekday_sane")),
        sa.CheckConstraint("month_day between 1 and 28", name=op.f(f"ck_{table}_month_day_sane")),
    )
    op.create_index(
        f"ix_{table}_due",
        table,
        ["partner_id", "next_at"],
        postgresql_where=sa.text("next_at is not null"),
    )


def _mappings() -> None:
    table = "export_mapping"
    op.create_table(
        table,
        *_key(),
        *_texts("profile_id", "kind", "key", "value"),
        *_keys(table, profile_id="export_profile"),
        sa.UniqueConstraint(
            "partner_id", "profile_id", "kind", "key", name=op.f(f"uq_{table}_partner_id_profile_id_kind_key")
        ),
        _one_of(table, "kind", ("account", "tax", "contact", "tracking")),
    )


def _batches() -> None:
    table = "export_batch"
    op.create_table(
        table,
        *_key(),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        *_texts("profile_id", "format", "content", "family"),
        sa.Column("options", _JSON, nullable=False),
        sa.Column("mapping", _JSON, nullable=False),
        *_texts("contact_rule", "state"),
        sa.Column("dated_from", sa.Date(), nullable=False),
        sa.Column("dated_until", sa.Date(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("sums", _JSON, nullable=False),
        *_texts("long_job_id"),
        sa.Column("file_id", sa.Text(), nullable=True),
        *_texts("file_name"),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("reverses_batch_id", sa.Text(), nullable=True),
        *_texts("reason", "error"),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        *_texts("created_by"),
        sa.Column("finished_at", UtcDateTime(timezone=True), nullable=True),
        *_keys(
            table,
            profile_id="export_profile",
            file_id="stored_file",
            long_job_id="long_job",
            reverses_batch_id=table,
        ),
        sa.UniqueConstraint("partner_id", "number", name=op.f(f"uq_{table}_partner_id_number")),
        _one_of(table, "state", ("claimed", "done", "failed")),
        sa.CheckConstraint(
            "(state = 'done') = (file_id is not null)", name=op.f(f"ck_{table}_done_has_a_file")
        ),
    )
    op.create_index(f"ix_{table}_recent", table, ["partner_id", "created_at", "id"])
    op.create_index(f"ix_{table}_profile", table, ["partner_id", "profile_id", "created_at"])
    op.create_index(
        f"uq_{table}_reversal",
        table,
        ["partner_id", "reverses_batch_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'failed'"),
    )


def _items() -> None:
    table = "export_item"
    op.create_table(
        table,
        *_key(),
        *_texts("batch_id"),
        sa.Column("position", sa.Integer(), nullable=False),
        *_texts("family", "item_kind", "item_id", "number"),
        sa.Column("dated_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(15, 3), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("is_reversal", sa.Boolean(), nullable=False),
        sa.Column("released_by_id", sa.Text(), nullable=True),
        *_keys(table, batch_id="export_batch", released_by_id="export_batch"),
        sa.UniqueConstraint(
            "partner_id", "batch_id", "position", name=op.f(f"uq_{table}_partner_id_batch_id_position")
        ),
        _one_of(table, "item_kind", ("invoice", "receipt", "receipt_reversal", "refund", "entry")),
    )
    op.create_index(
        f"uq_{table}_live",
        table,
        ["partner_id", "family", "item_kind", "item_id"],
        unique=True,
        postgresql_where=sa.text("not is_reversal and released_by_id is null"),
    )


def _deliveries() -> None:
    table = "export_delivery"
    op.create_table(
        table,
        *_key(),
        *_texts("batch_id", "profile_id", "channel", "target", "state"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        *_texts("error"),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        *_texts("created_by"),
        sa.Column("sent_at", UtcDateTime(timezone=True), nullable=True),
        *_keys(table, batch_id="export_batch", profile_id="export_profile"),
        _one_of(table, "channel", ("mail", "sftp")),
        _one_of(table, "state", ("pending", "sent", "failed")),
    )
    op.create_index(f"ix_{table}_batch", table, ["partner_id", "batch_id", "id"])


def _key() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
    )


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _keys(table: str, **targets: str) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f(f"fk_{table}_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f(f"pk_{table}")),
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", column],
                [f"{target}.partner_id", f"{target}.id"],
                name=op.f(f"fk_{table}_partner_id_{column}"),
            )
            for column, target in targets.items()
        ),
    ]


def _one_of(table: str, column: str, values: Sequence[str]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} in ({listed})", name=op.f(f"ck_{table}_{column}_known"))
