"""SMART of disks, as `smartctl --json` tells it.

How its output is read:

- The exit status is a bit mask (see `Exit`). Bits 0 to 2 mean that there are no data, which is not
  the same as a healthy disk; an old error log (bit 6) is a note; a failed self-test (bit 7) and
  "failing now" (bit 3) are told as they are.
- An ATA raw value is 48 packed bits; `raw.string` is the reading. Where the two disagree the
  string wins, because smartctl unpacked it for that very model.
- Attribute 188 is three 16-bit counters on Seagate disks: "2 2 2", or one big number where
  smartctl does not know the model. The largest of the three counts.
- "PASSED" is the disk's own opinion, handed on as `passed`; disks with 300 reallocated sectors
  say it too.
"""

from __future__ import annotations

import json
import re
import shutil
from enum import IntFlag
from typing import Any, Dict, List, Mapping, Optional

from agent.collectors import disk
from agent.collectors.reading import Absent, Json, Machine, entries, number, output, text, without_none

SECONDS_PER_DISK = 30.0
MAX_ATTRIBUTES = 64
POWER_ON_HOURS, COMMAND_TIMEOUT = 9, 188
# Attribute -> field of messages.DISK_FIELDS.
COUNTERS = {
    5: "reallocated",
    187: "reported_uncorrect",
    188: "command_timeout",
    197: "pending",
    198: "offline_uncorrectable",
    199: "crc_errors",
}
# Normalised value counts down from 100 as a solid-state disk wears; by the maker's names.
WEAR_NAMES = {
    "Wear_Leveling_Count",
    "Media_Wearout_Indicator",
    "SSD_Life_Left",
    "Percent_Lifetime_Remain",
    "Remaining_Lifetime_Perc",
}
_LEADING = re.compile(r"\s*(\d+)")


class Exit(IntFlag):
    """Bits of smartctl's exit status."""

    BAD_CALL = 1
    NOT_OPENED = 2
    COMMAND_FAILED = 4
    FAILING_NOW = 8
    PREFAIL_BELOW_THRESHOLD = 16
    WAS_BELOW_THRESHOLD = 32
    ERRORS_LOGGED = 64
    SELF_TEST_FAILED = 128


NOTES = {
    Exit.FAILING_NOW: "failing_now",
    Exit.PREFAIL_BELOW_THRESHOLD: "prefail_below_threshold",
    Exit.WAS_BELOW_THRESHOLD: "was_below_threshold",
    Exit.ERRORS_LOGGED: "errors_logged",
    Exit.SELF_TEST_FAILED: "self_test_failed",
}


def collect(machine: Machine, *, at_ms: int) -> List[Json]:
    """Read every disk and return one entry each: `health` fields, model, attributes.

    A disk that sleeps is left asleep (`read` is "standby"). Without smartctl the disks are listed
    with what the kernel knows.

    :raises Absent: if the machine has no disks.
    """
    disks = disk.inventory(machine)
    found = []
    installed = shutil.which(machine.smartctl, path=None) or shutil.which(
        machine.smartctl, path="/usr/sbin:/sbin:/usr/local/sbin"
    )
    for known in disks:
        if installed is None:
            reading: Json = {"read": "no_tool", "health": {}}
        else:
            reading = _read(machine, installed, known["dev"])
        found.append(_entry(machine, known, reading, at_ms=at_ms))
    return found


def parse(report: Mapping[str, Any]) -> Json:
    """Return what one `smartctl --json` report says.

    Keys: `read` (ok, standby, no_data), `health` (fields of messages.DISK_FIELDS), `model`,
    `serial`, `firmware`, `protocol`, `bytes`, `rpm`, `notes`, and `attrs` or `log`.
    """
    status = _int(_map(report, "smartctl").get("exit_status")) or 0
    result = without_none(
        {
            "read": _verdict(report, status),
            "model": report.get("model_name") or report.get("scsi_model_name"),
            "serial": report.get("serial_number"),
            "firmware": report.get("firmware_version")
            or report.get("scsi_revision")
            or report.get("revision"),
            "protocol": _map(report, "device").get("protocol"),
            "bytes": _int(_map(report, "user_capacity").get("bytes"))
            or _int(report.get("nvme_total_capacity")),
            "rpm": _int(report.get("rotation_rate")),
            "notes": [name for bit, name in NOTES.items() if status & bit],
        }
    )
    health = _common(report)
    if "ata_smart_attributes" in report:
        result["attrs"] = attributes(report)
        health.update(_ata(report, result["attrs"]))
    elif "nvme_smart_health_information_log" in report:
        log = _map(report, "nvme_smart_health_information_log")
        result["log"] = {name: value for name, value in log.items() if _int(value) is not None}
        health.update(_nvme(log))
    elif "scsi_grown_defect_list" in report or "scsi_error_counter_log" in report:
        health.update(_scsi(report))
    result["health"] = without_none(health) if result["read"] == "ok" else {}
    return result


def attributes(report: Mapping[str, Any]) -> Dict[str, Json]:
    """Return ATA attributes by id: `raw` as read, `value`, `worst`, `thresh`, `name`."""
    table = _map(report, "ata_smart_attributes").get("table")
    found: Dict[str, Json] = {}
    for row in table if isinstance(table, list) else []:
        id = _int(row.get("id")) if isinstance(row, dict) else None
        if id is None or len(found) >= MAX_ATTRIBUTES:
            continue
        found[str(id)] = without_none(
            {
                "name": row.get("name"),
                "raw": raw_reading(id, _map(row, "raw")),
                "value": _int(row.get("value")),
                "worst": _int(row.get("worst")),
                "thresh": _int(row.get("thresh")),
                "failed": row.get("when_failed") or None,
            }
        )
    return found


