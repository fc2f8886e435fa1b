"""Processor: what it is, how busy it is, how fast it runs."""

from __future__ import annotations

import platform
from typing import Dict, Optional

import psutil

from agent.collectors.reading import Json, Machine, number, text, without_none


def health(machine: Machine) -> Json:
    return without_none(
        {
            "cpu_pct": psutil.cpu_percent(interval=None),
            "cpu_mhz": _mhz(machine, "scaling_cur_freq"),
        }
    )


def inventory(machine: Machine) -> Json:
    return without_none(
        {
            "model": _model(machine) or platform.processor() or None,
            "cores": psutil.cpu_count(logical=False),
            "threads": psutil.cpu_count(logical=True),
            "mhz_max": _mhz(machine, "cpuinfo_max_freq"),
        }
    )


def _model(machine: Machine) -> Optional[str]:
    # x86 says "model name", some ARM boards "Model" or "Hardware".
    found: Dict[str, str] = {}
    for line in (text(machine.root / "proc/cpuinfo") or "").splitlines():
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    for name in ("model name", "Model", "Hardware", "cpu model"):
        if found.get(name):
            return found[name]
    return None


def _mhz(machine: Machine, name: str) -> Optional[int]:
    khz = number(machine.sys / "devices/system/cpu/cpu0/cpufreq" / name)
    return khz // 1000 if khz else None
