"""What is sent next: newest state first, then the backlog from its oldest end, gently.

A message is `unanswered` from its sending until the server's receipt. If no receipt comes it is
sent again after a time-out that doubles. The backlog stops while WINDOW messages are unanswered, so
that a server that is down does not fill the broker's queues; what is new is sent all the same.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from typing import Deque, Dict, Iterable, List, Optional, Tuple

from agent.spool import Row, Spool

MAX_IN_FLIGHT = 20
MAX_PER_SECOND = 50.0
BURST = 10.0
WINDOW = 500
LONGEST_TIMEOUT_SECONDS = 600.0

Key = Tuple[int, int]


class Sender:
    """Chooses messages of one connection; a new connection begins again. Times are steady seconds."""

    def __init__(self, spool: Spool, rng: random.Random, *, receipt_timeout_seconds: float = 30.0) -> None:
        self._spool = spool
        self._rng = rng
        self._timeout = receipt_timeout_seconds
        self._tokens, self._tokens_at = BURST, 0.0
        self._reset()

    def _reset(self) -> None:
        self._first: Deque[Row] = deque()
        self._batch: Deque[Row] = deque()
        self._cursor: Key = (0, 0)
        self._exhausted = False
        self._in_flight: Dict[int, Key] = {}
        self._attempts: Dict[Key, int] = {}
        self._timeouts: List[Tuple[float, Key, int]] = []

    @property
    def unanswered(self) -> int:
        return len(self._attempts)

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    def connected(self, *newest: Row) -> None:
        """Begin a connection: `newest` (the birth, a fresh health) go before the backlog."""
        self._reset()
        self._first.extend(newest)

    def disconnected(self) -> None:
        self._reset()
        self._exhausted = True

    def add(self, row: Row) -> None:
        """Send a message that was just stored, before the backlog."""
        self._first.append(row)

    def again(self, b: int, ranges: Iterable[Tuple[int, int]]) -> None:
        """Send these of session `b` again, with the backlog, whether they were sent or not."""
        for first, last in ranges:
            for key in [key for key in self._attempts if key[0] == b and first <= key[1] <= last]:
                del self._attempts[key]
            self._cursor = min(self._cursor, (b, first - 1))
            self._batch.clear()
            self._exhausted = False

    def next(self, now: float) -> Optional[Row]:
        """Return the message to send now, or None if there is none or it would be too fast."""
        if len(self._in_flight) >= MAX_IN_FLIGHT or self._refill(now) < 1:
            return None
        row = self._choose(now)
        if row is not None:
            self._tokens -= 1
        return row

    def sent(self, row: Row, mid: int, now: float) -> None:
        """Note that a message went out as `mid`."""
        key = (row.b, row.s)
        self._in_flight[mid] = key
        attempt = self._attempts.get(key, 0) + 1
        self._attempts[key] = attempt
        wait = min(LONGEST_TIMEOUT_SECONDS, self._timeout * 2.0 ** min(attempt - 1, 10))
        heapq.heappush(self._timeouts, (now + wait * self._rng.uniform(1.0, 1.1), key, attempt))

    def acknowledged(self, mid: int) -> None:
        """Note that the broker has `mid`, which makes room in flight and nothing else."""
        self._in_flight.pop(mid, None)

    def receipted(self, b: int, sequences: Iterable[int]) -> None:
        """Note that the server has these; the spool has forgotten them already."""
        gone = {(b, s) for s in sequences}
        for key in gone:
            self._attempts.pop(key, None)
        self._batch = deque(row for row in self._batch if (row.b, row.s) not in gone)
        self._first = deque(row for row in self._first if (row.b, row.s) not in gone)

    def due_in(self, now: float) -> float:
        """Return the seconds until `next` may have something, if no acknowledgement comes."""
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            return 5.0
        token_in = max(0.0, (1 - self._refill(now)) / MAX_PER_SECOND)
        has_backlog = (self._batch or not self._exhausted) and len(self._attempts) < WINDOW
        if self._first or has_backlog:
            return token_in
        if self._timeouts:
            return max(token_in, self._timeouts[0][0] - now)
        return 3600.0

    def _choose(self, now: float) -> Optional[Row]:
        if self._first:
            return self._first.popleft()
        overdue = self._overdue(now)
        if overdue is not None:
            return overdue
        if len(self._attempts) >= WINDOW:
            return None
        while True:
            if not self._batch and not self._fetch():
                return None
            row = self._batch.popleft()
            if (row.b, row.s) not in self._attempts:
                return row

    def _overdue(self, now: float) -> Optional[Row]:
        while self._timeouts and self._timeouts[0][0] <= now:
            _, key, attempt = heapq.heappop(self._timeouts)
            if self._attempts.get(key) != attempt:
                continue  # receipted, or sent again meanwhile
            row = self._spool.find(*key)
            if row is not None:
                return row
            del self._attempts[key]  # given up by the spool
        return None

    def _fetch(self) -> bool:
        """Read on in the spool. What is stored after the end was reached comes by `add`."""
        if self._exhausted:
            return False
        rows = self._spool.oldest_first(after=self._cursor)
        if not rows:
            self._exhausted = True
            return False
        self._cursor = (rows[-1].b, rows[-1].s)
        self._batch.extend(rows)
        return True

    def _refill(self, now: float) -> float:
        elapsed = max(0.0, now - self._tokens_at)
        self._tokens = min(BURST, self._tokens + elapsed * MAX_PER_SECOND)
        self._tokens_at = now
        return self._tokens
