"""The wire contract between device and server, version 1; the one module both sides share.

Every device message is UTF-8 JSON with the envelope ``{"v", "b", "s", "t"}``:

- ``v`` is the version of the contract.
- ``b`` is the session: enrolment epoch * 2**32 + the device's start counter. It only rises.
- ``s`` is 1, 2, 3 ... within ``b``, given when the message is stored on the device, never reused.
- ``t`` is the device's clock at capture in ms since 1970 UTC; a resend never rewrites it.

A death (clean or by will) is the exception: it has ``v``, ``b`` and ``reason``, no ``s``, and is
not receipted. Identity is never in a payload: the topic carries it and the broker enforces it.
All times on the wire are milliseconds since 1970 UTC, all intervals are seconds.

Bodies, beside the envelope (every field may be missing; unknown fields are ignored):

``birth``
    ``agent`` version, ``os`` text, ``caps`` list of ``"verb:<command>"`` and ``"read:<collector>"``,
    ``pending`` messages in the spool without this one, ``oldest`` ``t`` of the oldest of them,
    ``dropped`` messages given up because the spool was full (over the life of the spool),
    ``reason`` one of BIRTH_REASONS, ``hw`` SHA-256 of serial, uuid and board, ``cfg`` revision in
    force, ``absent`` map of collector to the reason why it has no readings.
``health``
    ``m`` map of METRICS, ``disks`` list of maps of DISK_FIELDS, ``bat`` list of maps of
    BATTERY_FIELDS, ``use`` map of USE_FIELDS, ``cfg`` revision in force.
``event``
    ``code`` one of EVENT_CODES, ``sev`` one of SEVERITIES, ``data`` map.
``inventory``
    Sections; a message carries one or more, and each section replaces what was known of it:
    ``hw`` ``os`` ``cpu`` ``mem`` ``disks`` ``fs`` ``net`` ``bat`` ``absent`` and ``smart``
    (``smart`` is a list by disk; when it is too large it comes in several messages,
    so it replaces what was known of the disks it lists).
``result``
    ``id`` of the command, ``st`` one of RESULT_STATES, ``code`` reason of a refusal, ``out`` map.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
from typing import Any, Dict, List, Mapping, Optional

VERSION = 1
ROOT = "haas/v1"
QOS = 1
MAX_PAYLOAD_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_INTEGER = 2**53 - 1
MAX_TEXT = 512
MAX_DISKS = 64
MAX_BATTERIES = 8
SESSIONS_PER_EPOCH = 2**32
MAX_EPOCH = MAX_INTEGER // SESSIONS_PER_EPOCH

UP_KINDS = ("birth", "death", "health", "event", "inventory", "result")
DOWN_KINDS = ("cmd", "cfg", "ack")
BIRTH_REASONS = ("start", "reconnect", "resume", "update", "rebirth")
DEATH_REASONS = ("lost", "sleep", "shutdown", "update", "stop")
SEVERITIES = ("info", "warn", "crit")
RESULT_STATES = ("received", "running", "done", "failed", "rejected", "expired")
FINAL_RESULT_STATES = ("done", "failed", "rejected", "expired")
VERBS = ("rebirth", "resend", "collect", "rotate")
COLLECTABLE = ("health", "inventory", "smart")

# Seconds: smallest, default, largest.
INTERVALS: Dict[str, tuple[int, int, int]] = {
    "health": (5, 60, 300),
    "inventory": (300, 86400, 7 * 86400),
    "smart": (300, 21600, 7 * 86400),
}

# What the agent reads, for the server's registry and for the text a client agrees to.
METRICS: Dict[str, str] = {
    "uptime_s": "seconds since the operating system started",
    "procs": "number of processes",
    "cpu_pct": "processor busy, per cent of all cores since the last reading",
    "cpu_mhz": "current clock of the processor, MHz",
    "load_1": "load average over 1 minute",
    "load_5": "load average over 5 minutes",
    "load_15": "load average over 15 minutes",
    "mem_used_pct": "memory in use, per cent",
    "mem_available_bytes": "memory available to programs",
    "swap_used_pct": "swap in use, per cent",
    "disk_used_pct_max": "fullest file system, per cent",
    "disk_free_bytes_min": "least free space of any file system",
    "disk_read_bytes_s": "bytes read from disks a second since the last reading",
    "disk_write_bytes_s": "bytes written to disks a second since the last reading",
    "net_rx_bytes_s": "bytes received a second since the last reading",
    "net_tx_bytes_s": "bytes sent a second since the last reading",
    "net_errors": "network errors and drops since the last reading",
    "temp_c_max": "hottest sensor of the machine, degrees Celsius",
    "temp_cpu_c": "hottest processor sensor, degrees Celsius",
    "fan_rpm_min": "slowest fan that reports, revolutions a minute",
    "ac": "on mains power",
    "agent_rss_bytes": "memory the agent itself uses",
    "spool_pending": "messages that wait on the device",
}
DISK_FIELDS: Dict[str, str] = {
    "id": "serial number, else the device name",
    "dev": "device name, such as sda or nvme0",
    "kind": "hdd, ssd, nvme or virtual",
    "read": "ok, standby, no_data, no_tool: what the SMART reading came to",
    "at": "when SMART was read, ms",
    "passed": "the disk's own overall verdict; true does not mean healthy",
    "temp_c": "temperature, degrees Celsius",
    "power_on_h": "hours of use",
    "power_cycles": "times switched on",
    "reallocated": "SMART 5, or the grown defect list of a SCSI disk: sectors replaced",
    "reported_uncorrect": "SMART 187: errors reported to the computer",
    "command_timeout": "SMART 188: commands that ran out of time (largest of its packed counters)",
    "pending": "SMART 197: sectors that wait for replacement",
    "offline_uncorrectable": "SMART 198: sectors that could not be read",
    "crc_errors": "SMART 199: transfer errors, mostly the cable",
    "used_pct": "life used of a solid-state disk, per cent; may exceed 100",
    "spare_pct": "spare blocks left, per cent",
    "spare_threshold_pct": "spare blocks below which the maker calls the disk worn out",
    "critical_warning": "NVMe critical warning bits; 0 is none",
    "media_errors": "NVMe media errors, or uncorrected errors of a SCSI disk",
}
BATTERY_FIELDS: Dict[str, str] = {
    "id": "serial number, else the name of the battery",
    "state": "charging, discharging, full, not_charging or unknown",
    "pct": "charge, per cent",
    "health_pct": "full capacity now, per cent of what it was designed for",
    "cycles": "charge cycles",
    "power_w": "power drawn or fed, watts",
    "temp_c": "temperature, degrees Celsius",
}
USE_FIELDS: Dict[str, str] = {
    "idle": "seconds since the last input; missing where nothing reports it",
    "locked": "the screen is locked; missing where nothing reports it",
    "sess": "number of logged-in sessions; no names",
}
EVENT_CODES: Dict[str, str] = {
    "disk.appeared": "a disk that was not there before",
    "disk.gone": "a disk that was there before is missing",
    "disk.failing": "the disk's own verdict is failed, or NVMe raised a critical warning",
    "disk.errors_grew": "reallocated, pending, uncorrectable or media errors rose",
    "disk.nearly_full": "a file system is over 95 per cent full",
    "power.ac_lost": "mains power went away",
    "power.ac_restored": "mains power is back",
    "temp.high": "a sensor is over its limit",
    "hw.changed": "serial, uuid or board differ from the last start",
    "clock.jumped": "the clock was set by more than a minute",
    "spool.reset": "the spool could not be read and was begun anew",
}

DEVICE_ID = re.compile(r"[a-z0-9-]{1,40}\Z")
_TOPIC = re.compile(r"haas/v1/([a-z0-9-]{1,40})/up/([a-z]{1,16})\Z")


class BadMessage(ValueError):
    """A payload that is not what the contract says."""


def up_topic(device: str, kind: str) -> str:
    """Return the topic on which `device` publishes messages of `kind`."""
    return f"{ROOT}/{device}/up/{kind}"


def down_topic(device: str, kind: str) -> str:
    """Return the topic on which the server speaks to `device`."""
    return f"{ROOT}/{device}/down/{kind}"


def down_filter(device: str) -> str:
    """Return the filter to which a device subscribes."""
    return f"{ROOT}/{device}/down/#"


def up_filter() -> str:
    """Return the one filter to which the server subscribes."""
    return f"{ROOT}/+/up/#"


def parse_up_topic(topic: str) -> Optional[tuple[str, str]]:
    """Return (device, kind) of a device's topic, or None if it is not one of ours."""
    match = _TOPIC.match(topic)
    if match is None or match.group(2) not in UP_KINDS:
        return None
    return match.group(1), match.group(2)


