"""Recorded readings: playing them in place of a machine's, and making believable ones.

A recording is a file of JSON lines. The first line is the head::

    {"recording": 1, "profile": "laptop", "condition": "healthy", "seed": 7,
     "begins": <ms>, "step_s": 300, "os": "…", "hw": {…}, "absent": {…},
     "inventory": {"os": …, "cpu": …, "mem": …, "disks": […], "fs": […], "net": […], "bat": […]}}

Every other line is a frame, `step_s` after the one before: ``{"m": …, "bat": …, "use": …,
"smart": […]}`` in the shapes of `agent.messages` (`smart` may be missing: as in the frame
before). A recording that has been played to its end begins again, and its COUNTERS go on from
where they were, so that a disk does not heal overnight.
"""

from __future__ import annotations

import json
import math
import random
import uuid
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from agent import messages
from agent.clock import Clock, SystemClock

Json = Dict[str, Any]
PROFILES = ("laptop", "workstation", "server")
CONDITIONS = ("healthy", "failing_disk", "worn_battery", "hot")
COUNTERS = (
    "power_on_h",
    "power_cycles",
    "reallocated",
    "reported_uncorrect",
    "command_timeout",
    "pending",
    "offline_uncorrectable",
    "crc_errors",
    "media_errors",
    "cycles",
)
DAY = 86400


class BadRecording(ValueError):
    """A file that is not a recording."""


