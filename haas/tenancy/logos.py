"""PartnerLogo: a partner's re-encoded PNG, kept under its hash so that old paper prints again."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, ClientScope, PartnerOwned


class PartnerLogo(PartnerOwned, Base):
    """One logo; `id` is its SHA-256. Rows stay: a frozen invoice names its logo by this hash."""

    __tablename__ = "partner_logo"
    __client_scope__: ClassVar[ClientScope] = "shared"

    png: Mapped[bytes] = mapped_column(sa.LargeBinary)
    created_at: Mapped[datetime]
