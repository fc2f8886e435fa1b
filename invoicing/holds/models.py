"""Pauses, promises, and what a client disputes."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ClientScope, PartnerOwned, owned_by_partner

PAUSE_KINDS = ("by_hand", "promise")
DISPUTE_STATES = ("open", "accepted", "partly", "rejected", "withdrawn")
DISPUTE_REASONS = ("not_received", "wrong_amount", "wrong_device", "faulty", "ended", "paid", "other")


class DunningPause(PartnerOwned, Base):
    """Nobody is reminded, charged or fined for a while: of one invoice, or a client's all."""

    __tablename__ = "dunning_pause"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("invoice_id", "invoice"),
        sa.CheckConstraint("kind in ('by_hand', 'promise')", name="kind_known"),
        sa.CheckConstraint("kind <> 'promise' or until is not null", name="promise_has_a_day"),
        sa.CheckConstraint("(ended_at is null) = (ended_by is null)", name="ended_by_somebody"),
        sa.Index(
            "ix_dunning_pause_now", "partner_id", "client_id", postgresql_where=sa.text("ended_at is null")
        ),
    )

    client_id: Mapped[str]
    invoice_id: Mapped[str | None]
    kind: Mapped[str]
    until: Mapped[date | None]  # the last day of it; a promise: when the money is to be there
    amount: Mapped[Amount | None]  # what was promised
    reason: Mapped[str]
    recorded_at: Mapped[datetime]
    actor: Mapped[str]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]


class InvoiceDispute(PartnerOwned, Base):
    """What a client says is wrong with an invoice; while it is open nobody asks for the money."""

    __tablename__ = "invoice_dispute"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("invoice_id", "invoice"),
        owned_by_partner("credit_note_id", "invoice"),
        sa.CheckConstraint(
            "state in ('open', 'accepted', 'partly', 'rejected', 'withdrawn')", name="state_known"
        ),
        sa.CheckConstraint("(state = 'open') = (decided_at is null)", name="decided_has_a_time"),
        sa.CheckConstraint("amount is null or amount > 0", name="amount_positive"),
        sa.Index(
            "uq_invoice_dispute_open",
            "partner_id",
            "invoice_id",
            unique=True,
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index("ix_invoice_dispute_client", "partner_id", "client_id", "id"),
    )

    client_id: Mapped[str]
    invoice_id: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    reason: Mapped[str]
    words: Mapped[str]
    amount: Mapped[Amount | None]  # of the invoice's total; none: all of it
    opened_at: Mapped[datetime]
    opened_by: Mapped[str]
    decision: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    credit_note_id: Mapped[str | None]
