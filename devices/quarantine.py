"""Messages that could not be used: kept with a limit, counted without one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from devices.telemetry_models import QuarantineCount, QuarantinedMessage
from devices.wire import Malformed
from haas import outbox
from haas.ids import new_id
from haas.rest.paging import Page, Sort, fetch_page
from haas.tenancy.scope import Tenant, scoped

KEPT_PER_DEVICE = 100
KEPT_BYTES = 4096
_KEPT_PER_BATCH = 20
TOLD_AT = (3, 100)  # a person hears of a device whose count of a day passes these


@dataclass(frozen=True, slots=True)
class Refused:
    """A malformed message with where it came from."""

    topic: str
    payload: bytes
    received_at: datetime
    why: Malformed


def keep(
    session: Session, tenant: Tenant, *, device_id: str, asset_id: str, refused: Sequence[Refused]
) -> None:
    """Count them all, keep the newest, and tell when a device sends too many."""
    for each in refused[-_KEPT_PER_BATCH:]:
        session.add(
            QuarantinedMessage(
                partner_id=tenant.partner_id,
                id=new_id("qua"),
                device_id=device_id,
                topic=each.topic.replace("\0", "�")[:512],
                reason=each.why.reason,
                detail=each.why.detail.replace("\0", "�")[:512],
                size_bytes=len(each.payload),
                payload=each.payload[:KEPT_BYTES],
                received_at=each.received_at,
            )
        )
    session.flush()
    _prune(session, tenant, device_id)
    day = refused[-1].received_at.date()
    before = count_of_day(session, tenant, device_id=device_id, day=day)
    for reason, messages in Counter(each.why.reason for each in refused).items():
        counted = insert(QuarantineCount).values(
            partner_id=tenant.partner_id,
            device_id=device_id,
            day=day,
            reason=reason,
            messages=messages,
            last_at=refused[-1].received_at,
        )
        session.execute(
            counted.on_conflict_do_update(
                index_elements=["partner_id", "device_id", "day", "reason"],
                set_={
                    "messages": QuarantineCount.messages + counted.excluded.messages,
                    "last_at": counted.excluded.last_at,
                },
            )
        )
    after = before + len(refused)
    if any(before < limit <= after for limit in TOLD_AT):
        outbox.publish(
            session,
            tenant,
            "device.quarantined",
            device_id=device_id,
            asset_id=asset_id,
            messages=after,
            day=day.isoformat(),
            reason=refused[-1].why.reason,
        )


def count_of_day(session: Session, tenant: Tenant, *, device_id: str, day: date) -> int:
    """How many messages of a device were quarantined on `day`."""
    return int(
        session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(QuarantineCount.messages), 0)).where(
                QuarantineCount.partner_id == tenant.partner_id,
                QuarantineCount.device_id == device_id,
                QuarantineCount.day == day,
            )
        )
        or 0
    )


def counts(session: Session, tenant: Tenant, *, since: date) -> Sequence[sa.Row[str, str, int, datetime]]:
    """(device, reason, messages, last) since a day, the most first."""
    total = sa.func.sum(QuarantineCount.messages)
    return session.execute(
        sa.select(
            QuarantineCount.device_id, QuarantineCount.reason, total, sa.func.max(QuarantineCount.last_at)
        )
        .where(QuarantineCount.partner_id == tenant.partner_id, QuarantineCount.day >= since)
        .group_by(QuarantineCount.device_id, QuarantineCount.reason)
        .order_by(total.desc())
        .limit(200)
    ).all()


def list_messages(
    session: Session, tenant: Tenant, *, cursor: str | None, limit: int
) -> Page[QuarantinedMessage]:
    """The kept messages, newest first."""
    return fetch_page(
        session,
        scoped(QuarantinedMessage, tenant),
        sort=Sort(QuarantinedMessage.received_at, QuarantinedMessage.id, descending=True),
        cursor=cursor,
        limit=limit,
    )


def week_before(day: date) -> date:
    """Since when counts are shown."""
    return day - timedelta(days=7)


def _prune(session: Session, tenant: Tenant, device_id: str) -> None:
    newest = (
        sa.select(QuarantinedMessage.id)
        .where(
            QuarantinedMessage.partner_id == tenant.partner_id,
            QuarantinedMessage.device_id == device_id,
        )
        .order_by(QuarantinedMessage.id.desc())
        .offset(KEPT_PER_DEVICE)
    )
    session.execute(
        sa.delete(QuarantinedMessage)
        .where(
            QuarantinedMessage.partner_id == tenant.partner_id,
            QuarantinedMessage.device_id == device_id,
            QuarantinedMessage.id.in_(newest),
        )
        .execution_options(synchronize_session=False)
    )
