"""Bytes of a device message -> a typed message, or the reason why it cannot be used. Pure.

The shapes are those of `agent/messages.py`. A field nobody knows is ignored; a known one of the wrong type
makes the whole message malformed. Where a key stands twice the last one counts, as for every JSON reader we
know of: the same bytes always give the same row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from agent import messages

# What may be wrong with a message; shown to people beside the count.
REASONS = {
    "topic": "the topic is not one that devices publish on",
    "too_large": "the message is larger than 64 KiB",
    "not_json": "the message is not UTF-8 JSON",
    "version": "the version of the contract is not known here",
    "shape": "a field is missing or of the wrong type",
    "number": "a number is outside what both sides can hold",
    "depth": "the message is nested too deeply",
    "text": "a text holds U+0000 or half a character",
    "identity": "the message names another device than its topic",
    "session": "the session number is of an enrolment that never was",
    "retained": "the message was retained, which devices never do",
    "too_old": "the message is older than telemetry is kept",
    "refused": "the database refused the message",
}

_Whole = Annotated[int, Meta(ge=1, le=messages.MAX_INTEGER)]
_Moment = Annotated[int, Meta(ge=0, le=messages.MAX_INTEGER)]
_Integer = Annotated[int, Meta(ge=-messages.MAX_INTEGER, le=messages.MAX_INTEGER)]
_Count = Annotated[int, Meta(ge=0, le=messages.MAX_INTEGER)]
_Text = Annotated[str, Meta(max_length=messages.MAX_TEXT)]
_Name = Annotated[str, Meta(min_length=1, max_length=64)]
_Number = _Integer | float
_Scalar = _Integer | float | bool | None
_Free = dict[str, Any]


class Disk(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Fields of `messages.DISK_FIELDS`."""

    id: _Text
    dev: _Text | None = None
    kind: _Text | None = None
    read: _Text | None = None
    at: _Moment | None = None
    passed: bool | None = None
    temp_c: _Number | None = None
    power_on_h: _Number | None = None
    power_cycles: _Count | None = None
    reallocated: _Count | None = None
    reported_uncorrect: _Count | None = None
    command_timeout: _Count | None = None
    pending: _Count | None = None
    offline_uncorrectable: _Count | None = None
    crc_errors: _Count | None = None
    used_pct: _Number | None = None
    spare_pct: _Number | None = None
    spare_threshold_pct: _Number | None = None
    critical_warning: _Count | None = None
    media_errors: _Count | None = None


