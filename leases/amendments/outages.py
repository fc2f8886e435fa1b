"""Devices broken for longer than the service level: days whose rent may be abated, offered to a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from devices.lifecycle import AssetState
from devices.models import AssetMove
from haas.calendar import Period, local_day
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.models import Agreement, Assignment, Lease, Line


@dataclass(frozen=True, slots=True)
class Offer:
    """Days of a line beyond the service level that nobody has abated yet."""

    line: Line
    serial: str
    broken: Period  # all days of the outage
    days: Period  # those to abate


def beyond(broken: Period, *, service_level_days: int) -> Period | None:
    """The days of an outage after those that the service level allows."""
    start = broken.start + timedelta(days=service_level_days)
    return Period(start, broken.end) if start < broken.end else None


def offers_for(
    session: Session,
    tenant: Tenant,
    *,
    lease: Lease,
    agreement: Agreement,
    lines: Sequence[Line],
    today: date,
) -> list[Offer]:
    """What the lease's lines are owed for repairs; two statements. Empty without a service level."""
    if agreement.service_level_days is None:
        return []
    standing = queries.assignments_by_line(session, tenant, line_ids=[line.id for line in lines])
    repairs = _repairs(session, tenant, sorted({row.asset_id for rows in standing.values() for row in rows}))
    offers = []
    for line in lines:
        for row in standing.get(line.id, []):
            for began_at, ended_at in repairs.get(row.asset_id, []):
                broken = _days(row, began_at, ended_at, zone=lease.time_zone, today=today)
                days = beyond(broken, service_level_days=agreement.service_level_days) if broken else None
                if broken and days and not _abated(line, days):
                    offers.append(Offer(line, row.serial, broken, days))
    return offers


def _repairs(
    session: Session, tenant: Tenant, asset_ids: Sequence[str]
) -> dict[str, list[tuple[datetime, datetime | None]]]:
    found: dict[str, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    if not asset_ids:
        return found
    began: dict[str, datetime] = {}
    moves = session.scalars(
        scoped(AssetMove, tenant)
        .where(AssetMove.asset_id.in_(asset_ids))
        .order_by(AssetMove.asset_id, AssetMove.position)
    )
    for move in moves:
        if move.to_state == AssetState.IN_REPAIR:
            began[move.asset_id] = move.moved_at
        elif (since := began.pop(move.asset_id, None)) is not None:
            found[move.asset_id].append((since, move.moved_at))
    for asset_id, since in began.items():
        found[asset_id].append((since, None))
    return found


def _days(
    row: Assignment, began_at: datetime, ended_at: datetime | None, *, zone: str, today: date
) -> Period | None:
    if row.during.lower is None:
        return None
    start = max(local_day(began_at, zone), local_day(row.during.lower, zone))
    end = min(
        today if ended_at is None else local_day(ended_at, zone),
        today if row.during.upper is None else local_day(row.during.upper, zone),
    )
    return Period(start, end) if start < end else None


def _abated(line: Line, days: Period) -> bool:
    return any(days.overlap(Period(row.starts_on, row.ends_on)) for row in line.abatements)
