"""Orders to the bank that give credit back to clients, and each transfer of one."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, one_of, owned_by_partner
from invoicing.document_parts import iban_ends

ORDERED, SETTLED, FAILED, CANCELLED = "ordered", "settled", "failed", "cancelled"
TRANSFER_STATES = (ORDERED, SETTLED, FAILED, CANCELLED)


class TransferOrder(PartnerOwned, Base):
    """An order to the bank to pay clients, with the very file that was made for it."""

    __tablename__ = "transfer_order"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("account_id", "bank_account"),
        owned_by_partner("file_id", "stored_file"),
        sa.UniqueConstraint("partner_id", "number"),
        sa.CheckConstraint("total > 0", name="total_positive"),
        sa.CheckConstraint("sent_at is null or cancelled_at is null", name="sent_or_cancelled"),
    )

    number: Mapped[str] = mapped_column(ByPrefix)  # the message id in the order
    account_id: Mapped[str]
    pay_on: Mapped[date]  # a day on which TARGET settles
    total: Mapped[Amount]
    file_id: Mapped[str]
    created_at: Mapped[datetime]
    actor: Mapped[str]
    sent_at: Mapped[datetime | None]
    sent_by: Mapped[str] = mapped_column(default="")
    cancelled_at: Mapped[datetime | None]


class TransferItem(PartnerOwned, Base):
    """One refund that the bank is to pay, to which account."""

    __tablename__ = "transfer_item"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("order_id", "transfer_order"),
        owned_by_partner("refund_id", "refund"),
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "end_to_end_id"),
        one_of("state", TRANSFER_STATES),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        # A refund is in one order at a time, and paid by one, whoever presses the button.
        sa.Index(
            "uq_transfer_item_stands",
            "partner_id",
            "refund_id",
            unique=True,
            postgresql_where=sa.text("state in ('ordered', 'settled')"),
        ),
        sa.Index("ix_transfer_item_order", "partner_id", "order_id", "id"),
    )

    order_id: Mapped[str]
    refund_id: Mapped[str]
    client_id: Mapped[str]
    amount: Mapped[Amount]
    name: Mapped[str]
    iban: Mapped[str]
    end_to_end_id: Mapped[str] = mapped_column(ByPrefix)
    state: Mapped[str] = mapped_column(default=ORDERED)
    failure: Mapped[str] = mapped_column(default="")

    @property
    def iban_shown(self) -> str:
        """Its ends alone: enough to know it by."""
        return iban_ends(self.iban)
