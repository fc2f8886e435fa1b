"""Company: what a partner is at the tax office, in the registers and at its banks."""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, ClientScope, PartnerOwned

COMPANY_ID = "company"  # one row a partner


class Company(PartnerOwned, Base):
    """A partner's own details, as its invoices freeze them. Legal name and country are the partner's.

    Terms of EN 16931: `tax_id` BT-31, `tax_registration` BT-32, `legal_id` BT-30, endpoint BT-34,
    `creditor_id` BT-90.
    """

    __tablename__ = "company"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        sa.CheckConstraint(f"id = '{COMPANY_ID}'", name="one_a_partner"),
        sa.CheckConstraint("(endpoint_scheme = '') = (endpoint_id = '')", name="endpoint_whole"),
        sa.CheckConstraint("damages in ('taxed', 'outside')", name="damages_known"),
    )

    address: Mapped[list[str]] = mapped_column(default=list)  # street lines, without postcode and city
    postcode: Mapped[str] = mapped_column(default="")
    city: Mapped[str] = mapped_column(default="")
    region: Mapped[str] = mapped_column(default="")
    tax_id: Mapped[str] = mapped_column(default="")
    tax_registration: Mapped[str] = mapped_column(default="")
    legal_id: Mapped[str] = mapped_column(default="")
    tax_currency: Mapped[str] = mapped_column(sa.String(3), default="")  # empty: the partner's currency
    contact_name: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    endpoint_scheme: Mapped[str] = mapped_column(default="")
    endpoint_id: Mapped[str] = mapped_column(default="")
    creditor_id: Mapped[str] = mapped_column(default="")
    # currency, holder, iban, bic, account_number, bank_code: one account a currency, the partner's first.
    accounts: Mapped[list[Any]] = mapped_column(default=list)
    # Whether a charge for damage or loss is taxed, or is compensation outside the scope of the tax.
    damages: Mapped[str] = mapped_column(default="taxed")
    version: Mapped[int] = mapped_column(default=1)
