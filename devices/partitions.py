"""Days of telemetry: made before they are needed, dropped when they are past their time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db
from haas.tenancy.scope import Platform

RETENTION_DAYS = 90
AHEAD_DAYS = 2  # a device's clock may be a day ahead

_RELAY = Platform("relay", actor="job:partitions")


def oldest_kept(today: date) -> date:
    """Messages of an earlier day are not taken any more."""
    return today - timedelta(days=RETENTION_DAYS)


def make_days(days: Iterable[date]) -> None:
    """Make the partitions of `days`, in a transaction of its own, so that it holds no lock for long."""
    with db.unit_of_work(_RELAY) as session:
        for day in sorted(days):
            session.execute(sa.text("select haas_telemetry_partition(:day)"), {"day": day})


def drop_past(today: date) -> int:
    """Drop what is older than is kept; answers how many days went."""
    with db.unit_of_work(_RELAY) as session:
        dropped = session.scalar(
            sa.text("select haas_telemetry_drop(:before)"), {"before": oldest_kept(today)}
        )
    return int(dropped or 0)


def existing_days(session: Session) -> list[date]:
    """The days that have a partition, oldest first."""
    names = session.scalars(
        sa.text(
            "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
            " where i.inhparent = 'telemetry'::regclass order by 1"
        )
    )
    return [date.fromisoformat(str(name).removeprefix("telemetry_")) for name in names]
