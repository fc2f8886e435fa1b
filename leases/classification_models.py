"""What kind of lease each lease is to its lessor, by framework, with the figures that decided it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, ClientScope, PartnerOwned, owned_by_partner
from leases.finance.classification import Framework, LeaseClass

_FRAMEWORKS = ", ".join(f"'{framework}'" for framework in Framework)
_RESULTS = ", ".join(f"'{result}'" for result in LeaseClass)


class LeaseClassification(PartnerOwned, Base):
    """One decision on a lease by one framework: at commencement, and with each modification. Never changed.

    The last position is the class that holds.
    """

    __tablename__ = "lease_classification"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        # Two decisions at once: the second waits for the lease's lock, or fails here.
        sa.UniqueConstraint("partner_id", "lease_id", "framework", "position"),
        sa.CheckConstraint(f"framework in ({_FRAMEWORKS})", name="framework_known"),
        sa.CheckConstraint(f"result in ({_RESULTS})", name="result_known"),
    )

    lease_id: Mapped[str]
    framework: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    result: Mapped[str]
    inputs: Mapped[dict[str, Any]]  # term, life, values, the implicit rate
    tests: Mapped[list[Any]] = mapped_column(default=list)  # each with its figure and its threshold
    cautions: Mapped[list[str]] = mapped_column(default=list)
    decided_at: Mapped[datetime]
