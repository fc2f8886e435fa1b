"""Disks and file systems: which there are, how full, how busy."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import List

import psutil

from agent.collectors.reading import Absent, Json, Machine, entries, number, text, without_none

SECTOR_BYTES = 512  # /sys counts in 512 bytes whatever the disk's own sector is
NOT_HARDWARE = ("loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd", "drbd", "rbd")
VIRTUAL = ("vd", "xvd")
# Read-only images are always full; a network share is another machine's.
IMAGES = {"squashfs", "iso9660", "udf", "erofs", "cramfs", "romfs"}


def health(machine: Machine) -> Json:
    values: Json = {}
    systems = file_systems(machine)
    if systems:
        values["disk_used_pct_max"] = max(item["used_pct"] for item in systems)
        values["disk_free_bytes_min"] = min(item["free_bytes"] for item in systems)
    counters = psutil.disk_io_counters(perdisk=True, nowrap=True)
    if counters:
        mine = [counters[name] for name in block_devices(machine) if name in counters]
        at = time.monotonic()
        values["disk_read_bytes_s"] = machine.rates.per_second(
            "disk.read", sum(counter.read_bytes for counter in mine), at
        )
        values["disk_write_bytes_s"] = machine.rates.per_second(
            "disk.write", sum(counter.write_bytes for counter in mine), at
        )
    if not values:
        raise Absent("no file system with a size")
    return without_none(values)


def inventory(machine: Machine) -> List[Json]:
    """Return the disks as the kernel knows them; SMART adds the rest."""
    disks = [_disk(machine, name) for name in block_devices(machine)]
    if not disks:
        raise Absent("no disks")
    return disks


def block_devices(machine: Machine) -> List[str]:
    """Return the names of the disks that are hardware, such as sda or nvme0n1."""
    names = []
    for path in entries(machine.sys / "block"):
        if path.name.startswith(NOT_HARDWARE) or not number(path / "size"):
            continue
        names.append(path.name)
    return names


def file_systems(machine: Machine) -> List[Json]:
    """Return the mounted file systems that lie on a disk of this machine."""
    systems, seen = [], set()
    for mount in psutil.disk_partitions(all=False):
        if mount.fstype in IMAGES or mount.device in seen:
            continue
        try:
            usage = os.statvfs(mount.mountpoint)
        except OSError:
            continue  # unmounted between the two calls, or not ours to see
        total = usage.f_blocks * usage.f_frsize
        if not total or not Path(mount.mountpoint).is_dir():
            continue  # a container mounts single files such as /etc/hosts
        seen.add(mount.device)
        usable = (usage.f_blocks - usage.f_bfree + usage.f_bavail) * usage.f_frsize
        free = usage.f_bavail * usage.f_frsize
        systems.append(
            {
                "mount": mount.mountpoint,
                "dev": mount.device,
                "type": mount.fstype,
                "total_bytes": total,
                "free_bytes": free,
                # As df counts: what root reserves is neither used nor free.
                "used_pct": round(100 * (usable - free) / usable, 1) if usable else 100.0,
            }
        )
    return systems


def _disk(machine: Machine, name: str) -> Json:
    path = machine.sys / "block" / name
    device = path / "device"
    wwid = text(path / "wwid") or text(device / "wwid")
    return without_none(
        {
            "dev": name,
            "kind": kind(path),
            "bytes": (number(path / "size") or 0) * SECTOR_BYTES,
            "model": text(device / "model"),
            "serial": text(device / "serial") or text(path / "serial"),
            "firmware": text(device / "firmware_rev") or text(device / "rev"),
            "wwid": wwid,
            "removable": bool(number(path / "removable")),
        }
    )


def kind(path: Path) -> str:
    """Return nvme, hdd, ssd or virtual for a directory under /sys/block."""
    if path.name.startswith("nvme"):
        return "nvme"
    if path.name.startswith(VIRTUAL):
        return "virtual"  # paravirtual disks call themselves rotating
    return "hdd" if number(path / "queue" / "rotational") else "ssd"
