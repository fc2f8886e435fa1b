"""Keeping services alive, in order."""

import threading

import pytest

from haas.embedded.errors import StackError
from haas.embedded.process import wait_until
from haas.embedded.supervisor import Supervisor


class Recorded:
    """A service that notes what is done to it."""

    def __init__(self, name: str, log: list[str], *, fails: int = 0) -> None:
        self.name = name
        self.pid: int | None = None
        self.runs = threading.Event()
        self._log = log
        self._fails = fails

    def start(self) -> None:
        if self._fails:
            self._fails -= 1
            raise StackError(f"{self.name} is not there")
        self._log.append(f"start {self.name}")
        self.runs.set()

    def is_running(self) -> bool:
        return self.runs.is_set()

    def stop(self) -> None:
        self._log.append(f"stop {self.name}")
        self.runs.clear()


class TestSupervisor:
    def test_stops_in_the_opposite_order(self) -> None:
        log: list[str] = []
        supervisor = Supervisor()
        supervisor.start([Recorded("database", log)])
        supervisor.start([Recorded("web", log)])

        supervisor.stop()

        assert log == ["start database", "start web", "stop web", "stop database"]

    def test_starts_again_what_ended_until_it_stays(self) -> None:
        log: list[str] = []
        said: list[str] = []
        service = Recorded("web", log)
        supervisor = Supervisor(said.append)
        supervisor.start([service])

        service._fails = 2
        service.runs.clear()

        assert wait_until(service.is_running, seconds=10)
        supervisor.stop()
        assert said[0] == "web ended; starting it again"
        assert said.count("web did not start: web is not there") == 2

    def test_says_what_did_not_start_and_still_stops_the_others(self) -> None:
        log: list[str] = []
        supervisor = Supervisor()

        with pytest.raises(StackError, match="queue is not there"):
            supervisor.start([Recorded("database", log), Recorded("queue", log, fails=1)])
        supervisor.stop()

        assert log == ["start database", "stop database"]

    def test_leaves_alone_what_it_is_stopping(self) -> None:
        log: list[str] = []
        supervisor = Supervisor()
        supervisor.start([Recorded("web", log)])

        supervisor.stop()

        assert log.count("start web") == 1
