"""PriceBook and its entries, RateCard and its rows: dated, and never edited once they are published."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from haas.db import Amount, Base, ClientScope, PartnerOwned, UnitPrice, owned_by_partner


class PriceBook(PartnerOwned, Base):
    """One version of a book of prices: a draft until it is published, then frozen by a trigger."""

    __tablename__ = "price_book"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        sa.CheckConstraint("level in ('wholesale', 'retail', 'client')", name="level_known"),
        sa.CheckConstraint("(level = 'client') = (client_id is not null)", name="client_level_names_client"),
        sa.CheckConstraint("interval_months between 1 and 12", name="interval_sane"),
        # A version in force on a day is one: the same name, currency and client begin on a day once.
        sa.Index(
            "uq_price_book_version",
            "partner_id",
            "level",
            sa.text("coalesce(client_id, '')"),
            "currency",
            "name",
            "valid_from",
            unique=True,
        ),
    )

    level: Mapped[str]  # leases.pricing.rules.Level
    name: Mapped[str]
    currency: Mapped[str] = mapped_column(sa.String(3))
    client_id: Mapped[str | None]
    valid_from: Mapped[date]
    interval_months: Mapped[int] = mapped_column(default=1)  # the prices are for so many months
    notes: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    published_at: Mapped[datetime | None]

    entries: Mapped[list[PriceEntry]] = relationship(
        lazy="raise",
        viewonly=True,
        order_by="PriceEntry.item_kind, PriceEntry.item_name, PriceEntry.commercial_model,"
        " PriceEntry.component, PriceEntry.term_from, PriceEntry.quantity_from, PriceEntry.id",
        primaryjoin="and_(PriceBook.partner_id == foreign(PriceEntry.partner_id),"
        " PriceBook.id == foreign(PriceEntry.book_id))",
    )


class PriceEntry(PartnerOwned, Base):
    """The price of one item in a book, for a number of units and a term."""

    __tablename__ = "price_entry"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("book_id", "price_book"),
        sa.CheckConstraint("item_kind in ('model', 'category', 'service')", name="item_kind_known"),
        sa.CheckConstraint(
            "commercial_model in ('term', 'rental', 'subscription', 'pass_through')",
            name="commercial_model_known",
        ),
        sa.CheckConstraint("component in ('hardware', 'service')", name="component_known"),
        sa.CheckConstraint("price >= 0", name="price_not_negative"),
        sa.CheckConstraint("quantity_from >= 1", name="quantity_from_one"),
        sa.CheckConstraint("term_from >= 0", name="term_not_negative"),
        sa.CheckConstraint("quantity_until > quantity_from", name="quantities_in_order"),
        sa.CheckConstraint("term_until > term_from", name="terms_in_order"),
        # So many for so long have one price.
        ExcludeConstraint(
            ("partner_id", "="),
            ("book_id", "="),
            ("item_kind", "="),
            ("item_key", "="),
            ("commercial_model", "="),
            ("component", "="),
            (sa.text("int4range(quantity_from, quantity_until)"), "&&"),
            (sa.text("int4range(term_from, term_until)"), "&&"),
            name="ex_price_entry_one_price",
            using="gist",
        ),
        sa.Index("ix_price_entry_book", "partner_id", "book_id", "id"),
    )

    book_id: Mapped[str]
    item_kind: Mapped[str]
    item_key: Mapped[str]  # "lenovo|thinkpad t14": the same in every house
    item_name: Mapped[str]  # as a page and the price list print it
    commercial_model: Mapped[str] = mapped_column(default="term")
    component: Mapped[str] = mapped_column(default="hardware")
    quantity_from: Mapped[int] = mapped_column(default=1)
    quantity_until: Mapped[int | None]  # exclusive
    term_from: Mapped[int] = mapped_column(default=0)  # months
    term_until: Mapped[int | None]  # exclusive
    price: Mapped[UnitPrice]


class RateCard(PartnerOwned, Base):
    """How a rent is made from a cost: for each term a residual value and a yield. A change is a new card."""

    __tablename__ = "rate_card"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        sa.UniqueConstraint("partner_id", "name", "valid_from"),
        sa.CheckConstraint("timing in ('advance', 'arrears')", name="timing_known"),
        sa.CheckConstraint("interval_months between 1 and 12", name="interval_sane"),
    )

    name: Mapped[str]
    category: Mapped[str | None]  # of hardware; none: every kind
    timing: Mapped[str] = mapped_column(default="advance")
    interval_months: Mapped[int] = mapped_column(default=1)
    valid_from: Mapped[date]
    created_at: Mapped[datetime]
    created_by: Mapped[str]

    rows: Mapped[list[RateCardRow]] = relationship(
        lazy="raise",
        viewonly=True,
        order_by="RateCardRow.term_months",
        primaryjoin="and_(RateCard.partner_id == foreign(RateCardRow.partner_id),"
        " RateCard.id == foreign(RateCardRow.card_id))",
    )


class RateCardRow(PartnerOwned, Base):
    """One term of a rate card."""

    __tablename__ = "rate_card_row"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("card_id", "rate_card"),
        sa.UniqueConstraint("partner_id", "card_id", "term_months"),
        sa.CheckConstraint("term_months between 1 and 120", name="term_sane"),
        sa.CheckConstraint("residual_pct between 0 and 100", name="residual_is_a_share"),
        sa.CheckConstraint("yield_pct >= 0 and yield_pct < 100", name="yield_sane"),
    )

    card_id: Mapped[str]
    term_months: Mapped[int]
    residual_pct: Mapped[Amount]  # of cost, at the end of the term
    yield_pct: Mapped[Amount]  # a year, nominal, compounded each interval
