"""Readings in, verdict and reasons out. Pure.

The verdict is for a person who decides about hardware: `failing` says "swap it", `watch` says "look at it".
A full disk or a hot room is never `failing`: a swap would not cure it. What could not be read is `no_data`,
never `healthy`. Sources and limits of the chances are in `devices/hazards.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from devices.hazards import (
    FAILING_RATE,
    HORIZON_DAYS,
    WATCH_RATE,
    annual_rate,
    chance_within,
    combined,
)

HEALTHY, WATCH, FAILING, NO_DATA = "healthy", "watch", "failing", "no_data"
NOTE = "note"  # a reason that is worth a line and changes nothing

_RANK = {NOTE: 0, WATCH: 1, FAILING: 2}
_WORD = 0xFFFF

# The counters of a disk that only rise, with what each counts.
COUNTERS = {
    "reallocated": "sectors replaced",
    "reported_uncorrect": "errors reported to the computer",
    "command_timeout": "commands timed out",
    "pending": "sectors waiting for replacement",
    "offline_uncorrectable": "sectors that cannot be read",
    "crc_errors": "transfer errors",
    "media_errors": "media errors",
}
# A rise of these since the disk was first seen tells of a disk that is losing sectors now.
_LOSING = ("reallocated", "reported_uncorrect", "pending", "offline_uncorrectable", "media_errors")

# NVMe critical warning, bit by bit (NVM Express base specification, SMART / health log, byte 0).
_NVME_WARNINGS = (
    (1, FAILING, "spare blocks are below the maker's threshold"),
    (2, WATCH, "the temperature is outside the maker's limits"),
    (4, FAILING, "the disk says that it is no longer reliable"),
    (8, FAILING, "the disk has gone read-only"),
    (16, WATCH, "the backup of its volatile memory failed"),
    (32, FAILING, "its persistent memory is read-only or unreliable"),
)
# Bits of smartctl's exit status, as the agent names them. A logged error (bit 6) is history, not a state.
_NOTES = {
    "failing_now": (FAILING, "an attribute is below its failure threshold now"),
    "prefail_below_threshold": (FAILING, "a pre-failure attribute is below its threshold"),
    "was_below_threshold": (WATCH, "an attribute was below its threshold in the past"),
    "self_test_failed": (WATCH, "a self-test ended with an error"),
    "errors_logged": (NOTE, "its error log is not empty"),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Where looking at it begins. A partner may set them."""

    battery_watch_pct: float = 80
    battery_failing_pct: float = 50
    battery_cycles: int = 1000
    disk_temp_c: float = 60
    nvme_temp_c: float = 75
    cpu_temp_c: float = 95
    disk_used_pct: float = 92
    memory_used_pct: float = 95
    wear_pct: float = 90
    persists: int = 3  # readings in a row before what goes up and down counts

    @classmethod
    def of_policies(cls, policies: Mapping[str, Any]) -> Limits:
        """The partner's own, where it set any. An unknown name or a text is left aside."""
        chosen = policies.get("health")
        own: dict[str, Any] = {
            name: value
            for name, value in (chosen if isinstance(chosen, dict) else {}).items()
            if name in cls.__slots__ and isinstance(value, int | float) and not isinstance(value, bool)
        }
        return cls(**own)


@dataclass(frozen=True, slots=True)
class Reason:
    """One finding, in words. `code` is stable; `part` names the component."""

    level: str
    code: str
    part: str
    text: str

    def as_json(self) -> dict[str, str]:
        """For storage."""
        return {"level": self.level, "code": self.code, "part": self.part, "text": self.text}


@dataclass(frozen=True, slots=True)
class Readings:
    """The newest that a device told of itself. Fields as in `agent.messages`."""

    metrics: Mapping[str, Any] = field(default_factory=dict)
    disks: Sequence[Mapping[str, Any]] = ()
    batteries: Sequence[Mapping[str, Any]] = ()
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)  # disk id -> words of the exit status


