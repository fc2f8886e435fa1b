"""Payments by providers: links, accounts, methods, attempts, what goes back, the inbox, payouts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from haas.migrations import ddl
from haas.migrations.tables import amount, create_table, day, moment, text, texts, whole

revision = "0042_payments"
down_revision = "0041_mailed_ubl"
branch_labels = None
depends_on = None

_TABLES = (
    "pay_link",
    "payment_account",
    "payment_method",
    "payment_setup",
    "payment_attempt",
    "money_back",
    "provider_event",
    "payout",
    "payout_line",
)
_NO_DELETE = "select, insert, update"


def upgrade() -> None:
    """The tables, then who may see them."""
    _links()
    _accounts()
    _methods()
    _setups()
    _attempts()
    _money_back()
    _events()
    _payouts()
    _payout_lines()
    ddl.protect("pay_link", rights=_NO_DELETE, known_keys=("token_hash",))
    ddl.protect("payment_account", rights=_NO_DELETE, known_keys=("webhook_token",))
    for table in ("payment_method", "payment_setup", "payment_attempt", "money_back"):
        ddl.protect(table, client="column", rights=_NO_DELETE)
    ddl.protect("provider_event", rights=_NO_DELETE)
    ddl.protect("payout", rights=_NO_DELETE)
    ddl.protect("payout_line", rights=ddl.APPEND_ONLY)
    ddl.audited("pay_link", masked=("token_hash",))
    ddl.audited("payment_account", masked=("api_key_sealed", "webhook_secrets_sealed", "webhook_token"))
    ddl.audited("payment_method", masked=("method_token",))
    ddl.audited("payment_attempt", masked=("checkout_url",))
    for table in ("payment_setup", "money_back", "payout"):
        ddl.audited(table)
    # provider_event and payout_line are not audited: they are records by themselves, and what follows from
    # them is audited where it happens.


def downgrade() -> None:
    """Drop what `upgrade` made."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _links() -> None:
    create_table(
        "pay_link",
        *texts("invoice_id", "client_id"),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        moment("created_at"),
        moment("revoked_at", null=True),
        references={"client_id": "client", "invoice_id": "invoice"},
        uniques=[("token_hash",)],
    )
    op.create_index("ix_pay_link_invoice", "pay_link", ["partner_id", "invoice_id"], unique=False)


