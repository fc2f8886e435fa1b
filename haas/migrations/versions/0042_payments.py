"""Payments by providers: links, accounts, methods, attempts, what goes back, the inbox, payouts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from haas.db import UtcDateTime
from haas.migrations import ddl

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
    op.create_table(
        "pay_link",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_pay_link_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "invoice_id"],
            ["invoice.partner_id", "invoice.id"],
            name=op.f("fk_pay_link_partner_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_pay_link_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_pay_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_pay_link_token_hash")),
    )
    op.create_index("ix_pay_link_invoice", "pay_link", ["partner_id", "invoice_id"], unique=False)


def _accounts() -> None:
    op.create_table(
        "payment_account",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("charges_on_due_day", sa.Boolean(), nullable=False),
        sa.Column("api_key_sealed", sa.Text(), nullable=False),
        sa.Column("api_key_tail", sa.Text(), nullable=False),
        sa.Column("webhook_secrets_sealed", sa.Text(), nullable=False),
        sa.Column("webhook_token", sa.Text(), nullable=False),
        sa.Column("webhook_heard_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("closed_at", UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('stripe', 'local')", name=op.f("ck_payment_account_kind_known")),
        sa.CheckConstraint(
            "not is_default or closed_at is null", name=op.f("ck_payment_account_default_is_open")
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_payment_account_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_payment_account")),
        sa.UniqueConstraint("webhook_token", name=op.f("uq_payment_account_webhook_token")),
    )
    op.create_index(
        "uq_payment_account_default",
        "payment_account",
        ["partner_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )


def _methods() -> None:
    op.create_table(
        "payment_method",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("method_token", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("last_four", sa.Text(), nullable=False),
        sa.Column("expires_month", sa.Integer(), nullable=True),
        sa.Column("expires_year", sa.Integer(), nullable=True),
        sa.Column("mandate", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("removed_at", UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "not is_default or removed_at is null", name=op.f("ck_payment_method_default_is_kept")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "account_id"],
            ["payment_account.partner_id", "payment_account.id"],
            name=op.f("fk_payment_method_partner_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_payment_method_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_payment_method_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_payment_method")),
        sa.UniqueConstraint(
            "partner_id",
            "account_id",
            "method_token",
            name=op.f("uq_payment_method_partner_id_account_id_method_token"),
        ),
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
    op.create_table(
        "payment_setup",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("setup_id", sa.Text(), nullable=False),
        sa.Column("method_id", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id", "account_id"],
            ["payment_account.partner_id", "payment_account.id"],
            name=op.f("fk_payment_setup_partner_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_payment_setup_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "method_id"],
            ["payment_method.partner_id", "payment_method.id"],
            name=op.f("fk_payment_setup_partner_id_method_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_payment_setup_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_payment_setup")),
    )
    op.create_index(
        "ix_payment_setup_client", "payment_setup", ["partner_id", "client_id", "id"], unique=False
    )


def _attempts() -> None:
    op.create_table(
        "payment_attempt",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("method_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=15, scale=3), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("attempt_no", sa.Integer(), nullable=True),
        sa.Column("checkout_id", sa.Text(), nullable=True),
        sa.Column("checkout_url", sa.Text(), nullable=True),
        sa.Column("checkout_expires_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("payment_id", sa.Text(), nullable=True),
        sa.Column("decline_kind", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("receipt_id", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("sent_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("settled_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'charge') = (method_id is not null)", name=op.f("ck_payment_attempt_charge_has_method")
        ),
        sa.CheckConstraint(
            "(state = 'succeeded') = (receipt_id is not null)",
            name=op.f("ck_payment_attempt_paid_has_receipt"),
        ),
        sa.CheckConstraint("kind in ('checkout', 'charge')", name=op.f("ck_payment_attempt_kind_known")),
        sa.CheckConstraint(
            "state in ('created', 'sent', 'pending', 'unknown', 'succeeded', 'declined', 'expired')",
            name=op.f("ck_payment_attempt_state_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_attempt_amount_positive")),
        sa.ForeignKeyConstraint(
            ["partner_id", "account_id"],
            ["payment_account.partner_id", "payment_account.id"],
            name=op.f("fk_payment_attempt_partner_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_payment_attempt_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "invoice_id"],
            ["invoice.partner_id", "invoice.id"],
            name=op.f("fk_payment_attempt_partner_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "method_id"],
            ["payment_method.partner_id", "payment_method.id"],
            name=op.f("fk_payment_attempt_partner_id_method_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "receipt_id"],
            ["receipt.partner_id", "receipt.id"],
            name=op.f("fk_payment_attempt_partner_id_receipt_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_payment_attempt_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_payment_attempt")),
        sa.UniqueConstraint(
            "partner_id",
            "account_id",
            "payment_id",
            name=op.f("uq_payment_attempt_partner_id_account_id_payment_id"),
        ),
        sa.UniqueConstraint(
            "partner_id",
            "invoice_id",
            "attempt_no",
            name=op.f("uq_payment_attempt_partner_id_invoice_id_attempt_no"),
        ),
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
    op.create_table(
        "money_back",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=15, scale=3), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reversal_id", sa.Text(), nullable=True),
        sa.Column("receipt_id", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("sent_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("settled_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind in ('refund', 'chargeback', 'chargeback_won')", name=op.f("ck_money_back_kind_known")
        ),
        sa.CheckConstraint(
            "state in ('created', 'sent', 'pending', 'unknown', 'succeeded', 'declined')",
            name=op.f("ck_money_back_state_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_money_back_amount_positive")),
        sa.ForeignKeyConstraint(
            ["partner_id", "attempt_id"],
            ["payment_attempt.partner_id", "payment_attempt.id"],
            name=op.f("fk_money_back_partner_id_attempt_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_money_back_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "receipt_id"],
            ["receipt.partner_id", "receipt.id"],
            name=op.f("fk_money_back_partner_id_receipt_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "reversal_id"],
            ["receipt_reversal.partner_id", "receipt_reversal.id"],
            name=op.f("fk_money_back_partner_id_reversal_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_money_back_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_money_back")),
        sa.UniqueConstraint(
            "partner_id",
            "attempt_id",
            "kind",
            "external_id",
            name=op.f("uq_money_back_partner_id_attempt_id_kind_external_id"),
        ),
    )
    op.create_index("ix_money_back_attempt", "money_back", ["partner_id", "attempt_id", "id"], unique=False)


def _events() -> None:
    op.create_table(
        "provider_event",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.String(length=64), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("received_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("processed_at", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["partner_id", "account_id"],
            ["payment_account.partner_id", "payment_account.id"],
            name=op.f("fk_provider_event_partner_id_account_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_provider_event_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_provider_event")),
        sa.UniqueConstraint(
            "partner_id",
            "account_id",
            "event_id",
            name=op.f("uq_provider_event_partner_id_account_id_event_id"),
        ),
    )
    op.create_index(
        "ix_provider_event_recent",
        "provider_event",
        ["partner_id", "account_id", "received_at"],
        unique=False,
    )


def _payouts() -> None:
    op.create_table(
        "payout",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=15, scale=3), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("arrives_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("fetched_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id", "account_id"],
            ["payment_account.partner_id", "payment_account.id"],
            name=op.f("fk_payout_partner_id_account_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_payout_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_payout")),
        sa.UniqueConstraint(
            "partner_id",
            "account_id",
            "external_id",
            name=op.f("uq_payout_partner_id_account_id_external_id"),
        ),
    )
    op.create_index("ix_payout_recent", "payout", ["partner_id", "arrives_on", "id"], unique=False)


def _payout_lines() -> None:
    op.create_table(
        "payout_line",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("payout_id", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=15, scale=3), nullable=False),
        sa.Column("fee", sa.Numeric(precision=15, scale=3), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.CheckConstraint(
            "kind in ('payment', 'refund', 'chargeback', 'fee', 'adjustment')",
            name=op.f("ck_payout_line_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "payout_id"],
            ["payout.partner_id", "payout.id"],
            name=op.f("fk_payout_line_partner_id_payout_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_payout_line_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_payout_line")),
        sa.UniqueConstraint(
            "partner_id",
            "payout_id",
            "external_id",
            name=op.f("uq_payout_line_partner_id_payout_id_external_id"),
        ),
    )
    op.create_index("ix_payout_line_payment", "payout_line", ["partner_id", "payment_id"], unique=False)
