"""The only place in the agent that reads the clock."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: the wall clock for stamps, the steady one for every wait."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970 UTC. May jump."""

    def steady(self) -> float:
        """Return seconds that only rise."""


class SystemClock:
    """The clocks of this machine."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def steady(self) -> float:
        return time.monotonic()
