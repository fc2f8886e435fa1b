"""Which devices the broker lets in: the rows of its password file."""

from __future__ import annotations

import sqlalchemy as sa

from devices.telemetry_models import Device
from haas import db
from haas.tenancy.scope import Platform

_RELAY = Platform("relay", actor="job:broker")


def broker_rows() -> list[tuple[str, str]]:
    """(device id, mosquitto password hash) of every device that may sign in.

    A rotation that was accepted counts at once: a password file has room for one hash, and the agent tries
    both its secrets until one is taken.
    """
    with db.unit_of_work(_RELAY) as session:
        rows = session.execute(
            sa.select(Device.id, sa.func.coalesce(Device.next_secret_hash, Device.secret_hash))
            .where(Device.revoked_at.is_(None))
            .order_by(Device.id)
        ).all()
    return [(device_id, password_hash) for device_id, password_hash in rows]


def credentials_version() -> str:
    """Another text whenever `broker_rows` has changed; cheap to ask every second."""
    with db.unit_of_work(_RELAY) as session:
        count = session.scalar(sa.select(sa.func.count()).select_from(Device))
        newest = session.scalar(sa.select(sa.func.max(Device.credentials_changed_at)))
    return f"{count}:{newest}"
