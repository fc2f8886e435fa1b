"""Open, worsen, acknowledge, resolve: the only writers of alerts."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from devices.models import Asset
from haas import outbox
from haas.alerts.models import Alert
from haas.alerts.rules import RULES, is_worse
from haas.errors import Conflict, NotFound
from haas.ids import new_id
from haas.rest.paging import Page, Sort, fetch_page
from haas.tenancy.scope import Tenant, scoped

OPEN_STATES = ("open", "acknowledged")


def raise_alert(
    session: Session,
    tenant: Tenant,
    *,
    rule_name: str,
    ids: dict[str, str],
    detail: str,
    asset_id: str | None,
    device_id: str | None,
    at: datetime,
) -> Alert:
    """Open an alert, or bring the open one of this cause up to date. It is told only when it is news.

    :param ids: what the rule's cause is made of, such as `device_id`.
    """
    rule = RULES[rule_name]
    cause = rule.cause.format(**ids)
    asset = (
        session.scalar(scoped(Asset, tenant).where(Asset.id == asset_id)) if asset_id is not None else None
    )
    title = rule.title.format(asset=asset.tag if asset else "–")
    alert_id = new_id("alr")
    made = session.scalar(
        insert(Alert)
        .values(
            partner_id=tenant.partner_id,
            id=alert_id,
            cause=cause,
            rule=rule.name,
            severity=rule.severity,
            state="open",
            title=title,
            detail=detail,
            asset_id=asset_id,
            device_id=device_id,
            client_id=asset.client_id if asset else None,
            opened_at=at,
            resolution="",
        )
        .on_conflict_do_nothing(
            index_elements=["partner_id", "cause"], index_where=sa.text("state <> 'resolved'")
        )
        .returning(Alert.id)
    )
    if made is not None:
        alert = get_alert(session, tenant, alert_id=alert_id)
        outbox.publish(session, tenant, "alert.opened", alert_id=alert.id)
        return alert
    alert = session.scalars(
        scoped(Alert, tenant).where(Alert.cause == cause, Alert.state.in_(OPEN_STATES)).with_for_update()
    ).one()
    worse = is_worse(rule.severity, alert.severity)
    if (alert.rule, alert.detail, alert.severity) != (rule.name, detail, rule.severity):
        alert.rule, alert.title, alert.detail, alert.severity = rule.name, title, detail, rule.severity
    if worse:
        # Whoever acknowledged it did so for something smaller.
        alert.state, alert.worsened_at, alert.acknowledged_at, alert.acknowledged_by = "open", at, None, None
        outbox.publish(session, tenant, "alert.worsened", alert_id=alert.id)
    session.flush()
    return alert


def acknowledge(session: Session, tenant: Tenant, *, alert_id: str, at: datetime) -> Alert:
    """Somebody looks after it: it stays open and is not counted as new.

    :raises NotFound: if this tenant has no such alert.
    :raises Conflict: if it is resolved.
    """
    alert = _lock(session, tenant, alert_id)
    if alert.state == "resolved":
        raise Conflict("This alert is resolved already.")
    if alert.state == "open":
        alert.state, alert.acknowledged_at, alert.acknowledged_by = "acknowledged", at, tenant.actor
        session.flush()
    return alert


def resolve(session: Session, tenant: Tenant, *, alert_id: str, resolution: str, at: datetime) -> Alert:
    """Close it by hand. If its cause goes on, the next word of the device opens another.

    :raises NotFound: if this tenant has no such alert.
    :raises Conflict: if it is resolved.
    """
    alert = _lock(session, tenant, alert_id)
    if alert.state == "resolved":
        raise Conflict("This alert is resolved already.")
    _close(session, tenant, alert, resolution=resolution, at=at)
    return alert


def resolve_causes(
    session: Session, tenant: Tenant, *, causes: list[str], resolution: str, at: datetime
) -> int:
    """Close what is cured; answers how many were open."""
    alerts = session.scalars(
        scoped(Alert, tenant)
        .where(Alert.cause.in_(causes), Alert.state.in_(OPEN_STATES))
        .order_by(Alert.id)
        .with_for_update()
    ).all()
    for alert in alerts:
        _close(session, tenant, alert, resolution=resolution, at=at)
    return len(alerts)


def resolve_of_asset(
    session: Session, tenant: Tenant, *, asset_id: str, resolution: str, at: datetime
) -> int:
    """Close all that is open about an asset that is out of the client's hands; answers how many were."""
    causes = session.scalars(
        sa.select(Alert.cause).where(
            Alert.partner_id == tenant.partner_id,
            Alert.asset_id == asset_id,
            Alert.state.in_(OPEN_STATES),
        )
    ).all()
    return resolve_causes(session, tenant, causes=list(causes), resolution=resolution, at=at)


def get_alert(session: Session, tenant: Tenant, *, alert_id: str) -> Alert:
    """One alert.

    :raises NotFound: if this tenant has no such alert.
    """
    found = session.scalar(scoped(Alert, tenant).where(Alert.id == alert_id))
    if found is None:
        raise NotFound(f"There is no alert {alert_id}.")
    return found


def list_alerts(
    session: Session,
    tenant: Tenant,
    *,
    states: tuple[str, ...] = (),
    severity: str | None = None,
    asset_id: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Alert]:
    """Alerts, newest first."""
    statement = scoped(Alert, tenant)
    if states:
        statement = statement.where(Alert.state.in_(states))
    if severity:
        statement = statement.where(Alert.severity == severity)
    if asset_id:
        statement = statement.where(Alert.asset_id == asset_id)
    return fetch_page(
        session,
        statement,
        sort=Sort(Alert.opened_at, Alert.id, descending=True),
        cursor=cursor,
        limit=limit,
    )


def _lock(session: Session, tenant: Tenant, alert_id: str) -> Alert:
    found = session.scalar(scoped(Alert, tenant).where(Alert.id == alert_id).with_for_update())
    if found is None:
        raise NotFound(f"There is no alert {alert_id}.")
    return found


def _close(session: Session, tenant: Tenant, alert: Alert, *, resolution: str, at: datetime) -> None:
    alert.state, alert.resolved_at, alert.resolved_by = "resolved", at, tenant.actor
    alert.resolution = resolution
    outbox.publish(session, tenant, "alert.resolved", alert_id=alert.id)
    session.flush()
