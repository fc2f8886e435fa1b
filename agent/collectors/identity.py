"""What the machine says it is: serial, uuid, board, maker, hardware addresses."""

from __future__ import annotations

from typing import Optional

from agent import messages
from agent.collectors import network
from agent.collectors.reading import Json, Machine, text, without_none

# What makers leave in the firmware when nobody fills it in.
FILLERS = {
    "to be filled by o.e.m.",
    "default string",
    "system serial number",
    "not specified",
    "not applicable",
    "none",
    "n/a",
    "unknown",
    "0",
    "123456789",
    "o.e.m.",
    "03000200-0400-0500-0006-000700080009",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
}


def inventory(machine: Machine) -> Json:
    """Return the identity; serial, uuid and board are empty text where the machine has none."""
    return {
        **hardware(machine),
        **without_none(
            {
                "maker": _dmi(machine, "sys_vendor"),
                "product": _dmi(machine, "product_name") or _board_model(machine),
                "sku": _dmi(machine, "product_sku"),
                "bios": _dmi(machine, "bios_version"),
                "bios_on": _dmi(machine, "bios_date"),
                "chassis": _dmi(machine, "chassis_type"),
            }
        ),
        "hash": fingerprint(machine),
    }


def hardware(machine: Machine) -> Json:
    """Return what is posted at enrolment: serial, uuid, board, macs.

    A machine without serial, uuid and board (a container, a bare virtual machine) is told apart by
    its machine-id, which a copied disk shares; so nothing better is claimed than there is.
    """
    serial = _dmi(machine, "product_serial") or _dmi(machine, "chassis_serial")
    known = {
        "serial": serial or _tree(machine, "serial-number") or "",
        "uuid": (_dmi(machine, "product_uuid") or "").lower(),
        "board": _dmi(machine, "board_serial") or "",
    }
    if not any(known.values()):
        known["uuid"] = text(machine.root / "etc/machine-id") or ""
    return {**known, "macs": network.macs(machine)}


def fingerprint(machine: Machine) -> str:
    """Return the hash by which a clone is noticed: of exactly what was posted at enrolment."""
    known = hardware(machine)
    return messages.hardware_hash(serial=known["serial"], uuid=known["uuid"], board=known["board"])


def _dmi(machine: Machine, name: str) -> Optional[str]:
    for place in ("class/dmi/id", "devices/virtual/dmi/id"):
        value = text(machine.sys / place / name)
        if value and value.lower() not in FILLERS and set(value) - set("0.- "):
            return value
    return None


def _tree(machine: Machine, name: str) -> Optional[str]:
    return text(machine.root / "proc/device-tree" / name)


def _board_model(machine: Machine) -> Optional[str]:
    return _tree(machine, "model")
