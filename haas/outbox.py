"""publish(): an event row in the same transaction; deliveries: one row for each job that follows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from haas import clock
from haas.db import Base, ClientScope, PartnerOwned, owned_by_partner
from haas.ids import new_id
from haas.tenancy.scope import Tenant


class OutboxEvent(PartnerOwned, Base):
    """A fact in the past tense (`invoice.issued`), committed with the change that it tells of."""

    __tablename__ = "outbox_event"
    __client_scope__: ClassVar[ClientScope] = "append"
    __table_args__ = (
        # The relay's worklist: events not yet handed to their reactions, oldest first.
        sa.Index(
            "ix_outbox_event_new",
            "published_at",
            postgresql_where=sa.text("expanded_at is null"),
        ),
        # A publisher that may run twice names what it published.
        sa.UniqueConstraint("partner_id", "once_key"),
    )

    name: Mapped[str]
    payload: Mapped[dict[str, Any]]
    once_key: Mapped[str | None]
    published_at: Mapped[datetime]
    expanded_at: Mapped[datetime | None]


class OutboxDelivery(PartnerOwned, Base):
    """One reaction to one event. This row, not the queue, says whether it was done."""

    __tablename__ = "outbox_delivery"
    __table_args__ = (
        owned_by_partner("event_id", "outbox_event"),
        sa.UniqueConstraint("partner_id", "event_id", "reaction"),
        sa.CheckConstraint("state in ('pending', 'done', 'poison')", name="state"),
        # The relay's worklist: what is due and not leased to a worker.
        sa.Index(
            "ix_outbox_delivery_due",
            "due_at",
            postgresql_where=sa.text("state = 'pending'"),
        ),
    )

    event_id: Mapped[str]
    reaction: Mapped[str]  # the job's dotted name in haas.reactions
    queue: Mapped[str]
    state: Mapped[str] = mapped_column(default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    handed: Mapped[int] = mapped_column(default=0)  # how often it was put on the queue
    due_at: Mapped[datetime]  # moved ahead while leased to a worker, and by backoff after a failure
    done_at: Mapped[datetime | None]
    error: Mapped[str | None]


def publish(
    session: Session,
    tenant: Tenant,
    name: str,
    *,
    once_key: str | None = None,
    **payload: Any,
) -> OutboxEvent:
    """Add an event to this transaction: it cannot leave if the change rolls back.

    :param payload: ids and ISO dates only, so that a job of the last release runs under this one.
    :param once_key: makes a second publication of the same fact fail on the unique key.
    """
    published = OutboxEvent(**event_row(tenant, name, payload, once_key=once_key, at=clock.now()))
    session.add(published)
    return published


def event_row(
    tenant: Tenant, name: str, payload: dict[str, Any], *, once_key: str | None, at: datetime
) -> dict[str, Any]:
    """The row of an event, for those that are published by hundreds; otherwise as `publish` has it."""
    return {
        "partner_id": tenant.partner_id,
        "id": new_id("evt"),
        "name": name,
        "payload": payload,
        "once_key": once_key,
        "published_at": at,
    }
