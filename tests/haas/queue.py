"""Follow events through relay and worker by hand, with a Valkey that only this test uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from redis import Redis
from rq import Queue

from haas import clock, db, relay
from haas.outbox import OutboxDelivery, OutboxEvent, publish
from haas.reactions import DEFAULT, REACTIONS
from haas.tenancy.scope import Tenant, scoped

LEASE = timedelta(seconds=10)
EVENT = "test.happened"


@dataclass(slots=True)
class Recorder:
    """A reaction of the test: notes what it was called with, and does what it is told."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    fails: int = 0  # how many of the next calls fail

    def __call__(self, **arguments: Any) -> None:
        """Be called as a reaction is."""
        self.calls.append(arguments)
        if self.fails:
            self.fails -= 1
            raise ConnectionError("the mail server is away")


RECORDER = Recorder()


@contextmanager
def only_reaction(monkeypatch: pytest.MonkeyPatch, queue: str = DEFAULT) -> Iterator[Recorder]:
    """`test.happened` -> the recorder."""
    RECORDER.calls.clear()
    RECORDER.fails = 0
    monkeypatch.setitem(REACTIONS, EVENT, [(f"{__name__}:RECORDER", queue)])
    yield RECORDER


def tell(tenant: Tenant, **payload: str) -> str:
    """Publish the test's event, committed; answers its id."""
    with db.unit_of_work(tenant) as session:
        return publish(session, tenant, EVENT, **payload).id


def deliveries(tenant: Tenant) -> list[OutboxDelivery]:
    """The deliveries of the test's event."""
    with db.unit_of_work(tenant) as session:
        return list(
            session.scalars(
                scoped(OutboxDelivery, tenant)
                .join(
                    OutboxEvent,
                    sa.and_(
                        OutboxEvent.partner_id == OutboxDelivery.partner_id,
                        OutboxEvent.id == OutboxDelivery.event_id,
                    ),
                )
                .where(OutboxEvent.name == EVENT)
                .order_by(OutboxDelivery.id)
            )
        )


def hand_over(valkey: Redis, *, now: datetime | None = None) -> None:
    """Let the relay work until nothing moves."""
    while relay.step(valkey, now=now or clock.now(), lease=LEASE):
        pass


def waiting(valkey: Redis, queue: str = DEFAULT) -> int:
    """How many jobs wait."""
    return Queue(queue, connection=valkey).count
