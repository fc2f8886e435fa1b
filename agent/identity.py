"""The state directory: who this device is, its credentials, and how often it was started.

Every file is written whole to a neighbour, flushed to the disk, and renamed over the old one, so
that a crash at any instant leaves the old content or the new, never a part.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, List, Optional

from agent import messages

CREDENTIALS = "credentials.json"
ENROLMENT = "enrolment.json"
STARTS = "starts"
LOCK = "lock"


class NotEnrolled(Exception):
    """There are no credentials yet."""


class StateError(Exception):
    """The state directory cannot be used."""


class AlreadyRunning(StateError):
    """Another agent holds the state directory."""


@dataclass(frozen=True)
class Credentials:
    """What enrolment gave. `next_secret` is a rotation that is not finished."""

    device: str
    epoch: int
    server: str
    secret: str = field(repr=False)
    command_key: str = field(repr=False)
    mqtt_host: str
    mqtt_port: int
    mqtt_tls: bool
    ca_pem: Optional[str] = None
    server_ca_pem: Optional[str] = None
    cfg: Dict[str, Any] = field(default_factory=dict)
    next_secret: Optional[str] = field(default=None, repr=False)
    next_accepted: bool = False
    rotate_command: Optional[str] = None

    @property
    def command_key_bytes(self) -> bytes:
        return base64.b64decode(self.command_key)

    def passwords(self) -> List[str]:
        """Return the secrets to try on MQTT, the likelier first.

        Until the server has said that it knows the new secret the old one comes first; after
        that the new one, because its first use ends the old one.
        """
        if self.next_secret is None:
            return [self.secret]
        if self.next_accepted:
            return [self.next_secret, self.secret]
        return [self.secret, self.next_secret]

    def promoted(self) -> Credentials:
        """Return the credentials after the new secret was used with success."""
        if self.next_secret is None:
            return self
        return replace(
            self,
            secret=self.next_secret,
            next_secret=None,
            next_accepted=False,
            rotate_command=None,
        )


@dataclass(frozen=True)
class PendingEnrolment:
    """An enrolment that was begun: kept so that a repeat sends the same secret and nonce."""

    server: str
    code: str = field(repr=False)
    secret: str = field(repr=False)
    nonce: str
    server_ca_pem: Optional[str] = None


def new_secret() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


class StateDirectory:
    """Files of one agent, readable by its user only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: Optional[int] = None

    def prepare(self) -> None:
        """Create the directory if need be, for this user only.

        :raises StateError: if it cannot be created or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise StateError(f"{self.path} cannot be written")
        except OSError as error:
            raise StateError(f"{self.path}: {error.strerror}") from error

    def lock(self) -> None:
        """Hold the directory until `unlock` or the end of the process.

        :raises AlreadyRunning: if another process holds it.
        """
        handle = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise AlreadyRunning(f"another agent uses {self.path}") from error
        self._lock = handle

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def credentials(self) -> Credentials:
        """Read the credentials.

        :raises NotEnrolled: if there are none.
        :raises StateError: if they cannot be read.
        """
        data = self._read(CREDENTIALS)
        if data is None:
            raise NotEnrolled(f"no credentials in {self.path}")
        try:
            return Credentials(**data)
        except TypeError as error:
            raise StateError(f"{self.path / CREDENTIALS}: {error}") from error

    def save_credentials(self, credentials: Credentials) -> None:
        self._write(CREDENTIALS, asdict(credentials))

    def pending_enrolment(self) -> Optional[PendingEnrolment]:
        data = self._read(ENROLMENT)
        if data is None:
            return None
        try:
            return PendingEnrolment(**data)
        except TypeError as error:
            raise StateError(f"{self.path / ENROLMENT}: {error}") from error

    def save_pending_enrolment(self, pending: PendingEnrolment) -> None:
        self._write(ENROLMENT, asdict(pending))

    def forget_pending_enrolment(self) -> None:
        (self.path / ENROLMENT).unlink(missing_ok=True)

    def next_session(self, *, epoch: int) -> int:
        """Count one more start, put it safely on the disk, and return the session number.

        The count is never taken back: a start that dies at once leaves a number unused.
        """
        path = self.path / STARTS
        try:
            starts = int(path.read_text(encoding="ascii")) + 1
        except FileNotFoundError:
            starts = 1
        except ValueError as error:
            raise StateError(f"{path} does not hold a number") from error
        write_safely(path, f"{starts}\n".encode("ascii"))
        return messages.session_number(epoch=epoch, starts=starts)

    def _read(self, name: str) -> Optional[Dict[str, Any]]:
        path = self.path / name
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StateError(f"{path}: {error}") from error
        if not isinstance(data, dict):
            raise StateError(f"{path} does not hold an object")
        return data

    def _write(self, name: str, data: Dict[str, Any]) -> None:
        write_safely(self.path / name, json.dumps(data, indent=1).encode("utf-8"))


def write_safely(path: Path, content: bytes) -> None:
    """Replace a file at one stroke, mode 0600, on the disk when this returns."""
    neighbour = path.with_name(path.name + ".new")
    handle = os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(handle, 0o600)
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(content)
        os.fsync(handle)
    finally:
        os.close(handle)
    neighbour.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
