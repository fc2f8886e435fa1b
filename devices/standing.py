"""The newest that is known of each device while a batch is taken in: read, moved forward, written set-based.

A standing only moves forward by (session, number), whatever the order of arrival: what drains from a backlog
fills history and never overwrites the present.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from devices import health
from devices.online import NEVER_SEEN, ONLINE, Presence, died, heard, suspect_after
from devices.wire import BirthBody, HealthBody, InventoryBody, Message

_READ = """
select id, client_id, b, s, seen_at, online, online_since, online_cause, silent_after, silence_told_at,
       verdict, verdict_since, reasons::text, failure_chance, clock_bad, report::text, memory::text
  from device_state where partner_id = %s and id = any(%s::text[]) order by id for update
"""
_WRITE = """
insert into device_state (partner_id, id, asset_id, client_id, b, s, seen_at, online, online_since,
                          online_cause, silent_after, silence_told_at, verdict, verdict_since, reasons,
                          failure_chance, clock_bad, report, memory)
select %s, r.* from jsonb_to_recordset(%s::jsonb) as r (id text, asset_id text, client_id text, b bigint,
       s bigint, seen_at timestamptz, online text, online_since timestamptz, online_cause text,
       silent_after timestamptz, silence_told_at timestamptz, verdict text, verdict_since timestamptz,
       reasons jsonb, failure_chance double precision, clock_bad boolean, report jsonb, memory jsonb)
on conflict (partner_id, id) do update set
  asset_id = excluded.asset_id, client_id = excluded.client_id, b = excluded.b, s = excluded.s,
  seen_at = excluded.seen_at, online = excluded.online, online_since = excluded.online_since,
  online_cause = excluded.online_cause, silent_after = excluded.silent_after,
  silence_told_at = excluded.silence_told_at, verdict = excluded.verdict,
  verdict_since = excluded.verdict_since, reasons = excluded.reasons,
  failure_chance = excluded.failure_chance, clock_bad = excluded.clock_bad, report = excluded.report,
  memory = excluded.memory
"""
_NOTHING = msgspec.Raw(b"{}")
_encode = msgspec.json.encode


class Marked(msgspec.Struct, omit_defaults=True):
    """What a standing remembers beside its columns."""

    marks: dict[str, tuple[int, int]] = {}  # kind -> (b, s) of the newest that counted
    baselines: dict[str, dict[str, int]] = {}
    streaks: dict[str, int] = {}
    notes: dict[str, list[str]] = {}
    told: dict[str, str] = {}  # event code -> when it was last told, ISO


class Report(msgspec.Struct, omit_defaults=True):
    """The newest body of each kind, as it came."""

    health: msgspec.Raw = _NOTHING
    birth: msgspec.Raw = _NOTHING


@dataclass(slots=True)
class Transition:
    """Came, went, slept."""

    from_state: str
    to_state: str
    at: datetime
    cause: str


@dataclass(slots=True)
class Standing:
    """One device's row, as the batch changes it."""

    device_id: str
    asset_id: str
    client_id: str | None
    interval_seconds: int
    b: int = 0
    s: int = 0
    seen_at: datetime | None = None
    online: str = NEVER_SEEN
    online_since: datetime | None = None
    online_cause: str = ""
    silent_after: datetime | None = None
    silence_told_at: datetime | None = None
    verdict: str = health.NO_DATA
    verdict_since: datetime | None = None
    reasons: msgspec.Raw = field(default_factory=lambda: msgspec.Raw(b"[]"))
    failure_chance: float | None = None
    clock_bad: bool = False
    report: Report = field(default_factory=Report)
    marked: Marked = field(default_factory=Marked)
    transitions: list[Transition] = field(default_factory=list)
    newest_health: HealthBody | None = None
    newest_birth: BirthBody | None = None
    has_new_notes: bool = False

    def hear(self, b: int, at: datetime) -> None:
        """Any message of the newest session, repeated or not, shows that the device is there."""
        if b < self.b:
            return
        if self.online != ONLINE:
            self._move(heard(at=at, interval_seconds=self.interval_seconds), at)
        self.seen_at = at

    def take(self, message: Message, *, is_clock_bad: bool) -> None:
        """Move forward by a message that was not held before."""
        place = (message.b, message.s)
        if place > (self.b, self.s):
            self.b, self.s = place
            self.clock_bad = is_clock_bad
        body = message.body
        if isinstance(body, HealthBody):
            if place > self.marked.marks.get("health", (0, 0)):
                self.marked.marks["health"] = place
                self.newest_health = body
                self.report.health = msgspec.Raw(message.encoded)
        elif isinstance(body, BirthBody):
            if place > self.marked.marks.get("birth", (0, 0)):
                self.marked.marks["birth"] = place
                self.newest_birth = body
                self.report.birth = msgspec.Raw(message.encoded)
        elif isinstance(body, InventoryBody) and body.smart:
            self._take_notes(body.smart, place)

    def die(self, b: int, reason: str, at: datetime) -> None:
        """A death: clean, or by will."""
        before = Presence(self.online, self.silent_after, self.online_cause)
        after = died(before, b=b, newest_b=self.b, reason=reason, at=at)
        if after is not before:
            self._move(after, at)

    def judge(self, *, limits: health.Limits, at: datetime) -> tuple[str, list[dict[str, str]]] | None:
        """Judge anew if there is something new; (verdict before, reasons) if the verdict changed."""
        if self.newest_health is None and not self.has_new_notes:
            return None
        body = self.newest_health or msgspec.json.decode(self.report.health, type=HealthBody)
        verdict = health.judge(
            health.Readings(
                metrics=body.m,
                disks=[msgspec.to_builtins(disk) for disk in body.disks],
                batteries=[msgspec.to_builtins(battery) for battery in body.bat],
                notes=self.marked.notes,
            ),
            memory=health.Memory(self.marked.baselines, self.marked.streaks),
            limits=limits,
        )
        self.marked.baselines = {disk: dict(counts) for disk, counts in verdict.memory.baselines.items()}
        self.marked.streaks = dict(verdict.memory.streaks)
        reasons = [reason.as_json() for reason in verdict.reasons]
        self.reasons = msgspec.Raw(_encode(reasons))
        self.failure_chance = verdict.failure_chance
        if verdict.level == self.verdict and self.verdict_since is not None:
            return None
        before, self.verdict, self.verdict_since = self.verdict, verdict.level, at
        return (before, reasons) if before != verdict.level else None

    def close(self) -> None:
        """Set when the sweep must look, once for the whole batch."""
        if self.online == ONLINE and self.seen_at is not None:
            self.silent_after = self.seen_at + suspect_after(self.interval_seconds)

    def _move(self, presence: Presence, at: datetime) -> None:
        self.transitions.append(Transition(self.online, presence.state, at, presence.cause))
        self.online, self.online_since, self.online_cause = presence.state, at, presence.cause
        self.silent_after = presence.look_at

    def _take_notes(self, entries: Sequence[Mapping[str, Any]], place: tuple[int, int]) -> None:
        if place <= self.marked.marks.get("smart", (0, 0)):
            return
        self.marked.marks["smart"] = place
        for entry in entries:
            disk, notes = entry.get("id"), entry.get("notes")
            if not isinstance(disk, str) or entry.get("read") != "ok":
                continue
            words = [note for note in notes if isinstance(note, str)] if isinstance(notes, list) else []
            if words != self.marked.notes.get(disk, []):
                self.marked.notes[disk] = words[:8]
                self.has_new_notes = True


