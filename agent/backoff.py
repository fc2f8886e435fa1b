"""How long to wait before the next connection: full jitter, so that a fleet never comes at once."""

from __future__ import annotations

import random


class Backoff:
    """Waits random(0, min(most, 1 s * 2**n)); n grows by attempt.

    n returns to 0 only when a connection had lasted `stable_seconds`, however it ended: a broker
    that accepts and then kicks must not be hammered.
    """

    def __init__(
        self, rng: random.Random, *, most_seconds: float = 300.0, stable_seconds: float = 60.0
    ) -> None:
        self._rng = rng
        self._most = most_seconds
        self._stable = stable_seconds
        self.attempts = 0

    def delay(self, *, connected_seconds: float = 0.0) -> float:
        """Return the seconds to wait after a connection failed, or ended after so long."""
        if connected_seconds >= self._stable:
            self.attempts = 0
        longest = min(self._most, 2.0 ** min(self.attempts, 30))
        self.attempts += 1
        return self._rng.uniform(0, longest)
