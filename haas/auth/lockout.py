"""How long an account waits after failed sign-ins: the delay grows with each, whatever the address."""

from __future__ import annotations

from datetime import timedelta

FREE_TRIES = 5
_FIRST = timedelta(seconds=30)
_LONGEST = timedelta(hours=1)


def wait_after(failures: int) -> timedelta:
    """Nothing for the first few failures, then 30 s, 1 min, 2 min … at most an hour."""
    if failures < FREE_TRIES:
        return timedelta()
    doublings: int = 2 ** min(failures - FREE_TRIES, 16)
    return min(_FIRST * doublings, _LONGEST)
