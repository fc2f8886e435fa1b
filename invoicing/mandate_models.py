"""Mandates of clients for SEPA direct debits."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, ByPrefix, ClientScope, PartnerOwned, one_of, owned_by_partner
from invoicing.document_parts import iban_ends

DRAFT, ACTIVE, REVOKED = "draft", "active", "revoked"
MANDATE_STATES = (DRAFT, ACTIVE, REVOKED)
SCHEMES = ("CORE", "B2B")
RECURRENT, ONCE = "recurrent", "once"
USES = (RECURRENT, ONCE)


class SepaMandate(PartnerOwned, Base):
    """A client's leave to collect from its account. What was signed never changes; a new one replaces it."""

    __tablename__ = "sepa_mandate"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "reference"),
        one_of("state", MANDATE_STATES),
        one_of("scheme", SCHEMES),
        one_of("usage", USES),
        sa.CheckConstraint("(state = 'draft') = (signed_on is null)", name="signed_has_day"),
        sa.CheckConstraint("notice_days between 1 and 60", name="notice_days_sane"),
        # A client is collected from by one mandate.
        sa.Index(
            "uq_sepa_mandate_active",
            "partner_id",
            "client_id",
            unique=True,
            postgresql_where=sa.text("state = 'active'"),
        ),
    )

    client_id: Mapped[str]
    reference: Mapped[str] = mapped_column(ByPrefix)  # at most 35 characters, as in the order
    holder: Mapped[str]
    iban: Mapped[str]
    bic: Mapped[str] = mapped_column(default="")
    scheme: Mapped[str]
    usage: Mapped[str]
    notice_days: Mapped[int | None]  # agreed with this client; none: the partner's policy
    state: Mapped[str] = mapped_column(default=DRAFT)
    signed_on: Mapped[date | None]
    revoked_on: Mapped[date | None]
    created_at: Mapped[datetime]

    @property
    def iban_shown(self) -> str:
        """Its ends alone: enough to know it by."""
        return iban_ends(self.iban)
