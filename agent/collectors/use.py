"""Whether somebody uses the machine: counts and seconds, never who or what."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Dict, List, Optional

import psutil

from agent.collectors.reading import Absent, Json, Machine, entries, text


def health(machine: Machine) -> Json:
    """Return sessions, idle seconds and the screen lock from logind, else from the terminals."""
    sessions = _logind_sessions(machine)
    if sessions is not None:
        return _from_logind(sessions)
    return _from_terminals()


def _logind_sessions(machine: Machine) -> Optional[List[Dict[str, str]]]:
    """Read logind's own files: no D-Bus is needed. None where logind does not run."""
    place = machine.root / "run/systemd/sessions"
    if not place.is_dir():
        return None
    found = []
    for path in entries(place):
        if path.name.endswith(".ref"):
            continue
        pairs = (line.split("=", 1) for line in (text(path) or "").splitlines() if "=" in line)
        session = dict(pairs)
        if session.get("CLASS") == "user" and session.get("STATE") != "closing":
            found.append(session)
    return found


def _from_logind(sessions: List[Dict[str, str]]) -> Json:
    reading: Json = {"sess": len(sessions)}
    idle = [_idle_seconds(session) for session in sessions]
    known = [seconds for seconds in idle if seconds is not None]
    if known:
        reading["idle"] = min(known)
    locks = [session["LOCKED_HINT"] == "1" for session in sessions if "LOCKED_HINT" in session]
    if locks:
        reading["locked"] = all(locks)
    return reading


def _idle_seconds(session: Dict[str, str]) -> Optional[int]:
    if session.get("IDLE_HINT") == "0":
        return 0
    since = session.get("IDLE_SINCE_HINT", "")
    if session.get("IDLE_HINT") == "1" and since.isdigit():
        return max(0, int(time.time() - int(since) / 1_000_000))
    return None


def _from_terminals() -> Json:
    """Return the log-ins the system recorded; a terminal's last access is its last input."""
    try:
        logins = psutil.users()
    except OSError as error:
        raise Absent(f"log-ins cannot be read: {error.strerror}") from error
    reading: Json = {"sess": len(logins)}
    idle = []
    for login in logins:
        try:
            idle.append(int(time.time() - Path("/dev", login.terminal or "?").stat().st_atime))
        except OSError:
            continue
    if idle:
        reading["idle"] = max(0, min(idle))
    return reading
