"""Notices of an end, what was chosen for each device, buyouts, and losses."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from devices.tax_classes import TaxClass
from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, UnitPrice, one_of, owned_by_partner


class EndNotice(PartnerOwned, Base):
    """What was said of the end of a lease, when and to whom. Never changed."""

    __tablename__ = "lease_end_notice"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("client_id", "client"),
        # Each is given once for an end; an end that moved has notices of its own.
        sa.UniqueConstraint("partner_id", "lease_id", "ends_on", "days_before"),
        sa.Index("ix_lease_end_notice_lease", "partner_id", "lease_id", "noticed_on"),
    )

    lease_id: Mapped[str]
    client_id: Mapped[str]
    ends_on: Mapped[date]  # exclusive, as it stood then
    days_before: Mapped[int]  # which of the partner's days it was
    noticed_on: Mapped[date]
    said: Mapped[dict[str, Any]]  # last_day, holdover_pct, choose_until
    readers: Mapped[list[str]]  # the addresses it was written to
    created_at: Mapped[datetime]


class EndChoice(PartnerOwned, Base):
    """What is to become of one device at the end of its lease, at the price that was shown then."""

    __tablename__ = "lease_end_choice"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("line_id", "lease_line"),
        owned_by_partner("asset_id", "asset"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("model_id", "hardware_model"),
        sa.CheckConstraint("option in ('return', 'renew', 'refresh', 'buy')", name="option_known"),
        sa.CheckConstraint("state in ('chosen', 'replaced', 'carried_out')", name="state_known"),
        sa.CheckConstraint("(option = 'buy') = (price is not null)", name="buying_has_price"),
        sa.CheckConstraint("(option = 'renew') = (months is not null)", name="renewal_has_months"),
        sa.CheckConstraint(
            "(state = 'carried_out') = (carried_out_at is not null)", name="carried_out_has_moment"
        ),
        # Of one device one choice stands.
        sa.Index(
            "uq_lease_end_choice_standing",
            "partner_id",
            "line_id",
            unique=True,
            postgresql_where=sa.text("state = 'chosen'"),
        ),
        sa.Index("ix_lease_end_choice_lease", "partner_id", "lease_id", "id"),
    )

    lease_id: Mapped[str]
    line_id: Mapped[str]
    asset_id: Mapped[str]
    client_id: Mapped[str]
    ends_on: Mapped[date]  # exclusive, as it stood then
    option: Mapped[str]
    months: Mapped[int | None]  # of a renewal
    rent: Mapped[UnitPrice | None]  # a full period's, of a renewal
    price: Mapped[Amount | None]  # of a purchase, net
    method: Mapped[str | None]
    model_id: Mapped[str | None]  # of a refresh
    state: Mapped[str] = mapped_column(default="chosen")
    chosen_at: Mapped[datetime]
    chosen_by: Mapped[str]
    carried_out_at: Mapped[datetime | None]


class Buyout(PartnerOwned, Base):
    """A client's purchase of one device: offered at a frozen price, agreed, and the title passed."""

    __tablename__ = "buyout"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("line_id", "lease_line"),
        owned_by_partner("asset_id", "asset"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("quote_file_id", "stored_file"),
        owned_by_partner("bill_of_sale_file_id", "stored_file"),
        sa.UniqueConstraint("partner_id", "number"),
        sa.CheckConstraint("state in ('offered', 'agreed', 'passed', 'withdrawn')", name="state_known"),
        sa.CheckConstraint("price >= 0", name="price_not_negative"),
        one_of("tax_class", tuple(TaxClass)),
        sa.CheckConstraint("valid_until >= priced_on", name="valid_after_priced"),
        sa.CheckConstraint(
            "(state in ('agreed', 'passed')) = (agreed_on is not null and effective_on is not null)",
            name="agreed_has_days",
        ),
        sa.CheckConstraint("(state = 'passed') = (title_passed_at is not null)", name="passed_has_moment"),
        # A device is sold once.
        sa.Index(
            "uq_buyout_agreed",
            "partner_id",
            "asset_id",
            unique=True,
            postgresql_where=sa.text("state in ('agreed', 'passed')"),
        ),
        sa.Index("ix_buyout_lease", "partner_id", "lease_id", "id"),
        sa.Index("ix_buyout_client", "partner_id", "client_id", "id"),
    )

    number: Mapped[str] = mapped_column(ByPrefix)
    lease_id: Mapped[str]
    line_id: Mapped[str]
    asset_id: Mapped[str]
    client_id: Mapped[str]
    serial: Mapped[str]  # as printed
    description: Mapped[str]
    state: Mapped[str] = mapped_column(default="offered")
    method: Mapped[str]
    basis: Mapped[dict[str, Any]]  # how the price came about: for the partner alone
    warnings: Mapped[list[str]]
    price: Mapped[Amount]  # net
    currency: Mapped[str] = mapped_column(sa.String(3))
    tax_category: Mapped[str]
    tax_class: Mapped[str] = mapped_column(default="standard", server_default="standard")  # TaxClass
    payment_terms_days: Mapped[int]
    priced_on: Mapped[date]
    valid_until: Mapped[date]
    title_passes: Mapped[str]  # on_payment | on_issue, as agreed with this offer
    offered_at: Mapped[datetime]
    agreed_on: Mapped[date | None]
    agreed_by: Mapped[str] = mapped_column(default="")
    effective_on: Mapped[date | None]  # exclusive end of the rent; the invoice line's day
    title_passed_at: Mapped[datetime | None]
    quote_file_id: Mapped[str | None]
    bill_of_sale_file_id: Mapped[str | None]


