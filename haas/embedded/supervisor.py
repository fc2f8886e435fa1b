"""Keeps services alive: starts them, restarts what dies, stops them in order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from haas.embedded.errors import StackError

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_STEADY_SECONDS = 60.0  # lived this long: the next death starts from the shortest pause again


class Service(Protocol):
    """Something that runs beside us."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""

    def start(self) -> None:
        """Start it and return when it is ready; raises StackError."""

    def is_running(self) -> bool:
        """Whether its process lives."""

    def stop(self) -> None:
        """End it and wait for the end."""


@dataclass(slots=True)
class _Watched:
    service: Service
    restarts: int = 0
    started_at: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)
    thread: threading.Thread | None = None


class Supervisor:
    """Services in the order they were started. `report` gets one line for people per event."""

    def __init__(self, report: Callable[[str], None] | None = None) -> None:
        self._report = report or log.info
        self._watched: list[_Watched] = []
        self._stopping = threading.Event()

    def start(self, services: Sequence[Service]) -> None:
        """Start these side by side and watch them from then on.

        :raises StackError: the first failure, after all have been tried; those that run are watched.
        """
        if not services:
            return
        with ThreadPoolExecutor(max_workers=len(services)) as pool:
            outcomes = [(service, pool.submit(service.start)) for service in services]
        failures = []
        for service, outcome in outcomes:
            failure = outcome.exception()
            if failure is not None:
                failures.append(failure)
            else:
                self._watch(service)
        if failures:
            raise failures[0]

    def restarts(self, name: str) -> int:
        """How often the service of that name had to be started again."""
        return sum(each.restarts for each in self._watched if each.service.name == name)

    def pids(self) -> dict[str, int | None]:
        """Each service's process id."""
        return {each.service.name: each.service.pid for each in self._watched}

    def stop(self) -> None:
        """Stop everything, last started first."""
        self._stopping.set()
        for each in self._watched:
            if each.thread is not None:
                each.thread.join()
        for each in reversed(self._watched):
            each.service.stop()
        self._watched.clear()
        self._stopping.clear()

    def _watch(self, service: Service) -> None:
        watched = _Watched(service)
        watched.thread = threading.Thread(
            target=self._keep_alive,
            args=(watched,),
            name=f"watch {service.name}",
            daemon=True,
        )
        self._watched.append(watched)
        watched.thread.start()

    def _keep_alive(self, watched: _Watched) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping.wait(_LOOK_SECONDS):
            if watched.service.is_running():
                continue
            if time.monotonic() - watched.started_at > _STEADY_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            self._report(f"{watched.service.name} ended; starting it again")
            if self._stopping.wait(pause):
                return
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            watched.restarts += 1
            watched.started_at = time.monotonic()
            try:
                watched.service.start()
            except (StackError, OSError) as failure:
                # It is tried again, with a longer pause: its cause may pass (a full disk, a busy port).
                self._report(f"{watched.service.name} did not start: {failure}")
