"""What is marked on a device's charts: verdicts, comings and goings, and what the device reported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from devices.agents.queries import SPANS
from devices.telemetry_models import HealthChange, OnlineTransition, Telemetry
from haas.tenancy.scope import Tenant, scoped

MARKS_MAX = 40  # more would hide the lines

# (what is marked, word, colour): beside what the device itself calls an event.
_VERDICTS = {
    "healthy": (_l("Good"), "green"),
    "watch": (_l("Watch"), "amber"),
    "failing": (_l("Failing"), "red"),
    "no_data": (_l("No data"), "grey"),
}
_PRESENCE = {
    "online": (_l("Online"), "green"),
    "suspect": (_l("Quiet"), "amber"),
    "offline": (_l("Offline"), "red"),
    "asleep": (_l("Asleep"), "grey"),
    "maintenance": (_l("Maintenance"), "blue"),
}
EVENT_WORDS: dict[str, Any] = {
    "disk.appeared": _l("A disk came"),
    "disk.gone": _l("A disk is missing"),
    "disk.failing": _l("A disk says that it fails"),
    "disk.errors_grew": _l("A disk counts more errors"),
    "disk.nearly_full": _l("A file system is nearly full"),
    "power.ac_lost": _l("Mains power went away"),
    "power.ac_restored": _l("Mains power is back"),
    "temp.high": _l("A sensor is over its limit"),
    "hw.changed": _l("Its hardware changed"),
    "clock.jumped": _l("Its clock was set"),
    "spool.reset": _l("Its store was begun anew"),
}
_SEVERITIES = {"info": "blue", "warn": "amber", "crit": "red"}


@dataclass(frozen=True, slots=True)
class Mark:
    """One moment on a chart."""

    at: datetime
    label: Any
    colour: str  # of the table of states


def marks(session: Session, tenant: Tenant, *, device_id: str, span: str, now: datetime) -> list[Mark]:
    """The newest `MARKS_MAX` moments of the span, oldest first: three queries. A client sees its own.

    `span` is one of `SPANS`.
    """
    since = now - SPANS[span][0]
    found = [
        Mark(row.at, *_VERDICTS.get(row.to_verdict, (row.to_verdict, "grey")))
        for row in session.scalars(_newest(scoped(HealthChange, tenant), HealthChange, device_id, since))
    ]
    found += [
        Mark(row.at, *_PRESENCE.get(row.to_state, (row.to_state, "grey")))
        for row in session.scalars(
            _newest(scoped(OnlineTransition, tenant), OnlineTransition, device_id, since)
        )
    ]
    events = sa.select(Telemetry.ts_eff, Telemetry.body).where(
        Telemetry.partner_id == tenant.partner_id,
        Telemetry.device_id == device_id,
        Telemetry.kind == "event",
        Telemetry.ts_eff >= since,
    )
    if tenant.client_id is not None:
        events = events.where(Telemetry.client_id == tenant.client_id)
    found += [
        Mark(
            at, EVENT_WORDS.get(body.get("code"), body.get("code")), _SEVERITIES.get(body.get("sev"), "grey")
        )
        for at, body in session.execute(events.order_by(Telemetry.ts_eff.desc()).limit(MARKS_MAX))
    ]
    return sorted(found, key=lambda mark: mark.at)[-MARKS_MAX:]


def _newest(
    statement: sa.Select[Any], kind: type[HealthChange | OnlineTransition], device_id: str, since: datetime
) -> sa.Select[Any]:
    return (
        statement.where(kind.device_id == device_id, kind.at >= since)
        .order_by(kind.at.desc(), kind.id.desc())
        .limit(MARKS_MAX)
    )
