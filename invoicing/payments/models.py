"""A partner's account at a provider, clients' saved methods, attempts, refunds, the inbox, payouts."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ClientScope, PartnerOwned, owned_by_partner
from invoicing.payments.lifecycle import OPEN, AttemptState

KINDS = ("stripe", "local")
ATTEMPT_KINDS = ("checkout", "charge")
BACK_KINDS = ("refund", "chargeback", "chargeback_won")
LINE_KINDS = ("payment", "refund", "chargeback", "fee", "adjustment")
_OPEN = ", ".join(f"'{state}'" for state in OPEN)


def _one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} in ({listed})", name=f"{column}_known")


class PaymentAccount(PartnerOwned, Base):
    """A partner's account at a provider. Its keys are sealed and never shown again."""

    __tablename__ = "payment_account"
    __table_args__ = (
        _one_of("kind", KINDS),
        sa.UniqueConstraint("webhook_token"),
        # What new payments go through.
        sa.Index(
            "uq_payment_account_default",
            "partner_id",
            unique=True,
            postgresql_where=sa.text("is_default"),
        ),
        sa.CheckConstraint("not is_default or closed_at is null", name="default_is_open"),
    )

    kind: Mapped[str]
    name: Mapped[str]  # as the provider says
    external_id: Mapped[str]  # the account's id there
    is_live: Mapped[bool]
    is_default: Mapped[bool]
    charges_on_due_day: Mapped[bool]
    api_key_sealed: Mapped[str]
    api_key_tail: Mapped[str]  # its last four characters
    webhook_secrets_sealed: Mapped[str]  # one a line; while one is replaced both are good
    webhook_token: Mapped[str]  # random, in the address that the provider tells
    webhook_heard_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class PaymentMethod(PartnerOwned, Base):
    """A client's means of payment, which is at the provider: here is what the provider shows of it."""

    __tablename__ = "payment_method"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("account_id", "payment_account"),
        sa.UniqueConstraint("partner_id", "account_id", "method_token"),
        sa.Index(
            "uq_payment_method_default",
            "partner_id",
            "client_id",
            unique=True,
            postgresql_where=sa.text("is_default"),
        ),
        sa.CheckConstraint("not is_default or removed_at is null", name="default_is_kept"),
        sa.Index("ix_payment_method_client", "partner_id", "client_id", "id"),
    )

    client_id: Mapped[str]
    account_id: Mapped[str]
    method_token: Mapped[str]
    customer_id: Mapped[str]
    kind: Mapped[str]
    brand: Mapped[str]
    last_four: Mapped[str]
    expires_month: Mapped[int | None]
    expires_year: Mapped[int | None]
    mandate: Mapped[str]
    is_default: Mapped[bool]
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class PaymentSetup(PartnerOwned, Base):
    """Somebody was sent to the provider's page to save a means of payment. Its id is the key."""

    __tablename__ = "payment_setup"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("account_id", "payment_account"),
        owned_by_partner("method_id", "payment_method"),
        sa.Index("ix_payment_setup_client", "partner_id", "client_id", "id"),
    )

    client_id: Mapped[str]
    account_id: Mapped[str]
    setup_id: Mapped[str]  # the provider's page; empty until it answered
    method_id: Mapped[str | None]
    created_at: Mapped[datetime]
    actor: Mapped[str]


