"""Silence found by looking: moves devices to suspect and offline, and tells of absences that last."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from agent import messages
from devices.lifecycle import AssetState
from devices.models import Asset
from devices.online import MAINTENANCE, ONLINE, SUSPECT, TELL_AFTER, Presence, is_blind, look
from devices.telemetry_models import Device, DeviceState, Inventory, OnlineTransition, SubscriberHeartbeat
from haas import outbox
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped

_AT_ONCE = 1000


def server_is_blind(session: Session, *, now: datetime) -> bool:
    """Whether the subscriber is away or has only just begun to listen. In the relay's name."""
    beat = session.get(SubscriberHeartbeat, "subscriber")
    return is_blind(
        now=now,
        listening_since=beat.listening_since if beat else None,
        beat_at=beat.beat_at if beat else None,
    )


def look_for_silence(session: Session, tenant: Tenant, *, now: datetime) -> int:
    """Move this partner's silent devices on; answers how many moved."""
    rows = session.execute(
        sa.select(DeviceState, Device.every)
        .join(Device, sa.and_(Device.partner_id == DeviceState.partner_id, Device.id == DeviceState.id))
        .where(
            DeviceState.partner_id == tenant.partner_id,
            DeviceState.online.in_((ONLINE, SUSPECT, MAINTENANCE)),
            DeviceState.silent_after <= now,
        )
        .order_by(DeviceState.id)
        .limit(_AT_ONCE)
        .with_for_update(of=DeviceState, skip_locked=True)
    ).all()
    moved = 0
    for state, every in rows:
        before = Presence(state.online, state.silent_after, state.online_cause)
        after = look(
            before,
            seen_at=state.seen_at or state.online_since,
            interval_seconds=messages.intervals(every)["health"],
            now=now,
        )
        if after is before:
            # A longer interval was set since: look again when that is over.
            state.silent_after = now + timedelta(minutes=1)
            continue
        session.add(
            OnlineTransition(
                partner_id=tenant.partner_id,
                id=new_id("onl"),
                device_id=state.id,
                client_id=state.client_id,
                from_state=state.online,
                to_state=after.state,
                at=now,
                cause=after.cause,
            )
        )
        state.online, state.online_since, state.online_cause = after.state, now, after.cause
        state.silent_after = after.look_at
        moved += 1
    session.flush()
    return moved


def tell_of_absences(session: Session, tenant: Tenant, *, now: datetime) -> int:
    """Publish `device.went_offline` once for each device in service that has been away for a while."""
    states = session.scalars(
        scoped(DeviceState, tenant)
        .join(Asset, sa.and_(Asset.partner_id == DeviceState.partner_id, Asset.id == DeviceState.asset_id))
        .where(
            DeviceState.online == "offline",
            DeviceState.online_since <= now - TELL_AFTER,
            DeviceState.silence_told_at.is_(None),
            Asset.state == AssetState.IN_SERVICE,
        )
        .order_by(DeviceState.id)
        .limit(_AT_ONCE)
        .with_for_update(of=DeviceState, skip_locked=True)
    ).all()
    for state in states:
        state.silence_told_at = now
        outbox.publish(
            session,
            tenant,
            "device.went_offline",
            device_id=state.id,
            asset_id=state.asset_id,
            since=state.online_since.isoformat(),
            cause=state.online_cause,
        )
    session.flush()
    return len(states)


def follow_asset(session: Session, tenant: Tenant, *, asset_id: str) -> None:
    """An asset was placed: what is known of its device is now for its new holder to see, and no other."""
    client_id = session.scalar(
        sa.select(Asset.client_id).where(Asset.partner_id == tenant.partner_id, Asset.id == asset_id)
    )
    device_id = session.scalar(
        sa.select(Device.id).where(Device.partner_id == tenant.partner_id, Device.asset_id == asset_id)
    )
    if device_id is None:
        return
    for model in (DeviceState, Inventory):
        session.execute(
            sa.update(model)
            .where(model.partner_id == tenant.partner_id, model.id == device_id)
            .values(client_id=client_id)
            .execution_options(synchronize_session=False)
        )
