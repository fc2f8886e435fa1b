"""Profiles and batches of exports to the partners' own books, with what stands in each batch."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.migrations import ddl
from haas.migrations.tables import amount, create_table, day, moment, text, texts, whole

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
    create_table(
        table,
        *texts("name", "format", "content", "family", "contact_rule"),
        day("begins_on", null=True),
        sa.Column("options", _JSON, nullable=False),
        text("rhythm"),
        *(whole(name) for name in ("at_minute", "weekday", "month_day")),
        text("cut"),
        moment("next_at", null=True),
        text("channel"),
        sa.Column("destination", _JSON, nullable=False),
        text("secret", null=True),
        text("alert_email"),
        moment("created_at"),
        text("created_by"),
        moment("archived_at", null=True),
        _one_of(table, "content", _CONTENTS),
        _one_of(table, "contact_rule", _RULES),
        _one_of(table, "rhythm", ("never", "daily", "weekly", "monthly")),
        _one_of(table, "cut", ("everything", "ended_months")),
        _one_of(table, "channel", ("none", "mail", "sftp")),
        checks={"weekday_sane": "weekday between 0 and 6", "month_day_sane": "month_day between 1 and 28"},
        uniques=[("partner_id", "name")],
    )
    op.create_index(
        f"ix_{table}_due",
        table,
        ["partner_id", "next_at"],
        postgresql_where=sa.text("next_at is not null"),
    )


def _mappings() -> None:
    table = "export_mapping"
    create_table(
        table,
        *texts("profile_id", "kind", "key", "value"),
        _one_of(table, "kind", ("account", "tax", "contact", "tracking")),
        references={"profile_id": "export_profile"},
        uniques=[("partner_id", "profile_id", "kind", "key")],
    )


def _batches() -> None:
    table = "export_batch"
    create_table(
        table,
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        *texts("profile_id", "format", "content", "family"),
        sa.Column("options", _JSON, nullable=False),
        sa.Column("mapping", _JSON, nullable=False),
        *texts("contact_rule", "state"),
        day("dated_from"),
        day("dated_until"),
        whole("items"),
        sa.Column("sums", _JSON, nullable=False),
        text("long_job_id"),
        text("file_id", null=True),
        text("file_name"),
        sa.Column("sha256", sa.String(64), nullable=False),
        text("reverses_batch_id", null=True),
        *texts("reason", "error"),
        moment("created_at"),
        text("created_by"),
        moment("finished_at", null=True),
        _one_of(table, "state", ("claimed", "done", "failed")),
        references={
            "profile_id": "export_profile",
            "file_id": "stored_file",
            "long_job_id": "long_job",
            "reverses_batch_id": table,
        },
        checks={"done_has_a_file": "(state = 'done') = (file_id is not null)"},
        uniques=[("partner_id", "number")],
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
    create_table(
        table,
        text("batch_id"),
        whole("position"),
        *texts("family", "item_kind", "item_id", "number"),
        day("dated_on"),
        amount("amount"),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("is_reversal", sa.Boolean(), nullable=False),
        text("released_by_id", null=True),
        _one_of(table, "item_kind", ("invoice", "receipt", "receipt_reversal", "refund", "entry")),
        references={"batch_id": "export_batch", "released_by_id": "export_batch"},
        uniques=[("partner_id", "batch_id", "position")],
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
    create_table(
        table,
        *texts("batch_id", "profile_id", "channel", "target", "state"),
        whole("attempts"),
        text("error"),
        moment("created_at"),
        text("created_by"),
        moment("sent_at", null=True),
        _one_of(table, "channel", ("mail", "sftp")),
        _one_of(table, "state", ("pending", "sent", "failed")),
        references={"batch_id": "export_batch", "profile_id": "export_profile"},
    )
    op.create_index(f"ix_{table}_batch", table, ["partner_id", "batch_id", "id"])


def _one_of(table: str, column: str, values: Sequence[str]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} in ({listed})", name=op.f(f"ck_{table}_{column}_known"))
