"""PriceRise: prices that follow a percentage or an index, announced ahead; its lines, notices and indexes."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, PartnerOwned, UnitPrice, owned_by_partner


class IndexValue(PartnerOwned, Base):
    """What an index stood at in a month, as it was published. Never changed."""

    __tablename__ = "index_value"
    __table_args__ = (
        sa.UniqueConstraint("partner_id", "index_name", "month"),
        sa.CheckConstraint("value > 0", name="value_positive"),
        sa.CheckConstraint("extract(day from month) = 1", name="month_is_its_first_day"),
    )

    index_name: Mapped[str]
    month: Mapped[date]  # its first day
    value: Mapped[UnitPrice]
    created_at: Mapped[datetime]


class PriceRise(PartnerOwned, Base):
    """One change of prices on many leases: planned line by line, announced, then applied."""

    __tablename__ = "price_rise"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("long_job_id", "long_job"),
        sa.CheckConstraint("kind in ('percent', 'index')", name="kind_known"),
        sa.CheckConstraint(
            "(kind = 'index') = (index_name is not null and base_month is not null"
            " and index_month is not null)",
            name="index_is_named",
        ),
        sa.CheckConstraint("state in ('draft', 'announced', 'applying', 'applied')", name="state_known"),
        sa.CheckConstraint("(state = 'draft') = (announced_on is null)", name="announced_has_day"),
        # The law of the thing: nobody hears of it later than the agreed days before.
        sa.CheckConstraint(
            "announced_on is null or announced_on + notice_days <= effective_on", name="announced_in_time"
        ),
        sa.CheckConstraint("notice_days >= 1", name="never_retroactive"),
    )

    title: Mapped[str]
    kind: Mapped[str]
    change_pct: Mapped[UnitPrice]  # as it was worked out when the rise was planned
    index_name: Mapped[str | None]
    base_month: Mapped[date | None]
    index_month: Mapped[date | None]
    client_id: Mapped[str | None]  # none: every client
    effective_on: Mapped[date]
    notice_days: Mapped[int]
    state: Mapped[str] = mapped_column(default="draft")
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    announced_on: Mapped[date | None]
    long_job_id: Mapped[str | None]  # of applying it


class PriceRiseLine(PartnerOwned, Base):
    """One line before and after."""

    __tablename__ = "price_rise_line"
    __table_args__ = (
        owned_by_partner("rise_id", "price_rise"),
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("line_id", "lease_line"),
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "rise_id", "line_id"),
        sa.CheckConstraint("state in ('planned', 'applied', 'waiting', 'skipped')", name="state_known"),
        sa.Index("ix_price_rise_line_lease", "partner_id", "rise_id", "lease_id"),
    )

    rise_id: Mapped[str]
    lease_id: Mapped[str]
    line_id: Mapped[str]
    client_id: Mapped[str]
    old_price: Mapped[UnitPrice]
    new_price: Mapped[UnitPrice]
    state: Mapped[str] = mapped_column(default="planned")
    note: Mapped[str] = mapped_column(default="")  # why it was left as it is


class PriceRiseNotice(PartnerOwned, Base):
    """What one client was told, and when the mail left."""

    __tablename__ = "price_rise_notice"
    __table_args__ = (
        owned_by_partner("rise_id", "price_rise"),
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "rise_id", "client_id"),
    )

    rise_id: Mapped[str]
    client_id: Mapped[str]
    lines: Mapped[int]
    more_a_month: Mapped[Amount]
    told_on: Mapped[date]
    mailed_at: Mapped[datetime | None]
    mailed_to: Mapped[list[str]] = mapped_column(default=list)
