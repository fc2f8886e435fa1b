"""A pro-forma invoice: frozen as it was made, in a table of its own, so that no book ever reads it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, owned_by_partner


class ProForma(PartnerOwned, Base):
    """What a client would be billed, as it was told. Only its PDF, and when it was mailed, come later."""

    __tablename__ = "pro_forma"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("pdf_file_id", "stored_file"),
        sa.UniqueConstraint("partner_id", "number"),
        # What was asked for twice is made once, whoever was first.
        sa.UniqueConstraint("partner_id", "client_id", "contents_hash"),
        sa.CheckConstraint("net_total + tax_total = total", name="totals_add_up"),
        sa.CheckConstraint("document ->> 'kind' = 'proforma'", name="document_is_pro_forma"),
        sa.Index("ix_pro_forma_recent", "partner_id", "issued_on", "id"),
        sa.Index("ix_pro_forma_client", "partner_id", "client_id", "issued_on", "id"),
    )

    client_id: Mapped[str]
    number: Mapped[str] = mapped_column(ByPrefix)
    currency: Mapped[str] = mapped_column(sa.String(3))
    issued_on: Mapped[date]
    as_of: Mapped[date]  # everything that falls due by this day stands on it
    net_total: Mapped[Amount]
    tax_total: Mapped[Amount]
    total: Mapped[Amount]
    # All that is printed: invoicing.document.InvoiceDocument of kind `proforma`. Never changed.
    document: Mapped[dict[str, Any]]
    document_hash: Mapped[str] = mapped_column(sa.String(64))
    contents_hash: Mapped[str] = mapped_column(sa.String(64))  # before it had number and address
    pdf_file_id: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    actor: Mapped[str]
