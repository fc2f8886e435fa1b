"""What waits on the device until the server has receipted it; an SQLite file.

A message gets its sequence number in the transaction that stores it. It leaves by a receipt only,
or, when the spool is full, in the order of GIVEN_UP_FIRST; events and results are never given up.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional

from agent import messages

GIVEN_UP_FIRST = ("health", "inventory", "birth")
ROW_OVERHEAD_BYTES = 64
COMMANDS_REMEMBERED = 200
# 2025-01-01: a stamp before the program existed comes from a clock that was not set yet, and says
# nothing about the age of a message.
EARLIEST_MS = 1_735_689_600_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    b INTEGER NOT NULL, s INTEGER NOT NULL, kind TEXT NOT NULL, t INTEGER NOT NULL,
    payload BLOB NOT NULL, PRIMARY KEY (b, s)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS command (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL,
    st TEXT NOT NULL, code TEXT, out TEXT);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class SpoolError(Exception):
    """The spool could not take a message (a full disk, for example)."""


class Row(NamedTuple):
    """A stored message, ready to be sent."""

    b: int
    s: int
    kind: str
    payload: bytes


class KnownCommand(NamedTuple):
    """What became of a command that was seen before."""

    st: str
    code: Optional[str]
    out: Dict[str, Any]


class Spool:
    """The messages of one device. Used by one thread."""

    def __init__(
        self,
        path: Path,
        *,
        b: int,
        max_bytes: int = 50_000_000,
        max_age_seconds: int = 7 * 86400,
        read_only: bool = False,
    ) -> None:
        self.b = b
        self.was_reset = False
        self._max_bytes = max_bytes
        self._max_age_ms = max_age_seconds * 1000
        self._path = path
        self._db = _read_only(path) if read_only else self._open()
        (last,) = self._db.execute("SELECT max(s) FROM message WHERE b = ?", (b,)).fetchone()
        self._last_s: int = last or 0
        self.pending, self.bytes = self._db.execute(
            "SELECT count(*), coalesce(sum(length(payload)), 0) FROM message"
        ).fetchone()
        self.bytes += self.pending * ROW_OVERHEAD_BYTES

    def close(self) -> None:
        self._db.close()

    def append(self, kind: str, body: Mapping[str, Any], *, t: int, now_ms: Optional[int] = None) -> Row:
        """Store a message with the next sequence number and return it.

        :raises messages.BadMessage: if it cannot be put on the wire.
        :raises SpoolError: if it could not be stored.
        """
        s = self._last_s + 1
        payload = messages.encode({**messages.envelope(b=self.b, s=s, t=t), **body})
        self._make_room(len(payload) + ROW_OVERHEAD_BYTES, now_ms=t if now_ms is None else now_ms)
        with self._change() as db:
            db.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?)", (self.b, s, kind, t, payload))
        self._last_s = s
        self.pending += 1
        self.bytes += len(payload) + ROW_OVERHEAD_BYTES
        return Row(self.b, s, kind, payload)

    def oldest_first(self, *, after: tuple[int, int] = (0, 0), limit: int = 100) -> List[Row]:
        """Return up to `limit` messages that come after `after` = (b, s), oldest first."""
        return [
            Row(*row)
            for row in self._db.execute(
                "SELECT b, s, kind, payload FROM message WHERE (b, s) > (?, ?) ORDER BY b, s LIMIT ?",
                (*after, limit),
            )
        ]

    def find(self, b: int, s: int) -> Optional[Row]:
        row = self._db.execute(
            "SELECT b, s, kind, payload FROM message WHERE b = ? AND s = ?", (b, s)
        ).fetchone()
        return Row(*row) if row else None

    def numbers(self, *, b: int, first: int, last: int) -> List[int]:
        """Return the sequence numbers still held of a range, both ends included."""
        return [
            s
            for (s,) in self._db.execute(
                "SELECT s FROM message WHERE b = ? AND s BETWEEN ? AND ? ORDER BY s",
                (b, first, last),
            )
        ]

    def oldest_t(self) -> Optional[int]:
        """Return the time stamp of the message that waits longest."""
        row = self._db.execute("SELECT t FROM message ORDER BY b, s LIMIT 1").fetchone()
        return int(row[0]) if row else None

    def receipt(
        self, *, b: int, upto: int, missing: Iterable[tuple[int, int]] = (), drop: Iterable[int] = ()
    ) -> List[int]:
        """Delete what the server has, and return the sequence numbers that left.

        All of `b` up to `upto` are covered but for the `missing` ranges (both ends included);
        `drop` are covered besides.
        """
        gaps = list(missing)
        covered = {
            s
            for s in self.numbers(b=b, first=1, last=min(upto, messages.MAX_INTEGER))
            if not any(first <= s <= last for first, last in gaps)
        }
        for s in drop:
            if self.find(b, s) is not None:
                covered.add(s)
        gone = sorted(covered)
        self._delete([(b, s) for s in gone])
        return gone

    @property
    def dropped(self) -> int:
        """How many messages were given up over the life of the spool."""
        return int(self.fact("dropped") or 0)

    def fact(self, name: str) -> Optional[Any]:
        """Return a small thing that was remembered, or None."""
        row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def remember(self, name: str, value: Any) -> None:
        with self._change() as db:
            _remember(db, name, value)

    def known_command(self, id: str) -> Optional[KnownCommand]:
        row = self._db.execute("SELECT st, code, out FROM command WHERE id = ?", (id,)).fetchone()
        return KnownCommand(row[0], row[1], json.loads(row[2] or "{}")) if row else None

    def last_command_seq(self) -> int:
        return int(self.fact("command_seq") or 0)

    def remember_command(
        self, id: str, *, seq: int, st: str, code: Optional[str], out: Mapping[str, Any]
    ) -> None:
        """Keep what became of a command; only the last COMMANDS_REMEMBERED are kept."""
        with self._change() as db:
            db.execute(
                "INSERT INTO command (id, seq, st, code, out) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET st = excluded.st, code = excluded.code, "
                "out = excluded.out",
                (id, seq, st, code, json.dumps(dict(out))),
            )
            db.execute(
                "DELETE FROM command WHERE n NOT IN (SELECT n FROM command ORDER BY n DESC LIMIT ?)",
                (COMMANDS_REMEMBERED,),
            )
            _remember(db, "command_seq", max(seq, self.last_command_seq()))

    def _make_room(self, wanted: int, *, now_ms: int) -> None:
        """Give up the oldest messages of the least important kinds until `wanted` bytes fit."""
        stale = self._db.execute(
            "SELECT b, s FROM message WHERE kind = 'health' AND t BETWEEN ? AND ? LIMIT 1000",
            (EARLIEST_MS, now_ms - self._max_age_ms),
        ).fetchall()
        self._give_up(stale)
        if self.bytes + wanted <= self._max_bytes:
            return
        # A tenth more than needed, so that a full spool is not trimmed at every message.
        excess = self.bytes + wanted - self._max_bytes + self._max_bytes // 10
        for kind in GIVEN_UP_FIRST:
            victims = []
            for b, s, size in self._db.execute(
                "SELECT b, s, length(payload) FROM message WHERE kind = ? ORDER BY b, s", (kind,)
            ):
                if excess <= 0:
                    break
                victims.append((b, s))
                excess -= size + ROW_OVERHEAD_BYTES
            self._give_up(victims)

    def _give_up(self, victims: List[tuple[int, int]]) -> None:
        if victims:
            count = self.dropped + len(victims)
            self._delete(victims, lambda db: _remember(db, "dropped", count))

    def _delete(
        self,
        keys: List[tuple[int, int]],
        also: Optional[Callable[[sqlite3.Connection], None]] = None,
    ) -> None:
        if not keys:
            return
        freed = 0
        with self._change() as db:
            for key in keys:
                (size,) = db.execute(
                    "SELECT length(payload) FROM message WHERE b = ? AND s = ?", key
                ).fetchone()
                db.execute("DELETE FROM message WHERE b = ? AND s = ?", key)
                freed += size + ROW_OVERHEAD_BYTES
            if also is not None:
                also(db)
        self.pending -= len(keys)
        self.bytes -= freed
        if len(keys) > 500:  # after an outage the file gives its space back
            self._db.execute("PRAGMA incremental_vacuum").fetchall()

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """Change the file as a whole or not at all.

        :raises SpoolError: if it cannot be written.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db
            self._db.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.Error):
                raise SpoolError(str(error)) from error
            raise

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # what failed before is the error to tell
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _open(self) -> sqlite3.Connection:
        try:
            return _connect(self._path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise SpoolError(f"{self._path}: {error}") from error
            # A torn file (a dying disk, the very case we report) must not stop the reports.
            self.was_reset = True
            for suffix in ("", "-wal", "-shm"):
                part = self._path.with_name(self._path.name + suffix)
                if part.exists():
                    part.replace(part.with_name(f"broken-{part.name}"))
            return _connect(self._path)


def _read_only(path: Path) -> sqlite3.Connection:
    """Open the spool to look at it, beside an agent that uses it."""
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
        db.execute("SELECT count(*) FROM message").fetchone()
    except sqlite3.Error as error:
        raise SpoolError(f"{path}: {error}") from error
    return db


def _connect(path: Path) -> sqlite3.Connection:
    # Created by us first, so that SQLite's files never are readable by others for an instant.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA journal_size_limit = 1048576")
    db.execute("PRAGMA cache_size = -512")
    (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        db.close()
        raise sqlite3.DatabaseError(verdict)
    db.executescript(_SCHEMA)
    return db


def _remember(db: sqlite3.Connection, name: str, value: Any) -> None:
    db.execute(
        "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, json.dumps(value)),
    )
