"""Reminders, what they name, pauses, and what clients dispute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0043_dunning"
down_revision = "0042_payments"
branch_labels = None
depends_on = None

_TABLES = ("reminder", "reminder_item", "dunning_pause", "invoice_dispute")


def _text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=null)


def _amount(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Numeric(15, 3), nullable=null)


def _moment(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, UtcDateTime(timezone=True), nullable=null)


def _day(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Date(), nullable=null)


def _create(
    table: str, *parts: sa.schema.SchemaItem, references: Mapping[str, str], checks: Mapping[str, str]
) -> None:
    op.create_table(
        table,
        _text("partner_id"),
        _text("id"),
        *parts,
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in checks.items()),
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", column],
                [f"{target}.partner_id", f"{target}.id"],
                name=op.f(f"fk_{table}_partner_id_{column}"),
            )
            for column, target in references.items()
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f(f"fk_{table}_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f(f"pk_{table}")),
    )


def upgrade() -> None:
    """The tables, then who may see them; what was written to a client is not changed."""
    _create(
        "reminder",
        _text("client_id"),
        sa.Column("currency", sa.String(3), nullable=False),
        _day("reminded_on"),
        sa.Column("step_days", sa.Integer(), nullable=False),
        _text("step_name"),
        _text("subject"),
        _text("text"),
        sa.Column("as_letter", sa.Boolean(), nullable=False),
        _amount("amount"),
        _amount("fee"),
        _amount("interest"),
        _day("pay_by"),
        _text("charge_id", null=True),
        _text("letter_file_id", null=True),
        _moment("sent_at", null=True),
        _moment("recorded_at"),
        _text("actor"),
        sa.UniqueConstraint(
            "partner_id",
            "client_id",
            "currency",
            "reminded_on",
            name=op.f("uq_reminder_partner_id_client_id_currency_reminded_on"),
        ),
        references={"client_id": "client", "charge_id": "charge", "letter_file_id": "stored_file"},
        checks={"amounts_sane": "amount > 0 and fee >= 0 and interest >= 0"},
    )
    op.create_index("ix_reminder_recent", "reminder", ["partner_id", "reminded_on", "id"])
    _create(
        "reminder_item",
        _text("reminder_id"),
        _text("client_id"),
        _text("invoice_id"),
        sa.Column("step_days", sa.Integer(), nullable=False),
        _amount("amount"),
        _amount("interest"),
        _day("interest_until", null=True),
        sa.UniqueConstraint(
            "partner_id",
            "invoice_id",
            "step_days",
            name=op.f("uq_reminder_item_partner_id_invoice_id_step_days"),
        ),
        references={"reminder_id": "reminder", "client_id": "client", "invoice_id": "invoice"},
        checks={},
    )
    op.create_index("ix_reminder_item_reminder", "reminder_item", ["partner_id", "reminder_id"])
    _create(
        "dunning_pause",
        _text("client_id"),
        _text("invoice_id", null=True),
        _text("kind"),
        _day("until", null=True),
        _amount("amount", null=True),
        _text("reason"),
        _moment("recorded_at"),
        _text("actor"),
        _moment("ended_at", null=True),
        _text("ended_by", null=True),
        references={"client_id": "client", "invoice_id": "invoice"},
        checks={
            "kind_known": "kind in ('by_hand', 'promise')",
            "promise_has_a_day": "kind <> 'promise' or until is not null",
            "ended_by_somebody": "(ended_at is null) = (ended_by is null)",
        },
    )
    op.create_index(
        "ix_dunning_pause_now",
        "dunning_pause",
        ["partner_id", "client_id"],
        postgresql_where=sa.text("ended_at is null"),
    )
    _create(
        "invoice_dispute",
        _text("client_id"),
        _text("invoice_id"),
        _text("state"),
        _text("reason"),
        _text("words"),
        _amount("amount", null=True),
        _moment("opened_at"),
        _text("opened_by"),
        _text("decision"),
        _moment("decided_at", null=True),
        _text("decided_by", null=True),
        _text("credit_note_id", null=True),
        references={"client_id": "client", "invoice_id": "invoice", "credit_note_id": "invoice"},
        checks={
            "state_known": "state in ('open', 'accepted', 'partly', 'rejected', 'withdrawn')",
            "decided_has_a_time": "(state = 'open') = (decided_at is null)",
            "amount_positive": "amount is null or amount > 0",
        },
    )
    op.create_index(
        "uq_invoice_dispute_open",
        "invoice_dispute",
        ["partner_id", "invoice_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_invoice_dispute_client", "invoice_dispute", ["partner_id", "client_id", "id"])
    ddl.protect("reminder", client="column", rights="select, insert, update (letter_file_id, sent_at)")
    ddl.protect("reminder_item", client="column", rights=ddl.APPEND_ONLY)
    ddl.protect("dunning_pause", client="hidden", rights="select, insert, update (ended_at, ended_by)")
    ddl.protect(
        "invoice_dispute",
        client="column",
        rights="select, insert, update (state, decision, decided_at, decided_by, credit_note_id)",
    )
    for table in ("reminder", "reminder_item"):
        ddl.clients_only_read(table)
    for table in _TABLES:
        ddl.audited(table)


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in reversed(_TABLES):
        op.drop_table(table)
