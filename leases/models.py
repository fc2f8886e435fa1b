"""Agreement (master), Lease (schedule), Line, Assignment, and every move between their states."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from devices.tax_classes import TaxClass
from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, UnitPrice, one_of, owned_by_partner
from haas.tenancy.payment_terms import TermsKind
from leases.amendment_models import Abatement, LineTerms
from leases.book_models import DepreciationBook as DepreciationBook  # noqa: PLC0414 - also read from here
from leases.lifecycle import LeaseState

_STATES = ", ".join(f"'{state}'" for state in LeaseState)
_OF_LINE = "and_(Line.partner_id == foreign({0}.partner_id), Line.id == foreign({0}.line_id))"


class Agreement(PartnerOwned, Base):
    """The master agreement with a client: the conventions that all its leases follow."""

    __tablename__ = "agreement"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "number"),
        sa.CheckConstraint(
            "proration in ('actual_period', 'thirty_day', 'whole', 'none')", name="proration_known"
        ),
        sa.CheckConstraint(
            "early_return_policy in ('none', 'remaining_rents', 'present_value', 'declining')",
            name="early_return_known",
        ),
        one_of("payment_terms_kind", tuple(TermsKind)),
        sa.CheckConstraint("early_return_pct between 0 and 100", name="early_return_pct_in_range"),
        sa.CheckConstraint(
            "billing_grouping in ('client', 'site', 'purchase_order', 'agreement', 'lease')",
            name="billing_grouping_known",
        ),
    )

    client_id: Mapped[str]
    number: Mapped[str] = mapped_column(ByPrefix)
    terms_version: Mapped[str]
    signed_on: Mapped[date | None]
    currency: Mapped[str] = mapped_column(sa.String(3))
    time_zone: Mapped[str]
    day_count: Mapped[str]  # a name in leases.daycount
    proration: Mapped[str]
    notice_days: Mapped[int]
    payment_terms_days: Mapped[int]
    payment_terms_kind: Mapped[str] = mapped_column(default=TermsKind.DAYS, server_default="days")
    flex_down_pct: Mapped[Amount]  # share of lines a year that may go back without charge
    flex_down_lines_a_quarter: Mapped[int] = mapped_column(default=0)  # the same as a number
    flex_down_notice_days: Mapped[int] = mapped_column(default=30)
    early_return_policy: Mapped[str] = mapped_column(default="none")  # leases.early_return.Policy
    early_return_pct: Mapped[Amount] = mapped_column(default=Decimal(0))  # of the remaining rents
    early_return_discount_pct: Mapped[Amount] = mapped_column(
        default=Decimal(0)
    )  # a year, for present values
    early_return_steps: Mapped[list[Any]] = mapped_column(default=list)  # [month from which, percent]
    service_level_days: Mapped[int | None]  # a device broken for longer abates its rent; none: never
    acceptance_silent_days: Mapped[int] = mapped_column(default=5)
    holdover_rate_pct: Mapped[Amount]  # of the base rent, month to month after the term
    damage_dispute_days: Mapped[int] = mapped_column(default=14)
    billing_grouping: Mapped[str | None]  # what gets an invoice of its own; none: as the client has it
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
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id", "purchase_order_id"],
            ["purchase_order.partner_id", "purchase_order.client_id", "purchase_order.id"],
            name="fk_lease_purchase_order",
        ),
        sa.UniqueConstraint("partner_id", "number"),
        sa.CheckConstraint(f"state in ({_STATES})", name="state_known"),
        sa.CheckConstraint("timing in ('advance', 'arrears')", name="timing_known"),
        sa.CheckConstraint(
            "commercial_model in ('term', 'rental', 'subscription', 'pass_through')",
            name="commercial_model_known",
        ),
        sa.CheckConstraint("anchor_day between 1 and 31", name="anchor_day_in_month"),
        sa.CheckConstraint("term_months > 0", name="term_positive"),
        sa.Index("ix_lease_state", "partner_id", "state", "id"),
        sa.Index("ix_lease_client", "partner_id", "client_id", "id"),
    )

    agreement_id: Mapped[str]
    client_id: Mapped[str]
    site_id: Mapped[str | None]
    number: Mapped[str] = mapped_column(ByPrefix)
    title: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default=LeaseState.DRAFT)
    commercial_model: Mapped[str] = mapped_column(default="term")  # leases.terms.CommercialModel
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
    purchase_order_id: Mapped[str | None]  # the client's order that its invoices name
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
    """One rent: an asset's place on a lease (the assets in it change), or a recurring or single charge.

    Quantity and price are those of today; what held when, once amended, is in `terms_over_time`.
    """

    __tablename__ = "lease_line"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("model_id", "hardware_model"),
        sa.CheckConstraint("kind in ('asset', 'service', 'one_off', 'pooled')", name="kind_known"),
        sa.CheckConstraint("component in ('hardware', 'service')", name="component_known"),
        sa.CheckConstraint("standalone_price >= 0", name="standalone_price_not_negative"),
        one_of("tax_class", tuple(TaxClass)),
        sa.CheckConstraint(
            "ends_on is null or starts_on is null or starts_on <= ends_on",
            name="dates_in_order",
        ),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.Index("ix_lease_line_lease", "partner_id", "lease_id", "id"),
    )

    lease_id: Mapped[str]
    client_id: Mapped[str]
    kind: Mapped[str] = mapped_column(default="asset")  # pooled: a quantity without assets of its own
    component: Mapped[str] = mapped_column(default="hardware")  # what of it is a lease; services are not
    flexible: Mapped[bool] = mapped_column(default=False)  # scales to the day, without penalty
    description: Mapped[str]
    model_id: Mapped[str | None]
    quantity: Mapped[UnitPrice]
    unit_price: Mapped[UnitPrice]  # a full period's rent
    standalone_price: Mapped[UnitPrice | None]  # what it costs when sold alone; shares out a bundle
    residual_value: Mapped[Amount | None]
    tax_category: Mapped[str] = mapped_column(default="S")
    tax_class: Mapped[str] = mapped_column(default="standard", server_default="standard")  # TaxClass
    starts_on: Mapped[date | None]  # first rent day; set when its asset is accepted
    ends_on: Mapped[date | None]  # exclusive: rent stops here; none while it runs
    created_at: Mapped[datetime]

    # Always loaded, so that whoever computes a rent cannot forget them; a billing run reads its own way.
    terms_over_time: Mapped[list[LineTerms]] = relationship(
        lazy="selectin", viewonly=True, order_by=LineTerms.position, primaryjoin=_OF_LINE.format("LineTerms")
    )
    abatements: Mapped[list[Abatement]] = relationship(
        lazy="selectin", viewonly=True, order_by=Abatement.starts_on, primaryjoin=_OF_LINE.format("Abatement")
    )


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


class Acceptance(PartnerOwned, Base):
    """The client's signature for one asset handed over: rent and depreciation begin here. Never changed."""

    __tablename__ = "acceptance"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("line_id", "lease_line"),
        owned_by_partner("asset_id", "asset"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("file_id", "stored_file"),
        sa.Index("ix_acceptance_lease", "partner_id", "lease_id", "id"),
    )

    lease_id: Mapped[str]
    line_id: Mapped[str]
    asset_id: Mapped[str]
    client_id: Mapped[str]
    accepted_at: Mapped[datetime]
    signer_name: Mapped[str]  # or `silence` after the agreed days
    signer_title: Mapped[str] = mapped_column(default="")
    condition: Mapped[str] = mapped_column(default="")
    kit: Mapped[list[str]] = mapped_column(default=list)  # what was handed over with it
    file_id: Mapped[str | None]


