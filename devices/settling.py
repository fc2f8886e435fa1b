"""What follows from a device's messages: verdicts, comings and goings, inventory, answers, and events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session

from agent import messages
from devices import commands, enrolment, health
from devices.sessions import OpenSession
from devices.standing import Standing
from devices.telemetry_models import HealthChange, Inventory, OnlineTransition
from devices.wire import BirthBody, EventBody, InventoryBody, Message, ResultBody
from haas import outbox
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped

RESEND_AFTER = timedelta(seconds=30)
RESEND_AGAIN_AFTER = timedelta(minutes=10)
RESEND_LIFETIME = timedelta(hours=1)
RESEND_RANGES_MAX = 100
# Events of a device that a person should hear of; everything else is history to look at.
TOLD_EVENTS = frozenset({"disk.gone", "disk.failing", "disk.errors_grew", "hw.changed", "spool.reset"})
TELL_AGAIN_AFTER = timedelta(hours=1)

_IDENTITIES = """
select id, partner_id, asset_id, epoch, every::text, config_rev, hardware_hash, enrolled_at,
       revoked_at is not null
  from device where id = any(%s::text[]) order by id
"""
# Two plain questions: a join of the two is planned by statistics that a young table does not have.
_HOLDERS = "select id, client_id from asset where partner_id = %s and id = any(%s::text[])"
_CUSTODY = """
select asset_id, client_id, extract(epoch from lower(during)) * 1000, extract(epoch from upper(during)) * 1000
  from custody where partner_id = %s and asset_id = any(%s::text[])
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the intake must know of a device before it reads a message."""

    id: str
    partner_id: str
    asset_id: str
    epoch: int
    every: Mapping[str, int]
    config_rev: int
    hardware_hash: str
    enrolled_ms: int
    is_revoked: bool


def identities(cursor: psycopg.Cursor[Any], *, device_ids: Iterable[str]) -> list[Identity]:
    """The devices of these topics, of every partner. In the relay's name."""
    cursor.execute(_IDENTITIES, (list(device_ids),))
    return [
        Identity(
            id=row[0],
            partner_id=row[1],
            asset_id=row[2],
            epoch=row[3],
            every=_intervals(row[4]),
            config_rev=row[5],
            hardware_hash=row[6],
            enrolled_ms=int(row[7].timestamp() * 1000),
            is_revoked=row[8],
        )
        for row in cursor.fetchall()
    ]


@lru_cache(maxsize=1024)  # most devices have the same
def _intervals(every: str) -> Mapping[str, int]:
    return messages.intervals(msgspec.json.decode(every))


class Custodians:
    """Which client held an asset at a moment: that client's people may read what was told then."""

    def __init__(self, holders: Iterable[tuple[str, str | None]], spans: Iterable[Sequence[Any]]) -> None:
        self._now: dict[str, str | None] = {row[0]: row[1] for row in holders}
        self._spans: dict[str, list[tuple[float, float, str | None]]] = defaultdict(list)
        for asset_id, client_id, begin, end in spans:
            since = float(begin) if begin is not None else float("-inf")
            until = float(end) if end is not None else float("inf")
            self._spans[asset_id].append((since, until, client_id))

    def at_ms(self, asset_id: str, ms: int) -> str | None:
        """The client at a moment; where no custody was recorded, the client of today."""
        spans = self._spans.get(asset_id)
        if not spans:
            return self._now.get(asset_id)
        for begin, end, client_id in spans:
            if begin <= ms < end:
                return client_id
        return None

    def now(self, asset_id: str) -> str | None:
        """The client of today."""
        return self._now.get(asset_id)


def custody(cursor: psycopg.Cursor[Any], *, partner_id: str, asset_ids: Sequence[str]) -> Custodians:
    """Who held these assets, ever."""
    cursor.execute(_HOLDERS, (partner_id, list(asset_ids)))
    holders = cursor.fetchall()
    cursor.execute(_CUSTODY, (partner_id, list(asset_ids)))
    return Custodians(holders, cursor.fetchall())


def limits_of(session: Session, tenant: Tenant) -> health.Limits:
    """The partner's own limits."""
    policies = session.scalar(sa.select(Partner.policies).where(Partner.id == tenant.partner_id))
    return health.Limits.of_policies(policies or {})


@dataclass(slots=True)
class News:
    """What one device said in a batch that is more than a reading."""

    results: list[ResultBody] = field(default_factory=list)
    events: list[EventBody] = field(default_factory=list)
    inventories: list[Message] = field(default_factory=list)
    born: bool = False
    told_rev: int | None = None  # the configuration in force, by its newest word
    strange_hardware: str | None = None  # another machine speaks in the same session
    outgoing: list[tuple[str, bytes]] = field(default_factory=list)

    def look_at_birth(self, message: Message, opened: OpenSession, *, is_new: bool) -> None:
        """A birth, repeated or not: two machines that share an identity show here."""
        body = message.body
        if not isinstance(body, BirthBody):
            return
        if is_new:
            opened.births += 1
            self.born = True
        if body.hw is None:
            return
        if opened.hardware_hash is None:
            opened.hardware_hash = body.hw
        elif opened.hardware_hash != body.hw:
            self.strange_hardware = body.hw

    def take(self, message: Message) -> None:
        """A message that was not held before."""
        body = message.body
        if isinstance(body, ResultBody):
            self.results.append(body)
        elif isinstance(body, EventBody):
            self.events.append(body)
        elif isinstance(body, InventoryBody):
            self.inventories.append(message)


