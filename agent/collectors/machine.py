"""Asks all collectors; one that fails is reported as absent and never stops the others."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, List, Optional, Protocol

import psutil

from agent.collectors import (
    battery,
    cpu,
    disk,
    host,
    identity,
    memory,
    network,
    smart,
    temperature,
    use,
)
from agent.collectors.reading import Absent, Json, Machine

log = logging.getLogger(__name__)


class Source(Protocol):
    """Where readings come from: this machine, or a recording of another."""

    absent: Dict[str, str]

    def health(self) -> Json:
        """Return `m`, `bat`, `use`: what can be read in a moment."""

    def inventory(self) -> Json:
        """Return the sections of the inventory but for `smart` and `absent`."""

    def smart(self, at_ms: int) -> List[Json]:
        """Return one entry a disk, with its `health`. May take long."""

    def os_text(self) -> str:
        """Return the operating system in one line."""

    def hardware_hash(self) -> str:
        """Return the fingerprint of the machine."""


class ThisMachine:
    """The readings of the machine the agent runs on."""

    def __init__(self, machine: Optional[Machine] = None) -> None:
        self.machine = machine or Machine()
        self.absent: Dict[str, str] = {}

    def health(self) -> Json:
        metrics: Json = {}
        for name, read in (
            ("host", host.health),
            ("cpu", cpu.health),
            ("memory", memory.health),
            ("disk", disk.health),
            ("temperature", temperature.health),
            ("network", network.health),
        ):
            metrics.update(self._ask(name, read) or {})
        mains = self._ask("mains", battery.on_mains)
        if mains is not None:
            metrics["ac"] = mains
        sections = {
            "m": metrics,
            "bat": self._ask("battery", battery.health),
            "use": self._ask("use", use.health),
        }
        return {name: value for name, value in sections.items() if value is not None}

    def inventory(self) -> Json:
        sections = {
            "hw": self._ask("identity", identity.inventory),
            "os": self._ask("host", host.inventory),
            "cpu": self._ask("cpu", cpu.inventory),
            "mem": self._ask("memory", memory.inventory),
            "disks": self._ask("disk", disk.inventory),
            "fs": self._ask("file_systems", disk.file_systems),
            "net": self._ask("network", network.inventory),
            "bat": self._ask("battery", battery.inventory),
        }
        return {name: value for name, value in sections.items() if value is not None}

    def smart(self, at_ms: int) -> List[Json]:
        found: List[Json] = self._ask("smart", lambda machine: smart.collect(machine, at_ms=at_ms)) or []
        if found and all(entry["read"] == "no_tool" for entry in found):
            self.absent["smart"] = "smartctl is not installed"
        elif found and all(entry["read"] == "no_data" for entry in found):
            self.absent["smart"] = "no disk answers SMART"
        return found

    def os_text(self) -> str:
        return host.os_text(self.machine)

    def hardware_hash(self) -> str:
        return identity.fingerprint(self.machine)

    def _ask(self, name: str, read: Callable[[Machine], Any]) -> Any:
        """Call one collector; note why it has nothing, or that it has something."""
        try:
            value = read(self.machine)
        except Absent as reason:
            self.absent[name] = str(reason)
        except (OSError, ValueError, KeyError, AttributeError, psutil.Error) as error:
            # Firmware and kernels say the strangest things; the other readings still count.
            log.debug("collector %s", name, exc_info=True)
            self.absent[name] = f"{type(error).__name__}: {error}"[:200]
        else:
            self.absent.pop(name, None)
            return value
        return None
