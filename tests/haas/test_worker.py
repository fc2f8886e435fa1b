"""A delivery is done once; what fails is tried again, later each time, and put aside in the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from redis import Redis
from rq import Queue, SimpleWorker

from haas import clock, db, reactions, worker
from haas.outbox import OutboxDelivery
from haas.reactions import REACTIONS
from haas.relay import ATTEMPTS_MAX
from haas.worker import perform
from tests.cast import Cast
from tests.haas.queue import Recorder, deliveries, hand_over, only_reaction, tell

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    with only_reaction(monkeypatch) as made:
        yield made


@pytest.fixture
def delivery(cast: Cast, valkey: Redis, recorder: Recorder) -> OutboxDelivery:
    tell(cast.tenant, asset_id="ast_1")
    hand_over(valkey)
    return deliveries(cast.tenant)[0]


def read(cast: Cast) -> OutboxDelivery:
    return deliveries(cast.tenant)[0]


class TestPerform:
    def test_calls_the_reaction_with_the_events_payload(
        self, cast: Cast, delivery: OutboxDelivery, recorder: Recorder
    ) -> None:
        perform(partner_id=cast.northwind.id, delivery_id=delivery.id)
        assert recorder.calls == [
            {"partner_id": cast.northwind.id, "event_id": delivery.event_id, "asset_id": "ast_1"}
        ]
        assert read(cast).state == "done"
        assert read(cast).done_at is not None

    def test_does_a_delivery_once(self, cast: Cast, delivery: OutboxDelivery, recorder: Recorder) -> None:
        for _ in range(3):
            perform(partner_id=cast.northwind.id, delivery_id=delivery.id)
        assert len(recorder.calls) == 1

    def test_leaves_a_row_that_another_worker_is_claiming(
        self, cast: Cast, delivery: OutboxDelivery, recorder: Recorder
    ) -> None:
        with db.unit_of_work(cast.tenant) as rival:
            rival.scalars(
                sa.select(OutboxDelivery).where(OutboxDelivery.id == delivery.id).with_for_update()
            ).one()
            perform(partner_id=cast.northwind.id, delivery_id=delivery.id)
        assert recorder.calls == []

    def test_finds_nothing_in_another_partners_name(
        self, cast: Cast, delivery: OutboxDelivery, recorder: Recorder
    ) -> None:
        perform(partner_id=cast.contoso.id, delivery_id=delivery.id)
        assert recorder.calls == []
        assert read(cast).state == "pending"

    def test_puts_off_what_failed_and_says_why(
        self, cast: Cast, delivery: OutboxDelivery, recorder: Recorder
    ) -> None:
        recorder.fails = 1
        before = clock.now()
        with pytest.raises(ConnectionError):
            perform(partner_id=cast.northwind.id, delivery_id=delivery.id)
        row = read(cast)
        assert (row.state, row.attempts) == ("pending", 1)
        assert row.error == "ConnectionError: the mail server is away"
        assert timedelta(seconds=1) < row.due_at - before < timedelta(seconds=4)  # 2 s, then 4, 8 …
        perform(partner_id=cast.northwind.id, delivery_id=delivery.id)
        assert (read(cast).state, read(cast).error) == ("done", None)

    def test_gives_up_in_the_end_and_keeps_the_row(
        self, cast: Cast, delivery: OutboxDelivery, recorder: Recorder, valkey: Redis
    ) -> None:
        recorder.fails = ATTEMPTS_MAX + 5
        for _ in range(ATTEMPTS_MAX):
            with pytest.raises(ConnectionError):
                perform(partner_id=cast.northwind.id, delivery_id=delivery.id)
        assert read(cast).state == "poison"
        hand_over(valkey, now=clock.now() + timedelta(days=3))
        perform(partner_id=cast.northwind.id, delivery_id=delivery.id)
        assert len(recorder.calls) == ATTEMPTS_MAX  # it is not tried again by itself

    def test_renews_its_lease_while_it_works(
        self, cast: Cast, delivery: OutboxDelivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worker, "_lease", lambda: timedelta(seconds=0.6))
        seen: list[bool] = []
        renewed = threading.Event()

        def slow(**_arguments: str) -> None:
            first = read(cast).due_at
            for _ in range(100):
                if read(cast).due_at > first:
                    seen.append(True)
                    return
                renewed.wait(0.05)

        monkeypatch.setattr(reactions, "find", lambda _name: slow)
        perform(partner_id=cast.northwind.id, delivery_id=delivery.id)
        assert seen == [True]

    def test_calls_nothing_but_a_reaction_of_the_table(
        self, cast: Cast, delivery: OutboxDelivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(REACTIONS, "test.happened")
        with pytest.raises(LookupError):
            perform(partner_id=cast.northwind.id, delivery_id=delivery.id)
        assert read(cast).attempts == 1


class TestRun:
    def test_works_the_queue_empty(self, cast: Cast, delivery: OutboxDelivery, valkey: Redis) -> None:
        """RQ itself takes the job and calls `perform` by its name."""
        queue = Queue("default", connection=valkey)
        SimpleWorker([queue], connection=valkey).work(burst=True, logging_level="WARNING")
        assert read(cast).state == "done"
