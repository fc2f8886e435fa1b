"""Running agents until told to stop: one on its machine, or many simulated in one process."""

from __future__ import annotations

import logging
import select
import subprocess
import threading
import time
from typing import Callable, Dict, List, Optional, Sequence

from agent.link import LinkState
from agent.loop import Agent
from agent.notify import ServiceManager
from agent.spool import SpoolError

log = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 1.0  # how late a stop may be noticed
GOODBYE_SECONDS = 3.0


def run(
    agents: Sequence[Agent],
    stop: threading.Event,
    *,
    manager: Optional[ServiceManager] = None,
    goodbye_reason: Callable[[], str] = lambda: "stop",
) -> None:
    """Drive opened agents in this thread until `stop` is set; then say goodbye and close them.

    One wait serves all: an agent takes its step when its socket has data or its time has come.
    """
    announcer = _Announcer(manager, agents)
    try:
        for agent in agents:
            agent.step()
        announcer.ready()
        while not stop.is_set():
            announcer.alive()
            for agent in _wait(agents, LONGEST_WAIT_SECONDS):
                try:
                    agent.step()
                except SpoolError as error:
                    # A full or dying disk: what is stored stays, and the device should go on to
                    # say so; a second's pause, because the cause will not be gone at once.
                    log.error("%s: the spool cannot be written: %s", agent.device, error)
                    stop.wait(1.0)
    finally:
        if manager is not None:
            manager.tell(STOPPING="1")
        _say_goodbye(agents, goodbye_reason() if stop.is_set() else "stop")
        for agent in agents:
            agent.close()


def shutdown_or_stop() -> str:
    """Return "shutdown" if the whole machine goes down, else "stop"."""
    try:
        done = subprocess.run(
            ["systemctl", "is-system-running"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=2,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "stop"
    return "shutdown" if done.stdout.strip() == b"stopping" else "stop"


def _wait(agents: Sequence[Agent], longest: float) -> List[Agent]:
    """Wait for the first agent that has something to do, and return all that have."""
    poll = select.poll()
    by_socket: Dict[int, Agent] = {}
    waits = [agent.due_in() for agent in agents]
    for agent in agents:
        held = agent.socket()
        if held is not None and held.fileno() >= 0:
            by_socket[held.fileno()] = agent
            poll.register(held, select.POLLIN | (select.POLLOUT if agent.wants_write() else 0))
    began = time.monotonic()
    timeout = min([longest, *waits])
    ready = {by_socket[number] for number, _ in poll.poll(timeout * 1000)}
    waited = time.monotonic() - began
    # poll counts whole milliseconds; without the margin an agent that is due in 0.4 ms would be
    # asked again and again.
    return [agent for agent, wait in zip(agents, waits) if agent in ready or wait <= waited + 0.001]


def _say_goodbye(agents: Sequence[Agent], reason: str) -> None:
    questions = [agent.say_goodbye(reason) for agent in agents]
    waiting = [question for question in questions if question is not None]
    until = time.monotonic() + GOODBYE_SECONDS
    while waiting and time.monotonic() < until:
        waiting = [question for question in waiting if not question()]
        if waiting:
            time.sleep(0.02)


class _Announcer:
    """Keeps the service manager informed."""

    def __init__(self, manager: Optional[ServiceManager], agents: Sequence[Agent]) -> None:
        self._manager = manager
        self._agents = agents
        self._next = 0.0
        self._said = ""

    def ready(self) -> None:
        if self._manager is not None:
            self._manager.tell(READY="1")

    def alive(self) -> None:
        if self._manager is None:
            return
        now = time.monotonic()
        if self._manager.watchdog_seconds is not None and now >= self._next:
            self._manager.tell(WATCHDOG="1")
            self._next = now + self._manager.watchdog_seconds / 3
        connected = sum(agent.link.state is LinkState.CONNECTED for agent in self._agents)
        status = f"{connected} of {len(self._agents)} connected"
        if status != self._said:
            self._manager.tell(STATUS=status)
            self._said = status
