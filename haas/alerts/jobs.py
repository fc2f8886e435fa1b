"""Reactions: open or resolve on an event, and tell who is to be told.

Each asks how things stand now: events may come late, twice, or in another order.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.telemetry_models import Device, DeviceState, EnrolmentCode, QuarantineCount
from haas import clock, db
from haas import settings as own_settings
from haas.alerts import operations, routing
from haas.alerts.channels import NotDelivered, channel_of
from haas.alerts.models import Alert
from haas.alerts.rules import EVENT_RULES, HEALTH_RULES
from haas.auth import vault
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant, scoped

_QUIET_AFTER = timedelta(days=1)
_EVENT_WORDS = {
    "clone": "Other hardware spoke in the same session. Revoke the identity and enrol both machines anew.",
    "hw.changed": "Serial, UUID or board differ from what they were at enrolment.",
    "disk.gone": "A disk that was there before is missing.",
    "spool.reset": "The agent could not read its own store and began it anew; what waited there is lost.",
}


def on_health_changed(*, partner_id: str, event_id: str, device_id: str, **_: Any) -> None:
    """Open, worsen or resolve by the verdict that stands now."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        state = session.scalar(scoped(DeviceState, tenant).where(DeviceState.id == device_id))
        if state is None:
            return
        rule = HEALTH_RULES.get(state.verdict)
        if rule is not None:
            detail = "\n".join(
                reason["text"] for reason in state.reasons if reason.get("level") in ("failing", "watch")
            )
            operations.raise_alert(
                session,
                tenant,
                rule_name=rule,
                ids={"device_id": device_id},
                detail=detail,
                asset_id=state.asset_id,
                device_id=device_id,
                at=clock.now(),
            )
        elif state.verdict == "healthy":  # no data is no cure
            _cure(session, tenant, [f"health:{device_id}"], "The readings are good again.")


def on_went_offline(*, partner_id: str, event_id: str, device_id: str, **_: Any) -> None:
    """Open, if it is still away."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        state = session.scalar(scoped(DeviceState, tenant).where(DeviceState.id == device_id))
        if state is None or state.online != "offline":
            return
        operations.raise_alert(
            session,
            tenant,
            rule_name="silence",
            ids={"device_id": device_id},
            detail=f"Offline since {state.online_since:%Y-%m-%d %H:%M} UTC: {state.online_cause}.",
            asset_id=state.asset_id,
            device_id=device_id,
            at=clock.now(),
        )


def on_came_online(*, partner_id: str, event_id: str, device_id: str, **_: Any) -> None:
    """Resolve, if it is still there."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        state = session.scalar(scoped(DeviceState, tenant).where(DeviceState.id == device_id))
        if state is not None and state.online == "online":
            _cure(session, tenant, [f"silence:{device_id}"], "It is heard from again.")


def on_event_reported(
    *, partner_id: str, event_id: str, device_id: str, asset_id: str, code: str, **_: Any
) -> None:
    """Open for what the device itself noticed and no reading shows."""
    if code not in EVENT_RULES:
        return
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        operations.raise_alert(
            session,
            tenant,
            rule_name=code,
            ids={"device_id": device_id},
            detail=_EVENT_WORDS[code],
            asset_id=asset_id,
            device_id=device_id,
            at=clock.now(),
        )


def on_quarantined(
    *, partner_id: str, event_id: str, device_id: str, asset_id: str, messages: int, reason: str, **_: Any
) -> None:
    """Open for a device that sends what cannot be read."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        operations.raise_alert(
            session,
            tenant,
            rule_name="quarantine",
            ids={"device_id": device_id},
            detail=f"{messages} messages today, the last because of: {reason}.",
            asset_id=asset_id,
            device_id=device_id,
            at=clock.now(),
        )


def on_enrolment_pending(*, partner_id: str, event_id: str, code_id: str, asset_id: str, **_: Any) -> None:
    """Open while a device waits for a person."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        code = session.scalar(scoped(EnrolmentCode, tenant).where(EnrolmentCode.id == code_id))
        if code is None or code.state != "pending":
            return
        operations.raise_alert(
            session,
            tenant,
            rule_name="enrolment",
            ids={"code_id": code_id},
            detail=code.mismatch,
            asset_id=asset_id,
            device_id=None,
            at=clock.now(),
        )


