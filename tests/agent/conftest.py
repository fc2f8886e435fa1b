"""A broker, an enrolment server and an inbox for each test that asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent.world import SAMPLES, AgentProcess, BrokerProcess, EnrolmentServer, Inbox


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    folder = tmp_path / "broker"
    folder.mkdir()
    process = BrokerProcess(folder)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def inbox(broker: BrokerProcess) -> Iterator[Inbox]:
    box = Inbox(broker)
    yield box
    box.close()


@pytest.fixture
def server(broker: BrokerProcess) -> Iterator[EnrolmentServer]:
    enrolment = EnrolmentServer(broker)
    yield enrolment
    enrolment.close()


@pytest.fixture
def start_agent() -> Iterator[Callable[..., AgentProcess]]:
    started: list[AgentProcess] = []

    def start(state: Path, *arguments: str) -> AgentProcess:
        started.append(AgentProcess(state, *arguments))
        return started[-1]

    yield start
    for agent in started:
        if agent.process.poll() is None:
            agent.kill()


@pytest.fixture
def samples() -> Path:
    return SAMPLES
