"""One server process: started by us, or adopted from a run that crashed before it could stop it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, Signals
from typing import IO

import psutil

from haas.embedded.errors import StackError
from haas.embedded.folder import RunAs

_LOG_TAIL_BYTES = 1500
_LOG_BYTES_MAX = 10_000_000


@dataclass(frozen=True, slots=True)
class Command:
    """How a process is started and where its words go."""

    arguments: Sequence[str]
    log_file: Path
    environment: Mapping[str, str]
    folder: Path
    run_as: RunAs | None = None


class ServerProcess:
    """A process that is ours to end, whether this run or an earlier one started it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._child: subprocess.Popen[bytes] | None = None
        self._process: psutil.Process | None = None
        self._command: Command | None = None
        self._started_pid: int | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self.is_running() else None

    def start(self, command: Command) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches us and we end things in order."""
        self._command = command
        extra = command.run_as.popen_arguments() if command.run_as else {}
        with _private_log(command.log_file) as log:
            self._child = subprocess.Popen(
                command.arguments,
                cwd=command.folder,
                env=dict(command.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **extra,
            )
        self._started_pid = self._child.pid
        try:
            self._process = psutil.Process(self._child.pid)
        except psutil.NoSuchProcess:
            self._process = None  # gone at once; `is_running` says so and the log says why

    def adopt(self, pid: int) -> None:
        """Take over a live process of an earlier run."""
        self._child = None
        self._process = psutil.Process(pid)

    def is_running(self) -> bool:
        """Whether it lives; a child that ended is reaped."""
        if self._child is not None:
            return self._child.poll() is None
        if self._process is None:
            return False
        # psutil compares the start time too, so a recycled process id is not taken for ours.
        return self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE

    def signal(self, number: Signals) -> None:
        """Send a signal if it still runs."""
        if self._process is not None and self.is_running():
            try:
                self._process.send_signal(number)
            except psutil.NoSuchProcess:
                return  # it ended between the question and the signal

    def stop(self, number: Signals, *, seconds: float = 20) -> None:
        """Ask it to end, and make it end when it has not after some seconds."""
        self.signal(number)
        if not self.wait(seconds):
            self.signal(SIGKILL)
            self.wait(10)
        self._child = self._process = None

    def end_group(self) -> None:
        """End whatever it started in its session and did not take along: a killed server's workers."""
        if self._started_pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._started_pid, SIGKILL)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within these seconds."""
        return wait_until(lambda: not self.is_running(), seconds=seconds)

    def wait_ready(self, is_ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until it answers.

        :raises StackError: with the end of its log if it ends first or takes too long.
        """

        def ready_or_gone() -> bool:
            return not self.is_running() or is_ready()

        in_time = wait_until(ready_or_gone, seconds=seconds)
        if in_time and self.is_running():
            return
        what = f"did not answer within {seconds:.0f} s" if self.is_running() else "ended at once"
        raise StackError(f"{self.name} {what}. The end of its log:\n{self.log_tail()}")

    def log_tail(self) -> str:
        """The last lines it wrote."""
        if self._command is None or not self._command.log_file.exists():
            return "(no log)"
        return self._command.log_file.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Ask again and again, quickly at first, until it is true or the seconds are over."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return True


def clean_environment() -> dict[str, str]:
    """What a server needs of our environment, and nothing that would steer it (PGHOST, LD_PRELOAD, …)."""
    path = os.environ.get("PATH", os.defpath)
    return {
        "PATH": f"{path}:/usr/sbin:/usr/local/sbin",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def _private_log(path: Path) -> IO[bytes]:
    """Open a log for more, put aside once when it has grown long."""
    if path.exists() and path.stat().st_size > _LOG_BYTES_MAX:
        path.replace(path.with_suffix(".old.log"))
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    return os.fdopen(descriptor, "ab")
