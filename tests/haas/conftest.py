"""A database apart, for what looks at every partner's rows: the relay, the worker, the timetable."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis

from haas import db
from haas.settings import Settings
from tests.fixtures_stack import Database, SharedStack


@pytest.fixture(scope="session")
def second_database(stack: SharedStack, worker_id: str) -> Database:
    """A migrated database that no other test writes to."""
    return stack.database(f"haas_apart_{worker_id}", worker_id=worker_id)


@pytest.fixture
def own_database(app: Flask, settings: Settings, second_database: Database) -> Iterator[None]:
    """No event waits but this test's. Ask for it with `usefixtures`, so that it comes before the cast."""
    owner = sa.create_engine(second_database.owner_url, poolclass=sa.pool.NullPool)
    with owner.begin() as connection:
        connection.execute(sa.text("truncate outbox_event, outbox_delivery"))
    db.configure(second_database.app_url)
    yield
    db.configure(settings.database_url)


@pytest.fixture
def valkey(settings: Settings) -> Iterator[Redis]:
    """The queues of this test process, empty before and after."""
    connection = Redis.from_url(settings.redis_url)
    connection.flushdb()
    yield connection
    connection.flushdb()
    connection.close()
