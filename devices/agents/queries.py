"""Reads of devices: one, many, their messages, their figures over time, and what happened to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.ledger import Ledger
from devices.telemetry_models import (
    Device,
    DeviceSession,
    DeviceState,
    HealthChange,
    Inventory,
    OnlineTransition,
    Telemetry,
)
from haas.errors import NotFound
from haas.rest.paging import Page, Sort, fetch_page
from haas.tenancy.scope import Tenant, scoped

# How far back a chart goes, and how wide one of its points is.
SPANS: dict[str, tuple[timedelta, timedelta]] = {
    "day": (timedelta(days=1), timedelta(minutes=5)),
    "week": (timedelta(days=7), timedelta(hours=1)),
    "quarter": (timedelta(days=90), timedelta(hours=12)),
}
# Chart -> its lines: (label, where in the body of a health message).
CHARTS: dict[str, list[tuple[str, tuple[str, ...]]]] = {
    "load": [
        ("cpu_pct", ("m", "cpu_pct")),
        ("mem_used_pct", ("m", "mem_used_pct")),
        ("disk_used_pct_max", ("m", "disk_used_pct_max")),
    ],
    "temperature": [
        ("temp_c_max", ("m", "temp_c_max")),
        ("temp_cpu_c", ("m", "temp_cpu_c")),
        ("disk_temp_c", ("disks", "0", "temp_c")),
    ],
    "network": [("net_rx_bytes_s", ("m", "net_rx_bytes_s")), ("net_tx_bytes_s", ("m", "net_tx_bytes_s"))],
    "battery": [("battery_pct", ("bat", "0", "pct")), ("battery_health_pct", ("bat", "0", "health_pct"))],
    "disk": [
        ("reallocated", ("disks", "0", "reallocated")),
        ("pending", ("disks", "0", "pending")),
        ("used_pct", ("disks", "0", "used_pct")),
    ],
}


@dataclass(frozen=True, slots=True)
class Series:
    """A chart's figures: seconds since 1970, and a value (or none) for each line at each of them."""

    x: list[int]
    lines: dict[str, list[float | None]]


@dataclass(frozen=True, slots=True)
class SessionView:
    """One start of the agent, as people read it."""

    b: int
    opened_at: datetime
    last_at: datetime
    births: int
    messages: int
    missing: int
    clock_bad: bool


def get_state(session: Session, tenant: Tenant, *, device_id: str) -> DeviceState:
    """The newest that is known of a device.

    :raises NotFound: if this tenant has no such device.
    """
    found = session.scalar(scoped(DeviceState, tenant).where(DeviceState.id == device_id))
    if found is None:
        raise NotFound(f"There is no device {device_id}.")
    return found


def find_state_of_asset(session: Session, tenant: Tenant, *, asset_id: str) -> DeviceState | None:
    """The newest that is known of the device on an asset; none if it was never enrolled."""
    return session.scalar(scoped(DeviceState, tenant).where(DeviceState.asset_id == asset_id))


def find_identity(session: Session, tenant: Tenant, *, device_id: str) -> Device | None:
    """The device's identity; a client's own people do not see it."""
    return session.scalar(scoped(Device, tenant).where(Device.id == device_id))


def find_inventory(session: Session, tenant: Tenant, *, device_id: str) -> Inventory | None:
    """What the device is made of."""
    return session.scalar(scoped(Inventory, tenant).where(Inventory.id == device_id))