class RecordedMachine:
    """A `Source` that plays a recording; only the places of its frames are kept in memory."""

    def __init__(self, path: Path, clock: Optional[Clock] = None) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._offsets: List[int] = []
        with path.open("rb") as file:
            try:
                self.head: Json = json.loads(file.readline())
                self._begins, self._step_s = int(self.head["begins"]), int(self.head["step_s"])
            except (ValueError, KeyError, TypeError) as error:
                raise BadRecording(f"{path}: {error}") from error
            offset = file.tell()
            for line in file:
                self._offsets.append(offset)
                offset += len(line)
        if not self._offsets or self._step_s < 1:
            raise BadRecording(f"{path} has no frames")
        self.absent: Dict[str, str] = dict(self.head.get("absent") or {})
        self._first, self._last = self._frame(0), self._frame(len(self._offsets) - 1)

    def health(self) -> Json:
        frame = self._now()
        body: Json = {name: frame[name] for name in ("m", "bat", "use") if name in frame}
        body["m"]["uptime_s"] = max(0, (self._clock.wall_ms() - self._begins) // 1000 + DAY)
        return body

    def inventory(self) -> Json:
        return {"hw": self.head["hw"], **self.head["inventory"]}

    def smart(self, at_ms: int) -> List[Json]:
        entries: List[Json] = self._now().get("smart") or []
        for entry in entries:
            entry["at"] = entry["health"]["at"] = at_ms
        return entries

    def os_text(self) -> str:
        return str(self.head["os"])

    def hardware_hash(self) -> str:
        return str(self.head["hw"]["hash"])

    def _now(self) -> Json:
        elapsed = max(0, self._clock.wall_ms() - self._begins) // 1000
        rounds, index = divmod(elapsed // self._step_s, len(self._offsets))
        frame = self._frame(index)
        if "smart" not in frame:
            frame["smart"] = self._frame(0).get("smart") or []
        if rounds:
            for name in ("smart", "bat"):
                for entry, first, last in zip(
                    frame.get(name) or [], self._first.get(name) or [], self._last.get(name) or []
                ):
                    _go_on(entry, first, last, rounds)
                    if "health" in entry:
                        _go_on(entry["health"], first["health"], last["health"], rounds)
        return frame

    def _frame(self, index: int) -> Json:
        with self._path.open("rb") as file:
            file.seek(self._offsets[index])
            frame = json.loads(file.readline())
        if not isinstance(frame, dict) or not isinstance(frame.get("m"), dict):
            raise BadRecording(f"{self._path}: frame {index} has no m")
        return frame


def _go_on(entry: Json, first: Mapping[str, Any], last: Mapping[str, Any], rounds: int) -> None:
    for name in COUNTERS:
        if name in entry and name in first and name in last:
            entry[name] += rounds * (last[name] - first[name])


def write_recording(
    path: Path,
    *,
    profile: str,
    condition: str = "healthy",
    seed: int,
    begins_ms: int,
    serial: Optional[str] = None,
    hours: int = 24,
    step_s: int = 300,
) -> Json:
    """Write a believable recording and return its head; the same arguments give the same bytes.

    The readings are invented, with a stated truth (`condition`): `failing_disk` grows reallocated
    and pending sectors (media errors on NVMe), `worn_battery` holds under 60 per cent,
    `hot` runs at its limits. `begins_ms` is when the first frame was taken.
    """
    if profile not in PROFILES or condition not in CONDITIONS:
        raise ValueError(f"unknown profile {profile} or condition {condition}")
    if condition == "worn_battery" and profile != "laptop":
        raise ValueError("only a laptop has a battery to wear")
    machine = _Invention(profile, condition, seed, serial)
    head = machine.head(begins_ms=begins_ms, step_s=step_s)
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head, separators=(",", ":")) + "\n")
        for index in range(max(1, hours * 3600 // step_s)):
            at = begins_ms // 1000 + index * step_s
            frame = machine.frame(at=at, elapsed_s=index * step_s)
            file.write(json.dumps(frame, separators=(",", ":")) + "\n")
    return head


_MODELS = {
    "laptop": ("Framework", "Laptop 13", "Intel Core i5-1340P", 4, 16, 31.0),
    "workstation": ("Lenovo", "ThinkStation P3", "Intel Core i7-13700", 16, 32, 36.0),
    "server": ("Dell Inc.", "PowerEdge R350", "Intel Xeon E-2336", 6, 64, 38.0),
}
_DISKS = {
    "laptop": [("nvme0n1", "nvme", "WD_BLACK SN770 1TB", 1_000_204_886_016)],
    "workstation": [
        ("nvme0n1", "nvme", "Samsung SSD 980 PRO 1TB", 1_000_204_886_016),
        ("sda", "hdd", "ST2000DM008-2FR102", 2_000_398_934_016),
    ],
    "server": [
        ("sda", "hdd", "ST4000NM002A-2HZ101", 4_000_787_030_016),
        ("sdb", "hdd", "ST4000NM002A-2HZ101", 4_000_787_030_016),
    ],
}


class _Invention:
    """One invented machine. Everything comes from the seed."""

    def __init__(self, profile: str, condition: str, seed: int, serial: Optional[str]) -> None:
        self.profile, self.condition, self.seed = profile, condition, seed
        self.rng = random.Random(f"{profile}/{condition}/{seed}")  # noqa: S311 - no secret
        self.maker, self.model, self.cpu, self.cores, self.gib, self.idle_c = _MODELS[profile]
        self.serial = serial or f"{profile[:2].upper()}{self.rng.randrange(16**7):07X}"
        self.uuid = str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        self.board = f"B{self.rng.randrange(16**9):09X}"
        self.mac = "02:" + ":".join(f"{self.rng.randrange(256):02x}" for _ in range(5))
        self.used_pct = self.rng.uniform(25, 70)
        self.power_on_h = self.rng.randrange(2_000, 18_000)
        self.busy_from = self.rng.uniform(7.5, 9.5)  # hour, UTC
        self.busy_until = self.busy_from + self.rng.uniform(7.5, 9.5)
        self.disks = [
            (*disk, f"{disk[2][:2].upper()}-{self.rng.randrange(16**8):08X}") for disk in _DISKS[profile]
        ]
        self.battery_health = self.rng.uniform(88, 99)
        self.cycles = self.rng.randrange(60, 300)
        if condition == "worn_battery":
            self.battery_health, self.cycles = self.rng.uniform(42, 58), 1_100

    def head(self, *, begins_ms: int, step_s: int) -> Json:
        system = "Debian GNU/Linux 13 (trixie)" if self.profile == "server" else "Ubuntu 26.04 LTS"
        absent = {} if self.profile == "laptop" else {"battery": "no battery"}
        inventory: Json = {
            "os": {"name": system, "arch": "x86_64", "host": f"{self.profile}-{self.seed}"},
            "cpu": {"model": self.cpu, "cores": self.cores, "threads": self.cores * 2},
            "mem": {"total_bytes": self.gib * 2**30, "swap_bytes": 2 * 2**30},
            "disks": [
                {"dev": dev, "kind": kind, "model": model, "bytes": size, "serial": serial}
                for dev, kind, model, size, serial in self.disks
            ],
            "fs": [
                {
                    "mount": "/",
                    "dev": f"/dev/{self.disks[0][0]}p2",
                    "type": "ext4",
                    "total_bytes": self.disks[0][3],
                    "free_bytes": int(self.disks[0][3] * (1 - self.used_pct / 100)),
                    "used_pct": round(self.used_pct, 1),
                }
            ],
            "net": [{"name": "eth0", "mac": self.mac, "up": True, "mbit_s": 1000, "ip": []}],
        }
        if self.profile == "laptop":
            inventory["bat"] = [{"id": "BAT0", "maker": "ATL", "design_wh": 61.0, "cycles": self.cycles}]
        return {
            "recording": 1,
            "profile": self.profile,
            "condition": self.condition,
            "seed": self.seed,
            "begins": begins_ms,
            "step_s": step_s,
            "os": f"{system}, Linux x86_64",
            "hw": {
                "serial": self.serial,
                "uuid": self.uuid,
                "board": self.board,
                "macs": [self.mac],
                "maker": self.maker,
                "product": self.model,
                "hash": messages.hardware_hash(serial=self.serial, uuid=self.uuid, board=self.board),
            },
            "absent": absent,
            "inventory": inventory,
        }

    def frame(self, *, at: int, elapsed_s: int) -> Json:
        work = self._work(at)
        cpu = min(100.0, max(0.3, work * 35 + self.rng.gauss(4, 3)))
        heat = self.idle_c + cpu * 0.38 + self.rng.gauss(0, 1)
        if self.condition == "hot":
            heat = min(104.0, heat + 42)
        memory = min(97.0, 22 + work * 38 + self.rng.gauss(0, 2))
        free = int(self.disks[0][3] * (1 - self.used_pct / 100))
        metrics: Json = {
            "procs": int(210 + 90 * work + self.rng.uniform(-8, 8)),
            "cpu_pct": round(cpu, 1),
            "load_1": round(cpu / 100 * self.cores * self.rng.uniform(0.8, 1.2), 2),
            "load_5": round(cpu / 100 * self.cores, 2),
            "load_15": round(cpu / 100 * self.cores * 0.9, 2),
            "mem_used_pct": round(memory, 1),
            "mem_available_bytes": int(self.gib * 2**30 * (1 - memory / 100)),
            "swap_used_pct": round(max(0.0, (memory - 70) / 3), 1),
            "disk_used_pct_max": round(self.used_pct, 1),
            "disk_free_bytes_min": free,
            "disk_read_bytes_s": round(work * 4e6 * self.rng.random(), 1),
            "disk_write_bytes_s": round(4e4 + work * 2e6 * self.rng.random(), 1),
            "net_rx_bytes_s": round(2e3 + work * 9e5 * self.rng.random(), 1),
            "net_tx_bytes_s": round(1e3 + work * 2e5 * self.rng.random(), 1),
            "net_errors": 0,
            "temp_c_max": round(heat, 1),
            "temp_cpu_c": round(heat, 1),
            "fan_rpm_min": int(900 + max(0.0, heat - 40) * 55),
            "agent_rss_bytes": 31_000_000,
        }
        frame: Json = {"m": metrics, "use": self._use(work)}
        if self.profile == "laptop":
            metrics["ac"] = work < 0.2 or (at // 3600) % 5 != 3
            frame["bat"] = [self._battery(at, is_on_mains=metrics["ac"])]
        frame["smart"] = [
            self._disk(index, elapsed_s=elapsed_s, heat=heat) for index in range(len(self.disks))
        ]
        return frame

    def _work(self, at: int) -> float:
        """Return how hard the machine is used at an instant, 0 to 1."""
        if self.profile == "server":
            return 0.35 + 0.25 * math.sin(2 * math.pi * (at % DAY) / DAY)
        hour = at % DAY / 3600
        is_weekend = (at // DAY + 3) % 7 >= 5  # 1970-01-01 was a Thursday
        if is_weekend or not self.busy_from <= hour < self.busy_until:
            return 0.0
        return 0.15 if 12 <= hour < 12.75 else 0.6 + 0.3 * self.rng.random()

    def _use(self, work: float) -> Json:
        if self.profile == "server":
            return {"sess": 0}
        if work < 0.2:
            return {"sess": 1, "idle": self.rng.randrange(1_800, 30_000), "locked": True}
        return {"sess": 1, "idle": self.rng.randrange(0, 120), "locked": False}

    def _battery(self, at: int, *, is_on_mains: bool) -> Json:
        into_hour = at % 3600 / 3600
        charge = 100.0 if is_on_mains else 95 - into_hour * 22 / (self.battery_health / 100)
        return {
            "id": "BAT0",
            "state": "full" if is_on_mains else "discharging",
            "pct": round(max(4.0, charge)),
            "health_pct": round(self.battery_health, 1),
            "cycles": self.cycles,
            "power_w": 0.0 if is_on_mains else round(9 + self.rng.random() * 4, 2),
        }

    def _disk(self, index: int, *, elapsed_s: int, heat: float) -> Json:
        dev, kind, model, size, serial = self.disks[index]
        # The last disk is the one that fails: on a server one of a pair, the other stays good.
        is_failing = self.condition == "failing_disk" and index == len(self.disks) - 1
        hours = elapsed_s // 3600
        temperature = round(28 + heat * 0.22 + (9 if self.condition == "hot" else 0))
        health: Json = {
            "id": serial,
            "dev": dev,
            "kind": kind,
            "read": "ok",
            "at": 0,
            "passed": True,
            "temp_c": temperature,
            "power_on_h": self.power_on_h + hours,
            "power_cycles": 240 + self.seed % 90,
        }
        if kind == "nvme":
            health.update(
                critical_warning=4 if is_failing and hours >= 12 else 0,
                spare_pct=max(4, 62 - 3 * hours) if is_failing else 100,
                spare_threshold_pct=10,
                used_pct=91 if is_failing else 3 + self.power_on_h // 2_500,
                media_errors=14 + 2 * hours if is_failing else 0,
            )
        else:
            # Sectors go in bursts: 8 at once, every second hour, after a first damage.
            health.update(
                reallocated=16 + 8 * (hours // 2) if is_failing else 0,
                reported_uncorrect=1 + hours // 6 if is_failing else 0,
                command_timeout=0,
                pending=8 + hours if is_failing else 0,
                offline_uncorrectable=2 + hours // 3 if is_failing else 0,
                crc_errors=0,
            )
        return {
            "id": serial,
            "dev": dev,
            "kind": kind,
            "model": model,
            "serial": serial,
            "bytes": size,
            "read": "ok",
            "at": 0,
            "protocol": "NVMe" if kind == "nvme" else "ATA",
            "health": health,
        }


def profiles_for(count: int) -> Sequence[tuple[str, str]]:
    """Return (profile, condition) for a believable fleet of `count`: most healthy, some not."""
    special = {3: "failing_disk", 7: "worn_battery", 11: "hot", 16: "failing_disk"}
    fleet = []
    for index in range(count):
        condition = special.get(index % 20, "healthy")
        profile = ("laptop", "laptop", "workstation", "laptop", "server")[index % 5]
        if condition == "worn_battery":
            profile = "laptop"
        fleet.append((profile, condition))
    return fleet
