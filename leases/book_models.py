"""Depreciation books, what happened to them, what that comes to by month, and what an asset cost later."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, PartnerOwned, UnitPrice, one_of, owned_by_partner
from leases.depreciation import FirstMonth, LastMonth, Method
from leases.depreciation.events import CountsFrom, EventKind

COST_KINDS = ("repair", "accessory", "upgrade", "freight")


class DepreciationBook(PartnerOwned, Base):
    """How one asset is written off in one book, as things are known now; `opening` is how it began.

    The schedule is computed from the opening and the events below; what stands here and in
    the plan is only kept in step with them.
    """

    __tablename__ = "depreciation_book"
    __table_args__ = (
        owned_by_partner("asset_id", "asset"),
        sa.UniqueConstraint("partner_id", "asset_id", "name"),
        sa.CheckConstraint("residual_value >= 0 and residual_value <= cost", name="residual_within_cost"),
        sa.CheckConstraint("life_months > 0", name="life_positive"),
        one_of("method", Method),
        one_of("first_month", FirstMonth),
        one_of("last_month", LastMonth),
        sa.CheckConstraint("(method = 'units') = (total_units is not null)", name="units_method_has_units"),
        sa.CheckConstraint("method <> 'macrs' or recovery_years is not null", name="macrs_has_its_class"),
        sa.CheckConstraint("rate_pct is null or (rate_pct > 0 and rate_pct <= 100)", name="rate_is_percent"),
        sa.CheckConstraint("tax_convention in ('HY', 'MQ')", name="tax_convention_known"),
        sa.CheckConstraint("year_end_month between 1 and 12", name="year_end_month_in_year"),
    )

    asset_id: Mapped[str]
    name: Mapped[str] = mapped_column(default="book")  # book (financial) | tax | margin
    method: Mapped[str]  # leases.depreciation.Method
    first_month: Mapped[str]  # leases.depreciation.FirstMonth
    last_month: Mapped[str]  # leases.depreciation.LastMonth
    day_basis: Mapped[str]  # leases.depreciation.DayBasis
    factor: Mapped[UnitPrice]  # of the straight-line rate: 2 = double declining
    switch: Mapped[bool] = mapped_column(server_default=sa.true())  # to straight line where that charges more
    rate_pct: Mapped[UnitPrice | None]  # of the book value a year; none: the one that leads to the residual
    recovery_years: Mapped[int | None]  # the class of MACRS
    tax_convention: Mapped[str] = mapped_column(server_default="HY")  # leases.depreciation.Convention
    year_end_month: Mapped[int] = mapped_column(server_default="12")
    cost: Mapped[Amount]
    residual_value: Mapped[Amount]
    currency: Mapped[str] = mapped_column(sa.String(3))
    in_service_on: Mapped[date]
    life_months: Mapped[int]
    total_units: Mapped[UnitPrice | None]
    opened_on: Mapped[date | None]  # taken over from another asset's book on this day
    opening_accumulated: Mapped[Amount] = mapped_column(server_default="0")  # with this written off
    opening: Mapped[dict[str, Any] | None]  # its conventions before the first event; none: as they stand here
    disposed_on: Mapped[date | None]
    proceeds: Mapped[Amount | None]
    created_at: Mapped[datetime]


class DepreciationUsage(PartnerOwned, Base):
    """What an asset was used in one month, for a book by units. Said again, it is a newer row."""

    __tablename__ = "depreciation_usage"
    __table_args__ = (
        owned_by_partner("book_id", "depreciation_book"),
        sa.Index("uq_depreciation_usage_known", "partner_id", "book_id", "month", "recorded_at", unique=True),
        sa.CheckConstraint("units >= 0", name="units_not_negative"),
    )

    book_id: Mapped[str]
    month: Mapped[date]  # its last day
    units: Mapped[UnitPrice]
    source: Mapped[str] = mapped_column(server_default="entered")  # entered | agent
    recorded_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class BookEventRow(PartnerOwned, Base):
    """One event of a book. Never changed: what was wrong is reversed by another event."""

    __tablename__ = "book_event"
    __table_args__ = (
        owned_by_partner("book_id", "depreciation_book"),
        owned_by_partner("reverses_id", "book_event"),
        one_of("kind", EventKind),
        one_of("counts_from", CountsFrom),
        sa.CheckConstraint("(kind = 'reverse') = (reverses_id is not null)", name="reverse_names_its_event"),
        sa.UniqueConstraint("partner_id", "reverses_id"),
        sa.Index("ix_book_event_book", "partner_id", "book_id", "effective_on", "id"),
    )

    book_id: Mapped[str]
    kind: Mapped[str]
    effective_on: Mapped[date]
    counts_from: Mapped[str] = mapped_column(default=CountsFrom.SAME_MONTH.value)
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reverses_id: Mapped[str | None]
    reason: Mapped[str] = mapped_column(default="")
    actor: Mapped[str]
    recorded_at: Mapped[datetime]  # when it became known


class DepreciationPlan(Base):
    """A book's charges as running totals by month, for sets of books in SQL. Computed from book and events.

    `totals[k]` (from 1) is all that is charged by the end of the k-th month from `first_month`, in minor
    units; after the last, nothing. `movements` are what events did to cost, depreciation and value.
    """

    __tablename__ = "depreciation_plan"
    __table_args__ = (owned_by_partner("book_id", "depreciation_book"),)

    partner_id: Mapped[str] = mapped_column(sa.ForeignKey("partner.id"), primary_key=True)
    book_id: Mapped[str] = mapped_column(primary_key=True)
    first_month: Mapped[date]  # the last day of the month of the first total
    totals: Mapped[list[int]] = mapped_column(ARRAY(sa.BigInteger))
    places: Mapped[int]  # of the minor unit: 2 for cents
    movements: Mapped[list[Any]]
    computed_at: Mapped[datetime]


class AssetCost(PartnerOwned, Base):
    """What was spent on an asset after it was bought, and whether that adds to its cost in the books."""

    __tablename__ = "asset_cost"
    __table_args__ = (
        owned_by_partner("asset_id", "asset"),
        one_of("kind", COST_KINDS),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint(
            "warranty_recovered >= 0 and warranty_recovered <= amount", name="recovered_within_amount"
        ),
        sa.CheckConstraint("decided_by in ('rule', 'person')", name="decided_by_known"),
        sa.UniqueConstraint("partner_id", "idempotency_key"),
        sa.Index("ix_asset_cost_asset", "partner_id", "asset_id", "incurred_on", "id"),
    )

    asset_id: Mapped[str]
    kind: Mapped[str]
    amount: Mapped[Amount]
    warranty_recovered: Mapped[Amount]
    currency: Mapped[str] = mapped_column(sa.String(3))
    incurred_on: Mapped[date]
    supplier: Mapped[str] = mapped_column(default="")
    reference: Mapped[str] = mapped_column(default="")
    notes: Mapped[str] = mapped_column(default="")
    capitalised: Mapped[bool]
    decided_by: Mapped[str]  # rule | person
    extra_months: Mapped[int] = mapped_column(default=0)  # added to the life where it is capitalised
    idempotency_key: Mapped[str | None]
    actor: Mapped[str]
    created_at: Mapped[datetime]