class Battery(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Fields of `messages.BATTERY_FIELDS`."""

    id: _Text
    state: _Text | None = None
    pct: _Number | None = None
    health_pct: _Number | None = None
    cycles: _Count | None = None
    power_w: _Number | None = None
    temp_c: _Number | None = None


class Use(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Fields of `messages.USE_FIELDS`."""

    idle: _Count | None = None
    locked: bool | None = None
    sess: _Count | None = None


class HealthBody(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Readings."""

    m: Annotated[dict[_Name, _Scalar], Meta(max_length=64)] = {}
    disks: Annotated[list[Disk], Meta(max_length=messages.MAX_DISKS)] = []
    bat: Annotated[list[Battery], Meta(max_length=messages.MAX_BATTERIES)] = []
    use: Use | None = None
    cfg: _Count | None = None


class BirthBody(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A device introduces itself."""

    agent: _Text | None = None
    os: _Text | None = None
    caps: Annotated[list[_Text], Meta(max_length=64)] = []
    pending: _Count | None = None
    oldest: _Moment | None = None
    dropped: _Count | None = None
    reason: Literal["start", "reconnect", "resume", "update", "rebirth"] | None = None
    hw: _Text | None = None
    cfg: _Count | None = None
    absent: Annotated[dict[_Name, _Text], Meta(max_length=64)] = {}


class EventBody(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something happened on the device."""

    code: _Name
    sev: Literal["info", "warn", "crit"]
    data: _Free = {}


class InventoryBody(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the device is made of; each section that is there replaces what was known of it."""

    hw: Any = None
    os: Any = None
    cpu: Any = None
    mem: Any = None
    disks: list[_Free] | None = None
    fs: list[Any] | None = None
    net: Any = None
    bat: list[Any] | None = None
    absent: _Free | None = None
    smart: list[_Free] | None = None


class ResultBody(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How far a command is."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    st: Literal["received", "running", "done", "failed", "rejected", "expired"]
    code: _Text | None = None
    out: _Free = {}


class Death(Struct, frozen=True, kw_only=True):
    """The end of a session, told by the device or by the broker in its name. It is not numbered."""

    v: Literal[1]
    b: _Whole
    reason: Literal["lost", "sleep", "shutdown", "update", "stop"] = "lost"
    t: _Moment | None = None
    device: str | None = None
    d: str | None = None


# The head of every message but a death. `device` and `d` are no part of the contract: whoever sends them all
# the same must mean the device of the topic.
_HEAD: list[Any] = [
    ("v", Literal[1]),
    ("b", _Whole),
    ("s", _Whole),
    ("t", _Moment),
    ("device", str | None, None),
    ("d", str | None, None),
]


def _decoder(body: type[Struct]) -> msgspec.json.Decoder[Any]:
    whole = msgspec.defstruct(body.__name__, _HEAD, bases=(body,), frozen=True, kw_only=True, gc=False)
    return msgspec.json.Decoder(whole)


Body = BirthBody | HealthBody | EventBody | InventoryBody | ResultBody


class Message(Struct, gc=False):
    """A message that is what the contract says. `encoded` is what is stored: the known fields, as JSON."""

    device: str
    kind: str
    b: int
    s: int
    t: int
    body: Body
    encoded: bytes


@dataclass(frozen=True, slots=True)
class DeathNotice:
    """A device went, or was lost."""

    device: str
    b: int
    reason: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """What could not be used, and why. `b` and `s` are known if the head at least could be read."""

    device: str
    reason: str
    detail: str
    b: int | None = None
    s: int | None = None


class _Wrong(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


_DEATH = msgspec.json.Decoder(Death)
_BODIES: dict[str, Any] = {
    "birth": BirthBody,
    "event": EventBody,
    "inventory": InventoryBody,
    "result": ResultBody,
}
_DECODERS = {kind: _decoder(body) for kind, body in _BODIES.items()}
_HEALTH = _decoder(HealthBody)
_ENCODE = msgspec.json.Encoder().encode
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_DEVICE_OF = re.compile(r"haas/v1/([a-z0-9-]{1,40})/up/")


def device_of(topic: str) -> str | None:
    """The device whose branch a topic lies in, even if nothing else about it is right."""
    match = _DEVICE_OF.match(topic)
    return match.group(1) if match else None


def read(device: str, kind: str, payload: bytes) -> Message | DeathNotice | Malformed:
    """The message in a payload."""
    if len(payload) > messages.MAX_PAYLOAD_BYTES:
        return Malformed(device, "too_large", f"{len(payload)} bytes")
    try:
        return _read(device, kind, payload)
    except _Wrong as wrong:
        return _malformed(device, payload, reason=wrong.reason, detail=str(wrong))
    except msgspec.ValidationError as wrong:
        return _malformed(device, payload, reason=_reason(str(wrong)), detail=str(wrong)[:200])
    except RecursionError:
        return _malformed(device, payload, reason="depth", detail="deeper than can be read")
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as wrong:
        reason = "number" if "out of range" in str(wrong) else "not_json"
        return _malformed(device, payload, reason=reason, detail=str(wrong)[:200])


def _read(device: str, kind: str, payload: bytes) -> Message | DeathNotice:
    if kind == "health":  # by far the most: no detours
        head = _HEALTH.decode(payload)
        body: Body = HealthBody(m=head.m, disks=head.disks, bat=head.bat, use=head.use, cfg=head.cfg)
    elif kind == "death":
        death = _DEATH.decode(payload)
        _same_device(death, device)
        return DeathNotice(device, death.b, death.reason)
    else:
        head = _DECODERS[kind].decode(payload)
        shape = _BODIES[kind]
        fields = {name: getattr(head, name) for name in shape.__struct_fields__}
        for value in fields.values():
            _check(value, depth=2)
        body = shape(**fields)
    if head.device is not None or head.d is not None:
        _same_device(head, device)
    encoded = _ENCODE(body)
    if b"\\u0000" in encoded and _NUL.search(encoded):
        raise _Wrong("text", "a text holds U+0000")
    return Message(device, kind, head.b, head.s, head.t, body, encoded)


def _same_device(head: Any, device: str) -> None:
    for named in (head.device, head.d):
        if named is not None and named != device:
            raise _Wrong("identity", f"it says {named[:60]!r}")


def _check(value: Any, *, depth: int) -> None:
    """Refuse in a free-form part what the typed parts refuse by their types."""
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > messages.MAX_INTEGER:
            raise _Wrong("number", f"{str(value)[:40]} is larger than 2^53-1")
    elif isinstance(value, dict | list):
        if depth > messages.MAX_DEPTH:
            raise _Wrong("depth", f"deeper than {messages.MAX_DEPTH}")
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, depth=depth + 1)


def _reason(words: str) -> str:
    if words.endswith("`$.v`"):
        return "version"
    if "out of range" in words or ("`int`" in words and ("<=" in words or ">=" in words)):
        return "number"
    return "shape"


class _Head(Struct):
    b: _Whole | None = None
    s: _Whole | None = None


def _malformed(device: str, payload: bytes, *, reason: str, detail: str) -> Malformed:
    """With its number, if that much can be read: then the device is told not to send it again."""
    try:
        head = msgspec.json.decode(payload, type=_Head)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        head = _Head()
    return Malformed(device, reason, detail, b=head.b, s=head.s)