@dataclass(frozen=True, slots=True)
class Holder:
    """Which device, on which asset, with whom, and how often it reports."""

    device_id: str
    asset_id: str
    client_id: str | None
    interval_seconds: int


def read(
    cursor: psycopg.Cursor[Any], *, partner_id: str, holders: Iterable[Holder], at: datetime
) -> dict[str, Standing]:
    """The rows of these devices, locked; a device without one begins as never seen."""
    wanted = {holder.device_id: holder for holder in holders}
    cursor.execute(_READ, (partner_id, sorted(wanted)))
    found = {}
    for row in cursor.fetchall():
        holder = wanted[row[0]]
        found[row[0]] = Standing(
            device_id=row[0],
            asset_id=holder.asset_id,
            client_id=holder.client_id,
            interval_seconds=holder.interval_seconds,
            b=row[2],
            s=row[3],
            seen_at=row[4],
            online=row[5],
            online_since=row[6],
            online_cause=row[7],
            silent_after=row[8],
            silence_told_at=row[9],
            verdict=row[10],
            verdict_since=row[11],
            reasons=msgspec.Raw(row[12].encode()),
            failure_chance=row[13],
            clock_bad=row[14],
            report=msgspec.json.decode(row[15], type=Report),
            marked=msgspec.json.decode(row[16], type=Marked),
        )
    for device_id, holder in wanted.items():
        if device_id not in found:
            found[device_id] = Standing(
                device_id, holder.asset_id, holder.client_id, holder.interval_seconds, online_since=at
            )
    return found


def write(
    cursor: psycopg.Cursor[Any], *, partner_id: str, standings: Iterable[Standing], at: datetime
) -> None:
    """Store them, new or changed."""
    rows = [
        {
            "id": each.device_id,
            "asset_id": each.asset_id,
            "client_id": each.client_id,
            "b": each.b,
            "s": each.s,
            "seen_at": each.seen_at,
            "online": each.online,
            "online_since": each.online_since or at,
            "online_cause": each.online_cause,
            "silent_after": each.silent_after,
            "silence_told_at": each.silence_told_at,
            "verdict": each.verdict,
            "verdict_since": each.verdict_since or at,
            "reasons": each.reasons,
            "failure_chance": each.failure_chance,
            "clock_bad": each.clock_bad,
            "report": each.report,
            "memory": each.marked,
        }
        for each in standings
    ]
    cursor.execute(_WRITE, (partner_id, _encode(rows).decode()))
