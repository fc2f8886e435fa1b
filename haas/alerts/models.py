"""Alert, AlertRoute, AlertDelivery; one open alert per cause."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Base, PartnerOwned, one_of, owned_by_partner

SEVERITIES = ("info", "warning", "critical")
CHANNELS = ("email", "webhook")


class Alert(PartnerOwned, Base):
    """Something a person should look at, until it is cured or someone closes it."""

    __tablename__ = "alert"
    __table_args__ = (
        owned_by_partner("asset_id", "asset"),
        owned_by_partner("client_id", "client"),
        one_of("severity", SEVERITIES),
        one_of("state", ("open", "acknowledged", "resolved")),
        # The rule "once per cause", whichever workers race.
        sa.Index(
            "uq_alert_open_cause",
            "partner_id",
            "cause",
            unique=True,
            postgresql_where=sa.text("state <> 'resolved'"),
        ),
        sa.Index("ix_alert_recent", "partner_id", "opened_at", "id"),
        sa.Index("ix_alert_asset", "partner_id", "asset_id"),
    )

    cause: Mapped[str]  # what it is about: `health:d-…`, `silence:d-…`
    rule: Mapped[str]  # the row of haas.alerts.rules
    severity: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    title: Mapped[str]
    detail: Mapped[str] = mapped_column(default="")
    asset_id: Mapped[str | None]
    device_id: Mapped[str | None]
    client_id: Mapped[str | None]
    opened_at: Mapped[datetime]
    worsened_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    resolution: Mapped[str] = mapped_column(default="")


class AlertRoute(PartnerOwned, Base):
    """Where alerts go besides the portal, and from which severity on."""

    __tablename__ = "alert_route"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        one_of("channel", CHANNELS),
        one_of("severity_least", SEVERITIES),
    )

    name: Mapped[str]
    channel: Mapped[str]
    target: Mapped[str]  # an address or a URL
    severity_least: Mapped[str]
    client_id: Mapped[str | None]  # only alerts on this client's assets
    secret: Mapped[str | None]  # of a webhook, sealed
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    disabled_because: Mapped[str] = mapped_column(default="")


class AlertDelivery(PartnerOwned, Base):
    """One alert told over one route once. Its id goes along, so that a repeat is known as one."""

    __tablename__ = "alert_delivery"
    __table_args__ = (
        owned_by_partner("alert_id", "alert"),
        owned_by_partner("route_id", "alert_route"),
        sa.UniqueConstraint("partner_id", "alert_id", "route_id", "event_id"),
        one_of("state", ("pending", "sent", "failed")),
        sa.Index(
            "ix_alert_delivery_due", "partner_id", "next_at", postgresql_where=sa.text("state = 'pending'")
        ),
    )

    alert_id: Mapped[str]
    route_id: Mapped[str]
    event_id: Mapped[str]  # the outbox event that is told
    what: Mapped[str]  # opened | worsened | resolved
    state: Mapped[str] = mapped_column(default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    next_at: Mapped[datetime | None]  # of the next attempt; none: it is under way, or over
    sent_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")
