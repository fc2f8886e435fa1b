"""The only place in the agent that reads the clock."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: the wall clock for stamps, the steady one for every wait."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970 UTC. May jump."""

    def steady(self) -> float:
        """Return seconds that only rise; they stand still while the machine sleeps."""

    def slept(self) -> float:
        """Return the seconds the machine has slept since it started."""


class SystemClock:
    """The clocks of this machine."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def steady(self) -> float:
        return time.monotonic()

    def slept(self) -> float:
        if not hasattr(time, "CLOCK_BOOTTIME"):
            return 0.0  # macOS
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
