"""Mandates of clients for SEPA direct debits, collections ordered by them, and each item of one."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, one_of, owned_by_partner

DRAFT, ACTIVE, REVOKED = "draft", "active", "revoked"
MANDATE_STATES = (DRAFT, ACTIVE, REVOKED)
SCHEMES = ("CORE", "B2B")
USES = ("recurrent", "once")
ORDERED, COLLECTED, RETURNED, CANCELLED = "ordered", "collected", "returned", "cancelled"
ITEM_STATES = (ORDERED, COLLECTED, RETURNED, CANCELLED)
BY_MAIL, BY_INVOICE = "mail", "invoice"
NOTICE_CHANNELS = (BY_MAIL, BY_INVOICE)


class SepaMandate(PartnerOwned, Base):
    """A client's leave to collect from its account. What was signed never changes; a new one replaces it."""

    __tablename__ = "sepa_mandate"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "reference"),
        one_of("state", MANDATE_STATES),
        one_of("scheme", SCHEMES),
        one_of("usage", USES),
        sa.CheckConstraint("(state = 'draft') = (signed_on is null)", name="signed_has_day"),
        sa.CheckConstraint("notice_days between 1 and 60", name="notice_days_sane"),
        # A client is collected from by one mandate.
        sa.Index(
            "uq_sepa_mandate_active",
            "partner_id",
            "client_id",
            unique=True,
            postgresql_where=sa.text("state = 'active'"),
        ),
    )

    client_id: Mapped[str]
    reference: Mapped[str] = mapped_column(ByPrefix)  # at most 35 characters, as in the order
    holder: Mapped[str]
    iban: Mapped[str]
    bic: Mapped[str] = mapped_column(default="")
    scheme: Mapped[str]
    usage: Mapped[str]
    notice_days: Mapped[int | None]  # agreed with this client; none: the partner's policy
    state: Mapped[str] = mapped_column(default=DRAFT)
    signed_on: Mapped[date | None]
    revoked_on: Mapped[date | None]
    created_at: Mapped[datetime]

    @property
    def iban_shown(self) -> str:
        """Its ends alone: enough to know it by."""
        return f"{self.iban[:4]} … {self.iban[-4:]}"


class Collection(PartnerOwned, Base):
    """An order to the bank to collect what clients owe, with the very file that was made for it."""

    __tablename__ = "collection"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("account_id", "bank_account"),
        owned_by_partner("file_id", "stored_file"),
        sa.UniqueConstraint("partner_id", "number"),
        sa.CheckConstraint("total > 0", name="total_positive"),
        sa.Index("ix_collection_recent", "partner_id", "id"),
    )

    number: Mapped[str] = mapped_column(ByPrefix)  # the message id in the order
    account_id: Mapped[str]
    scheme: Mapped[str]
    collect_on: Mapped[date]  # a day on which TARGET settles
    total: Mapped[Amount]
    file_id: Mapped[str]
    created_at: Mapped[datetime]
    actor: Mapped[str]


class DebitNotice(PartnerOwned, Base):
    """A client was told that an invoice is collected on a day. One an invoice and day."""

    __tablename__ = "debit_notice"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("invoice_id", "invoice"),
        owned_by_partner("mandate_id", "sepa_mandate"),
        sa.UniqueConstraint("partner_id", "invoice_id", "collect_on"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        one_of("channel", NOTICE_CHANNELS),
    )

    client_id: Mapped[str]
    invoice_id: Mapped[str]
    mandate_id: Mapped[str]
    amount: Mapped[Amount]  # in EUR; as much or less is collected
    collect_on: Mapped[date]
    channel: Mapped[str]
    announced_on: Mapped[date]  # from this day on its days count
    announced_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]  # of a mail: when it left
    actor: Mapped[str]


class CollectionItem(PartnerOwned, Base):
    """One invoice collected by a mandate."""

    __tablename__ = "collection_item"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("collection_id", "collection"),
        owned_by_partner("mandate_id", "sepa_mandate"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("invoice_id", "invoice"),
        owned_by_partner("receipt_id", "receipt"),
        sa.UniqueConstraint("partner_id", "end_to_end_id"),
        one_of("state", ITEM_STATES),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint(
            "(state in ('collected', 'returned')) = (receipt_id is not null)", name="collected_has_receipt"
        ),
        # An invoice is in one order at a time, whoever presses the button.
        sa.Index(
            "uq_collection_item_ordered",
            "partner_id",
            "invoice_id",
            unique=True,
            postgresql_where=sa.text("state = 'ordered'"),
        ),
        sa.Index("ix_collection_item_collection", "partner_id", "collection_id", "end_to_end_id"),
        sa.Index("ix_collection_item_mandate", "partner_id", "mandate_id"),
    )

    collection_id: Mapped[str]
    mandate_id: Mapped[str]
    client_id: Mapped[str]
    invoice_id: Mapped[str]
    amount: Mapped[Amount]
    sequence: Mapped[str]  # FRST | RCUR | OOFF
    end_to_end_id: Mapped[str] = mapped_column(ByPrefix)
    state: Mapped[str] = mapped_column(default=ORDERED)
    receipt_id: Mapped[str | None]
    return_reason: Mapped[str] = mapped_column(default="")
