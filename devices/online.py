"""Whether a device is there: states, what moves them, and when silence counts. Pure.

Rules:

- Any message of the newest session brings a device online, whatever it was before.
- A death counts only for the newest session: a broker may deliver the will of an older one late.
- Silence makes `suspect`, then `offline`, even if no will came. It is found by a sweep (`look`).
- While the server itself does not listen, or has only just begun to, silence means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

NEVER_SEEN, ONLINE, SUSPECT, OFFLINE, ASLEEP, MAINTENANCE = (
    "never_seen",
    "online",
    "suspect",
    "offline",
    "asleep",
    "maintenance",
)

GRACE = timedelta(seconds=300)  # after the server began to listen
BLIND_AFTER = timedelta(seconds=60)  # without a sign of life of the subscriber
UPDATE_TAKES = timedelta(minutes=10)  # a device that updates itself is back by then
TELL_AFTER = timedelta(minutes=10)  # a person is told only of an absence that lasts
_SUSPECT_LEAST = timedelta(seconds=90)
_OFFLINE_LEAST = timedelta(seconds=180)

# What a death leads to, and its cause in words.
DEATHS = {
    "lost": (OFFLINE, "the connection was lost"),
    "stop": (OFFLINE, "the agent was stopped"),
    "sleep": (ASLEEP, "it went to sleep"),
    "shutdown": (ASLEEP, "it was shut down"),
    "update": (MAINTENANCE, "the agent updates itself"),
}


@dataclass(frozen=True, slots=True)
class Presence:
    """The state of one device, and when a sweep must look at it if nothing comes before."""

    state: str
    look_at: datetime | None = None
    cause: str = ""


def suspect_after(interval_seconds: int) -> timedelta:
    """How long a device that reports every `interval_seconds` may be silent before one wonders."""
    return max(_SUSPECT_LEAST, timedelta(seconds=1.5 * interval_seconds))


def offline_after(interval_seconds: int) -> timedelta:
    """How long it may be silent before it counts as offline."""
    return max(_OFFLINE_LEAST, timedelta(seconds=3 * interval_seconds))


def heard(*, at: datetime, interval_seconds: int, cause: str = "it spoke") -> Presence:
    """After a message of the newest session."""
    return Presence(ONLINE, at + suspect_after(interval_seconds), cause)


def died(before: Presence, *, b: int, newest_b: int, reason: str, at: datetime) -> Presence:
    """After a death. One of another session changes nothing; neither does one of a device never seen."""
    if b != newest_b or before.state == NEVER_SEEN:
        return before
    state, cause = DEATHS[reason]
    if before.state == state:
        return before
    return Presence(state, at + UPDATE_TAKES if state == MAINTENANCE else None, cause)


def is_blind(*, now: datetime, listening_since: datetime | None, beat_at: datetime | None) -> bool:
    """Whether the server cannot tell silence from its own deafness."""
    if listening_since is None or beat_at is None:
        return True
    return now - beat_at > BLIND_AFTER or now - listening_since < GRACE


def look(before: Presence, *, seen_at: datetime, interval_seconds: int, now: datetime) -> Presence:
    """What silence until `now` makes of a device. Not to be asked while the server is blind."""
    if before.state == MAINTENANCE:
        if before.look_at is not None and now >= before.look_at:
            return Presence(OFFLINE, None, "it did not come back from its update")
        return before
    if before.state not in (ONLINE, SUSPECT):
        return before
    silence = now - seen_at
    if silence >= offline_after(interval_seconds):
        return Presence(OFFLINE, None, f"nothing heard for {int(silence.total_seconds())} s")
    if silence >= suspect_after(interval_seconds):
        if before.state == SUSPECT:
            return before
        return Presence(
            SUSPECT,
            seen_at + offline_after(interval_seconds),
            f"nothing heard for {int(silence.total_seconds())} s",
        )
    return before
