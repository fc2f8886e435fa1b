"""Orders to devices: the row first, the message after; only the device's own word moves one past `sent`."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from agent import messages
from devices.telemetry_models import Command, Device
from devices.wire import ResultBody
from haas.auth import vault
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.rest.paging import Page, Sort, fetch_page
from haas.tenancy.scope import Tenant, scoped

LIFETIME = timedelta(days=1)
UNFINISHED_MAX = 20  # of one device: an impatient person is not to fill its day
KEY_PURPOSE = "device_command"
FINAL = frozenset(messages.FINAL_RESULT_STATES)
# How far along: a late `received` does not undo a `running`.
_RANK = {"queued": 0, "sent": 1, "received": 2, "running": 3}


class DeviceRevoked(Conflict):
    """A device that was revoked takes no orders."""

    code = "device_revoked"


@dataclass(frozen=True, slots=True)
class DueCommand:
    """One message to publish."""

    partner_id: str
    command_id: str
    topic: str
    payload: bytes


def order(
    session: Session,
    tenant: Tenant,
    *,
    device_id: str,
    verb: str,
    args: Mapping[str, Any] | None = None,
    now: datetime,
    lifetime: timedelta = LIFETIME,
) -> Command:
    """Give a device an order. It is sent at once if the device listens, and at each of its births until then.

    :raises InvalidInput: if the verb or what it is told is unknown.
    :raises NotFound: if this tenant has no such device.
    :raises DeviceRevoked: if its identity was revoked.
    :raises Conflict: if too many orders wait for it already.
    """
    checked = _checked(verb, dict(args or {}))
    device = lock_device(session, tenant, device_id=device_id)
    if device.revoked_at is not None:
        raise DeviceRevoked("This device's identity was revoked; enrol it again first.")
    waiting = session.scalar(
        sa.select(sa.func.count())
        .select_from(Command)
        .where(
            Command.partner_id == tenant.partner_id,
            Command.device_id == device_id,
            Command.state.not_in(FINAL),
        )
    )
    if (waiting or 0) >= UNFINISHED_MAX:
        raise Conflict(f"{waiting} orders already wait for this device; let it answer first.")
    device.last_command_seq += 1
    command = Command(
        partner_id=tenant.partner_id,
        id=new_id("cmd"),
        device_id=device_id,
        verb=verb,
        args=checked,
        seq=device.last_command_seq,
        created_by=tenant.actor,
        created_at=now,
        expires_at=now + lifetime,
        due_at=now,
    )
    session.add(command)
    session.flush()
    return command


def lock_device(session: Session, tenant: Tenant, *, device_id: str) -> Device:
    """The device, its row locked until the transaction ends.

    :raises NotFound: if this tenant has no such device.
    """
    found = session.scalar(scoped(Device, tenant).where(Device.id == device_id).with_for_update())
    if found is None:
        raise NotFound(f"There is no device {device_id}.")
    return found


def due(session: Session, *, secret_key: str, now: datetime, limit: int = 200) -> list[DueCommand]:
    """Signed messages that are to be published now, of every partner. In the relay's name."""
    rows = session.execute(
        sa.select(Command, Device.command_key)
        .join(
            Device,
            sa.and_(Device.partner_id == Command.partner_id, Device.id == Command.device_id),
        )
        .where(Command.due_at <= now, Command.expires_at > now, Device.revoked_at.is_(None))
        .order_by(Command.due_at, Command.seq)
        .limit(limit)
        .with_for_update(of=Command, skip_locked=True)
    ).all()
    found = []
    for command, sealed in rows:
        key = base64.b64decode(vault.unseal(sealed, secret_key=secret_key, purpose=KEY_PURPOSE))
        body = messages.command(
            key=key,
            id=command.id,
            verb=command.verb,
            args=command.args,
            exp=int(command.expires_at.timestamp() * 1000),
            seq=command.seq,
        )
        topic = messages.down_topic(command.device_id, "cmd")
        found.append(DueCommand(command.partner_id, command.id, topic, msgspec.json.encode(body)))
        command.due_at = None
        command.sent_at = now
        if command.state == "queued":
            command.state = "sent"
    return found


