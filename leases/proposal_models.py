"""SwapProposal: what a failing device asks for; at most one of an asset is open."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, PartnerOwned, owned_by_partner


class SwapProposal(PartnerOwned, Base):
    """A swap that a failing device asks for, until a person decides or the cause is gone."""

    __tablename__ = "swap_proposal"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("line_id", "lease_line"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("outgoing_id", "asset"),
        owned_by_partner("spare_id", "asset"),
        owned_by_partner("device_id", "device"),
        owned_by_partner("swap_id", "swap"),
        sa.CheckConstraint("state in ('open', 'accepted', 'dismissed', 'withdrawn')", name="state_known"),
        sa.CheckConstraint("(state = 'open') = (decided_at is null)", name="decided_has_moment"),
        sa.CheckConstraint("state <> 'accepted' or swap_id is not null", name="accepted_has_swap"),
        sa.CheckConstraint(
            "state not in ('dismissed', 'withdrawn') or because <> ''", name="closed_says_why"
        ),
        sa.CheckConstraint("spare_id is null or spare_id <> outgoing_id", name="two_assets"),
        # One question at a time about an asset, whichever workers race.
        sa.Index(
            "uq_swap_proposal_open",
            "partner_id",
            "outgoing_id",
            unique=True,
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index("ix_swap_proposal_asset", "partner_id", "outgoing_id", "id"),
    )

    outgoing_id: Mapped[str]
    lease_id: Mapped[str]
    line_id: Mapped[str]
    client_id: Mapped[str]
    device_id: Mapped[str]  # whose verdict asks for it
    reasons: Mapped[list[Any]]  # of the verdict, as devices.health.Reason stores them
    spare_id: Mapped[str | None]  # suggested when it was made; readers look again (leases.proposed)
    state: Mapped[str] = mapped_column(default="open")
    proposed_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    because: Mapped[str] = mapped_column(
        default=""
    )  # dismissed: a person's words; withdrawn: a word of WITHDRAWN
    swap_id: Mapped[str | None]  # the swap that closed it
