"""Main memory and swap."""

from __future__ import annotations

import psutil

from agent.collectors.reading import Json, Machine


def health(machine: Machine) -> Json:
    memory = psutil.virtual_memory()
    values: Json = {"mem_used_pct": memory.percent, "mem_available_bytes": memory.available}
    swap = psutil.swap_memory()
    if swap.total:
        values["swap_used_pct"] = swap.percent
    return values


def inventory(machine: Machine) -> Json:
    return {
        "total_bytes": psutil.virtual_memory().total,
        "swap_bytes": psutil.swap_memory().total,
    }
