"""Enrolled devices and what they say, for tests: keyword-only, dull defaults."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agent import messages
from devices import enrolment, operations
from devices.arrivals import Arrival
from devices.enrolment import Enrolled, Hardware
from haas import db
from haas.ids import new_id
from haas.tenancy.scope import Tenant
from tests import cast as casting
from tests.devices.fleet import make_asset

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HEALTHY = {"cpu_pct": 12.5, "mem_used_pct": 40.0, "disk_used_pct_max": 30.0, "temp_cpu_c": 45.0}
GOOD_DISK = {
    "id": "WD-1", "dev": "sda", "kind": "hdd", "read": "ok", "passed": True, "reallocated": 0, "pending": 0,
}  # fmt: skip


def ms(at: datetime) -> int:
    """A moment as devices tell it."""
    return int(at.timestamp() * 1000)


@dataclass(slots=True)
class Speaker:
    """A device that numbers what it says, as the agent does."""

    device_id: str
    asset_id: str
    partner_id: str
    secret: str
    epoch: int = 1
    starts: int = 1
    s: int = 0
    hardware: Hardware = field(default_factory=lambda: Hardware("SN", "uuid", "board"))

    @property
    def b(self) -> int:
        """The session number."""
        return messages.session_number(epoch=self.epoch, starts=self.starts)

    def restart(self) -> None:
        """The agent starts once more."""
        self.starts += 1
        self.s = 0

    def body(self, kind: str, at: datetime, **fields: Any) -> dict[str, Any]:
        """A message's content, numbered."""
        if kind == "death":
            return {"v": 1, "b": self.b, **fields}
        self.s += 1
        return {**messages.envelope(b=self.b, s=self.s, t=ms(at)), **fields}

    def say(self, kind: str, at: datetime, received_at: datetime | None = None, **fields: Any) -> Arrival:
        """A message as it arrives."""
        return self.send(kind, self.body(kind, at, **fields), received_at or at)

    def send(self, kind: str, body: Mapping[str, Any] | bytes, at: datetime) -> Arrival:
        """Any payload of this device."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Arrival(messages.up_topic(self.device_id, kind), payload, at)

    def birth(self, at: datetime, received_at: datetime | None = None, **fields: Any) -> Arrival:
        """How a connection begins."""
        said = {"agent": "1.0.0", "os": "Debian 12", "caps": [], "pending": 0, "reason": "start", "cfg": 1}
        return self.say("birth", at, received_at, **{**said, "hw": self.hardware.fingerprint, **fields})

    def health(self, at: datetime, received_at: datetime | None = None, **fields: Any) -> Arrival:
        """A minute's readings."""
        return self.say("health", at, received_at, **{"m": HEALTHY, "disks": [GOOD_DISK], "cfg": 1, **fields})


def enrol_device(
    tenant: Tenant, *, serial: str | None = None, at: datetime = NOW, client_id: str | None = None
) -> Speaker:
    """A new asset with a device on it, committed."""
    serial = serial or f"SN-{new_id('x')[-12:]}"
    with db.unit_of_work(tenant) as session:
        asset = make_asset(session, tenant, serial=serial)
        if client_id is not None:
            operations.place_asset(session, tenant, asset_id=asset.id, client_id=client_id, at=at)
        code, _ = enrolment.new_code(session, tenant, asset_id=asset.id, now=at)
        secret = secrets.token_urlsafe(32)
        hardware = Hardware(serial, f"uuid-{serial}", "board-1")
        outcome = enrolment.enrol(
            session,
            tenant,
            code_hash=enrolment.hashed_code(code),
            secret=secret,
            hardware=hardware,
            secret_key=casting.PEPPER,
            now=at,
        )
        assert isinstance(outcome, Enrolled)
        return Speaker(
            outcome.device.id, asset.id, tenant.partner_id, secret, outcome.device.epoch, hardware=hardware
        )
