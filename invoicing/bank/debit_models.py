"""SEPA direct debits by clients' mandates: announced, ordered from the bank, each item of an order."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, one_of, owned_by_partner

ORDERED, COLLECTED, RETURNED, CANCELLED = "ordered", "collected", "returned", "cancelled"
ITEM_STATES = (ORDERED, COLLECTED, RETURNED, CANCELLED)
BY_MAIL, BY_INVOICE = "mail", "invoice"
NOTICE_CHANNELS = (BY_MAIL, BY_INVOICE)


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
    """A client was told that an invoice is collected on a day. One an invoice and day: what was told last."""

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
    announced_on: Mapped[date]
    announced_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]  # when the mail left: from that day on its days count
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
