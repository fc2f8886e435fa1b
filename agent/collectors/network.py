"""Network: interfaces and traffic. No addresses of others, no names of networks."""

from __future__ import annotations

import socket
import time
from typing import List

import psutil

from agent.collectors.reading import Absent, Json, Machine, text, without_none

VIRTUAL = (
    "veth",
    "docker",
    "br-",
    "virbr",
    "tap",
    "tun",
    "vnet",
    "cni",
    "flannel",
    "cali",
    "ifb",
    "dummy",
    "sit",
)


def health(machine: Machine) -> Json:
    counters = psutil.net_io_counters(pernic=True, nowrap=True)
    mine = [counters[name] for name in interfaces(machine) if name in counters]
    if not mine:
        raise Absent("no network interface")
    at = time.monotonic()
    errors = machine.rates.since(
        "net.errors",
        sum(counter.errin + counter.errout + counter.dropin + counter.dropout for counter in mine),
        at,
    )
    return without_none(
        {
            "net_rx_bytes_s": machine.rates.per_second(
                "net.rx", sum(counter.bytes_recv for counter in mine), at
            ),
            "net_tx_bytes_s": machine.rates.per_second(
                "net.tx", sum(counter.bytes_sent for counter in mine), at
            ),
            "net_errors": int(errors[0]) if errors else None,
        }
    )


def inventory(machine: Machine) -> List[Json]:
    addresses, states = psutil.net_if_addrs(), psutil.net_if_stats()
    found = []
    for name in interfaces(machine):
        state = states.get(name)
        found.append(
            without_none(
                {
                    "name": name,
                    "mac": text(machine.sys / "class/net" / name / "address"),
                    "up": bool(state and state.isup),
                    "mbit_s": state.speed if state and state.speed > 0 else None,
                    "ip": [
                        address.address.partition("%")[0]
                        for address in addresses.get(name, [])
                        if address.family in (socket.AF_INET, socket.AF_INET6)
                    ],
                }
            )
        )
    if not found:
        raise Absent("no network interface")
    return found


def interfaces(machine: Machine) -> List[str]:
    """Return the interfaces that lead out of the machine."""
    return sorted(name for name in psutil.net_if_stats() if name != "lo" and not name.startswith(VIRTUAL))


def macs(machine: Machine) -> List[str]:
    """Return the hardware addresses of the interfaces, sorted."""
    found = {text(machine.sys / "class/net" / name / "address") for name in interfaces(machine)}
    return sorted(mac for mac in found if mac and mac != "00:00:00:00:00:00")
