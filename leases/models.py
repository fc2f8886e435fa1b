"""Agreement (master), Lease (schedule), Line, Assignment, and every move between their states."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from haas.db import Amount, Base, ClientScope, PartnerOwned, UnitPrice, owned_by_partner
from leases.lifecycle import LeaseState

_STATES = ", ".join(f"'{state}'" for state in LeaseState)


class Agreement(PartnerOwned, Base):
    """The master agreement with a client: the conventions that all its leases follow."""

    __tablename__ = "agreement"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "number"),
        sa.CheckConstraint(
            "proration in ('actual_period', 'thirty_day', 'whole', 'none')",
            name="proration_known",
        ),
    )

    client_id: Mapped[str]
    number: Mapped[str]
    terms_version: Mapped[str]
    signed_on: Mapped[date | None]
    currency: Mapped[str] = mapped_column(sa.String(3))
    time_zone: Mapped[str]
    day_count: Mapped[str]  # a name in leases.daycount
    proration: Mapped[str]
    notice_days: Mapped[int]
    payment_terms_days: Mapped[int]
    flex_down_pct: Mapped[Amount]  # share of lines a year that may go back without charge
    acceptance_silent_days: Mapped[int] = mapped_column(default=5)
    holdover_rate_pct: Mapped[Amount]  # of the base rent, month to month after the term
    damage_dispute_days: Mapped[int] = mapped_column(default=14)
    created_at: Mapped[datetime]


class Lease(PartnerOwned, Base):
    """A lease schedule under an agreement: when rent starts, how long, in advance or in arrears."""

    __tablename__ = "lease"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("agreement_id", "agreement"),
        owned_by_partner("client_id", "client"),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id", "site_id"],
            ["site.partner_id", "site.client_id", "site.id"],
        ),
        sa.UniqueConstraint("partner_id", "number"),
        sa.CheckConstraint(f"state in ({_STATES})", name="state_known"),
        sa.CheckConstraint("timing in ('advance', 'arrears')", name="timing_known"),
        sa.CheckConstraint("anchor_day between 1 and 31", name="anchor_day_in_month"),
        sa.CheckConstraint("term_months > 0", name="term_positive"),
        sa.Index("ix_lease_state", "partner_id", "state", "id"),
        sa.Index("ix_lease_client", "partner_id", "client_id", "id"),
    )

    agreement_id: Mapped[str]
    client_id: Mapped[str]
    site_id: Mapped[str | None]
    number: Mapped[str]
    title: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default=LeaseState.DRAFT)
    currency: Mapped[str] = mapped_column(sa.String(3))
    time_zone: Mapped[str]  # whose midnight begins a rent day
    term_months: Mapped[int]
    timing: Mapped[str]  # advance | arrears
    anchor_day: Mapped[int]  # base periods begin on this day of the month, clamped to its length
    interval_months: Mapped[int] = mapped_column(default=1)
    interim_rent: Mapped[bool] = mapped_column(default=True)  # daily rent from acceptance to the first anchor
    day_count: Mapped[str]
    proration: Mapped[str]
    commences_on: Mapped[date | None]  # first base period; set at acceptance
    accepted_on: Mapped[date | None]
    ends_on: Mapped[date | None]  # exclusive: the first day after the base term
    notice_given_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    quote_valid_until: Mapped[date | None]
    end_option: Mapped[str] = mapped_column(default="return")  # return | renew | buyout_fmv | buyout_fixed
    tax_category: Mapped[str] = mapped_column(default="S")
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    lines: Mapped[list[Line]] = relationship(
        lazy="raise",
        viewonly=True,
        order_by="Line.id",
        primaryjoin="and_(Lease.partner_id == foreign(Line.partner_id), Lease.id == foreign(Line.lease_id))",
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy declares it so


class LeaseMove(PartnerOwned, Base):
    """One move of a lease's lifecycle. Never changed."""

    __tablename__ = "lease_move"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        sa.Index("ix_lease_move_lease", "partner_id", "lease_id", "moved_at", "id"),
    )

    lease_id: Mapped[str]
    verb: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    effective_on: Mapped[date]
    moved_at: Mapped[datetime]
    actor: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Line(PartnerOwned, Base):
    """One rent: an asset's place on a lease (the assets in it change), or a recurring or single charge."""

    __tablename__ = "lease_line"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("model_id", "hardware_model"),
        sa.CheckConstraint("kind in ('asset', 'service', 'one_off')", name="kind_known"),
        sa.CheckConstraint(
            "ends_on is null or starts_on is null or starts_on <= ends_on",
            name="dates_in_order",
        ),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.Index("ix_lease_line_lease", "partner_id", "lease_id", "id"),
    )

    lease_id: Mapped[str]
    client_id: Mapped[str]
    kind: Mapped[str] = mapped_column(default="asset")
    description: Mapped[str]
    model_id: Mapped[str | None]
    quantity: Mapped[UnitPrice]
    unit_price: Mapped[UnitPrice]  # a full period's rent
    residual_value: Mapped[Amount | None]
    tax_category: Mapped[str] = mapped_column(default="S")
    starts_on: Mapped[date | None]  # first rent day; set when its asset is accepted
    ends_on: Mapped[date | None]  # exclusive: rent stops here; none while it runs
    created_at: Mapped[datetime]


class Assignment(PartnerOwned, Base):
    """Which asset stood on which line, when. An asset is on one line at one instant."""

    __tablename__ = "assignment"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("line_id", "lease_line"),
        owned_by_partner("asset_id", "asset"),
        owned_by_partner("client_id", "client"),
        ExcludeConstraint(
            ("partner_id", "="),
            ("asset_id", "="),
            ("during", "&&"),
            name="ex_assignment_one_line",
            using="gist",
        ),
        ExcludeConstraint(
            ("partner_id", "="),
            ("line_id", "="),
            ("during", "&&"),
            name="ex_assignment_one_asset",
            using="gist",
        ),
        sa.CheckConstraint("not isempty(during)", name="lasts"),
        sa.Index("ix_assignment_line", "partner_id", "line_id"),
    )

    line_id: Mapped[str]
    asset_id: Mapped[str]
    client_id: Mapped[str]
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)  # open above while it stands there
    serial: Mapped[str]  # as printed, even if the asset is relabelled later
    reason: Mapped[str] = mapped_column(default="")  # why it ended: swap_fault, swap_refresh, returned …
