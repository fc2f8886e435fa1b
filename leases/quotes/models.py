"""Quote (one version), its options and lines, the texts agreed to, the link, the client's answer, needs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from devices.tax_classes import TaxClass
from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, UnitPrice, one_of, owned_by_partner
from leases.quotes.lifecycle import NeedState, QuoteState

_STATES = ", ".join(f"'{state}'" for state in QuoteState)
_NEEDS = ", ".join(f"'{state}'" for state in NeedState)
_STANDING = "state in ('sent', 'accepted')"


class TermsVersion(PartnerOwned, Base):
    """A partner's terms of contract as published under a name. Never changed: a new text is a new version."""

    __tablename__ = "terms_version"
    __client_scope__: ClassVar[ClientScope] = "shared"
    __table_args__ = (
        sa.UniqueConstraint("partner_id", "version"),
        sa.CheckConstraint("version <> '' and body <> ''", name="has_text"),
    )

    version: Mapped[str]  # what `agreement.terms_version` names
    body: Mapped[str]  # plain text; an empty line parts paragraphs
    sha256: Mapped[str] = mapped_column(sa.String(64))  # of the body
    published_at: Mapped[datetime]
    published_by: Mapped[str]


class Quote(PartnerOwned, Base):
    """One version of an offer to a client. What was sent is frozen in `document`, which alone is shown."""

    __tablename__ = "quote"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("terms_version_id", "terms_version"),
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("file_id", "stored_file"),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id", "site_id"],
            ["site.partner_id", "site.client_id", "site.id"],
        ),
        sa.UniqueConstraint("partner_id", "number", "revision"),
        sa.UniqueConstraint("partner_id", "lease_id"),
        sa.CheckConstraint(f"state in ({_STATES})", name="state_known"),
        sa.CheckConstraint("revision > 0", name="revision_positive"),
        sa.CheckConstraint(
            "state in ('draft', 'withdrawn') or (document is not null and document_sha256 is not null"
            " and valid_until is not null and terms_version_id is not null)",
            name="sent_is_frozen",
        ),
        sa.CheckConstraint(
            "(state = 'accepted') = (lease_id is not null)",
            name="accepted_has_lease",
        ),
        sa.CheckConstraint("(state in ('draft', 'sent')) = (decided_at is null)", name="decided_has_moment"),
        # Of all versions under one number a client can hold only one in its hands, and only one is written.
        sa.Index(
            "uq_quote_standing", "partner_id", "number", unique=True, postgresql_where=sa.text(_STANDING)
        ),
        sa.Index(
            "uq_quote_draft",
            "partner_id",
            "number",
            unique=True,
            postgresql_where=sa.text("state = 'draft'"),
        ),
        sa.Index("ix_quote_state", "partner_id", "state", "id"),
        sa.Index("ix_quote_client", "partner_id", "client_id", "id"),
    )

    number: Mapped[str] = mapped_column(ByPrefix)
    revision: Mapped[int] = mapped_column(default=1)
    client_id: Mapped[str]
    site_id: Mapped[str | None]
    title: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default=QuoteState.DRAFT)
    currency: Mapped[str] = mapped_column(sa.String(3))
    time_zone: Mapped[str]  # whose midnight ends the last day of the offer
    contact_name: Mapped[str] = mapped_column(default="")
    contact_email: Mapped[str]  # where the link goes
    intro: Mapped[str] = mapped_column(default="")  # printed above the options
    terms_version_id: Mapped[str | None]
    valid_until: Mapped[date | None]  # the last day on which it can be accepted
    deliver_by: Mapped[date | None]  # when the client wants it; what is bought for it is needed by then
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")  # why it was declined or withdrawn
    lease_id: Mapped[str | None]
    document: Mapped[dict[str, Any] | None]  # leases.quotes.document.QuoteDocument, as it was sent
    document_sha256: Mapped[str | None] = mapped_column(sa.String(64))
    file_id: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy declares it so


class QuoteOption(PartnerOwned, Base):
    """One way to have it: how long, how paid, how it ends. Frozen, with its lines, once the quote is sent."""

    __tablename__ = "quote_option"
    __table_args__ = (
        owned_by_partner("quote_id", "quote"),
        sa.UniqueConstraint("partner_id", "quote_id", "position"),
        sa.CheckConstraint(
            "commercial_model in ('term', 'rental', 'subscription', 'pass_through')",
            name="commercial_model_known",
        ),
        sa.CheckConstraint("timing in ('advance', 'arrears')", name="timing_known"),
        sa.CheckConstraint("term_months between 1 and 120", name="term_in_bounds"),
        sa.CheckConstraint("anchor_day between 1 and 31", name="anchor_day_in_month"),
        sa.CheckConstraint(
            "(end_option = 'buyout_fixed') = (buyout_price is not null)", name="buyout_priced"
        ),
        sa.CheckConstraint("early_return_pct between 0 and 100", name="early_return_share"),
    )

    quote_id: Mapped[str]
    position: Mapped[int]
    title: Mapped[str]
    commercial_model: Mapped[str] = mapped_column(default="term")
    term_months: Mapped[int]
    timing: Mapped[str] = mapped_column(default="advance")
    interval_months: Mapped[int] = mapped_column(default=1)
    anchor_day: Mapped[int] = mapped_column(default=1)
    interim_rent: Mapped[bool] = mapped_column(default=True)
    end_option: Mapped[str] = mapped_column(default="return")
    buyout_price: Mapped[Amount | None]  # of everything in it, at the end of the term
    early_return_pct: Mapped[Amount]  # of the rents still to come, for whoever returns early