@dataclass(frozen=True, slots=True)
class Memory:
    """What one judgement leaves for the next: counters when first seen, and how long a level holds."""

    baselines: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    streaks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to think of a device. `failure_chance` is that of a disk failing within HORIZON_DAYS."""

    level: str
    reasons: tuple[Reason, ...]
    failure_chance: float | None
    memory: Memory


def judge(readings: Readings, *, memory: Memory | None = None, limits: Limits | None = None) -> Verdict:
    """The verdict on a device."""
    memory, limits = memory or Memory(), limits or Limits()
    reasons: list[Reason] = []
    chances: list[float] = []
    baselines: dict[str, dict[str, int]] = {}
    physical = [disk for disk in readings.disks if disk.get("kind") != "virtual"]
    for disk in physical:
        name = str(disk.get("id"))
        known = dict(memory.baselines.get(name, {}))
        found, rate, baselines[name] = _disk(disk, readings.notes.get(name, ()), known, limits)
        reasons += found
        if rate is not None:
            chances.append(chance_within(rate, days=HORIZON_DAYS))
    for battery in readings.batteries:
        reasons += _battery(battery, limits)
    held, streaks = _levels(readings, memory.streaks, limits)
    reasons += held

    reasons.sort(key=lambda reason: -_RANK.get(reason.level, 0))
    return Verdict(
        level=_level(reasons, readings, physical),
        reasons=tuple(reasons),
        failure_chance=combined(chances) if chances else None,
        memory=replace(memory, baselines=baselines or memory.baselines, streaks=streaks),
    )


def low_word(value: int) -> int:
    """The reading in a packed SMART 188: Seagate stores three 16-bit counters in one number.

    17180131332 is (4, 4, 4), so 4; a number that fits one word is itself.
    """
    return max((value >> shift) & _WORD for shift in (0, 16, 32)) if value > _WORD else value


def _level(reasons: Iterable[Reason], readings: Readings, physical: Sequence[Mapping[str, Any]]) -> str:
    worst = max((_RANK.get(reason.level, 0) for reason in reasons), default=0)
    if worst == _RANK[FAILING]:
        return FAILING
    if worst == _RANK[WATCH]:
        return WATCH
    unread = any(disk.get("read") not in (None, "ok", "standby") for disk in physical)
    told = bool(readings.metrics or physical or readings.batteries)
    return NO_DATA if unread or not told else HEALTHY


def _disk(
    disk: Mapping[str, Any], notes: Sequence[str], known: dict[str, int], limits: Limits
) -> tuple[list[Reason], float | None, dict[str, int]]:
    """Reasons, annual failure rate (none if nothing was read) and the baseline from now on."""
    part = _name(disk)
    if disk.get("read") not in (None, "ok", "standby"):
        why = (
            "no program to read SMART is installed"
            if disk.get("read") == "no_tool"
            else "SMART cannot be read"
        )
        return [Reason(NOTE, "disk.no_data", part, f"{part}: {why}")], None, known

    reasons = [
        Reason(level, f"disk.{note}", part, f"{part}: {words}")
        for note in notes
        if note in _NOTES
        for level, words in [_NOTES[note]]
    ]
    if disk.get("passed") is False:
        reasons.append(Reason(FAILING, "disk.not_passed", part, f"{part}: its own verdict is that it fails"))
    counts = _counts(disk)
    counted, rate = _counters(disk, counts, part)
    reasons += counted
    grown, known = _growth(counts, part, known)
    reasons += grown
    reasons += _solid_state(disk, part, limits)
    if any(reason.level == FAILING for reason in reasons):
        rate = max(rate, FAILING_RATE)
    return reasons, rate, known


def _counters(disk: Mapping[str, Any], counts: Mapping[str, int], part: str) -> tuple[list[Reason], float]:
    reasons: list[Reason] = []
    spinning = disk.get("kind") not in ("nvme", "ssd")
    highest = annual_rate("class.hdd" if spinning else "class.ssd", 0)
    for counter, value in counts.items():
        if not value:
            continue
        rate = annual_rate(counter, value)
        highest = max(highest, rate)
        level = _counted_level(rate)
        odds = f"; disks like it fail at {rate:.0%} a year" if level != NOTE else ""
        reasons.append(Reason(level, f"disk.{counter}", part, f"{part}: {value} {COUNTERS[counter]}{odds}"))
    return reasons, highest


def _growth(
    counts: Mapping[str, int], part: str, known: dict[str, int]
) -> tuple[list[Reason], dict[str, int]]:
    """A count that rises is one step worse than the same count that stands still."""
    reasons = []
    for counter, value in counts.items():
        first = known.get(counter)
        if first is None or value < first:  # first seen, or another disk with the same name
            known[counter] = value
        elif value > first and counter in _LOSING:
            text = f"{part}: {COUNTERS[counter]} rose from {first} to {value} since it was first seen"
            level = WATCH if _counted_level(annual_rate(counter, value)) == NOTE else FAILING
            reasons.append(Reason(level, f"disk.{counter}_grew", part, text))
    return reasons, known


def _counted_level(rate: float) -> str:
    return FAILING if rate >= FAILING_RATE else WATCH if rate >= WATCH_RATE else NOTE


def _solid_state(disk: Mapping[str, Any], part: str, limits: Limits) -> list[Reason]:
    reasons = []
    warning = disk.get("critical_warning") or 0
    for bit, level, words in _NVME_WARNINGS:
        if warning & bit:
            reasons.append(Reason(level, "disk.critical_warning", part, f"{part}: {words}"))
    spare, threshold = _number(disk.get("spare_pct")), _number(disk.get("spare_threshold_pct"))
    if spare is not None and threshold is not None and spare < threshold:
        text = f"{part}: {spare:g} % spare blocks left, the maker's threshold is {threshold:g} %"
        reasons.append(Reason(FAILING, "disk.spare", part, text))
    used = _number(disk.get("used_pct"))
    if used is not None and used >= limits.wear_pct:
        text = f"{part}: {used:g} % of its rated life is used"
        reasons.append(Reason(WATCH, "disk.worn", part, text))
    return reasons


def _battery(battery: Mapping[str, Any], limits: Limits) -> list[Reason]:
    part = f"battery {battery.get('id')}"
    health, cycles = _number(battery.get("health_pct")), _number(battery.get("cycles"))
    if health is not None and health < limits.battery_watch_pct:
        level = FAILING if health < limits.battery_failing_pct else WATCH
        return [Reason(level, "battery.worn", part, f"{part}: holds {health:g} % of its design capacity")]
    if cycles is not None and cycles >= limits.battery_cycles:
        return [Reason(WATCH, "battery.cycles", part, f"{part}: {cycles:g} charge cycles")]
    return []


def _levels(
    readings: Readings, before: Mapping[str, int], limits: Limits
) -> tuple[list[Reason], dict[str, int]]:
    """What goes up and down counts only when it holds for some readings."""
    watched = (
        ("temp_cpu_c", limits.cpu_temp_c, "temp.cpu", "processor", "{:g} °C (limit {:g} °C)"),
        ("disk_used_pct_max", limits.disk_used_pct, "disk.full", "file system", "{:g} % full (limit {:g} %)"),
        ("mem_used_pct", limits.memory_used_pct, "memory.full", "memory", "{:g} % in use (limit {:g} %)"),
    )
    found = [
        (code, code, part, words.format(value, limit))
        for metric, limit, code, part, words in watched
        if (value := _number(readings.metrics.get(metric))) is not None and value >= limit
    ]
    for disk in readings.disks:
        hot = limits.nvme_temp_c if disk.get("kind") == "nvme" else limits.disk_temp_c
        if (value := _number(disk.get("temp_c"))) is not None and value >= hot:
            words = f"{value:g} °C (limit {hot:g} °C)"
            found.append((f"disk.hot:{disk.get('id')}", "disk.hot", _name(disk), words))
    streaks = {key: min(before.get(key, 0) + 1, limits.persists) for key, _, _, _ in found}
    reasons = [
        Reason(WATCH, code, part, f"{part}: {words}")
        for key, code, part, words in found
        if streaks[key] >= limits.persists
    ]
    return reasons, streaks


def _counts(disk: Mapping[str, Any]) -> dict[str, int]:
    """What the disk's counters say, of those that it has."""
    return {
        counter: low_word(value) if counter == "command_timeout" else value
        for counter in COUNTERS
        if isinstance(value := disk.get(counter), int) and not isinstance(value, bool)
    }


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _name(disk: Mapping[str, Any]) -> str:
    device, serial = disk.get("dev"), disk.get("id")
    return (
        f"disk {device} ({serial})" if device and serial and device != serial else f"disk {serial or device}"
    )
