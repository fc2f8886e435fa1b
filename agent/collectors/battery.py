"""Batteries and mains power, from /sys/class/power_supply."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

from agent.collectors.reading import Absent, Json, Machine, entries, number, text, without_none

STATES = {
    "charging": "charging",
    "discharging": "discharging",
    "full": "full",
    "not charging": "not_charging",
}


def health(machine: Machine) -> List[Json]:
    batteries = [_battery(path) for path in _batteries(machine)]
    if not batteries:
        raise Absent("no battery")
    return batteries


def inventory(machine: Machine) -> List[Json]:
    return [
        without_none(
            {
                **_battery(path),
                "maker": text(path / "manufacturer"),
                "model": text(path / "model_name"),
                "serial": text(path / "serial_number"),
                "chemistry": text(path / "technology"),
                "design_wh": _watt_hours(path, "full_design"),
                "full_wh": _watt_hours(path, "full"),
            }
        )
        for path in _batteries(machine)
    ] or _none()


def on_mains(machine: Machine) -> Optional[bool]:
    """Tell whether mains power is there; None where nothing reports it."""
    supplies = [
        number(path / "online")
        for path in entries(machine.sys / "class/power_supply")
        if text(path / "type") in ("Mains", "USB") and text(path / "scope") != "Device"
    ]
    known = [value for value in supplies if value is not None]
    return any(known) if known else None


def _none() -> List[Json]:
    raise Absent("no battery")


def _batteries(machine: Machine) -> List[Path]:
    """Return the machine's own batteries; those of a mouse or headset have scope 'Device'."""
    return [
        path
        for path in entries(machine.sys / "class/power_supply")
        if text(path / "type") == "Battery"
        and text(path / "scope") != "Device"
        and number(path / "present") != 0
    ]


def _battery(path: Path) -> Json:
    # A machine counts either energy (µWh) or charge (µAh); the ratio is the same.
    full = number(path / "energy_full") or number(path / "charge_full")
    design = number(path / "energy_full_design") or number(path / "charge_full_design")
    cycles = number(path / "cycle_count")
    temperature = number(path / "temp")
    return without_none(
        {
            "id": text(path / "serial_number") or path.name,
            "state": STATES.get((text(path / "status") or "").lower(), "unknown"),
            "pct": number(path / "capacity"),
            "health_pct": round(100 * full / design, 1) if full and design else None,
            # Firmware that does not count reports 0 for ever.
            "cycles": cycles or None,
            "power_w": _watts(path),
            "temp_c": temperature / 10 if temperature is not None else None,
        }
    )


def _watts(path: Path) -> Optional[float]:
    power = number(path / "power_now")
    if power is not None:
        return round(abs(power) / 1e6, 2)
    current, voltage = number(path / "current_now"), number(path / "voltage_now")
    if current is None or voltage is None:
        return None
    return round(abs(current) * voltage / 1e12, 2)


def _watt_hours(path: Path, name: str) -> Optional[float]:
    energy = number(path / f"energy_{name}")
    if energy is not None:
        return round(energy / 1e6, 2)
    charge = number(path / f"charge_{name}")
    voltage = number(path / "voltage_min_design") or number(path / "voltage_now")
    if charge is None or voltage is None:
        return None
    return round(charge * voltage / 1e12, 2)
