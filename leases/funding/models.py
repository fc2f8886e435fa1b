"""Funder, what was agreed with one for a lease, and the payments made to it. Never a client's to see."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, UnitPrice, one_of, owned_by_partner
from leases.finance.funding import Recourse, SettlementBasis, TitleHolder
from leases.finance.rates import Compounding
from leases.funding.lifecycle import FundingState


class Funder(PartnerOwned, Base):
    """A finance house that pays for hardware and is paid back from the rents."""

    __tablename__ = "funder"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (sa.Index("uq_funder_name", "partner_id", sa.text("lower(name)"), unique=True),)

    name: Mapped[str] = mapped_column(ByPrefix)
    email: Mapped[str] = mapped_column(default="")
    account: Mapped[str] = mapped_column(default="")  # our number in its books
    notes: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


class Funding(PartnerOwned, Base):
    """What was agreed with a funder for one lease; its schedule is computed from it, never stored."""

    __tablename__ = "funding"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("funder_id", "funder"),
        sa.UniqueConstraint("partner_id", "number"),
        # A lease is funded once at a time: its rents cannot be promised twice.
        sa.Index(
            "uq_funding_open",
            "partner_id",
            "lease_id",
            unique=True,
            postgresql_where=sa.text("state = 'active'"),
        ),
        sa.Index("ix_funding_funder", "partner_id", "funder_id", "id"),
        sa.Index("ix_funding_lease", "partner_id", "lease_id", "id"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("payment > 0", name="payment_positive"),
        sa.CheckConstraint("payments > 0", name="payments_positive"),
        sa.CheckConstraint("interval_months > 0", name="interval_positive"),
        sa.CheckConstraint("balloon >= 0 and balloon < amount", name="balloon_within_amount"),
        sa.CheckConstraint("residual_share_pct between 0 and 100", name="residual_share_in_range"),
        sa.CheckConstraint("settlement_fee_pct between 0 and 100", name="settlement_fee_in_range"),
        sa.CheckConstraint("timing in ('advance', 'arrears')", name="timing_known"),
        one_of("compounding", Compounding),
        one_of("recourse", Recourse),
        one_of("title_holder", TitleHolder),
        one_of("settlement_basis", SettlementBasis),
        one_of("state", FundingState),
        sa.CheckConstraint(
            "(state = 'settled') = (settled_on is not null and settlement is not null)",
            name="settled_has_figures",
        ),
    )

    lease_id: Mapped[str]
    funder_id: Mapped[str]
    number: Mapped[str] = mapped_column(ByPrefix)
    state: Mapped[str] = mapped_column(default=FundingState.ACTIVE)
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount: Mapped[Amount]  # what the funder pays out: the discounted value of payments and balloon
    annual_rate: Mapped[Decimal] = mapped_column(sa.Numeric(18, 12))  # a share: 0.06 is six per cent
    compounding: Mapped[str]
    payment: Mapped[Amount]  # each period's
    payments: Mapped[int]
    interval_months: Mapped[int]
    timing: Mapped[str]
    starts_on: Mapped[date]
    balloon: Mapped[Amount]  # what the funder bears of the residual: owed to it after the term
    residual_share_pct: Mapped[Amount]  # of what the hardware brings beyond the balloon, the funder's
    recourse: Mapped[str]
    title_holder: Mapped[str]
    settlement_basis: Mapped[str]
    settlement_fee_pct: Mapped[UnitPrice]
    reference: Mapped[str] = mapped_column(default="")  # the funder's own number
    settled_on: Mapped[date | None]
    settlement: Mapped[Amount | None]
    created_at: Mapped[datetime]


class FundingPayment(PartnerOwned, Base):
    """A payment that was made to the funder, by its number in the schedule. Never changed."""

    __tablename__ = "funding_payment"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("funding_id", "funding"),
        # A payment is made once, however often somebody presses.
        sa.UniqueConstraint("partner_id", "funding_id", "number"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("number > 0", name="number_positive"),
    )

    funding_id: Mapped[str]
    number: Mapped[int]
    amount: Mapped[Amount]
    paid_on: Mapped[date]
    reference: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
