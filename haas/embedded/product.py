"""The product's own processes as services of the one-machine stack."""

from __future__ import annotations

import http.client
import json
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from haas.embedded.folder import DataFolder
from haas.embedded.process import Command, ServerProcess

ROOT = Path(__file__).resolve().parent.parent.parent
QUEUES = ("default", "documents")  # as in haas.reactions, which would load the whole product here
_READY_SECONDS = 90  # a cold, busy machine; the wait ends as soon as it answers
_STOP_SECONDS = 15
_lock = threading.Lock()  # services start side by side and share one list of processes


class ProductProcess:
    """One child process: web, a worker, the scheduler, the subscriber, an agent."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        folder: DataFolder,
        environment: Mapping[str, str],
        is_ready: Callable[[], bool] | None = None,
    ) -> None:
        self.name = name
        self._arguments = arguments
        self._folder = folder
        self._environment = environment
        self._is_ready = is_ready
        self._process = ServerProcess(name)

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid

    def start(self) -> None:
        """Start it; return when it is ready, if that can be asked.

        :raises StackError: with the end of its log, if it ends at once or is not ready in time.
        """
        self._process.end_group()  # what a killed one left would hold its port
        log = self._folder.path / "logs" / f"{self.name.replace(' ', '-')}.log"
        self._process.start(Command(self._arguments, log, self._environment, ROOT))
        _remember(self._folder, self.name, self._process.pid)
        if self._is_ready is not None:
            self._process.wait_ready(self._is_ready, seconds=_READY_SECONDS)

    def is_running(self) -> bool:
        """Whether it lives."""
        return self._process.is_running()

    def stop(self) -> None:
        """Let it finish what it is at, then end it and what it started."""
        self._process.stop(signal.SIGTERM, seconds=_STOP_SECONDS)
        self._process.end_group()


def product_processes(
    folder: DataFolder, *, environment: Mapping[str, str], host: str, port: int
) -> list[ProductProcess]:
    """Everything but the servers: what `haas up` starts beside them."""

    def process(name: str, *words: str, is_ready: Callable[[], bool] | None = None) -> ProductProcess:
        arguments = [sys.executable, "-m", "haas.cli", *words]
        return ProductProcess(name, arguments, folder=folder, environment=environment, is_ready=is_ready)

    web = ("web", "--host", host, "--port", str(port))
    return [
        process("web", *web, is_ready=lambda: answers(host=host, port=port)),
        *(process(f"worker {queue}", "worker", "--queue", queue) for queue in QUEUES),
        process("scheduler", "scheduler"),
        *([process("subscriber", "subscriber")] if environment.get("HAAS_MQTT_URL") else []),
    ]


def answers(*, host: str, port: int) -> bool:
    """Whether the web app says that it is well."""
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def end_orphans(folder: DataFolder) -> list[str]:
    """End product processes of a run that was killed before it could: old code must not serve on.

    :returns: the names of those that still ran.
    """
    ended = []
    for name, (pid, started_at) in _remembered(folder).items():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if abs(process.create_time() - started_at) > 1:
                continue  # the number was given to another process since
            for each in [process, *process.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    each.terminate()
            with suppress(psutil.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            with suppress(psutil.NoSuchProcess):
                process.kill()
            ended.append(name)
    (folder.path / "run" / "processes.json").unlink(missing_ok=True)
    return ended


def _remember(folder: DataFolder, name: str, pid: int | None) -> None:
    if pid is None:
        return
    with suppress(psutil.NoSuchProcess), _lock:
        known = {**_remembered(folder), name: (pid, psutil.Process(pid).create_time())}
        folder.write_private("run/processes.json", json.dumps(known))


def _remembered(folder: DataFolder) -> dict[str, tuple[int, float]]:
    try:
        known = json.loads((folder.path / "run" / "processes.json").read_text())
    except (OSError, ValueError):
        return {}
    return {str(name): (int(pid), float(at)) for name, (pid, at) in known.items()}