def make_due(session: Session, tenant: Tenant, *, device_id: str, now: datetime) -> None:
    """A birth: whatever is not finished is sent again; the device knows what it did already."""
    session.execute(
        sa.update(Command)
        .where(
            Command.partner_id == tenant.partner_id,
            Command.device_id == device_id,
            Command.state.not_in(FINAL),
            Command.expires_at > now,
        )
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )


def settle(
    session: Session, tenant: Tenant, *, device_id: str, results: Iterable[ResultBody], now: datetime
) -> list[Command]:
    """What the device says has become of its orders; answers those that are finished by it."""
    by_id: dict[str, list[ResultBody]] = {}
    for result in results:
        by_id.setdefault(result.id, []).append(result)
    if not by_id:
        return []
    found = session.scalars(
        scoped(Command, tenant)
        .where(Command.device_id == device_id, Command.id.in_(by_id))
        .order_by(Command.seq)
        .with_for_update()
    ).all()
    finished = []
    for command in found:
        for result in by_id[command.id]:
            if command.state in FINAL and command.state != "expired":
                continue
            if result.st in FINAL:
                command.state, command.settled_at, command.due_at = result.st, now, None
                command.code = result.code or ""
                command.output = dict(result.out)
                finished.append(command)
            elif _RANK[result.st] > _RANK.get(command.state, 9):
                command.state = result.st
    return finished


def expire(session: Session, tenant: Tenant, *, now: datetime) -> int:
    """Close what was not carried out in time; answers how many."""
    done = session.execute(
        sa.update(Command)
        .where(
            Command.partner_id == tenant.partner_id,
            Command.state.not_in(FINAL),
            Command.expires_at <= now,
        )
        .values(state="expired", settled_at=now, due_at=None, code="too_late")
        .execution_options(synchronize_session=False)
    )
    return int(getattr(done, "rowcount", 0))


def list_commands(
    session: Session, tenant: Tenant, *, device_id: str, cursor: str | None = None, limit: int = 50
) -> Page[Command]:
    """The orders of one device, newest first."""
    return fetch_page(
        session,
        scoped(Command, tenant).where(Command.device_id == device_id),
        sort=Sort(Command.seq, Command.id, descending=True),
        cursor=cursor,
        limit=limit,
    )


def recent(session: Session, tenant: Tenant, *, device_id: str, count: int) -> Sequence[Command]:
    """The newest orders of one device."""
    return session.scalars(
        scoped(Command, tenant)
        .where(Command.device_id == device_id)
        .order_by(Command.seq.desc())
        .limit(count)
    ).all()


def _checked(verb: str, args: dict[str, Any]) -> dict[str, Any]:
    if verb not in messages.VERBS:
        raise InvalidInput(f"A device knows: {', '.join(messages.VERBS)}.", field="verb")
    allowed = {"collect": {"what"}, "resend": {"b", "ranges"}}.get(verb, set())
    if unknown := set(args) - allowed:
        raise InvalidInput(f"{verb} takes no {', '.join(sorted(unknown))}.", field="args")
    if verb == "collect":
        what = args.get("what", ["health"])
        if not isinstance(what, list) or not what or any(name not in messages.COLLECTABLE for name in what):
            raise InvalidInput(f"collect takes some of: {', '.join(messages.COLLECTABLE)}.", field="args")
    if verb == "resend" and not _are_ranges(args.get("ranges")):
        raise InvalidInput("resend takes ranges as [[first, last], …].", field="args")
    return args


def _are_ranges(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= 1000
        and all(
            isinstance(pair, list)
            and len(pair) == 2
            and all(isinstance(end, int) and not isinstance(end, bool) for end in pair)
            and 1 <= pair[0] <= pair[1] <= messages.MAX_INTEGER
            for pair in value
        )
    )