def raw_reading(id: int, raw: Mapping[str, Any]) -> Optional[int]:
    """Return the reading in an ATA raw value (see the head of this module)."""
    printed, packed = raw.get("string"), _int(raw.get("value"))
    if id == COMMAND_TIMEOUT:
        return _command_timeout(printed, packed)
    match = _LEADING.match(printed) if isinstance(printed, str) else None
    if match is not None:
        return int(match.group(1))
    return packed


def _command_timeout(printed: Any, packed: Optional[int]) -> Optional[int]:
    words = printed.split() if isinstance(printed, str) else []
    if len(words) > 1 and all(word.isdigit() for word in words):
        return max(int(word) for word in words)
    if packed is None:
        return int(words[0]) if words and words[0].isdigit() else None
    return max((packed >> shift) & 0xFFFF for shift in (0, 16, 32))


def _read(machine: Machine, program: str, name: str) -> Json:
    # nvme0n1 is a name space; SMART belongs to its controller nvme0.
    device = "/dev/" + (name.partition("n1")[0] if name.startswith("nvme") else name)
    try:
        status, printed = output([program, "--json", "-x", "-n", "standby", device], seconds=SECONDS_PER_DISK)
        report = json.loads(printed)
    except (Absent, ValueError) as error:
        return {"read": "no_data", "health": {}, "why": str(error)}
    if not isinstance(report, dict):
        return {"read": "no_data", "health": {}, "why": "smartctl printed no object"}
    report.setdefault("smartctl", {}).setdefault("exit_status", status)
    return parse(report)


def _verdict(report: Mapping[str, Any], status: int) -> str:
    spoken = json.dumps(_map(report, "smartctl").get("messages") or report.get("messages") or "")
    power_mode = json.dumps(report.get("power_mode") or "").upper()
    if status & Exit.NOT_OPENED and ("STANDBY" in spoken.upper() or "STANDBY" in power_mode):
        return "standby"
    if status & (Exit.BAD_CALL | Exit.NOT_OPENED):
        return "no_data"
    has_readings = any(
        name in report
        for name in (
            "ata_smart_attributes",
            "nvme_smart_health_information_log",
            "scsi_grown_defect_list",
            "scsi_error_counter_log",
        )
    )
    # "A command failed" is common on good disks (an unsupported log page); the readings decide.
    return "ok" if has_readings else "no_data"


def _common(report: Mapping[str, Any]) -> Json:
    passed = _map(report, "smart_status").get("passed")
    return {
        "passed": passed if isinstance(passed, bool) else None,
        # 0 degrees is what bridges and RAID volumes say when they do not know.
        "temp_c": _int(_map(report, "temperature").get("current")) or None,
        "power_on_h": _int(_map(report, "power_on_time").get("hours")),
        "power_cycles": _int(report.get("power_cycle_count")),
    }


def _ata(report: Mapping[str, Any], attrs: Mapping[str, Json]) -> Json:
    health: Json = {}
    for id, name in COUNTERS.items():
        if str(id) in attrs:
            health[name] = attrs[str(id)].get("raw")
    if _int(_map(report, "power_on_time").get("hours")) is None and str(POWER_ON_HOURS) in attrs:
        health["power_on_h"] = attrs[str(POWER_ON_HOURS)].get("raw")
    for attribute in attrs.values():
        value = attribute.get("value")
        if attribute.get("name") in WEAR_NAMES and value is not None and value <= 100:
            health["used_pct"] = 100 - value
    return health


def _nvme(log: Mapping[str, Any]) -> Json:
    return {
        "critical_warning": _int(log.get("critical_warning")),
        "spare_pct": _int(log.get("available_spare")),
        "spare_threshold_pct": _int(log.get("available_spare_threshold")),
        "used_pct": _int(log.get("percentage_used")),
        "media_errors": _int(log.get("media_errors")),
        "temp_c": _int(log.get("temperature")),
        "power_on_h": _int(log.get("power_on_hours")),
        "power_cycles": _int(log.get("power_cycles")),
    }


def _scsi(report: Mapping[str, Any]) -> Json:
    health: Json = {
        "reallocated": _int(report.get("scsi_grown_defect_list")),
        "used_pct": _int(report.get("scsi_percentage_used_endurance_indicator")),
    }
    log = report.get("scsi_error_counter_log")
    if isinstance(log, dict):
        health["media_errors"] = sum(
            _int(_map(log, side).get("total_uncorrected_errors")) or 0 for side in ("read", "write", "verify")
        )
    return health


def _entry(machine: Machine, known: Json, reading: Json, *, at_ms: int) -> Json:
    health = dict(reading.get("health") or {})
    if "temp_c" not in health:
        health["temp_c"] = _kernel_temperature(machine, known["dev"])
    serial = reading.get("serial") or known.get("serial")
    kind = known["kind"]
    if kind != "nvme" and reading.get("rpm") is not None:
        kind = "hdd" if reading["rpm"] else "ssd"
    merged = {**known, **{name: value for name, value in reading.items() if name != "health"}}
    merged.update(
        kind=kind,
        id=serial or known["dev"],
        at=at_ms,
        health=without_none(
            {
                "id": serial or known["dev"],
                "dev": known["dev"],
                "kind": kind,
                "read": reading["read"],
                "at": at_ms,
                **health,
            }
        ),
    )
    return merged


def _kernel_temperature(machine: Machine, name: str) -> Optional[float]:
    """Return the temperature the kernel's drivetemp or nvme driver tells, if any."""
    for chip in entries(machine.sys / "block" / name / "device" / "hwmon"):
        value = number(chip / "temp1_input")
        if value and text(chip / "name") in ("drivetemp", "nvme"):
            return round(value / 1000, 1)
    return None


def _map(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def _int(value: Any) -> Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
