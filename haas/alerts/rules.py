"""Event -> what is told to whom: the one table of what makes an alert. Pure."""

from __future__ import annotations

from dataclasses import dataclass

INFO, WARNING, CRITICAL = "info", "warning", "critical"
RANK = {INFO: 0, WARNING: 1, CRITICAL: 2}


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of alert. `cause` names what it is about: at most one alert of a cause is open."""

    name: str
    severity: str
    title: str  # filled in with `asset`
    cause: str  # filled in with the ids of the event


# fmt: off
RULES: dict[str, Rule] = {rule.name: rule for rule in (
    Rule("health.failing", CRITICAL, "{asset}: hardware is failing", "health:{device_id}"),
    Rule("health.watch", WARNING, "{asset}: hardware needs a look", "health:{device_id}"),
    Rule("silence", WARNING, "{asset}: not heard from", "silence:{device_id}"),
    Rule("clone", CRITICAL, "{asset}: two machines use one identity", "clone:{device_id}"),
    Rule("hw.changed", WARNING, "{asset}: the hardware is not what it was", "hw:{device_id}"),
    Rule("disk.gone", WARNING, "{asset}: a disk is missing", "disk_gone:{device_id}"),
    Rule("spool.reset", INFO, "{asset}: messages on the device were lost", "spool:{device_id}"),
    Rule("quarantine", WARNING, "{asset}: sends messages that cannot be read", "quarantine:{device_id}"),
    Rule("enrolment", INFO, "{asset}: a device waits to be accepted", "enrolment:{code_id}"),
)}
# fmt: on

HEALTH_RULES = {"failing": "health.failing", "watch": "health.watch"}
# What `device.event_reported` may carry and a rule has; the rest is judged with the readings.
EVENT_RULES = frozenset({"clone", "hw.changed", "disk.gone", "spool.reset"})


def is_worse(severity: str, than: str) -> bool:
    """Whether one severity outranks another."""
    return RANK[severity] > RANK[than]


def reaches(severity: str, least: str) -> bool:
    """Whether an alert of `severity` goes out over a route that begins at `least`."""
    return RANK[severity] >= RANK[least]