def settle(
    session: Session,
    tenant: Tenant,
    *,
    identity: Identity,
    standing: Standing,
    news: News,
    limits: health.Limits,
    now: datetime,
) -> None:
    """Write what follows from one device's part of a batch."""
    changed = standing.judge(limits=limits, at=now)
    if changed is not None:
        _note_verdict(session, tenant, standing, before=changed[0], reasons=changed[1], now=now)
    _note_transitions(session, tenant, standing, now)
    if news.inventories:
        _merge_inventory(session, tenant, standing, news.inventories, now)
    if news.results:
        for finished in commands.settle(
            session, tenant, device_id=identity.id, results=news.results, now=now
        ):
            if finished.verb == "rotate" and finished.state == "done":
                enrolment.promote_secret(session, tenant, device_id=identity.id)
    if news.born:
        commands.make_due(session, tenant, device_id=identity.id, now=now)
    _configure(identity, standing, news, now)
    _tell(session, tenant, standing, hardware_hash=identity.hardware_hash, news=news, now=now)


def ask_again(session: Session, tenant: Tenant, *, opened: OpenSession, now: datetime) -> None:
    """Ask for what is missing, if it has been missing long enough. Newer messages never wait for it."""
    if not opened.needs_resend(now, after=RESEND_AFTER, again_after=RESEND_AGAIN_AFTER):
        return
    opened.resend_asked_at = now
    commands.order(
        session,
        tenant,
        device_id=opened.device_id,
        verb="resend",
        args={"b": opened.b, "ranges": opened.ledger.missing()[:RESEND_RANGES_MAX]},
        now=now,
        lifetime=RESEND_LIFETIME,
    )


def _note_verdict(
    session: Session,
    tenant: Tenant,
    standing: Standing,
    *,
    before: str,
    reasons: list[dict[str, str]],
    now: datetime,
) -> None:
    change = HealthChange(
        partner_id=tenant.partner_id,
        id=new_id("hch"),
        device_id=standing.device_id,
        asset_id=standing.asset_id,
        client_id=standing.client_id,
        from_verdict=before,
        to_verdict=standing.verdict,
        at=now,
        reasons=reasons,
        failure_chance=standing.failure_chance,
    )
    session.add(change)
    outbox.publish(
        session,
        tenant,
        "device.health_changed",
        device_id=standing.device_id,
        asset_id=standing.asset_id,
        change_id=change.id,
        verdict=standing.verdict,
    )


def _note_transitions(session: Session, tenant: Tenant, standing: Standing, now: datetime) -> None:
    for each in standing.transitions:
        session.add(
            OnlineTransition(
                partner_id=tenant.partner_id,
                id=new_id("onl"),
                device_id=standing.device_id,
                client_id=standing.client_id,
                from_state=each.from_state,
                to_state=each.to_state,
                at=each.at,
                cause=each.cause,
            )
        )
    if standing.online == "online" and standing.silence_told_at is not None:
        standing.silence_told_at = None
        outbox.publish(
            session,
            tenant,
            "device.came_online",
            device_id=standing.device_id,
            asset_id=standing.asset_id,
            at=now.isoformat(),
        )


def _merge_inventory(
    session: Session, tenant: Tenant, standing: Standing, told: Sequence[Message], now: datetime
) -> None:
    found = session.scalar(
        scoped(Inventory, tenant).where(Inventory.id == standing.device_id).with_for_update()
    )
    if found is None:
        found = Inventory(
            partner_id=tenant.partner_id, id=standing.device_id, sections={}, marks={}, changed_at=now
        )
        session.add(found)
    sections, marks = dict(found.sections), dict(found.marks)
    for message in told:
        place = [message.b, message.s]
        for name, value in msgspec.json.decode(message.encoded).items():
            if name == "smart":  # comes in parts: each replaces what was known of the disks it lists
                known = {entry.get("id"): entry for entry in sections.get("smart", [])}
                for entry in value:
                    mark = f"smart:{str(entry.get('id'))[:200]}"
                    if place > marks.get(mark, [0, 0]):
                        marks[mark], known[entry.get("id")] = place, entry
                sections["smart"] = list(known.values())[: messages.MAX_DISKS]
            elif place > marks.get(name, [0, 0]):
                marks[name], sections[name] = place, value
    found.sections, found.marks = sections, marks
    found.client_id, found.changed_at = standing.client_id, now


def _configure(identity: Identity, standing: Standing, news: News, now: datetime) -> None:
    """Send the configuration to a device whose newest word names an older one."""
    newest = standing.newest_health or standing.newest_birth
    if newest is None or (newest.cfg or 0) >= identity.config_rev:
        return
    body = messages.config(
        rev=identity.config_rev,
        every=identity.every,
        time_ms=int(now.timestamp() * 1000),
    )
    news.outgoing.append((messages.down_topic(identity.id, "cfg"), msgspec.json.encode(body)))


def _tell(
    session: Session, tenant: Tenant, standing: Standing, *, hardware_hash: str, news: News, now: datetime
) -> None:
    told = {event.code: event.sev for event in news.events if event.code in TOLD_EVENTS}
    if news.strange_hardware is not None:
        told["clone"] = "crit"
    birth = standing.newest_birth
    if birth is not None and birth.hw is not None and birth.hw != hardware_hash:
        told["hw.changed"] = "warn"
    for code, severity in told.items():
        last = standing.marked.told.get(code)
        if last is not None and now - datetime.fromisoformat(last) < TELL_AGAIN_AFTER:
            continue
        standing.marked.told[code] = now.isoformat()
        outbox.publish(
            session,
            tenant,
            "device.event_reported",
            device_id=standing.device_id,
            asset_id=standing.asset_id,
            code=code,
            severity=severity,
        )
