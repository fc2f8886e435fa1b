"""The data folder: everything the stack keeps, private to the user it runs as."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haas.embedded.errors import StackError

_MARKER = ".haas-data-folder"
_SOCKET_PATH_MAX = 103  # sun_path holds 104 bytes on macOS and 108 on Linux, with a closing NUL
_LONGEST_SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class RunAs:
    """The system user that servers run as when we are root."""

    name: str
    uid: int
    gid: int

    def popen_arguments(self) -> dict[str, Any]:
        """What `subprocess` needs to drop to this user, with no group left over."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def system_user() -> RunAs | None:
    """The user to drop to: none unless we are root, for PostgreSQL refuses to run as root.

    A user of our own is made where `useradd` is at hand, so that no other program's user can read the data.

    :raises StackError: if we are root and there is no user to drop to.
    """
    if os.geteuid() != 0:
        return None
    for name in ("haas", "postgres", "nobody"):
        if name == "haas" and not _user_exists(name) and shutil.which("useradd"):
            command = [
                "useradd",
                "--system",
                "--no-create-home",
                "--shell",
                "/usr/sbin/nologin",
                name,
            ]
            # Another start may be making the same user right now: what counts is that it exists after.
            subprocess.run(command, check=False, capture_output=True)
        if _user_exists(name):
            entry = pwd.getpwnam(name)
            return RunAs(name, entry.pw_uid, entry.pw_gid)
    raise StackError(
        "Root cannot run PostgreSQL and there is no user to drop to. Make one: useradd --system haas"
    )


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def is_reachable(path: Path, run_as: RunAs | None) -> bool:
    """Whether that user can walk to the path and use it; we ourselves always can.

    Only owner and "other" bits are asked: a user we drop to has its own group and no more.
    """
    if run_as is None:
        return True
    resolved = path.resolve()
    for place in (resolved, *resolved.parents):
        status = place.stat()
        needed = stat.S_IXUSR if status.st_uid == run_as.uid else stat.S_IXOTH
        if not status.st_mode & needed:
            return False
    return True


class DataFolder:
    """One installation's data: databases, queues, broker state, secrets, documents.

    A marker file says that the folder is ours. Without it nothing in it is used or removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.run_as = system_user()
        self._lock_fd: int | None = None

    def prepare(self) -> None:
        """Make the folder, or recognise it as ours.

        :raises StackError: if it holds someone else's files or the servers' user cannot reach it.
        """
        if not self.is_ours() and self.path.exists() and any(self.path.iterdir()):
            raise StackError(
                f"{self.path} is not empty and not a haas data folder; choose another with --data"
            )
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.own(self.path, 0o700)
        if not is_reachable(self.path, self.run_as):
            name = self.run_as.name if self.run_as else ""
            raise StackError(
                f"The user {name} cannot reach {self.path}, because a folder above it is closed. "
                "Choose another place, for example --data /var/lib/haas"
            )
        if not self.is_ours():
            self.write_private(_MARKER, json.dumps({"product": "haas", "format": 1}) + "\n")
        for name in ("logs", "secrets", "run"):
            self.folder(name)

    def is_ours(self) -> bool:
        """Whether the marker is there."""
        return (self.path / _MARKER).is_file()

    def folder(self, name: str) -> Path:
        """A folder of that name inside, private to the servers' user."""
        made = self.path / name
        made.mkdir(exist_ok=True, mode=0o700)
        self.own(made, 0o700)
        return made

    def own(self, path: Path, mode: int) -> None:
        """Give a path to the servers' user with this mode."""
        path.chmod(mode)
        if self.run_as:
            os.chown(path, self.run_as.uid, self.run_as.gid)

    def write_private(self, name: str, text: str) -> Path:
        """Write a file only the servers' user can read, whole or not at all."""
        target = self.path / name
        descriptor, draft_name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        draft = Path(draft_name)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            self.own(draft, 0o600)
            draft.replace(target)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        return target

    def secret(self, name: str) -> str:
        """The secret of that name: 256 random bits, made at first use."""
        path = self.path / "secrets" / name
        if not path.exists():
            self.write_private(f"secrets/{name}", secrets.token_urlsafe(32))
        return path.read_text()

    def socket_folder(self) -> Path:
        """Where Unix sockets go: `run/` inside, or a short private folder when that path would be too long.

        :raises StackError: if the short folder was made by somebody else.
        """
        inside = self.path / "run"
        if len(os.fsencode(inside / _LONGEST_SOCKET_NAME)) <= _SOCKET_PATH_MAX:
            return self.folder("run")
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        short = Path("/tmp") / f"haas-{digest}"  # noqa: S108 # nosec B108 # private, or refused
        short.mkdir(exist_ok=True, mode=0o700)
        status = short.lstat()
        mine = {os.geteuid(), self.run_as.uid if self.run_as else os.geteuid()}
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in mine:
            raise StackError(f"{short} belongs to another user; remove it, or choose a shorter --data path")
        self.own(short, 0o700)
        return short

    def lock(self) -> None:
        """Be the only one that runs this folder, until `unlock` or the end of the process.

        :raises StackError: naming the process that runs it already.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode().strip()
            os.close(descriptor)
            raise StackError(
                f"{self.path} is in use by process {holder}; "
                f"stop it with: haas services stop --data {self.path}"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._lock_fd = descriptor

    def unlock(self) -> None:
        """Let another process run this folder."""
        if self._lock_fd is not None:
            os.ftruncate(self._lock_fd, 0)
            os.close(self._lock_fd)
            self._lock_fd = None

    def holder(self) -> int | None:
        """The process that runs this folder now, if any."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.read(descriptor, 32).decode().strip()
            return int(text) if text else None
        finally:
            os.close(descriptor)
        return None

    def remove(self) -> None:
        """Delete the folder and everything in it; it must be ours and nothing may run in it.

        :raises StackError: if it is not a haas data folder or is in use.
        """
        if not self.path.exists():
            return
        if not self.is_ours():
            raise StackError(f"{self.path} has no {_MARKER}, so it is not removed")
        if self.holder() is not None:
            raise StackError(f"{self.path} is in use; stop it first: haas services stop --data {self.path}")
        sockets = self.socket_folder()
        shutil.rmtree(self.path)
        if sockets.is_dir():
            shutil.rmtree(sockets)
