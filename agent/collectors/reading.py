"""What every collector works with: the machine's files, its programs, and a way to say 'absent'."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

Json = Dict[str, Any]


class Absent(Exception):
    """The machine does not have this, or this program may not read it; the text says why."""


@dataclass(frozen=True)
class Machine:
    """Where to read. Tests give another root."""

    root: Path = Path("/")
    smartctl: str = "smartctl"
    rates: Rates = field(default_factory=lambda: Rates())  # noqa: PLW0108 - defined below

    @property
    def sys(self) -> Path:
        return self.root / "sys"


class Rates:
    """Turns counters that only rise into units a second."""

    def __init__(self) -> None:
        self._last: Dict[str, tuple[float, float]] = {}

    def per_second(self, name: str, count: float, at: float) -> Optional[float]:
        """Return the rate since the last call, or None the first time and after a reset."""
        grown = self.since(name, count, at)
        return None if grown is None else round(grown[0] / grown[1], 1)

    def since(self, name: str, count: float, at: float) -> Optional[tuple[float, float]]:
        """Return (growth, seconds) since the last call, or None."""
        before = self._last.get(name)
        self._last[name] = (count, at)
        if before is None or count < before[0] or at <= before[1]:
            return None
        return count - before[0], at - before[1]


def text(path: Path) -> Optional[str]:
    """Return the stripped content of a small file, or None if it is not there or empty."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\x00 \t\r\n") or None
    except OSError:
        return None


def number(path: Path) -> Optional[int]:
    """Return the whole number in a file, or None."""
    content = text(path)
    try:
        return int(content) if content is not None else None
    except ValueError:
        return None


def entries(path: Path) -> List[Path]:
    """Return what lies in a directory, sorted; nothing if it is not there."""
    try:
        return sorted(path.iterdir())
    except OSError:
        return []


def output(command: Sequence[str], *, seconds: float) -> tuple[int, bytes]:
    """Run a program and return its exit status and what it printed.

    :raises Absent: if it is not installed, may not run, or takes too long.
    """
    environment = {"PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            list(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
            env=environment,
        )
    except FileNotFoundError as error:
        raise Absent(f"{command[0]} is not installed") from error
    except PermissionError as error:
        raise Absent(f"{command[0]} may not be run") from error
    except subprocess.TimeoutExpired as error:
        raise Absent(f"{command[0]} did not answer in {seconds:.0f} s") from error
    return done.returncode, done.stdout


def without_none(values: Json) -> Json:
    """Return the map without what is not known."""
    return {name: value for name, value in values.items() if value is not None}
