"""What the clock and events do to devices: silence, partitions, late orders, assets that move on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from devices import commands, enrolment, partitions, presence
from devices.lifecycle import AssetState
from devices.telemetry_models import Device, DeviceSession
from haas import clock, db
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant

_RELAY = Platform("relay", actor="job:sweep")
# Whoever has the asset now is not the partner's client any more.
_GONE = frozenset({AssetState.DISPOSED, AssetState.BOUGHT_OUT})


def sweep_silence(settings: Settings, now: datetime) -> None:  # noqa: ARG001 - the shape of a timetable entry
    """Find silent devices, unless the server itself was deaf; tell of absences that last."""
    moment = clock.now()
    with db.unit_of_work(_RELAY) as session:
        if presence.server_is_blind(session, now=moment):
            return
    for partner_id in _partners():
        tenant = Tenant(partner_id, actor="job:sweep_silence")
        with db.unit_of_work(tenant) as session:
            presence.look_for_silence(session, tenant, now=moment)
        with db.unit_of_work(tenant) as session:
            presence.tell_of_absences(session, tenant, now=moment)


def keep_partitions(settings: Settings, now: datetime) -> None:  # noqa: ARG001
    """Make the coming days of telemetry and drop the past ones, with the sessions that were only theirs."""
    today = now.date()
    partitions.make_days(today + timedelta(days=n) for n in range(partitions.AHEAD_DAYS + 1))
    partitions.drop_past(today)
    oldest = now - timedelta(days=partitions.RETENTION_DAYS)
    for partner_id in _partners():
        with db.unit_of_work(Tenant(partner_id, actor="job:retention")) as session:
            session.execute(
                sa.delete(DeviceSession).where(
                    DeviceSession.partner_id == partner_id, DeviceSession.last_at < oldest
                )
            )


def expire_commands(settings: Settings, now: datetime) -> None:  # noqa: ARG001
    """Close orders that no device carried out in time."""
    for partner_id in _partners():
        tenant = Tenant(partner_id, actor="job:expire_commands")
        with db.unit_of_work(tenant) as session:
            commands.expire(session, tenant, now=now)


def follow_asset(*, partner_id: str, event_id: str, asset_id: str, **_: Any) -> None:
    """Reaction to `asset.placed`."""
    tenant = Tenant(partner_id, actor=f"job:{event_id}")
    with db.unit_of_work(tenant) as session:
        presence.follow_asset(session, tenant, asset_id=asset_id)


def revoke_gone(*, partner_id: str, event_id: str, asset_id: str, to_state: str, **_: Any) -> None:
    """Reaction to `asset.moved`: hardware that left for good loses its identity."""
    if to_state not in _GONE:
        return
    tenant = Tenant(partner_id, actor=f"job:{event_id}")
    with db.unit_of_work(tenant) as session:
        device_id = session.scalar(
            sa.select(Device.id).where(Device.partner_id == partner_id, Device.asset_id == asset_id)
        )
        if device_id is not None:
            enrolment.revoke(
                session, tenant, device_id=device_id, reason=f"the asset is {to_state}", now=clock.now()
            )


def _partners() -> list[str]:
    with db.unit_of_work(_RELAY) as session:
        return list(session.scalars(sa.select(Partner.id).order_by(Partner.id)))
