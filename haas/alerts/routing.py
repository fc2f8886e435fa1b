"""Routes and deliveries: who is told of an alert, tried until it is taken, told once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from devices.models import Asset
from haas import outbox
from haas.alerts import signing
from haas.alerts.channels import Notice, check_target
from haas.alerts.models import CHANNELS, SEVERITIES, Alert, AlertDelivery, AlertRoute
from haas.alerts.operations import get_alert
from haas.alerts.rules import reaches
from haas.auth import vault
from haas.errors import InvalidInput, NotFound
from haas.ids import new_id
from haas.settings import Settings
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped

SECRET_PURPOSE = "alert_route"  # noqa: S105 - what the key is derived for
# Seconds after the failure before: about three days in all (the example schedule of Standard Webhooks).
RETRIES = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
UNDER_WAY = timedelta(minutes=2)  # an attempt that has not come back by then died


def add_route(
    session: Session,
    tenant: Tenant,
    *,
    name: str,
    channel: str,
    target: str,
    severity_least: str,
    client_id: str | None = None,
    settings: Settings,
    now: datetime,
) -> tuple[AlertRoute, str | None]:
    """A new route; of a webhook also the secret, which is shown once.

    :raises InvalidInput: if the channel, the severity or the target cannot be.
    :raises NotFound: if this tenant has no such client.
    """
    if channel not in CHANNELS:
        raise InvalidInput(f"Channels are: {', '.join(CHANNELS)}.", field="channel")
    if severity_least not in SEVERITIES:
        raise InvalidInput(f"Severities are: {', '.join(SEVERITIES)}.", field="severity_least")
    check_target(channel, target, is_testing=settings.testing)
    if client_id is not None and session.scalar(scoped(Client, tenant).where(Client.id == client_id)) is None:
        raise NotFound(f"There is no client {client_id}.")
    secret = signing.new_secret() if channel == "webhook" else None
    route = AlertRoute(
        partner_id=tenant.partner_id,
        id=new_id("rou"),
        name=name,
        channel=channel,
        target=target,
        severity_least=severity_least,
        client_id=client_id,
        secret=vault.seal(secret, secret_key=settings.secret_key, purpose=SECRET_PURPOSE) if secret else None,
        created_at=now,
    )
    session.add(route)
    session.flush()
    return route, secret


def disable_route(
    session: Session, tenant: Tenant, *, route_id: str, reason: str, now: datetime
) -> AlertRoute:
    """Stop telling over a route. What was told stays on record.

    :raises NotFound: if this tenant has no such route.
    """
    route = get_route(session, tenant, route_id=route_id)
    if route.disabled_at is None:
        route.disabled_at, route.disabled_because = now, reason
        session.flush()
    return route


def enable_route(session: Session, tenant: Tenant, *, route_id: str) -> AlertRoute:
    """Tell over a route again.

    :raises NotFound: if this tenant has no such route.
    """
    route = get_route(session, tenant, route_id=route_id)
    route.disabled_at, route.disabled_because = None, ""
    session.flush()
    return route


def get_route(session: Session, tenant: Tenant, *, route_id: str) -> AlertRoute:
    """One route.

    :raises NotFound: if this tenant has no such route.
    """
    found = session.scalar(scoped(AlertRoute, tenant).where(AlertRoute.id == route_id))
    if found is None:
        raise NotFound(f"There is no route {route_id}.")
    return found


def routes(session: Session, tenant: Tenant) -> Sequence[AlertRoute]:
    """All routes, oldest first."""
    return session.scalars(scoped(AlertRoute, tenant).order_by(AlertRoute.id)).all()


def deliveries_of(session: Session, tenant: Tenant, *, alert_id: str) -> Sequence[AlertDelivery]:
    """Who was told of an alert."""
    return session.scalars(
        scoped(AlertDelivery, tenant).where(AlertDelivery.alert_id == alert_id).order_by(AlertDelivery.id)
    ).all()


def plan(session: Session, tenant: Tenant, *, alert_id: str, event_id: str, what: str, now: datetime) -> int:
    """Note who is to be told of an event of an alert; answers how many. Safe to repeat.

    An end is told to those only who were told of the beginning.
    """
    alert = get_alert(session, tenant, alert_id=alert_id)
    statement = scoped(AlertRoute, tenant).where(AlertRoute.disabled_at.is_(None))
    if what == "resolved":
        told = sa.select(AlertDelivery.route_id).where(
            AlertDelivery.partner_id == tenant.partner_id, AlertDelivery.alert_id == alert_id
        )
        statement = statement.where(AlertRoute.id.in_(told))
    planned = 0
    for route in session.scalars(statement.order_by(AlertRoute.id)):
        fits = route.client_id is None or route.client_id == alert.client_id
        if not fits or (what != "resolved" and not reaches(alert.severity, route.severity_least)):
            continue
        delivery_id = new_id("dvy")
        made = session.scalar(
            insert(AlertDelivery)
            .values(
                partner_id=tenant.partner_id,
                id=delivery_id,
                alert_id=alert_id,
                route_id=route.id,
                event_id=event_id,
                what=what,
                state="pending",
                attempts=0,
                created_at=now,
                next_at=now,
                error="",
            )
            .on_conflict_do_nothing()
            .returning(AlertDelivery.id)
        )
        if made is not None:
            planned += 1
            outbox.publish(session, tenant, "alert.delivery_due", delivery_id=delivery_id)
    return planned


def claim(
    session: Session, tenant: Tenant, *, delivery_id: str, now: datetime
) -> tuple[AlertDelivery, AlertRoute, Alert] | None:
    """Begin an attempt, if one is due. It counts before it is made: a crash cannot repeat it for ever."""
    delivery = session.scalar(
        scoped(AlertDelivery, tenant).where(AlertDelivery.id == delivery_id).with_for_update(skip_locked=True)
    )
    if delivery is None or delivery.state != "pending" or delivery.next_at is None or delivery.next_at > now:
        return None
    route = get_route(session, tenant, route_id=delivery.route_id)
    if route.disabled_at is not None:
        delivery.state, delivery.error, delivery.next_at = "failed", "the route was disabled", None
        return None
    delivery.attempts += 1
    delivery.next_at = now + UNDER_WAY
    session.flush()
    return delivery, route, get_alert(session, tenant, alert_id=delivery.alert_id)


def succeed(session: Session, tenant: Tenant, *, delivery_id: str, now: datetime) -> None:
    """It was taken."""
    delivery = session.scalars(scoped(AlertDelivery, tenant).where(AlertDelivery.id == delivery_id)).one()
    delivery.state, delivery.sent_at, delivery.next_at, delivery.error = "sent", now, None, ""


def fail(
    session: Session, tenant: Tenant, *, delivery_id: str, error: str, is_final: bool, now: datetime
) -> None:
    """It was not taken: try later, or give up and disable the route."""
    delivery = session.scalars(scoped(AlertDelivery, tenant).where(AlertDelivery.id == delivery_id)).one()
    delivery.error = error[:1000]
    if not is_final and delivery.attempts <= len(RETRIES):
        delivery.next_at = now + timedelta(seconds=RETRIES[delivery.attempts - 1])
        return
    delivery.state, delivery.next_at = "failed", None
    disable_route(
        session, tenant, route_id=delivery.route_id, reason=f"not delivered: {error}"[:500], now=now
    )


def due_again(session: Session, tenant: Tenant, *, now: datetime, limit: int = 500) -> int:
    """Hand deliveries whose time has come to a worker once more; answers how many."""
    waiting = session.scalars(
        scoped(AlertDelivery, tenant)
        .where(AlertDelivery.state == "pending", AlertDelivery.next_at <= now, AlertDelivery.attempts > 0)
        .order_by(AlertDelivery.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for delivery in waiting:
        outbox.publish(
            session,
            tenant,
            "alert.delivery_due",
            once_key=f"delivery:{delivery.id}:{delivery.attempts}:{now:%Y%m%d%H%M}",
            delivery_id=delivery.id,
        )
    return len(waiting)


def notice(
    session: Session,
    tenant: Tenant,
    *,
    alert: Alert,
    delivery: AlertDelivery,
    settings: Settings,
) -> Notice:
    """What is told."""
    partner = session.get_one(Partner, tenant.partner_id)
    asset = (
        session.scalar(scoped(Asset, tenant).where(Asset.id == alert.asset_id)) if alert.asset_id else None
    )
    return Notice(
        id=delivery.id,
        what=delivery.what,
        alert_id=alert.id,
        severity=alert.severity,
        title=alert.title,
        detail=alert.detail,
        resolution=alert.resolution,
        opened_at=alert.opened_at,
        asset_id=alert.asset_id,
        device_id=alert.device_id,
        asset_tag=asset.tag if asset else "",
        link=f"{settings.base_url}/alerts/{alert.id}",
        branding=branding_of(session, partner, with_logo=False),
        language=partner.language,
        time_zone=partner.time_zone,
    )
