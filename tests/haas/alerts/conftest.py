"""A device of a client, and settings for jobs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devices import telemetry
from haas import clock
from haas import settings as own_settings
from haas.settings import Settings
from tests.cast import Cast
from tests.devices.signals import Speaker, enrol_device
from tests.haas.alerts.situations import follow


@pytest.fixture(autouse=True)
def _settings(settings: Settings) -> None:
    own_settings.use(settings)


@pytest.fixture
def speaker(cast: Cast) -> Speaker:
    made = enrol_device(cast.tenant, at=clock.now() - timedelta(days=1), client_id=cast.acme.id)
    telemetry.take_in([made.birth(clock.now())], now=clock.now())
    follow(cast.northwind.id)
    return made
