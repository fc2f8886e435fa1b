"""Situations that raise alerts, and what became of them, for tests."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from devices import telemetry
from haas import clock, db
from haas.alerts import routing
from haas.alerts.models import Alert, AlertDelivery, AlertRoute
from haas.outbox import OutboxEvent
from haas.reactions import REACTIONS, find
from haas.settings import Settings
from haas.tenancy.scope import Tenant
from tests.cast import Cast
from tests.devices.signals import GOOD_DISK, Speaker

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "standard_webhooks.json"
MINUTE = timedelta(minutes=1)


def follow(partner_id: str) -> int:
    """Run what follows the events of a partner, as relay and worker would; answers how many."""
    done = 0
    while True:
        with db.unit_of_work(Tenant(partner_id)) as session:
            events = session.scalars(
                sa.select(OutboxEvent)
                .where(OutboxEvent.partner_id == partner_id, OutboxEvent.expanded_at.is_(None))
                .order_by(OutboxEvent.published_at)
            ).all()
            for event in events:
                event.expanded_at = clock.now()
        if not events:
            return done
        for event in events:
            for name, _ in REACTIONS.get(event.name, []):
                if name.startswith("haas.alerts"):
                    find(name)(partner_id=partner_id, event_id=event.id, **event.payload)
        done += len(events)


def alerts(cast: Cast, **where: Any) -> list[Alert]:
    with db.unit_of_work(cast.tenant) as session:
        statement = sa.select(Alert).where(Alert.partner_id == cast.northwind.id).order_by(Alert.id)
        return list(session.scalars(statement.filter_by(**where)))


def add_route(cast: Cast, settings: Settings, **changes: Any) -> tuple[AlertRoute, str | None]:
    values: dict[str, Any] = {
        "name": "desk",
        "channel": "email",
        "target": "desk@northwind.example",
        "severity_least": "warning",
        **changes,
    }
    with db.unit_of_work(cast.tenant) as session:
        return routing.add_route(session, cast.tenant, settings=settings, now=clock.now(), **values)


def deliveries(cast: Cast) -> list[AlertDelivery]:
    with db.unit_of_work(cast.tenant) as session:
        return list(
            session.scalars(
                sa.select(AlertDelivery)
                .where(AlertDelivery.partner_id == cast.northwind.id)
                .order_by(AlertDelivery.id)
            )
        )


def report(speaker: Speaker, **disk: Any) -> None:
    now = clock.now()
    telemetry.take_in([speaker.health(now, disks=[{**GOOD_DISK, **disk}])], now=now)
