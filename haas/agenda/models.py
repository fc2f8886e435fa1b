"""CalendarFeed: one person's secret address for a calendar program."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, ClientScope, PartnerOwned, owned_by_partner


class CalendarFeed(PartnerOwned, Base):
    """Whoever knows the address sees what its person may see today; only the secret's hash is kept."""

    __tablename__ = "calendar_feed"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("token_hash"),
        # One at a time: a new address takes the old one's place.
        sa.Index(
            "uq_calendar_feed_live",
            "partner_id",
            "user_id",
            unique=True,
            postgresql_where=sa.text("revoked_at is null"),
        ),
    )

    user_id: Mapped[str] = mapped_column(sa.ForeignKey("app_user.id"))
    client_id: Mapped[str | None]
    token_hash: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
