"""Discounts that clients took for paying early."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ClientScope, PartnerOwned, owned_by_partner


class EarlyDiscountTaken(PartnerOwned, Base):
    """An invoice was settled by a receipt and, for the discount, a credit note. Never changed."""

    __tablename__ = "early_discount"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("invoice_id", "invoice"),
        owned_by_partner("credit_note_id", "invoice"),
        owned_by_partner("receipt_id", "receipt"),
        # Whoever pays twice, or is told of twice, has the discount once.
        sa.UniqueConstraint("partner_id", "invoice_id"),
        sa.UniqueConstraint("partner_id", "credit_note_id"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.Index("ix_early_discount_receipt", "partner_id", "receipt_id"),
    )

    client_id: Mapped[str]
    invoice_id: Mapped[str]
    credit_note_id: Mapped[str]
    receipt_id: Mapped[str]
    amount: Mapped[Amount]
    currency: Mapped[str] = mapped_column(sa.String(3))
    paid_on: Mapped[date]  # the day by which it was due
    recorded_at: Mapped[datetime]
    actor: Mapped[str]
