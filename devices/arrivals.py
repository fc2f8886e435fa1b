"""Messages as the broker handed them over, what they say of sessions, and what became of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeGuard

from agent import messages
from devices import wire
from devices.sessions import Key


class Arrival(NamedTuple):
    """A message as the broker handed it over."""

    topic: str
    payload: bytes
    received_at: datetime
    retained: bool = False


class Outgoing(NamedTuple):
    """What is to be published once the batch is committed."""

    topic: str
    payload: bytes


@dataclass(slots=True)
class TakenIn:
    """What became of a batch: each message is stored, repeated, quarantined, a death, or strange."""

    stored: int = 0
    repeated: int = 0
    quarantined: int = 0
    deaths: int = 0
    strange: int = 0  # of no device we know, or of one that is revoked
    outgoing: list[Outgoing] = field(default_factory=list)

    def add(self, other: TakenIn) -> None:
        """Count another part of the same batch."""
        self.stored += other.stored
        self.repeated += other.repeated
        self.quarantined += other.quarantined
        self.deaths += other.deaths
        self.strange += other.strange
        self.outgoing += other.outgoing


Read = tuple[Arrival, wire.Message | wire.DeathNotice | wire.Malformed]


def read(arrival: Arrival, *, is_refused: bool) -> Read | None:
    """The message with its device; none if not even that can be told."""
    known = _parsed(arrival.topic)
    if known is None:
        device = wire.device_of(arrival.topic)
        if device is None:
            return None
        return arrival, wire.Malformed(device, "topic", arrival.topic[:200])
    device, kind = known
    found = wire.read(device, kind, arrival.payload)
    if not arrival.retained and not is_refused:
        return arrival, found
    reason = "retained" if arrival.retained else "refused"
    if isinstance(found, wire.DeathNotice):
        return arrival, wire.Malformed(device, reason, wire.REASONS[reason])
    return arrival, wire.Malformed(device, reason, wire.REASONS[reason], b=found.b, s=found.s)


_parsed = lru_cache(maxsize=65_536)(messages.parse_up_topic)  # a device uses the same few topics for ever


def session_keys(items: Mapping[str, Sequence[Read]]) -> set[Key]:
    """Every session that these messages are of, or speak of."""
    keys: set[Key] = set()
    for device_id, reads in items.items():
        numbers = {found.b for _, found in reads if not isinstance(found, wire.DeathNotice)}
        keys.update((device_id, b) for b in numbers if b is not None)
        for _, found in reads:
            if isinstance(found, wire.Message) and found.kind == "result":
                keys.update((device_id, b) for b, _, _ in gone_for_good(found))
    return keys


def gone_for_good(message: wire.Message) -> list[tuple[int, int, int]]:
    """(b, first, last) of what the answer to a `resend` says is gone."""
    body = message.body
    if not isinstance(body, wire.ResultBody) or body.st != "done":
        return []
    b, ranges = body.out.get("b"), body.out.get("gone")
    if not _is_number(b) or not isinstance(ranges, list):
        return []
    session: int = b
    return [
        (session, pair[0], pair[1])
        for pair in ranges
        if isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair)) and pair[0] <= pair[1]
    ]


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