class Swap(PartnerOwned, Base):
    """One asset in another's place on a line; the rent and the term go on."""

    __tablename__ = "swap"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("line_id", "lease_line"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("outgoing_id", "asset"),
        owned_by_partner("incoming_id", "asset"),
        owned_by_partner("file_id", "stored_file"),
        sa.CheckConstraint("outgoing_id <> incoming_id", name="two_assets"),
        sa.CheckConstraint("reason in ('fault', 'refresh', 'upgrade', 'loaner')", name="reason_known"),
        # Two scans of a phone that was offline arrive once.
        sa.UniqueConstraint("partner_id", "idempotency_key"),
        sa.Index("ix_swap_lease", "partner_id", "lease_id", "id"),
    )

    lease_id: Mapped[str]
    line_id: Mapped[str]
    client_id: Mapped[str]
    outgoing_id: Mapped[str]
    incoming_id: Mapped[str]
    swapped_at: Mapped[datetime]
    reason: Mapped[str]
    condition: Mapped[str] = mapped_column(default="")
    actor: Mapped[str]
    idempotency_key: Mapped[str | None]
    file_id: Mapped[str | None]


class ReturnOrder(PartnerOwned, Base):
    """One asset on its way back: notice, collection, receipt, inspection, charge."""

    __tablename__ = "return_order"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("line_id", "lease_line"),
        owned_by_partner("asset_id", "asset"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("receipt_file_id", "stored_file"),
        sa.UniqueConstraint("partner_id", "number"),
        sa.CheckConstraint(
            "state in ('requested', 'collected', 'received', 'inspected', 'closed', 'cancelled')",
            name="state_known",
        ),
        sa.CheckConstraint("damage_charge is null or damage_charge >= 0", name="charge_not_negative"),
        sa.CheckConstraint(
            "damage_charge is null or fair_market_value is null or damage_charge <= fair_market_value",
            name="charge_capped_at_fair_market_value",
        ),
        # An asset comes back once at a time.
        sa.Index(
            "uq_return_order_open",
            "partner_id",
            "asset_id",
            unique=True,
            postgresql_where=sa.text("state in ('requested', 'collected', 'received')"),
        ),
        sa.Index("ix_return_order_lease", "partner_id", "lease_id", "id"),
    )

    number: Mapped[str] = mapped_column(ByPrefix)
    lease_id: Mapped[str | None]  # none: a replaced asset whose line goes on
    line_id: Mapped[str | None]
    asset_id: Mapped[str]
    client_id: Mapped[str]
    state: Mapped[str] = mapped_column(default="requested")
    reason: Mapped[str]
    notice_on: Mapped[date]
    due_on: Mapped[date]
    kit: Mapped[list[str]] = mapped_column(default=list)  # expected back
    collected_at: Mapped[datetime | None]
    carrier: Mapped[str] = mapped_column(default="")
    tracking: Mapped[str] = mapped_column(default="")
    received_at: Mapped[datetime | None]
    received_by: Mapped[str] = mapped_column(default="")
    inspected_at: Mapped[datetime | None]
    inspected_by: Mapped[str] = mapped_column(default="")
    grade: Mapped[str | None]
    kit_missing: Mapped[list[str]] = mapped_column(default=list)
    damage_notes: Mapped[str] = mapped_column(default="")
    repair_cost: Mapped[Amount | None]
    fair_market_value: Mapped[Amount | None]
    damage_charge: Mapped[Amount | None]  # the smaller of the two; billed after the dispute window
    dispute_until: Mapped[date | None]
    disputed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    receipt_file_id: Mapped[str | None]
