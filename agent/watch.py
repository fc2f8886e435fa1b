"""Which changes between two readings are worth a message at once. Pure rules."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

# (raised at or above, cleared below): the gap keeps a reading on the edge from flapping.
NEARLY_FULL_PCT = (95.0, 92.0)
HOT_CPU_C = (95.0, 88.0)
HOT_DISK_C = (65.0, 60.0)

GROWING = (
    "reallocated",
    "reported_uncorrect",
    "pending",
    "offline_uncorrectable",
    "media_errors",
)


class Event(NamedTuple):
    code: str
    sev: str
    data: Dict[str, Any]


def disk_events(
    before: Optional[Sequence[Mapping[str, Any]]], now: Sequence[Mapping[str, Any]]
) -> List[Event]:
    """Compare the SMART health of all disks with the last one; None is 'never read'."""
    known = {disk["id"]: disk for disk in before or ()}
    events = []
    for disk in now:
        old = known.pop(disk["id"], None)
        where = {"id": disk["id"], "dev": disk.get("dev")}
        if old is None and before is not None:
            events.append(Event("disk.appeared", "info", where))
        if _fails(disk) and not _fails(old or {}):
            events.append(
                Event(
                    "disk.failing",
                    "crit",
                    {
                        **where,
                        "passed": disk.get("passed"),
                        "critical_warning": disk.get("critical_warning"),
                    },
                )
            )
        grown = {
            name: {"from": old[name], "to": disk[name]}
            for name in GROWING
            if old is not None
            and old.get(name) is not None
            and disk.get(name) is not None
            and disk[name] > old[name]
        }
        if grown:
            events.append(Event("disk.errors_grew", "warn", {**where, "grown": grown}))
    events.extend(
        Event("disk.gone", "warn", {"id": id, "dev": disk.get("dev")}) for id, disk in known.items()
    )
    return events


def kept_readings(
    before: Optional[Sequence[Mapping[str, Any]]], now: Sequence[Mapping[str, Any]]
) -> List[Dict[str, Any]]:
    """Return the readings to report: those of a disk that sleeps are its last, still dated so."""
    known = {disk["id"]: disk for disk in before or ()}
    kept = []
    for disk in now:
        old = known.get(disk["id"])
        if disk.get("read") == "standby" and old is not None:
            kept.append({**old, "read": "standby"})
        else:
            kept.append(dict(disk))
    return kept


def mains_event(*, before: Optional[bool], now: Optional[bool]) -> List[Event]:
    """Tell when mains power went or came; None is 'not known'."""
    if before is None or now is None or before == now:
        return []
    if now:
        return [Event("power.ac_restored", "info", {})]
    return [Event("power.ac_lost", "warn", {})]


def level_events(
    raised: Mapping[str, bool],
    *,
    metrics: Mapping[str, Any],
    disks: Sequence[Mapping[str, Any]],
) -> tuple[List[Event], Dict[str, bool]]:
    """Compare levels with their limits; return the events and what is raised now."""
    readings: List[tuple[str, str, Any, tuple[float, float], Dict[str, Any]]] = [
        ("full", "disk.nearly_full", metrics.get("disk_used_pct_max"), NEARLY_FULL_PCT, {}),
        ("hot.cpu", "temp.high", metrics.get("temp_cpu_c"), HOT_CPU_C, {"sensor": "cpu"}),
    ]
    readings += [
        (
            f"hot.{disk['id']}",
            "temp.high",
            disk.get("temp_c"),
            HOT_DISK_C,
            {"sensor": "disk", "id": disk["id"], "dev": disk.get("dev")},
        )
        for disk in disks
    ]
    events, state = [], {}
    for name, code, value, (limit, cleared), data in readings:
        was = raised.get(name, False)
        is_raised = was if value is None else value >= (cleared if was else limit)
        if is_raised:
            state[name] = True
        if is_raised and not was:
            events.append(Event(code, "warn", {**data, "value": value, "limit": limit}))
    return events, state


def _fails(disk: Mapping[str, Any]) -> bool:
    return disk.get("passed") is False or bool(disk.get("critical_warning"))
