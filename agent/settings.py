"""What the agent is told from outside: a file, overridden by the environment."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

PREFIX = "HAAS_AGENT_"
SYSTEM_STATE = Path("/var/lib/haas-agent")
SYSTEM_FILE = Path("/etc/haas-agent.json")


class BadSettings(ValueError):
    """A setting that cannot be used."""


@dataclass(frozen=True)
class AgentSettings:
    """Settings of one agent. Enrolment supplies the broker; these may override it."""

    state_dir: Path
    mqtt_host: Optional[str] = None
    mqtt_port: Optional[int] = None
    ca_file: Optional[Path] = None
    keepalive_seconds: int = 60
    connect_timeout_seconds: float = 10.0
    receipt_timeout_seconds: float = 30.0
    backoff_max_seconds: float = 300.0
    spool_max_bytes: int = 50_000_000
    spool_max_age_seconds: int = 7 * 86400
    smartctl: str = "smartctl"
    log_level: str = "INFO"

    @classmethod
    def load(
        cls,
        *,
        environment: Mapping[str, str],
        state_dir: Optional[Path] = None,
        file: Optional[Path] = None,
    ) -> AgentSettings:
        """Read the settings: defaults, then the file, then the environment, then `state_dir`.

        The file is `file`, else the one that HAAS_AGENT_FILE names, else /etc/haas-agent.json if
        it is there. Under systemd the state directory is the unit's (STATE_DIRECTORY).

        :raises BadSettings: if a setting is unknown or cannot be read.
        """
        given: Dict[str, Any] = {}
        named = environment.get(PREFIX + "FILE")
        path = file or (Path(named) if named else SYSTEM_FILE)
        if path.is_file():
            given.update(_read_file(path))
        elif file is not None or named:
            raise BadSettings(f"{path} does not exist")
        for field in fields(cls):
            value = environment.get(PREFIX + field.name.upper())
            if value is not None:
                given[field.name] = value
        if state_dir is not None:
            given["state_dir"] = state_dir
        given.setdefault("state_dir", environment.get("STATE_DIRECTORY") or default_state_dir())
        return cls._checked(given)

    @classmethod
    def _checked(cls, given: Mapping[str, Any]) -> AgentSettings:
        settings = cls(state_dir=Path(given["state_dir"]))
        known = {field.name for field in fields(cls)}
        for name, value in given.items():
            if name not in known:
                raise BadSettings(f"unknown setting {name}")
            try:
                settings = replace(settings, **{name: _KINDS[name](value)})
            except (TypeError, ValueError) as error:
                raise BadSettings(f"{name}: {error}") from error
        if not 30 <= settings.keepalive_seconds <= 300:
            raise BadSettings("keepalive_seconds must be 30 to 300")
        return settings


_KINDS: Dict[str, Any] = {
    "state_dir": Path,
    "mqtt_host": str,
    "mqtt_port": int,
    "ca_file": Path,
    "keepalive_seconds": int,
    "connect_timeout_seconds": float,
    "receipt_timeout_seconds": float,
    "backoff_max_seconds": float,
    "spool_max_bytes": int,
    "spool_max_age_seconds": int,
    "smartctl": str,
    "log_level": str,
}


def default_state_dir() -> Path:
    """Return where state is kept when nobody says: the system's place for root, else the user's."""
    if os.geteuid() == 0:
        return SYSTEM_STATE
    return Path.home() / ".local" / "state" / "haas-agent"


def _read_file(path: Path) -> Dict[str, Any]:
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadSettings(f"{path}: {error}") from error
    if not isinstance(given, dict):
        raise BadSettings(f"{path} must hold one JSON object")
    return given