def _accounts() -> None:
    create_table(
        "payment_account",
        *texts("kind", "name", "external_id"),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("charges_on_due_day", sa.Boolean(), nullable=False),
        *texts("api_key_sealed", "api_key_tail", "webhook_secrets_sealed", "webhook_token"),
        moment("webhook_heard_at", null=True),
        moment("created_at"),
        moment("closed_at", null=True),
        checks={
            "kind_known": "kind in ('stripe', 'local')",
            "default_is_open": "not is_default or closed_at is null",
        },
        uniques=[("webhook_token",)],
    )
    op.create_index(
        "uq_payment_account_default",
        "payment_account",
        ["partner_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )


def _methods() -> None:
    create_table(
        "payment_method",
        *texts("client_id", "account_id", "method_token", "customer_id", "kind", "brand", "last_four"),
        whole("expires_month", null=True),
        whole("expires_year", null=True),
        text("mandate"),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        moment("created_at"),
        moment("removed_at", null=True),
        references={"account_id": "payment_account", "client_id": "client"},
        checks={"default_is_kept": "not is_default or removed_at is null"},
        uniques=[("partner_id", "account_id", "method_token")],
    )
    op.create_index(
        "ix_payment_method_client", "payment_method", ["partner_id", "client_id", "id"], unique=False
    )
    op.create_index(
        "uq_payment_method_default",
        "payment_method",
        ["partner_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )


def _setups() -> None:
    create_table(
        "payment_setup",
        *texts("client_id", "account_id", "setup_id"),
        text("method_id", null=True),
        moment("created_at"),
        text("actor"),
        references={"account_id": "payment_account", "client_id": "client", "method_id": "payment_method"},
    )
    op.create_index(
        "ix_payment_setup_client", "payment_setup", ["partner_id", "client_id", "id"], unique=False
    )


def _attempts() -> None:
    create_table(
        "payment_attempt",
        *texts("client_id", "invoice_id", "account_id"),
        text("method_id", null=True),
        *texts("kind", "state"),
        amount("amount"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        whole("attempt_no", null=True),
        text("checkout_id", null=True),
        text("checkout_url", null=True),
        moment("checkout_expires_at", null=True),
        text("payment_id", null=True),
        text("decline_kind", null=True),
        text("reason"),
        text("receipt_id", null=True),
        moment("created_at"),
        moment("sent_at", null=True),
        moment("settled_at", null=True),
        text("actor"),
        references={
            "account_id": "payment_account",
            "client_id": "client",
            "invoice_id": "invoice",
            "method_id": "payment_method",
            "receipt_id": "receipt",
        },
        checks={
            "charge_has_method": "(kind = 'charge') = (method_id is not null)",
            "paid_has_receipt": "(state = 'succeeded') = (receipt_id is not null)",
            "kind_known": "kind in ('checkout', 'charge')",
            "state_known": "state in ('created', 'sent', 'pending', 'unknown', 'succeeded', 'declined',"
            " 'expired')",
            "amount_positive": "amount > 0",
        },
        uniques=[("partner_id", "account_id", "payment_id"), ("partner_id", "invoice_id", "attempt_no")],
    )
    op.create_index(
        "ix_payment_attempt_client", "payment_attempt", ["partner_id", "client_id", "id"], unique=False
    )
    op.create_index(
        "ix_payment_attempt_invoice", "payment_attempt", ["partner_id", "invoice_id", "id"], unique=False
    )
    op.create_index(
        "ix_payment_attempt_waiting",
        "payment_attempt",
        ["partner_id", "sent_at"],
        unique=False,
        postgresql_where=sa.text("state in ('created', 'sent', 'pending', 'unknown')"),
    )
    op.create_index(
        "uq_payment_attempt_open",
        "payment_attempt",
        ["partner_id", "invoice_id"],
        unique=True,
        postgresql_where=sa.text("state in ('created', 'sent', 'pending', 'unknown')"),
    )


def _money_back() -> None:
    create_table(
        "money_back",
        *texts("client_id", "attempt_id", "kind", "state"),
        amount("amount"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        text("external_id", null=True),
        text("reason"),
        text("reversal_id", null=True),
        text("receipt_id", null=True),
        moment("created_at"),
        moment("sent_at", null=True),
        moment("settled_at", null=True),
        text("actor"),
        references={
            "attempt_id": "payment_attempt",
            "client_id": "client",
            "receipt_id": "receipt",
            "reversal_id": "receipt_reversal",
        },
        checks={
            "kind_known": "kind in ('refund', 'chargeback', 'chargeback_won')",
            "state_known": "state in ('created', 'sent', 'pending', 'unknown', 'succeeded', 'declined')",
            "amount_positive": "amount > 0",
        },
        uniques=[("partner_id", "attempt_id", "kind", "external_id")],
    )
    op.create_index("ix_money_back_attempt", "money_back", ["partner_id", "attempt_id", "id"], unique=False)


def _events() -> None:
    create_table(
        "provider_event",
        *texts("account_id", "event_id", "kind"),
        sa.Column("body_sha256", sa.String(length=64), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        moment("received_at"),
        moment("processed_at", null=True),
        references={"account_id": "payment_account"},
        uniques=[("partner_id", "account_id", "event_id")],
    )
    op.create_index(
        "ix_provider_event_recent",
        "provider_event",
        ["partner_id", "account_id", "received_at"],
        unique=False,
    )


def _payouts() -> None:
    create_table(
        "payout",
        *texts("account_id", "external_id"),
        amount("amount"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        day("arrives_on"),
        text("status"),
        moment("fetched_at"),
        references={"account_id": "payment_account"},
        uniques=[("partner_id", "account_id", "external_id")],
    )
    op.create_index("ix_payout_recent", "payout", ["partner_id", "arrives_on", "id"], unique=False)


def _payout_lines() -> None:
    create_table(
        "payout_line",
        *texts("payout_id", "external_id", "kind", "payment_id"),
        amount("amount"),
        amount("fee"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        references={"payout_id": "payout"},
        checks={"kind_known": "kind in ('payment', 'refund', 'chargeback', 'fee', 'adjustment')"},
        uniques=[("partner_id", "payout_id", "external_id")],
    )
    op.create_index("ix_payout_line_payment", "payout_line", ["partner_id", "payment_id"], unique=False)