class PaymentAttempt(PartnerOwned, Base):
    """One attempt to be paid an invoice. Its id is the key that the provider is sent, so it happens once."""

    __tablename__ = "payment_attempt"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("invoice_id", "invoice"),
        owned_by_partner("account_id", "payment_account"),
        owned_by_partner("method_id", "payment_method"),
        owned_by_partner("receipt_id", "receipt"),
        _one_of("kind", ATTEMPT_KINDS),
        _one_of("state", tuple(AttemptState)),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("discount >= 0", name="discount_not_negative"),
        sa.CheckConstraint("(kind = 'charge') = (method_id is not null)", name="charge_has_method"),
        sa.CheckConstraint("(state = 'succeeded') = (receipt_id is not null)", name="paid_has_receipt"),
        # An invoice is never asked for twice at once.
        sa.Index(
            "uq_payment_attempt_open",
            "partner_id",
            "invoice_id",
            unique=True,
            postgresql_where=sa.text(f"state in ({_OPEN})"),
        ),
        # Each try of the plan happens once, whatever the jobs do.
        sa.UniqueConstraint("partner_id", "invoice_id", "attempt_no"),
        sa.UniqueConstraint("partner_id", "account_id", "payment_id"),
        sa.Index("ix_payment_attempt_invoice", "partner_id", "invoice_id", "id"),
        sa.Index("ix_payment_attempt_client", "partner_id", "client_id", "id"),
        sa.Index(
            "ix_payment_attempt_waiting",
            "partner_id",
            "sent_at",
            postgresql_where=sa.text(f"state in ({_OPEN})"),
        ),
    )

    client_id: Mapped[str]
    invoice_id: Mapped[str]
    account_id: Mapped[str]
    method_id: Mapped[str | None]
    kind: Mapped[str]
    state: Mapped[str]
    amount: Mapped[Amount]
    # What the invoice asks for less than is open, because it is paid early: credited when the money comes.
    discount: Mapped[Amount] = mapped_column(default=Decimal(0), server_default="0")
    currency: Mapped[str] = mapped_column(sa.String(3))
    attempt_no: Mapped[int | None]  # of the plan; none for what somebody asked for
    checkout_id: Mapped[str | None]
    checkout_url: Mapped[str | None]
    checkout_expires_at: Mapped[datetime | None]
    payment_id: Mapped[str | None]  # the provider's
    decline_kind: Mapped[str | None]
    reason: Mapped[str]  # the provider's word for a decline
    receipt_id: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    actor: Mapped[str]


class MoneyBack(PartnerOwned, Base):
    """Money of an attempt that goes back: asked for here or at the provider, or taken by the payer's bank."""

    __tablename__ = "money_back"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("attempt_id", "payment_attempt"),
        owned_by_partner("reversal_id", "receipt_reversal"),
        owned_by_partner("receipt_id", "receipt"),
        _one_of("kind", BACK_KINDS),
        sa.CheckConstraint(
            "state in ('created', 'sent', 'pending', 'unknown', 'succeeded', 'declined')",
            name="state_known",
        ),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        # What a provider tells twice goes back once.
        sa.UniqueConstraint("partner_id", "attempt_id", "kind", "external_id"),
        sa.Index("ix_money_back_attempt", "partner_id", "attempt_id", "id"),
    )

    client_id: Mapped[str]
    attempt_id: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    amount: Mapped[Amount]
    currency: Mapped[str] = mapped_column(sa.String(3))
    external_id: Mapped[str | None]  # the provider's, of the refund or the dispute
    reason: Mapped[str]
    reversal_id: Mapped[str | None]
    receipt_id: Mapped[str | None]  # of a dispute that was won: the money came again
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    actor: Mapped[str]


class ProviderMessage(PartnerOwned, Base):
    """The inbox: what a provider told, stored before it is answered; done by a job, in any order, once."""

    __tablename__ = "provider_event"
    __table_args__ = (
        owned_by_partner("account_id", "payment_account"),
        sa.UniqueConstraint("partner_id", "account_id", "event_id"),
        sa.Index("ix_provider_event_recent", "partner_id", "account_id", "received_at"),
    )

    account_id: Mapped[str]
    event_id: Mapped[str]
    kind: Mapped[str]
    body_sha256: Mapped[str] = mapped_column(sa.String(64))
    facts: Mapped[list[Any]]  # what it says, without what concerns nobody here
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]


class Payout(PartnerOwned, Base):
    """Money that a provider sent to the partner's bank account."""

    __tablename__ = "payout"
    __table_args__ = (
        owned_by_partner("account_id", "payment_account"),
        sa.UniqueConstraint("partner_id", "account_id", "external_id"),
        sa.Index("ix_payout_recent", "partner_id", "arrives_on", "id"),
    )

    account_id: Mapped[str]
    external_id: Mapped[str]
    amount: Mapped[Amount]
    currency: Mapped[str] = mapped_column(sa.String(3))
    arrives_on: Mapped[date]
    status: Mapped[str]
    fetched_at: Mapped[datetime]


class PayoutLine(PartnerOwned, Base):
    """One entry of a payout: amount less fee is what it adds."""

    __tablename__ = "payout_line"
    __table_args__ = (
        owned_by_partner("payout_id", "payout"),
        _one_of("kind", LINE_KINDS),
        sa.UniqueConstraint("partner_id", "payout_id", "external_id"),
        sa.Index("ix_payout_line_payment", "partner_id", "payment_id"),
    )

    payout_id: Mapped[str]
    external_id: Mapped[str]
    kind: Mapped[str]
    payment_id: Mapped[str]
    amount: Mapped[Amount]
    fee: Mapped[Amount]
    currency: Mapped[str] = mapped_column(sa.String(3))
