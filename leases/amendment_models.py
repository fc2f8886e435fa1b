"""Amendments, and what they leave behind: a line's terms from a day on, and rent abated for some days."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, UnitPrice, owned_by_partner

KINDS = (
    "scale_up",
    "scale_down",
    "price_change",
    "co_term",
    "move",
    "substitute",
    "renew",
    "terminate",
    "buy_out",
    "abate",
)
STATES = ("draft", "approved", "applied", "rejected", "withdrawn")

_KINDS = ", ".join(f"'{kind}'" for kind in KINDS)
_STATES = ", ".join(f"'{state}'" for state in STATES)


class Amendment(PartnerOwned, Base):
    """One change of a lease that both sides can read: what was asked, by whom, what it did and cost.

    `wanted` is what was asked, `before` and `after` what it changed, `shown` the figures that were on the
    page when it was confirmed: the charge that is billed is the charge that was shown.
    """

    __tablename__ = "amendment"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("file_id", "stored_file"),
        sa.UniqueConstraint("partner_id", "number"),
        # A press that arrives twice counts once.
        sa.UniqueConstraint("partner_id", "idempotency_key"),
        sa.CheckConstraint(f"kind in ({_KINDS})", name="kind_known"),
        sa.CheckConstraint(f"state in ({_STATES})", name="state_known"),
        sa.CheckConstraint("charge >= 0", name="charge_not_negative"),
        sa.CheckConstraint("(charge > 0) = (charge_kind is not null)", name="charge_has_kind"),
        sa.CheckConstraint("charge_kind in ('early_return', 'buy_out')", name="charge_kind_known"),
        sa.CheckConstraint(
            "(state = 'applied') = (applied_at is not null)", name="applied_at_says_when_it_was"
        ),
        sa.Index("ix_amendment_lease", "partner_id", "lease_id", "id"),
        sa.Index("ix_amendment_state", "partner_id", "state", "id"),
        sa.Index(
            "ix_amendment_charged",
            "partner_id",
            "client_id",
            postgresql_where=sa.text("state = 'applied' and charge > 0"),
        ),
    )

    number: Mapped[str] = mapped_column(ByPrefix)
    lease_id: Mapped[str]
    client_id: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(default="draft")
    effective_on: Mapped[date]  # the client's day from which it holds
    line_ids: Mapped[list[str]] = mapped_column(default=list)
    wanted: Mapped[dict[str, Any]] = mapped_column(default=dict)
    before: Mapped[dict[str, Any]] = mapped_column(default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(default=dict)
    shown: Mapped[dict[str, Any]] = mapped_column(default=dict)
    charge: Mapped[Amount]
    charge_kind: Mapped[str | None]
    covered_lines: Mapped[int] = mapped_column(default=0)  # of the flex-down allowance
    reason: Mapped[str] = mapped_column(default="")
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    decided_by: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime | None]
    decision: Mapped[str] = mapped_column(default="")  # why it was rejected or withdrawn
    applied_at: Mapped[datetime | None]
    idempotency_key: Mapped[str | None]
    file_id: Mapped[str | None]


class LineTerms(PartnerOwned, Base):
    """A line's quantity and price from a day on. Position 0 is what the line began with. Never changed.

    What was agreed last holds from its day on, whatever was agreed before for later days.
    """

    __tablename__ = "line_terms"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("line_id", "lease_line"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("amendment_id", "amendment"),
        # Two amendments of one line at once: the second waits, or fails here.
        sa.UniqueConstraint("partner_id", "line_id", "position"),
        sa.CheckConstraint("position >= 0", name="position_counts"),
        sa.CheckConstraint("(position = 0) = (amendment_id is null)", name="first_has_no_amendment"),
        sa.CheckConstraint("quantity > 0 and unit_price >= 0", name="a_rent"),
    )

    line_id: Mapped[str]
    client_id: Mapped[str]
    position: Mapped[int]
    effective_from: Mapped[date]
    quantity: Mapped[UnitPrice]
    unit_price: Mapped[UnitPrice]
    amendment_id: Mapped[str | None]
    created_at: Mapped[datetime]


class Abatement(PartnerOwned, Base):
    """Days for which a part of a line's rent is not owed, and why. Never changed."""

    __tablename__ = "abatement"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("line_id", "lease_line"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("amendment_id", "amendment"),
        sa.CheckConstraint("starts_on < ends_on", name="lasts"),
        sa.CheckConstraint("share > 0 and share <= 1", name="share_of_one"),
        ExcludeConstraint(
            ("partner_id", "="),
            ("line_id", "="),
            (sa.text("daterange(starts_on, ends_on)"), "&&"),
            name="ex_abatement_one_a_day",
            using="gist",
        ),
        sa.Index("ix_abatement_line", "partner_id", "line_id"),
    )

    line_id: Mapped[str]
    client_id: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]  # exclusive
    share: Mapped[UnitPrice]  # of the rent that is not owed: 1 = all of it
    reason: Mapped[str]
    amendment_id: Mapped[str]
    created_at: Mapped[datetime]
