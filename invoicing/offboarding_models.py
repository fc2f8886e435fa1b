"""Offboarding: one client leaves, as one piece of work that can be taken up again."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, ClientScope, PartnerOwned, owned_by_partner


class Offboarding(PartnerOwned, Base):
    """Everything of a client ends: noticed, collected, billed a last time, and bundled for it."""

    __tablename__ = "offboarding"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("long_job_id", "long_job"),
        owned_by_partner("bundle_file_id", "stored_file"),
        sa.CheckConstraint("state in ('started', 'ending', 'done')", name="state_known"),
        sa.CheckConstraint("(state = 'done') = (finished_at is not null)", name="done_has_moment"),
        # Two people press the button at once: the second is led to the first's.
        sa.Index(
            "uq_offboarding_under_way",
            "partner_id",
            "client_id",
            unique=True,
            postgresql_where=sa.text("state <> 'done'"),
        ),
    )

    client_id: Mapped[str]
    state: Mapped[str] = mapped_column(default="started")  # ending: everything is noticed and asked back
    noticed_on: Mapped[date]
    reason: Mapped[str]
    long_job_id: Mapped[str]
    problems: Mapped[list[Any]] = mapped_column(default=list)  # leases that a person must end, each with why
    started_at: Mapped[datetime]
    started_by: Mapped[str]
    finished_at: Mapped[datetime | None]
    bundle_file_id: Mapped[str | None]