class QuoteLine(PartnerOwned, Base):
    """So many of one thing in an option. `unit_cost` is the partner's own and never leaves the house."""

    __tablename__ = "quote_line"
    __table_args__ = (
        owned_by_partner("quote_id", "quote"),
        owned_by_partner("option_id", "quote_option"),
        owned_by_partner("model_id", "hardware_model"),
        sa.CheckConstraint("kind in ('asset', 'pooled', 'service', 'one_off')", name="kind_known"),
        sa.CheckConstraint("component in ('hardware', 'service')", name="component_known"),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.CheckConstraint("unit_price >= 0", name="price_not_negative"),
        one_of("tax_class", tuple(TaxClass)),
        sa.CheckConstraint(
            "kind <> 'asset' or (model_id is not null and quantity = trunc(quantity))", name="asset_is_whole"
        ),
        sa.Index("ix_quote_line_option", "partner_id", "quote_id", "option_id", "position"),
    )

    quote_id: Mapped[str]
    option_id: Mapped[str]
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(default="asset")
    component: Mapped[str] = mapped_column(default="hardware")
    model_id: Mapped[str | None]
    description: Mapped[str]
    quantity: Mapped[UnitPrice]
    unit_price: Mapped[UnitPrice]  # of one, for a full billing period
    standalone_price: Mapped[UnitPrice | None]  # of one, if it were sold alone: parts a bundle's price
    unit_cost: Mapped[Amount | None]  # what one costs the partner to buy
    residual_value: Mapped[Amount | None]  # what one is worth at the end of the term
    tax_category: Mapped[str] = mapped_column(default="S")
    tax_class: Mapped[str] = mapped_column(default="standard", server_default="standard")  # TaxClass


class QuoteLink(PartnerOwned, Base):
    """A secret mailed to the client's contact, kept as its HMAC. One decision, then it only shows it."""

    __tablename__ = "quote_link"
    __table_args__ = (
        owned_by_partner("quote_id", "quote"),
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("token_hash"),
        sa.Index("ix_quote_link_quote", "partner_id", "quote_id"),
    )

    quote_id: Mapped[str]
    client_id: Mapped[str]
    token_hash: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]  # when it decided, or was replaced by a newer one


class QuoteAcceptance(PartnerOwned, Base):
    """Who agreed to which option, when, from where, having read which text of which hash."""

    __tablename__ = "quote_acceptance"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("quote_id", "quote"),
        owned_by_partner("option_id", "quote_option"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("terms_version_id", "terms_version"),
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("file_id", "stored_file"),
        sa.UniqueConstraint("partner_id", "quote_id"),  # however often it is pressed
        sa.CheckConstraint("via in ('link', 'portal', 'partner')", name="via_known"),
        sa.CheckConstraint("signer_name <> ''", name="is_signed"),
    )

    quote_id: Mapped[str]
    option_id: Mapped[str]
    client_id: Mapped[str]
    lease_id: Mapped[str]
    via: Mapped[str]  # link: no account; portal: the client's own user; partner: on a signed paper
    signer_name: Mapped[str]
    signer_title: Mapped[str] = mapped_column(default="")
    accepted_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(default="")  # the browser's IP address
    user_agent: Mapped[str] = mapped_column(default="")
    actor: Mapped[str]
    terms_version_id: Mapped[str]
    terms_sha256: Mapped[str] = mapped_column(sa.String(64))
    document_sha256: Mapped[str] = mapped_column(sa.String(64))
    file_id: Mapped[str | None]


class QuoteQuestion(PartnerOwned, Base):
    """What the client asked before it decided. Never changed."""

    __tablename__ = "quote_question"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("quote_id", "quote"),
        owned_by_partner("client_id", "client"),
        sa.CheckConstraint("text <> ''", name="says_something"),
        sa.Index("ix_quote_question_quote", "partner_id", "quote_id", "id"),
    )

    quote_id: Mapped[str]
    client_id: Mapped[str]
    asked_by: Mapped[str]
    text: Mapped[str]
    asked_at: Mapped[datetime]


class PurchaseNeed(PartnerOwned, Base):
    """How many of a model a lease lacks, and by when."""

    __tablename__ = "purchase_need"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("model_id", "hardware_model"),
        sa.UniqueConstraint("partner_id", "lease_id", "model_id"),
        sa.CheckConstraint(f"state in ({_NEEDS})", name="state_known"),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.CheckConstraint("(state in ('open', 'ordered')) = (closed_at is null)", name="closed_has_moment"),
        sa.Index("ix_purchase_need_state", "partner_id", "state", "needed_by", "id"),
        sa.Index("ix_purchase_need_model", "partner_id", "model_id"),
    )

    lease_id: Mapped[str]
    model_id: Mapped[str]
    quantity: Mapped[int]  # still lacking: less with each that is reserved
    needed_by: Mapped[date]
    state: Mapped[str] = mapped_column(default=NeedState.OPEN)
    reference: Mapped[str] = mapped_column(default="")  # of the purchase order
    created_at: Mapped[datetime]
    ordered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
