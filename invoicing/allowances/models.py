"""Dated rule for a discount or a surcharge on a client's papers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ClientScope, PartnerOwned, owned_by_partner


class AllowanceRule(PartnerOwned, Base):
    """What was agreed to take off or put on. Never changed but for its end: a change is a further rule."""

    __tablename__ = "allowance_rule"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("agreement_id", "agreement"),
        owned_by_partner("lease_id", "lease"),
        sa.CheckConstraint("scope in ('lines', 'paper')", name="scope_known"),
        sa.CheckConstraint("num_nonnulls(percent, amount) = 1", name="percent_or_amount"),
        sa.CheckConstraint("percent > 0 and (is_charge or percent <= 100)", name="percent_in_range"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("valid_until is null or valid_until >= valid_from", name="dates_in_order"),
        sa.CheckConstraint("agreement_id is null or lease_id is null", name="agreement_or_lease"),
        sa.Index("ix_allowance_rule_client", "partner_id", "client_id", "id"),
    )

    client_id: Mapped[str]
    agreement_id: Mapped[str | None]
    lease_id: Mapped[str | None]
    is_charge: Mapped[bool]
    scope: Mapped[str]  # lines: of each line; paper: of the whole
    kinds: Mapped[list[Any]] = mapped_column(default=list)  # of lines; empty: all
    percent: Mapped[Amount | None]
    amount: Mapped[Amount | None]  # on each paper
    currency: Mapped[str] = mapped_column(sa.String(3))
    reason: Mapped[str]  # as printed
    reason_code: Mapped[str]  # UNCL 5189, UNCL 7161
    position: Mapped[int]  # the smaller first
    net_from: Mapped[Amount | None]
    net_below: Mapped[Amount | None]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]  # exclusive
    created_at: Mapped[datetime]
    created_by: Mapped[str]
