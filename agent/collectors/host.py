"""Operating system: name, kernel, how long it has been up, how much runs."""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from typing import Dict

import psutil

from agent.collectors.reading import Json, Machine, text, without_none


def health(machine: Machine) -> Json:
    load: tuple[float, float, float] = os.getloadavg()
    return {
        "uptime_s": int(time.time() - psutil.boot_time()),
        "procs": len(psutil.pids()),
        "load_1": round(load[0], 2),
        "load_5": round(load[1], 2),
        "load_15": round(load[2], 2),
        "agent_rss_bytes": psutil.Process().memory_info().rss,
    }


def inventory(machine: Machine) -> Json:
    release = _os_release(machine)
    return without_none(
        {
            "name": os_text(machine),
            "id": release.get("ID"),
            "version": release.get("VERSION_ID"),
            "kernel": platform.release(),
            "arch": platform.machine(),
            "host": socket.gethostname(),
            "booted": int(psutil.boot_time() * 1000),
            "zone": time.tzname[0],
            "python": ".".join(map(str, sys.version_info[:3])),
            "container": _container(machine),
        }
    )


def os_text(machine: Machine) -> str:
    """Return one line such as 'Debian GNU/Linux 12 (bookworm), Linux 6.1.0 x86_64'."""
    name = _os_release(machine).get("PRETTY_NAME") or platform.system()
    return f"{name}, {platform.system()} {platform.release()} {platform.machine()}"


def _os_release(machine: Machine) -> Dict[str, str]:
    for place in ("etc/os-release", "usr/lib/os-release"):
        content = text(machine.root / place)
        if content:
            pairs = (line.split("=", 1) for line in content.splitlines() if "=" in line)
            return {name.strip(): value.strip().strip("\"'") for name, value in pairs}
    return {}


def _container(machine: Machine) -> str | None:
    if (machine.root / ".dockerenv").exists():
        return "docker"
    if (machine.root / "run/.containerenv").exists():
        return "podman"
    return text(machine.root / "run/systemd/container")
