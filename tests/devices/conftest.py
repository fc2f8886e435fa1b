"""What tests of the intake stand on: devices on a real broker, subscribers that may be killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from haas import clock
from haas.broker import mosquitto_password_hash
from haas.embedded.broker import Broker
from haas.settings import Settings
from tests.cast import Cast
from tests.devices.signals import Speaker, enrol_device
from tests.devices.wires import Process, Wire, eventually, subscribing


@pytest.fixture
def wired(settings: Settings, broker: Broker) -> Settings:
    """Settings that know the broker, which keeps a session for the subscriber from now on."""
    made = replace(settings, mqtt_url=broker.server.url, mqtt_ca_file=broker.server.ca_file)
    with subscribing(made):
        return made


_let_in: dict[str, str] = {}


@pytest.fixture
def device(cast: Cast, broker: Broker) -> Iterator[Callable[[], tuple[Speaker, Wire]]]:
    """Enrol a device and connect it; all are let in that ever were in this run."""
    open_wires: list[Wire] = []

    def connect() -> tuple[Speaker, Wire]:
        speaker = enrol_device(cast.tenant, at=clock.now() - timedelta(days=8))
        _let_in[speaker.device_id] = mosquitto_password_hash(speaker.secret)
        broker.write_passwords(_let_in.items())

        def is_in() -> bool:
            try:
                open_wires.append(Wire(broker.devices, speaker))
            except AssertionError:
                return False  # the broker has not read its file again yet
            return True

        eventually(is_in)
        return speaker, open_wires[-1]

    yield connect
    for wire in open_wires:
        wire.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """`start(settings, HAAS_…=…)`: subscriber processes that end with the test."""
    started: list[Process] = []

    def begin(settings: Settings, **environment: str) -> Process:
        started.append(Process(settings, **environment))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
