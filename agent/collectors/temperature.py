"""Temperatures and fans, from the kernel's sensors."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List

from agent.collectors.reading import Absent, Json, Machine, entries, number, text

CPU_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "x86_pkg_temp", "soc_thermal")
BELIEVABLE_C = (-30.0, 130.0)


def health(machine: Machine) -> Json:
    """Return the hottest sensor, the hottest of the processor, and the slowest turning fan."""
    readings = temperatures(machine)
    if not readings:
        raise Absent("no temperature sensor")
    values: Json = {"temp_c_max": max(max(found) for found in readings.values())}
    cpu = [value for chip in CPU_CHIPS for value in readings.get(chip, [])]
    if cpu:
        values["temp_cpu_c"] = max(cpu)
    turning = [speed for speed in _fans(machine) if speed > 0]
    if turning:
        values["fan_rpm_min"] = min(turning)
    return values


def temperatures(machine: Machine) -> Dict[str, List[float]]:
    """Return degrees Celsius by chip; a sensor with an impossible value is not connected."""
    found: Dict[str, List[float]] = {}
    for chip in entries(machine.sys / "class/hwmon"):
        name = text(chip / "name") or chip.name
        for path in _inputs(chip, "temp"):
            _add(found, name, path)
    if not found:  # boards without hwmon, most ARM ones, have thermal zones
        for zone in entries(machine.sys / "class/thermal"):
            if zone.name.startswith("thermal_zone"):
                name = (text(zone / "type") or zone.name).replace("-", "_")
                _add(found, name, zone / "temp")
    return found


def _add(found: Dict[str, List[float]], name: str, path: Path) -> None:
    thousandths = number(path)
    if thousandths is None or thousandths == 0:
        return
    value = round(thousandths / 1000, 1)
    if BELIEVABLE_C[0] < value < BELIEVABLE_C[1]:
        found.setdefault(name, []).append(value)


def _fans(machine: Machine) -> List[int]:
    speeds = [number(path) for chip in entries(machine.sys / "class/hwmon") for path in _inputs(chip, "fan")]
    return [speed for speed in speeds if speed is not None]


def _inputs(chip: Path, kind: str) -> List[Path]:
    return [path for path in entries(chip) if path.name.startswith(kind) and path.name.endswith("_input")]
