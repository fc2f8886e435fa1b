"""BillingRound: one start for every partner and the operator's house, with a part for each of them."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, PartnerOwned, owned_by_partner


class BillingRound(PartnerOwned, Base):
    """Bill everybody as of a day. A row of the operator's house."""

    __tablename__ = "billing_round"

    as_of: Mapped[date]
    started_at: Mapped[datetime]
    started_by: Mapped[str]


class BillingRoundPart(PartnerOwned, Base):
    """How far one house is: counts of its papers, never what is on them."""

    __tablename__ = "billing_round_part"
    __table_args__ = (
        owned_by_partner("round_id", "billing_round"),
        sa.UniqueConstraint("partner_id", "round_id", "house_id"),
        sa.CheckConstraint("state in ('queued', 'running', 'done')", name="state_known"),
        sa.Index("ix_billing_round_part_run", "partner_id", "house_id", "run_id"),
    )

    round_id: Mapped[str]
    house_id: Mapped[str] = mapped_column(sa.ForeignKey("partner.id"))  # whose run it is
    name: Mapped[str]
    state: Mapped[str] = mapped_column(default="queued")
    run_id: Mapped[str | None]  # a billing run of that house; no key reaches over the wall
    invoices: Mapped[int] = mapped_column(default=0)
    credit_notes: Mapped[int] = mapped_column(default=0)
    problems: Mapped[int] = mapped_column(default=0)  # clients put off
    finished_at: Mapped[datetime | None]
