"""Charge by hand, waiting for the next run or billed at once."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from devices.tax_classes import TaxClass
from haas.db import Base, ClientScope, PartnerOwned, UnitPrice, one_of, owned_by_partner
from invoicing.charges.recurrence import ChargeTerms

CATEGORIES = ("set_up", "delivery", "repair", "fee", "other")


class Charge(PartnerOwned, Base):
    """Something to bill that no contract says. What it says never changes; it is voided, or ended.

    Whether and where it was billed stand in the invoice's lines, whose key bills each period once. Clients
    see it when it is billed.
    """

    __tablename__ = "charge"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("asset_id", "asset"),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id", "site_id"],
            ["site.partner_id", "site.client_id", "site.id"],
            name="fk_charge_site",
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id", "purchase_order_id"],
            ["purchase_order.partner_id", "purchase_order.client_id", "purchase_order.id"],
            name="fk_charge_purchase_order",
        ),
        # Who brings in the same file, or asks once more after a time-out, makes no second one.
        sa.UniqueConstraint("partner_id", "reference"),
        sa.CheckConstraint(
            "category in ('set_up', 'delivery', 'repair', 'fee', 'other')", name="category_known"
        ),
        one_of("tax_class", tuple(TaxClass)),
        sa.CheckConstraint("recurs in ('once', 'monthly')", name="recurs_known"),
        sa.CheckConstraint("recurs = 'monthly' or until is null", name="once_has_no_end"),
        sa.CheckConstraint("until is null or until > charged_on", name="ends_after_it_begins"),
        sa.CheckConstraint("quantity > 0 and unit_price > 0", name="is_a_charge"),
        sa.CheckConstraint("(voided_at is null) = (void_reason is null)", name="void_has_reason"),
        sa.Index("ix_charge_client", "partner_id", "client_id", "id"),
        sa.Index(
            "ix_charge_lease", "partner_id", "lease_id", postgresql_where=sa.text("lease_id is not null")
        ),
    )

    client_id: Mapped[str]
    lease_id: Mapped[str | None]
    site_id: Mapped[str | None]
    asset_id: Mapped[str | None]
    serial: Mapped[str] = mapped_column(default="")  # of the asset, as printed
    purchase_order_id: Mapped[str | None]
    category: Mapped[str]
    description: Mapped[str]
    quantity: Mapped[UnitPrice]
    unit_price: Mapped[UnitPrice]
    currency: Mapped[str] = mapped_column(sa.String(3))
    tax_category: Mapped[str]
    tax_class: Mapped[str] = mapped_column(default="standard", server_default="standard")  # TaxClass
    recurs: Mapped[str]
    charged_on: Mapped[date]  # when it falls due; of a monthly one the first time
    until: Mapped[date | None]  # exclusive: no month begins then or later
    reference: Mapped[str | None]  # the caller's own
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str | None]

    @property
    def terms(self) -> ChargeTerms:
        """What counts for billing."""
        return ChargeTerms(
            self.recurs, self.charged_on, self.until, self.quantity, self.unit_price, self.currency
        )
