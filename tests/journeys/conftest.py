"""A dated story on the real stack: the test sets the clock, relay and workers follow what happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from redis import Redis

from haas import clock
from haas.settings import Settings
from tests.cast import Cast
from tests.journeys.story import Story


@pytest.fixture
def story(
    alone: Cast,
    settings: Settings,
    api: Callable[..., FlaskClient],
    web: Callable[..., FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Story]:
    """Northwind in a database and a queue of its own, at a moment that the test chooses.

    `haas.clock` is the product's only read of the time, so moving it is moving the machine's clock.
    """
    valkey = Redis.from_url(settings.redis_url)
    valkey.flushdb()
    told = Story(alone, settings, valkey, api, web)
    monkeypatch.setattr(clock, "now", lambda: told.now)
    yield told
    valkey.flushdb()
    valkey.close()
