"""Turns readings into messages and stores them; what is stored is returned, to be sent."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import Any, Dict, List, Mapping, Optional, Sequence

from agent import __version__, messages, watch
from agent.clock import Clock
from agent.collectors.machine import Source
from agent.spool import Row, Spool, SpoolError

log = logging.getLogger(__name__)

# What changes by itself is no change of the inventory.
_UNSTEADY = {"free_bytes", "used_pct", "pct", "state", "power_w", "temp_c", "health_pct"}
_CAPABILITIES = [f"verb:{verb}" for verb in messages.VERBS]


class Reports:
    """Messages of one device in one session."""

    def __init__(self, spool: Spool, source: Source, clock: Clock) -> None:
        self._spool = spool
        self._source = source
        self._clock = clock
        self.config_rev = 0

    def birth(self, reason: str) -> List[Row]:
        absent = dict(self._source.absent)
        body: Dict[str, Any] = {
            "agent": __version__,
            "os": self._source.os_text(),
            "caps": _CAPABILITIES + self._readable(absent),
            "pending": self._spool.pending,
            "dropped": self._spool.dropped,
            "reason": reason,
            "hw": self._source.hardware_hash(),
            "cfg": self.config_rev,
            "absent": absent,
        }
        oldest = self._spool.oldest_t()
        if oldest is not None:
            body["oldest"] = oldest
        return self._store("birth", body)

    def health(self) -> List[Row]:
        """Read and store the health, and an event for each level that was crossed."""
        body = self._source.health()
        metrics = body.setdefault("m", {})
        metrics["spool_pending"] = self._spool.pending
        disks = self._last_disks()
        if disks:
            body["disks"] = disks[: messages.MAX_DISKS]
        if "bat" in body:
            body["bat"] = body["bat"][: messages.MAX_BATTERIES]
        body["cfg"] = self.config_rev

        raised = self._spool.fact("raised") or {}
        events, now_raised = watch.level_events(raised, metrics=metrics, disks=disks or [])
        if now_raised != raised:
            self._spool.remember("raised", now_raised)
        mains = metrics.get("ac")
        if mains is not None:
            mains_before = self._spool.fact("mains")
            events += watch.mains_event(before=mains_before, now=mains)
            if mains != mains_before:
                self._spool.remember("mains", mains)
        return self._store("health", body) + self._events(events)

    def inventory(self, *, only_if_changed: bool = False) -> List[Row]:
        """Read and store the inventory; with `only_if_changed` only if it is another."""
        sections = self._source.inventory()
        digest = _digest(sections)
        if only_if_changed and digest == self._spool.fact("inventory"):
            return []
        rows = self._store_sections({**sections, "absent": dict(self._source.absent)})
        self._spool.remember("inventory", digest)

        fingerprint = self._source.hardware_hash()
        before = self._spool.fact("hardware")
        if fingerprint != before:
            self._spool.remember("hardware", fingerprint)
            if before is not None:
                rows += self._events([watch.Event("hw.changed", "warn", {"from": before, "to": fingerprint})])
        return rows

    def smart(self, entries: Sequence[Mapping[str, Any]]) -> List[Row]:
        """Store a SMART reading, and an event for what got worse since the last one."""
        if not entries:
            return []
        before = self._last_disks()
        now = watch.kept_readings(before, [entry["health"] for entry in entries])
        rows = self._store_sections({"smart": list(entries), "absent": dict(self._source.absent)})
        rows += self._events(watch.disk_events(before, now))
        self._spool.remember("disks", now)
        return rows

    def event(self, code: str, sev: str, data: Mapping[str, Any]) -> List[Row]:
        return self._events([watch.Event(code, sev, dict(data))])

    def result(
        self, id: str, st: str, *, code: Optional[str] = None, out: Optional[Mapping[str, Any]] = None
    ) -> List[Row]:
        body: Dict[str, Any] = {"id": id, "st": st}
        if code:
            body["code"] = code
        if out:
            body["out"] = dict(out)
        return self._store("result", body)

    def _readable(self, absent: Mapping[str, str]) -> List[str]:
        found = [f"read:{name}" for name in ("battery", "temperature") if name not in absent]
        if any(disk.get("read") in {"ok", "standby"} for disk in self._last_disks() or []):
            found.append("read:smart")
        return found

    def _last_disks(self) -> Optional[List[Dict[str, Any]]]:
        disks = self._spool.fact("disks")
        return disks if isinstance(disks, list) else None

    def _events(self, events: Sequence[watch.Event]) -> List[Row]:
        return [
            row
            for event in events
            for row in self._store("event", {"code": event.code, "sev": event.sev, "data": event.data})
        ]

    def _store_sections(self, sections: Mapping[str, Any]) -> List[Row]:
        """Store an inventory as one message, or, if it is too large, in halves."""
        try:
            return self._store_strictly("inventory", sections)
        except messages.BadMessage as error:
            halves = _halves(sections)
            if halves is None:
                log.error("inventory not sent: %s", error)
                return []
        return [row for half in halves for row in self._store_sections(half)]

    def _store(self, kind: str, body: Mapping[str, Any]) -> List[Row]:
        try:
            return self._store_strictly(kind, body)
        except messages.BadMessage as error:
            log.error("%s not sent: %s", kind, error)
            return []

    def _store_strictly(self, kind: str, body: Mapping[str, Any]) -> List[Row]:
        try:
            return [self._spool.append(kind, body, t=max(0, self._clock.wall_ms()))]
        except SpoolError as error:
            log.error("%s not kept: %s", kind, error)
            return []


def _halves(sections: Mapping[str, Any]) -> Optional[List[Dict[str, Any]]]:
    names = list(sections)
    if len(names) > 1:
        middle = len(names) // 2
        parts = (names[:middle], names[middle:])
        return [{name: sections[name] for name in part} for part in parts]
    values = sections[names[0]] if names else None
    # Only `smart` may come in parts; another list would lose what is not in its last part.
    if names == ["smart"] and isinstance(values, list) and len(values) > 1:
        middle = len(values) // 2
        return [{"smart": values[:middle]}, {"smart": values[middle:]}]
    return None


def _digest(sections: Mapping[str, Any]) -> str:
    def steady(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: steady(item) for name, item in value.items() if name not in _UNSTEADY}
        if isinstance(value, list):
            return [steady(item) for item in value]
        return value

    text = json.dumps(steady(dict(sections)), sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
