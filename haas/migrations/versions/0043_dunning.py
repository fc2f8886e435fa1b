"""Reminders, what they name, pauses, and what clients dispute."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haas.migrations import ddl
from haas.migrations.tables import amount, create_table, day, moment, text, texts, whole

revision = "0043_dunning"
down_revision = "0042_payments"
branch_labels = None
depends_on = None

_TABLES = ("reminder", "reminder_item", "dunning_pause", "invoice_dispute")


def upgrade() -> None:
    """The tables, then who may see them; what was written to a client is not changed."""
    create_table(
        "reminder",
        text("client_id"),
        sa.Column("currency", sa.String(3), nullable=False),
        day("reminded_on"),
        whole("step_days"),
        *texts("step_name", "subject", "text"),
        sa.Column("as_letter", sa.Boolean(), nullable=False),
        amount("amount"),
        amount("fee"),
        amount("interest"),
        day("pay_by"),
        text("charge_id", null=True),
        text("letter_file_id", null=True),
        moment("sent_at", null=True),
        moment("recorded_at"),
        text("actor"),
        references={"client_id": "client", "charge_id": "charge", "letter_file_id": "stored_file"},
        checks={"amounts_sane": "amount > 0 and fee >= 0 and interest >= 0"},
        uniques=[("partner_id", "client_id", "currency", "reminded_on")],
    )
    op.create_index("ix_reminder_recent", "reminder", ["partner_id", "reminded_on", "id"])
    create_table(
        "reminder_item",
        *texts("reminder_id", "client_id", "invoice_id"),
        whole("step_days"),
        amount("amount"),
        amount("interest"),
        day("interest_until", null=True),
        references={"reminder_id": "reminder", "client_id": "client", "invoice_id": "invoice"},
        uniques=[("partner_id", "invoice_id", "step_days")],
    )
    op.create_index("ix_reminder_item_reminder", "reminder_item", ["partner_id", "reminder_id"])
    create_table(
        "dunning_pause",
        text("client_id"),
        text("invoice_id", null=True),
        text("kind"),
        day("until", null=True),
        amount("amount", null=True),
        text("reason"),
        moment("recorded_at"),
        text("actor"),
        moment("ended_at", null=True),
        text("ended_by", null=True),
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
    create_table(
        "invoice_dispute",
        *texts("client_id", "invoice_id", "state", "reason", "words"),
        amount("amount", null=True),
        moment("opened_at"),
        *texts("opened_by", "decision"),
        moment("decided_at", null=True),
        text("decided_by", null=True),
        text("credit_note_id", null=True),
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