def on_enrolment_decided(*, partner_id: str, event_id: str, code_id: str, **_: Any) -> None:
    """Resolve: a person has decided."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        _cure(session, tenant, [f"enrolment:{code_id}"], "Somebody decided.")


def on_identity_changed(*, partner_id: str, event_id: str, device_id: str, **_: Any) -> None:
    """Enrolled anew or revoked: what was said of the old identity is over."""
    tenant = _tenant(partner_id, event_id)
    kinds = ["clone", "hw", "quarantine", "spool"]
    with db.unit_of_work(tenant) as session:
        device = session.scalar(scoped(Device, tenant).where(Device.id == device_id))
        if device is not None and device.revoked_at is not None:
            kinds += ["health", "silence", "disk_gone"]
        _cure(session, tenant, [f"{kind}:{device_id}" for kind in kinds], "The identity was changed.")


def on_swapped(*, partner_id: str, event_id: str, outgoing_id: str, **_: Any) -> None:
    """A swap cures what was wrong with the outgoing hardware, as far as the client is concerned."""
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        operations.resolve_of_asset(
            session, tenant, asset_id=outgoing_id, resolution="It was swapped.", at=clock.now()
        )


def plan_opened(*, partner_id: str, event_id: str, alert_id: str, **_: Any) -> None:
    """Tell of a new alert."""
    _plan(partner_id, event_id, alert_id, "opened")


def plan_worsened(*, partner_id: str, event_id: str, alert_id: str, **_: Any) -> None:
    """Tell of an alert that got worse."""
    _plan(partner_id, event_id, alert_id, "worsened")


def plan_resolved(*, partner_id: str, event_id: str, alert_id: str, **_: Any) -> None:
    """Tell those who were told."""
    _plan(partner_id, event_id, alert_id, "resolved")


def deliver(*, partner_id: str, event_id: str, delivery_id: str, **_: Any) -> None:
    """Make one attempt. A failure is noted with the delivery and tried again on its own schedule."""
    tenant, settings = _tenant(partner_id, event_id), own_settings.current()
    with db.unit_of_work(tenant) as session:
        claimed = routing.claim(session, tenant, delivery_id=delivery_id, now=clock.now())
        if claimed is None:
            return
        delivery, route, alert = claimed
        notice = routing.notice(session, tenant, alert=alert, delivery=delivery, settings=settings)
        kind, target = route.channel, route.target
        secret = (
            vault.unseal(route.secret, secret_key=settings.secret_key, purpose=routing.SECRET_PURPOSE)
            if route.secret
            else None
        )
    try:
        channel_of(kind, settings).send(notice, target=target, secret=secret, now=clock.now())
    except NotDelivered as failure:
        with db.unit_of_work(tenant) as session:
            routing.fail(
                session,
                tenant,
                delivery_id=delivery_id,
                error=str(failure),
                is_final=failure.is_final,
                now=clock.now(),
            )
        return
    with db.unit_of_work(tenant) as session:
        routing.succeed(session, tenant, delivery_id=delivery_id, now=clock.now())


def sweep(settings: Settings, now: datetime) -> None:
    """Try deliveries again whose time has come; resolve what nobody has complained of for a day."""
    with db.unit_of_work(Platform("relay", actor="job:alerts")) as session:
        partners = list(session.scalars(sa.select(Partner.id).order_by(Partner.id)))
    moment = clock.now()
    for partner_id in partners:
        tenant = Tenant(partner_id, actor="job:alerts")
        with db.unit_of_work(tenant) as session:
            routing.due_again(session, tenant, now=moment)
            _resolve_quiet_quarantines(session, tenant, moment)


def _resolve_quiet_quarantines(session: Session, tenant: Tenant, now: datetime) -> None:
    recent = sa.select(QuarantineCount.device_id).where(
        QuarantineCount.partner_id == tenant.partner_id, QuarantineCount.last_at > now - _QUIET_AFTER
    )
    causes = session.scalars(
        sa.select(Alert.cause).where(
            Alert.partner_id == tenant.partner_id,
            Alert.rule == "quarantine",
            Alert.state.in_(operations.OPEN_STATES),
            Alert.opened_at < now - _QUIET_AFTER,
            Alert.device_id.not_in(recent),
        )
    ).all()
    if causes:
        operations.resolve_causes(
            session, tenant, causes=list(causes), resolution="A day without a bad message.", at=now
        )


def _plan(partner_id: str, event_id: str, alert_id: str, what: str) -> None:
    tenant = _tenant(partner_id, event_id)
    with db.unit_of_work(tenant) as session:
        routing.plan(session, tenant, alert_id=alert_id, event_id=event_id, what=what, now=clock.now())


def _cure(session: Session, tenant: Tenant, causes: list[str], resolution: str) -> None:
    operations.resolve_causes(session, tenant, causes=causes, resolution=resolution, at=clock.now())


def _tenant(partner_id: str, event_id: str) -> Tenant:
    return Tenant(partner_id, actor="job:alerts", door="job", request_id=event_id)