def list_states(
    session: Session,
    tenant: Tenant,
    *,
    online: str | None = None,
    verdict: str | None = None,
    asset_id: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[DeviceState]:
    """Devices in the order they were enrolled."""
    statement = scoped(DeviceState, tenant)
    if online:
        statement = statement.where(DeviceState.online == online)
    if verdict:
        statement = statement.where(DeviceState.verdict == verdict)
    if asset_id:
        statement = statement.where(DeviceState.asset_id == asset_id)
    return fetch_page(
        session, statement, sort=Sort(DeviceState.id, DeviceState.id), cursor=cursor, limit=limit
    )


def list_telemetry(
    session: Session,
    tenant: Tenant,
    *,
    device_id: str,
    kind: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Telemetry]:
    """Messages of one device, newest first; `until` is exclusive."""
    statement = sa.select(Telemetry).where(
        Telemetry.partner_id == tenant.partner_id, Telemetry.device_id == device_id
    )
    if tenant.client_id is not None:
        statement = statement.where(Telemetry.client_id == tenant.client_id)
    if kind:
        statement = statement.where(Telemetry.kind == kind)
    if since is not None:
        statement = statement.where(Telemetry.ts_eff >= since)
    if until is not None:
        statement = statement.where(Telemetry.ts_eff < until)
    return fetch_page(
        session,
        statement,
        sort=Sort(Telemetry.ts_eff, Telemetry.place, descending=True),
        cursor=cursor,
        limit=limit,
    )


def series(
    session: Session, tenant: Tenant, *, device_id: str, chart: str, span: str, now: datetime
) -> Series:
    """A chart's figures, averaged over the width of a point.

    :raises NotFound: for a chart or span that there is not.
    """
    if chart not in CHARTS or span not in SPANS:
        raise NotFound("There is no such chart.")
    reach, width = SPANS[span]
    at = sa.func.date_bin(width, Telemetry.ts_eff, sa.literal(datetime(2000, 1, 1, tzinfo=UTC)))
    lines = CHARTS[chart]
    values = []
    for label, path in lines:
        found = Telemetry.body[path]
        number = sa.case(
            (sa.func.jsonb_typeof(found) == "number", sa.cast(found.astext, sa.Double)), else_=None
        )
        values.append(sa.func.avg(number).label(label))
    bucket = at.label("at")
    statement = (
        sa.select(bucket, *values)
        .where(
            Telemetry.partner_id == tenant.partner_id,
            Telemetry.device_id == device_id,
            Telemetry.kind == "health",
            Telemetry.clock_bad.is_(False),
            Telemetry.ts_eff >= now - reach,
            Telemetry.ts_eff < now + timedelta(minutes=5),
        )
        .group_by(bucket)
        .order_by(bucket)
    )
    if tenant.client_id is not None:
        statement = statement.where(Telemetry.client_id == tenant.client_id)
    rows = session.execute(statement).all()
    return Series(
        x=[int(row.at.timestamp()) for row in rows],
        lines={
            label: [None if row[place] is None else round(row[place], 2) for row in rows]
            for place, (label, _) in enumerate(lines, start=1)
        },
    )


def transitions(
    session: Session, tenant: Tenant, *, device_id: str, count: int = 20
) -> Sequence[OnlineTransition]:
    """When it came and went, newest first."""
    return session.scalars(
        scoped(OnlineTransition, tenant)
        .where(OnlineTransition.device_id == device_id)
        .order_by(OnlineTransition.at.desc(), OnlineTransition.id.desc())
        .limit(count)
    ).all()


def health_changes(
    session: Session, tenant: Tenant, *, device_id: str, count: int = 20
) -> Sequence[HealthChange]:
    """How the verdict changed, newest first."""
    return session.scalars(
        scoped(HealthChange, tenant)
        .where(HealthChange.device_id == device_id)
        .order_by(HealthChange.at.desc(), HealthChange.id.desc())
        .limit(count)
    ).all()


def recent_sessions(
    session: Session, tenant: Tenant, *, device_id: str, count: int = 10
) -> list[SessionView]:
    """The newest starts of the agent, newest first."""
    found = session.scalars(
        sa.select(DeviceSession)
        .where(DeviceSession.partner_id == tenant.partner_id, DeviceSession.device_id == device_id)
        .order_by(DeviceSession.b.desc())
        .limit(count)
    ).all()
    views = []
    for each in found:
        ledger = Ledger(each.held)
        missing = sum(last - first + 1 for first, last in ledger.missing())
        views.append(
            SessionView(
                b=each.b,
                opened_at=each.opened_at,
                last_at=each.last_at,
                births=each.births,
                messages=ledger.top - missing,
                missing=missing,
                clock_bad=each.clock_bad,
            )
        )
    return views
