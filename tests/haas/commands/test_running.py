"""`haas up`: starts, heals, stops in order, continues."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from haas.commands.running import _choose_port
from haas.embedded.errors import StackError
from haas.embedded.folder import DataFolder
from haas.embedded.process import wait_until
from haas.embedded.product import ROOT, answers

# Whole products start and stop here, beside other tests on few cores.
pytestmark = pytest.mark.timeout(900)

ADDRESS = re.compile(r"http://localhost:(\d+)")


class Up:
    """A running `haas up`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "haas.cli", "up", "--data", str(folder), *options],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("HAAS_")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""
        self.port = self._port()
        self.seconds = time.monotonic() - self.started_at

    def _port(self) -> int:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            found = ADDRESS.search(line)
            if found:
                return int(found[1])
        self.process.communicate()
        raise AssertionError(self.said)

    @property
    def pids(self) -> dict[str, int]:
        known = json.loads((self.folder / "run" / "processes.json").read_text())
        return {name: pid for name, (pid, _) in known.items()}

    def answers(self) -> bool:
        return answers(host="127.0.0.1", port=self.port)

    def stop(self) -> str:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=60)
        return self.said + rest


@pytest.fixture
def up(private_folder: Path) -> Iterator[Callable[..., Up]]:
    """Start `haas up` in one folder, as often as the test likes."""
    started: list[Up] = []

    def start(*options: str) -> Up:
        started.append(Up(private_folder, *options))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class TestUp:
    def test_answers_heals_stops_and_continues(self, up: Callable[..., Up]) -> None:
        first = up()
        assert first.answers()
        pids = first.pids
        assert set(pids) == {"web", "worker default", "worker documents", "scheduler", "subscriber"}

        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not set(pids.values()) & set(first.pids.values()), seconds=60)
        assert wait_until(first.answers, seconds=60)

        pids = first.pids
        said = first.stop()
        assert first.process.returncode == 0, said
        assert "stopped" in said
        assert not any(is_alive(pid) for pid in pids.values())
        assert DataFolder(first.folder).holder() is None

        second = up()
        assert second.answers()
        assert second.seconds < 30  # under 10 s where nothing else runs

    def test_is_one_a_folder_and_can_be_stopped_from_elsewhere(self, up: Callable[..., Up]) -> None:
        first = up()
        with pytest.raises(AssertionError, match=f"in use by process {first.process.pid}"):
            up()
        assert first.answers()

        stop = [sys.executable, "-m", "haas.cli", "services", "stop", "--data", str(first.folder)]
        answer = subprocess.run(stop, cwd=ROOT, capture_output=True, text=True, check=False)

        assert answer.stdout == f"Stopped: everything of process {first.process.pid}.\n", answer.stderr
        assert first.process.wait(10) == 0

    def test_ends_what_a_killed_one_left(self, up: Callable[..., Up]) -> None:
        first = up()
        left = first.pids
        first.process.kill()
        first.process.wait()
        assert all(is_alive(pid) for pid in left.values())

        second = up()

        assert "ended what a killed run left" in second.said
        assert not any(is_alive(pid) for pid in left.values())
        assert second.answers()


class TestThePort:
    def test_is_another_when_its_own_is_taken_and_that_is_said(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            console = Console(record=True, file=io.StringIO())

            port = _choose_port(None, console, usual=taken.getsockname()[1])

            assert port != taken.getsockname()[1]
            assert f"using {port}" in console.export_text()

    def test_is_refused_when_it_was_asked_for_and_is_taken(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()

            with pytest.raises(StackError, match="is taken by another program"):
                _choose_port(taken.getsockname()[1], Console(file=io.StringIO()))
