"""Receipts, their reversals, the clients' credit balances, refunds, and exchange rates by day.

What ties them is checked by the database at commit (`haas_receipt_ties`, `haas_invoice_ties`): a receipt's
amount is what of it stands on invoices, in the balance and what went back, and an invoice is never overpaid.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, one_of, owned_by_partner

SOURCES = ("manual", "bank", "provider", "deposit")
REVERSAL_KINDS = ("returned", "chargeback", "refunded", "mistake")
ENTRY_KINDS = (
    "overpayment",
    "released",
    "goodwill",
    "applied",
    "refund",
    "refund_failed",
    "reversed",
)
CHANNELS = ("bank", "provider")
REFUND_STATES = ("asked", "paid", "failed", "returned")
RATE_SOURCES = ("ecb", "manual", "import")


class Receipt(PartnerOwned, Base):
    """Money that came in from a client. Its payments say which invoices it paid; the rest is its credit."""

    __tablename__ = "receipt"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        # The same money, told twice, counts once.
        sa.UniqueConstraint("partner_id", "reference"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("fee >= 0", name="fee_not_negative"),
        one_of("source", SOURCES),
        sa.Index("ix_receipt_recent", "partner_id", "received_on", "id"),
        sa.Index("ix_receipt_client", "partner_id", "client_id", "received_on", "id"),
        sa.Index(
            "ix_receipt_provider",
            "partner_id",
            "provider",
            "provider_id",
            postgresql_where=sa.text("provider_id is not null"),
        ),
    )

    client_id: Mapped[str]
    amount: Mapped[Amount]
    currency: Mapped[str] = mapped_column(sa.String(3))
    received_on: Mapped[date]
    method: Mapped[str]
    reference: Mapped[str] = mapped_column(ByPrefix)
    source: Mapped[str]
    provider: Mapped[str] = mapped_column(default="")
    provider_id: Mapped[str | None]
    # What bank or provider kept of it; known later at times, and then written once.
    fee: Mapped[Amount] = mapped_column(default=Decimal(0))
    recorded_at: Mapped[datetime]
    actor: Mapped[str]


class ReceiptReversal(PartnerOwned, Base):
    """Money of a receipt that went back by no wish of ours, or never came: a returned debit, a chargeback."""

    __tablename__ = "receipt_reversal"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("receipt_id", "receipt"),
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "reference"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("fee >= 0", name="fee_not_negative"),
        sa.CheckConstraint("shortfall >= 0 and shortfall <= amount", name="shortfall_within"),
        one_of("kind", REVERSAL_KINDS),
        sa.Index("ix_receipt_reversal_receipt", "partner_id", "receipt_id", "id"),
        sa.Index("ix_receipt_reversal_client", "partner_id", "client_id", "reversed_on"),
    )

    receipt_id: Mapped[str]
    client_id: Mapped[str]
    amount: Mapped[Amount]
    # What nothing was left of: it had been given back to the client before. A loss in the books.
    shortfall: Mapped[Amount] = mapped_column(default=Decimal(0))
    fee: Mapped[Amount] = mapped_column(default=Decimal(0))
    currency: Mapped[str] = mapped_column(sa.String(3))
    kind: Mapped[str]
    reason: Mapped[str]
    reference: Mapped[str]
    reversed_on: Mapped[date]
    recorded_at: Mapped[datetime]
    actor: Mapped[str]


class BalanceEntry(PartnerOwned, Base):
    """One movement of a client's credit in one currency, with the balance before and after. Never changed.

    Each row stands on the one before it by a foreign key over position and balance, as a deposit's do: no row
    can be left out or slipped in, and two that come at once cannot both stand on the same one.
    """

    __tablename__ = "balance_entry"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("receipt_id", "receipt"),
        owned_by_partner("invoice_id", "invoice"),
        owned_by_partner("refund_id", "refund"),
        sa.UniqueConstraint("partner_id", "client_id", "currency", "position"),
        sa.UniqueConstraint(
            "partner_id",
            "client_id",
            "currency",
            "position",
            "balance_after",
            name="uq_balance_entry_stands",
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id", "currency", "position_before", "balance_before"],
            [
                "balance_entry.partner_id",
                "balance_entry.client_id",
                "balance_entry.currency",
                "balance_entry.position",
                "balance_entry.balance_after",
            ],
            name="fk_balance_entry_before",
        ),
        # A request that is told twice gives once.
        sa.UniqueConstraint("partner_id", "once_key"),
        one_of("kind", ENTRY_KINDS),
        sa.CheckConstraint(
            "(kind in ('overpayment', 'released', 'goodwill', 'refund_failed')) = (amount > 0)"
            " and amount <> 0",
            name="sign_by_kind",
        ),
        sa.CheckConstraint("balance_after = balance_before + amount", name="adds_up"),
        sa.CheckConstraint("balance_after >= 0", name="balance_not_negative"),
        sa.CheckConstraint(
            "(position = 1 and position_before is null and balance_before = 0)"
            " or (position > 1 and position_before = position - 1)",
            name="follows",
        ),
        sa.Index("ix_balance_entry_receipt", "partner_id", "receipt_id"),
    )

    client_id: Mapped[str]
    currency: Mapped[str] = mapped_column(sa.String(3))
    position: Mapped[int]
    position_before: Mapped[int | None]
    kind: Mapped[str]
    amount: Mapped[Amount]  # negative for what goes out of it
    balance_before: Mapped[Amount]
    balance_after: Mapped[Amount]
    happened_on: Mapped[date]
    reason: Mapped[str] = mapped_column(default="")
    receipt_id: Mapped[str | None]  # the money that it is, where it is still known
    invoice_id: Mapped[str | None]  # that it paid, or was taken off
    refund_id: Mapped[str | None]
    once_key: Mapped[str | None]
    recorded_at: Mapped[datetime]
    actor: Mapped[str]


class Refund(PartnerOwned, Base):
    """Credit that goes back to the client: out of the balance when asked, back into it if it fails.

    What was paid and came back is `returned`: both are told, to the books as well.
    """

    __tablename__ = "refund"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("receipt_id", "receipt"),
        sa.UniqueConstraint("partner_id", "once_key"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        one_of("channel", CHANNELS),
        one_of("state", REFUND_STATES),
        sa.CheckConstraint("(state = 'asked') = (settled_on is null)", name="settled_has_a_day"),
        sa.CheckConstraint("(state = 'returned') = (returned_on is not null)", name="returned_has_a_day"),
        sa.CheckConstraint("channel <> 'provider' or receipt_id is not null", name="provider_has_receipt"),
        sa.Index("ix_refund_recent", "partner_id", "id"),
        sa.Index("ix_refund_client", "partner_id", "client_id", "id"),
        sa.Index(
            "ix_refund_asked", "partner_id", "channel", "id", postgresql_where=sa.text("state = 'asked'")
        ),
    )

    client_id: Mapped[str]
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount: Mapped[Amount]
    channel: Mapped[str]
    receipt_id: Mapped[str | None]  # by a provider money goes back to where it came from
    reason: Mapped[str]
    state: Mapped[str] = mapped_column(default="asked")
    reference: Mapped[str] = mapped_column(default="")  # the bank's or the provider's, once it is carried out
    failure: Mapped[str] = mapped_column(default="")
    once_key: Mapped[str | None]
    asked_on: Mapped[date]
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    settled_on: Mapped[date | None]
    returned_on: Mapped[date | None]  # when it came back after it was paid: credit again since then


class ExchangeRate(PartnerOwned, Base):
    """What one unit of `base` was worth in `quote` on a day. One a day, and never changed."""

    __tablename__ = "exchange_rate"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        sa.UniqueConstraint("partner_id", "base", "quote", "day"),
        sa.CheckConstraint("rate > 0", name="rate_positive"),
        sa.CheckConstraint("base <> quote", name="of_two_currencies"),
        one_of("source", RATE_SOURCES),
    )

    base: Mapped[str] = mapped_column(sa.String(3))
    quote: Mapped[str] = mapped_column(sa.String(3))
    day: Mapped[date]
    rate: Mapped[Decimal] = mapped_column(sa.Numeric(18, 8))
    source: Mapped[str]
    recorded_at: Mapped[datetime]
    actor: Mapped[str]
