"""WholesaleAccount: a partner as the operator's client; WholesaleLine: what it is billed for."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, ClientScope, PartnerOwned, owned_by_partner


class WholesaleAccount(PartnerOwned, Base):
    """One partner at the operator's house: which client it is there, and by which book it is billed.

    The row is the house's. The partner it speaks of may read it (policy `buyer`), and reads everything else
    of the house as that client: its own book, its own invoices, and nothing more.
    """

    __tablename__ = "wholesale_account"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("lease_id", "lease"),
        sa.UniqueConstraint("partner_id", "buyer_id"),
        sa.UniqueConstraint("partner_id", "client_id"),
        sa.CheckConstraint("buyer_id <> partner_id", name="nobody_buys_from_itself"),
        sa.CheckConstraint("tier_basis in ('any_day', 'first_day')", name="tier_basis_known"),
        sa.Index("ix_wholesale_account_buyer", "buyer_id"),
    )

    buyer_id: Mapped[str] = mapped_column(sa.ForeignKey("partner.id"))
    client_id: Mapped[str]
    book_name: Mapped[str]  # of the wholesale books; in force is the version of the day
    tier_basis: Mapped[str] = mapped_column(default="any_day")  # which units of a month make its tier
    tax_category: Mapped[str] = mapped_column(default="S")  # of all that it is billed
    lease_id: Mapped[str | None]  # the running lease that its lines are on; made by the first sync
    synced_until: Mapped[date | None]  # exclusive: later days were not looked at yet
    unpriced: Mapped[int] = mapped_column(default=0)  # lines that the book has no price for
    created_at: Mapped[datetime]


class WholesaleLine(PartnerOwned, Base):
    """A line of the house's lease, and the partner's line of which it is the mirror, at one price."""

    __tablename__ = "wholesale_line"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("account_id", "wholesale_account"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("line_id", "lease_line"),
        # A line at a price begins on a day once, however often it is synchronised.
        sa.UniqueConstraint("partner_id", "account_id", "source_line_id", "starts_on"),
        sa.Index("ix_wholesale_line_lease", "partner_id", "account_id", "source_lease_id"),
    )

    account_id: Mapped[str]
    client_id: Mapped[str]
    line_id: Mapped[str]
    source_lease_id: Mapped[str]  # of the partner's; no key reaches over the wall
    source_line_id: Mapped[str]
    starts_on: Mapped[date]