class LossCharge(PartnerOwned, Base):
    """What a client owes for a device that is lost or stolen; given back when it is found."""

    __tablename__ = "loss_charge"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("line_id", "lease_line"),
        owned_by_partner("asset_id", "asset"),
        owned_by_partner("client_id", "client"),
        sa.CheckConstraint("cause in ('lost', 'stolen')", name="cause_known"),
        sa.CheckConstraint("state in ('owed', 'reversed')", name="state_known"),
        sa.CheckConstraint("(state = 'reversed') = (reversed_on is not null)", name="reversed_has_day"),
        sa.CheckConstraint("cause <> 'stolen' or reference <> ''", name="theft_has_reference"),
        sa.CheckConstraint("amount >= 0", name="amount_not_negative"),
        one_of("tax_class", tuple(TaxClass)),
        sa.Index(
            "uq_loss_charge_owed",
            "partner_id",
            "asset_id",
            unique=True,
            postgresql_where=sa.text("state = 'owed'"),
        ),
        sa.Index("ix_loss_charge_client", "partner_id", "client_id", "id"),
    )

    lease_id: Mapped[str]
    line_id: Mapped[str]
    asset_id: Mapped[str]
    client_id: Mapped[str]
    serial: Mapped[str]
    description: Mapped[str]
    cause: Mapped[str]
    reference: Mapped[str] = mapped_column(default="")  # the police's, for a theft
    lost_on: Mapped[date]
    month: Mapped[int]  # the row of the table that held
    amount: Mapped[Amount]  # net
    currency: Mapped[str] = mapped_column(sa.String(3))
    tax_category: Mapped[str]
    tax_class: Mapped[str] = mapped_column(default="standard", server_default="standard")  # TaxClass
    payment_terms_days: Mapped[int]
    state: Mapped[str] = mapped_column(default="owed")
    reversed_on: Mapped[date | None]
    confirmed_at: Mapped[datetime]
    confirmed_by: Mapped[str]


class DamageNote(PartnerOwned, Base):
    """What client and partner said of a charge for damage, with a picture, or at what it was settled."""

    __tablename__ = "damage_note"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("return_id", "return_order"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("file_id", "stored_file"),
        sa.CheckConstraint("side in ('client', 'partner')", name="side_known"),
        sa.CheckConstraint("text <> '' or file_id is not null or amount is not null", name="says_something"),
        sa.CheckConstraint("amount is null or (amount >= 0 and side = 'partner')", name="partner_settles"),
        sa.Index("ix_damage_note_return", "partner_id", "return_id", "id"),
    )

    return_id: Mapped[str]
    client_id: Mapped[str]
    side: Mapped[str]
    text: Mapped[str]
    file_id: Mapped[str | None]
    amount: Mapped[Amount | None]  # at which it was settled
    written_at: Mapped[datetime]
    written_by: Mapped[str]
