"""SavedView: a list's filters, sort and columns under a name."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, ClientScope, PartnerOwned, owned_by_partner


class SavedView(PartnerOwned, Base):
    """One person's view of a list. A policy shows it to nobody else, unless the partner's staff share it."""

    __tablename__ = "saved_view"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        sa.CheckConstraint("not is_shared or client_id is null", name="clients_share_nothing"),
        sa.Index(
            "uq_saved_view_name",
            "partner_id",
            "user_id",
            "list_name",
            sa.text("lower(name)"),
            unique=True,
        ),
        sa.Index("ix_saved_view_shared", "partner_id", "list_name", postgresql_where=sa.text("is_shared")),
    )

    user_id: Mapped[str] = mapped_column(sa.ForeignKey("app_user.id"))
    client_id: Mapped[str | None]  # of a client's own user
    list_name: Mapped[str]  # the key of a `ViewedList`
    name: Mapped[str]
    query: Mapped[
        dict[str, Any]
    ]  # name in the URL -> its values, as `haas.pages.lists.kept_query` leaves them
    is_shared: Mapped[bool] = mapped_column(default=False)  # with everybody of the partner's staff
    created_at: Mapped[datetime]