def session_number(*, epoch: int, starts: int) -> int:
    """Return `b`, the session number of the `starts`-th start in an enrolment epoch."""
    if not 1 <= epoch <= MAX_EPOCH:
        raise ValueError(f"epoch {epoch} is outside 1..{MAX_EPOCH}")
    if not 1 <= starts < SESSIONS_PER_EPOCH:
        raise ValueError(f"start counter {starts} is outside 1..{SESSIONS_PER_EPOCH - 1}")
    return epoch * SESSIONS_PER_EPOCH + starts


def encode(body: Mapping[str, Any]) -> bytes:
    """Return a payload for the wire, cleaned of what a reader might choke on.

    :raises BadMessage: if it exceeds MAX_PAYLOAD_BYTES or MAX_DEPTH.
    """
    payload = json.dumps(clean(body), separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode(
        "utf-8"
    )
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise BadMessage(f"{len(payload)} bytes are more than {MAX_PAYLOAD_BYTES}")
    return payload


def decode(payload: bytes) -> Dict[str, Any]:
    """Return the object in a payload.

    :raises BadMessage: if it is too large, not UTF-8 JSON, or not an object.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise BadMessage(f"{len(payload)} bytes are more than {MAX_PAYLOAD_BYTES}")
    try:
        body = json.loads(payload.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadMessage("not an object")
    return body


def clean(value: Any, depth: int = 1) -> Any:
    """Return `value` without U+0000, lone surrogates, NaN, infinities and oversized integers."""
    if isinstance(value, str):
        text = value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
        return text[:MAX_TEXT]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):  # bool is an int and passes unchanged
        return value if abs(value) <= MAX_INTEGER else None
    if value is None:
        return None
    if depth > MAX_DEPTH:
        raise BadMessage(f"deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping):
        return {clean(str(key)): clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item, depth + 1) for item in value]
    raise BadMessage(f"cannot send a {type(value).__name__}")


def envelope(*, b: int, s: int, t: int) -> Dict[str, Any]:
    """Return the head of a device message."""
    return {"v": VERSION, "b": b, "s": s, "t": t}


def death(*, b: int, reason: str, t: Optional[int] = None) -> Dict[str, Any]:
    """Return a death. The will has no time: it is written before it is known."""
    if reason not in DEATH_REASONS:
        raise ValueError(f"unknown reason {reason}")
    body: Dict[str, Any] = {"v": VERSION, "b": b, "reason": reason}
    if t is not None:
        body["t"] = t
    return body


def receipt(
    *,
    b: int,
    upto: int,
    missing: Optional[List[List[int]]] = None,
    drop: Optional[List[int]] = None,
) -> Dict[str, Any]:
    """Return a receipt: all `s` <= `upto` of `b` are committed, but for `missing` [first, last].

    `drop` lists what was quarantined: it is kept by the server and must not be sent again.
    """
    body: Dict[str, Any] = {"b": b, "upto": upto}
    if missing:
        body["missing"] = missing
    if drop:
        body["drop"] = drop
    return body


def config(*, rev: int, every: Mapping[str, int], time_ms: int) -> Dict[str, Any]:
    """Return the full desired configuration of a device."""
    return {"rev": rev, "every": dict(every), "time": time_ms}


def command(*, key: bytes, id: str, verb: str, args: Mapping[str, Any], exp: int, seq: int) -> Dict[str, Any]:
    """Return a signed command. `exp` is in ms; `seq` rises by command of a device."""
    body: Dict[str, Any] = {"id": id, "verb": verb, "args": dict(args), "exp": exp, "seq": seq}
    body["sig"] = signature(key=key, command=body)
    return body


def signature(*, key: bytes, command: Mapping[str, Any]) -> str:
    """Return HMAC-SHA256, in hex, over the canonical JSON of a command without its ``sig``."""
    return hmac.new(key, canonical(command), hashlib.sha256).hexdigest()


def canonical(command: Mapping[str, Any]) -> bytes:
    """Return what is signed: keys sorted, no spaces, UTF-8, without ``sig``."""
    unsigned = {name: value for name, value in command.items() if name != "sig"}
    text = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def is_signed_by(key: bytes, command: Mapping[str, Any]) -> bool:
    """Tell whether the command's ``sig`` is that of `key`, in constant time."""
    given = command.get("sig")
    if not isinstance(given, str):
        return False
    return hmac.compare_digest(
        given.encode("utf-8", "replace"), signature(key=key, command=command).encode("ascii")
    )


def hardware_hash(*, serial: str, uuid: str, board: str) -> str:
    """Return the fingerprint of a machine, by which a cloned disk is noticed."""
    return hashlib.sha256(f"{serial}\x1f{uuid}\x1f{board}".encode()).hexdigest()


def intervals(wanted: Mapping[str, Any]) -> Dict[str, int]:
    """Return the intervals of a configuration, each brought within its bounds."""
    result = {}
    for name, (least, default, most) in INTERVALS.items():
        value = wanted.get(name, default)
        known = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        result[name] = min(max(int(value), least), most) if known else default
    return result
