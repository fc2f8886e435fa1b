"""Purchase order of a client, with what was billed under it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, owned_by_partner


class PurchaseOrder(PartnerOwned, Base):
    """An order of a client that our invoices name. Its limit is net of tax; what goes over it waits."""

    __tablename__ = "purchase_order"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "client_id", "number"),
        # What lets a row elsewhere prove that its order is its client's.
        sa.UniqueConstraint("partner_id", "client_id", "id"),
        sa.CheckConstraint("amount_limit is null or amount_limit > 0", name="limit_positive"),
        sa.CheckConstraint(
            "valid_until is null or valid_from is null or valid_from < valid_until", name="dates_in_order"
        ),
        # Two runs at once cannot overrun it together. What was billed stays when the limit is lowered
        # no further than that.
        sa.CheckConstraint("amount_limit is null or billed_total <= amount_limit", name="within_limit"),
    )

    client_id: Mapped[str]
    number: Mapped[str] = mapped_column(ByPrefix)  # as the client writes it
    description: Mapped[str] = mapped_column(default="")
    currency: Mapped[str] = mapped_column(sa.String(3))
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]  # exclusive
    amount_limit: Mapped[Amount | None]  # net; none: as much as there is
    billed_total: Mapped[Amount] = mapped_column(default=Decimal(0))  # net, credit notes taken off
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
