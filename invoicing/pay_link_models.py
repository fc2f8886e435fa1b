"""PayLink: the address on an invoice's paper under which whoever holds it can pay."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, PartnerOwned, owned_by_partner


class PayLink(PartnerOwned, Base):
    """A random secret, kept as its hash. It is on the paper, so it lasts as long as the invoice is open."""

    __tablename__ = "pay_link"
    __table_args__ = (
        owned_by_partner("invoice_id", "invoice"),
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("token_hash"),
        sa.Index("ix_pay_link_invoice", "partner_id", "invoice_id"),
    )

    invoice_id: Mapped[str]
    client_id: Mapped[str]
    token_hash: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
