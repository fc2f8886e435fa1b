"""Partner (the tenant), its clients and their sites."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, ByPrefix, ClientScope, PartnerOwned, one_of, owned_by_partner
from haas.tenancy.payment_terms import TermsKind

# How a client is taxed, where the rules for its place and status do not say it.
TAX_TREATMENTS = ("", "reverse_charge", "exempt", "outside")

# A step has days and a percentage, or neither; the second lasts longer and is less than the first.
_DISCOUNTS = (
    "(early_discount_days is null) = (early_discount_pct is null)"
    " and (second_discount_days is null) = (second_discount_pct is null)"
    " and (early_discount_days is null or early_discount_days between 0 and 365)"
    " and (early_discount_pct is null or early_discount_pct between 0 and 50)"
    " and (second_discount_days is null or (early_discount_days is not null"
    " and second_discount_days > early_discount_days and second_discount_days <= 365"
    " and second_discount_pct > 0 and second_discount_pct < early_discount_pct))"
)


class Partner(Base):
    """A managed service provider: the tenant. Its branding is data on all that its clients see."""

    __tablename__ = "partner"
    __table_args__ = (
        one_of("payment_terms_kind", tuple(TermsKind)),
        sa.CheckConstraint(_DISCOUNTS, name="discounts_sane"),
        sa.Index("uq_partner_operator", "is_operator", unique=True, postgresql_where=sa.text("is_operator")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)  # in sign-in addresses; chosen by the operator
    name: Mapped[str]
    legal_name: Mapped[str]
    country: Mapped[str] = mapped_column(sa.String(2))
    currency: Mapped[str] = mapped_column(sa.String(3))
    language: Mapped[str] = mapped_column(default="en")
    time_zone: Mapped[str] = mapped_column(default="UTC")
    payment_terms_kind: Mapped[str] = mapped_column(default=TermsKind.DAYS, server_default="days")
    payment_terms_days: Mapped[int] = mapped_column(default=14)
    # What clients take off who pay early, where they have no discounts of their own.
    early_discount_days: Mapped[int | None]
    early_discount_pct: Mapped[Decimal | None] = mapped_column(sa.Numeric(5, 2))
    second_discount_days: Mapped[int | None]
    second_discount_pct: Mapped[Decimal | None] = mapped_column(sa.Numeric(5, 2))
    branding: Mapped[dict[str, Any]] = mapped_column(default=dict)  # haas.tenancy.branding.Branding
    policies: Mapped[dict[str, Any]] = mapped_column(default=dict)  # thresholds a partner may set
    created_at: Mapped[datetime]
    suspended_at: Mapped[datetime | None]
    # The operator's own house, which sells to the other partners: each of them is a client of it.
    is_operator: Mapped[bool] = mapped_column(default=False, server_default=sa.false())


class Client(PartnerOwned, Base):
    """A partner's customer, who leases the hardware."""

    __tablename__ = "client"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        sa.UniqueConstraint("partner_id", "number"),
        sa.CheckConstraint("client_id = id", name="sees_itself"),
        sa.CheckConstraint(
            "billing_grouping in ('client', 'site', 'purchase_order', 'agreement', 'lease')",
            name="billing_grouping_known",
        ),
        sa.CheckConstraint("payment_terms_days between 0 and 365", name="payment_terms_sane"),
        one_of("payment_terms_kind", tuple(TermsKind)),
        sa.CheckConstraint(_DISCOUNTS, name="discounts_sane"),
        sa.CheckConstraint("credit_limit >= 0", name="credit_limit_not_negative"),
        sa.Index("ix_client_name", "partner_id", "name_norm"),
    )

    # Its own id once more, so that the client policy reads alike on every table.
    client_id: Mapped[str]
    number: Mapped[str] = mapped_column(ByPrefix)
    name: Mapped[str]
    name_norm: Mapped[str] = mapped_column(ByPrefix)  # casefolded
    legal_name: Mapped[str]
    email: Mapped[str]  # where invoices go
    phone: Mapped[str] = mapped_column(default="")
    address: Mapped[list[str]] = mapped_column(default=list)  # lines as printed
    country: Mapped[str] = mapped_column(sa.String(2))
    postcode: Mapped[str] = mapped_column(default="", server_default="")
    city: Mapped[str] = mapped_column(default="", server_default="")
    region: Mapped[str] = mapped_column(default="", server_default="")  # such as CA of US-CA
    tax_id: Mapped[str] = mapped_column(default="")
    tax_id_checked_on: Mapped[date | None]  # when form and check digits were found right
    tax_treatment: Mapped[str] = mapped_column(default="", server_default="")  # a name of TAX_TREATMENTS
    exemption_number: Mapped[str] = mapped_column(default="", server_default="")
    exemption_valid_until: Mapped[date | None]  # exclusive
    exemption_text: Mapped[str] = mapped_column(default="", server_default="")
    legal_id: Mapped[str] = mapped_column(default="", server_default="")
    buyer_reference: Mapped[str] = mapped_column(default="", server_default="")  # such as a Leitweg-ID
    endpoint_scheme: Mapped[str] = mapped_column(default="", server_default="")
    endpoint_id: Mapped[str] = mapped_column(default="", server_default="")
    prices_include_tax: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    # Or did: what was billed then holds tax whatever is agreed now.
    once_included_tax: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    currency: Mapped[str] = mapped_column(sa.String(3))
    language: Mapped[str] = mapped_column(default="en")
    time_zone: Mapped[str] = mapped_column(default="UTC")
    # What gets an invoice of its own: invoicing.grouping.Grouping.
    billing_grouping: Mapped[str] = mapped_column(default="client", server_default="client")
    # Days to pay, and what they count from; where the client has none, the lease's agreement says.
    payment_terms_kind: Mapped[str | None]
    payment_terms_days: Mapped[int | None]
    # What it takes off for paying early; none: as the partner has it, 0 per cent: nothing.
    early_discount_days: Mapped[int | None]
    early_discount_pct: Mapped[Decimal | None] = mapped_column(sa.Numeric(5, 2))
    second_discount_days: Mapped[int | None]
    second_discount_pct: Mapped[Decimal | None] = mapped_column(sa.Numeric(5, 2))
    credit_limit: Mapped[Decimal | None] = mapped_column(sa.Numeric(15, 3))  # in the client's currency
    purchase_order: Mapped[str] = mapped_column(default="", server_default="")
    wants_ubl: Mapped[bool] = mapped_column(default=False, server_default=sa.false())  # mailed with the PDF
    wants_statements: Mapped[bool] = mapped_column(default=False, server_default=sa.false())  # each month
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]

    @property
    def printed_name(self) -> str:
        """Who is named on paper."""
        return self.legal_name or self.name

    @property
    def printed_address(self) -> list[str]:
        """The address without the name, which some write into it; with postcode and city, if they lack."""
        return _address_lines(self.address, self.postcode, self.city, without=(self.legal_name, self.name))


class Site(PartnerOwned, Base):
    """A place of a client where hardware stands."""

    __tablename__ = "site"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "client_id", "name"),
        # What lets a row elsewhere prove that its site is its client's.
        sa.UniqueConstraint("partner_id", "client_id", "id"),
    )

    client_id: Mapped[str]
    name: Mapped[str]
    address: Mapped[list[str]] = mapped_column(default=list)
    country: Mapped[str] = mapped_column(sa.String(2))
    postcode: Mapped[str] = mapped_column(default="", server_default="")
    city: Mapped[str] = mapped_column(default="", server_default="")
    region: Mapped[str] = mapped_column(default="", server_default="")
    contact: Mapped[str] = mapped_column(default="")
    time_zone: Mapped[str] = mapped_column(default="UTC")
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


def _address_lines(
    address: Sequence[str], postcode: str, city: str, *, without: Sequence[str] = ()
) -> list[str]:
    names = {name.casefold() for name in without}
    lines = [line for line in address if line.casefold() not in names]
    if city and not any(city in line for line in lines):
        lines.append(f"{postcode} {city}".strip())
    return lines
