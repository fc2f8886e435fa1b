"""Sessions of devices while a batch is taken in: their ledgers, their clocks, read and written set-based."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg

from devices.ledger import Ledger

SMALL_SKEW_MS = 5_000  # less than this is the network
DAY_MS = 86_400_000

_READ = """
select device_id, b, opened_at, last_at, offset_ms, clock_bad, hardware_hash, held::text, births,
       gap_since, resend_asked_at
  from device_session
 where partner_id = %s and device_id = any(%s::text[]) and b = any(%s::bigint[])
 order by device_id, b for update
"""
_WRITE = """
insert into device_session (partner_id, device_id, b, opened_at, last_at, offset_ms, clock_bad, hardware_hash,
                            held, births, gap_since, resend_asked_at)
select %s, r.* from jsonb_to_recordset(%s::jsonb) as r (device_id text, b bigint, opened_at timestamptz,
       last_at timestamptz, offset_ms bigint, clock_bad boolean, hardware_hash text, held jsonb,
       births integer, gap_since timestamptz, resend_asked_at timestamptz)
on conflict (partner_id, device_id, b) do update set
  last_at = excluded.last_at, offset_ms = excluded.offset_ms, clock_bad = excluded.clock_bad,
  hardware_hash = excluded.hardware_hash, held = excluded.held, births = excluded.births,
  gap_since = excluded.gap_since, resend_asked_at = excluded.resend_asked_at
"""


@dataclass(slots=True)
class OpenSession:
    """One session of one device, as the batch changes it."""

    device_id: str
    b: int
    opened_at: datetime
    last_at: datetime
    offset_ms: int | None = None
    clock_bad: bool = False
    hardware_hash: str | None = None
    ledger: Ledger = field(default_factory=Ledger)
    births: int = 0
    gap_since: datetime | None = None
    resend_asked_at: datetime | None = None
    dropped: list[int] = field(default_factory=list)  # quarantined in this batch, for the receipt

    def take(self, s: int) -> bool:
        """Hold `s`; whether it is new."""
        fills = self.gap_since is not None and s < self.ledger.top
        if not self.ledger.take(s):
            return False
        if fills:
            self.gap_since = self.last_at  # the gap closes by itself: no need to ask
        return True

    def fix_offset(self, *, t: int, received_ms: int, is_catching_up: bool) -> None:
        """Learn the clock's offset from the session's first birth; never again after.

        A birth that lay at the broker while nobody listened looks as if the device's clock were late. While
        the backlog of the broker is read, a lateness of less than a day is taken for that.
        """
        if self.offset_ms is not None:
            return
        skew = received_ms - t
        if abs(skew) < SMALL_SKEW_MS or (is_catching_up and 0 < skew < DAY_MS):
            self.offset_ms = 0
            return
        self.offset_ms = skew
        self.clock_bad = abs(skew) > DAY_MS

    def effective(self, *, t: int, received_ms: int, not_before_ms: int) -> tuple[int, bool]:
        """(effective time in ms, whether the clock was bad).

        It follows from what is stored: the message's `t`, the session's offset and opening. A time that
        cannot be (before the enrolment, or a day ahead of us) becomes the session's opening.
        """
        effective = t + (self.offset_ms or 0)
        if not_before_ms - DAY_MS <= effective <= received_ms + DAY_MS:
            return effective, self.clock_bad
        return int(self.opened_at.timestamp() * 1000), True

    def note_gap(self, now: datetime) -> None:
        """Remember since when something is missing."""
        gaps = self.ledger.contiguous < self.ledger.top
        self.gap_since = (self.gap_since or now) if gaps else None

    def needs_resend(self, now: datetime, *, after: timedelta, again_after: timedelta) -> bool:
        """Whether to ask for what is missing: not at once, and not too often."""
        return (
            self.gap_since is not None
            and now - self.gap_since >= after
            and (self.resend_asked_at is None or now - self.resend_asked_at >= again_after)
        )


Key = tuple[str, int]


def read(
    cursor: psycopg.Cursor[Any], *, partner_id: str, keys: Iterable[Key], at: datetime
) -> dict[Key, OpenSession]:
    """The sessions of `keys`, locked; those that are new begin `at`."""
    asked = set(keys)
    wanted = sorted(asked)
    devices, numbers = {device for device, _ in wanted}, {b for _, b in wanted}
    cursor.execute(_READ, (partner_id, sorted(devices), sorted(numbers)))
    found: dict[Key, OpenSession] = {}
    for row in cursor.fetchall():
        if (row[0], row[1]) not in asked:
            continue  # a number that another device asked for
        found[row[0], row[1]] = OpenSession(
            device_id=row[0],
            b=row[1],
            opened_at=row[2].astimezone(UTC),
            last_at=row[3],
            offset_ms=row[4],
            clock_bad=row[5],
            hardware_hash=row[6],
            ledger=Ledger(msgspec.json.decode(row[7])),
            births=row[8],
            gap_since=row[9],
            resend_asked_at=row[10],
        )
    for key in wanted:
        if key not in found:
            found[key] = OpenSession(*key, opened_at=at, last_at=at)
    return found


def write(cursor: psycopg.Cursor[Any], *, partner_id: str, sessions: Sequence[OpenSession]) -> None:
    """Store them, new or changed."""
    rows = [
        {
            "device_id": each.device_id,
            "b": each.b,
            "opened_at": each.opened_at,
            "last_at": each.last_at,
            "offset_ms": each.offset_ms,
            "clock_bad": each.clock_bad,
            "hardware_hash": each.hardware_hash,
            "held": each.ledger.ranges(),
            "births": each.births,
            "gap_since": each.gap_since,
            "resend_asked_at": each.resend_asked_at,
        }
        for each in sessions
    ]
    cursor.execute(_WRITE, (partner_id, msgspec.json.encode(rows).decode()))
