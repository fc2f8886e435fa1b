"""The relay hands out every delivery, again and again until the row says that it was done."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from redis import Redis
from rq import Queue
from rq.job import JobStatus

from haas import clock, db, relay
from haas.reactions import DEFAULT, DOCUMENTS, REACTIONS, find
from haas.tenancy.models import Client
from tests.cast import Cast
from tests.haas.queue import EVENT, LEASE, Recorder, deliveries, hand_over, only_reaction, tell, waiting

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    with only_reaction(monkeypatch) as made:
        yield made


@pytest.mark.usefixtures("recorder")
class TestStep:
    def test_makes_a_delivery_of_each_reaction_and_queues_it(
        self, cast: Cast, valkey: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        both = [REACTIONS[EVENT][0], ("haas.accounts.jobs:mail_anchor", DOCUMENTS)]
        monkeypatch.setitem(REACTIONS, EVENT, both)
        tell(cast.tenant)
        hand_over(valkey)
        assert sorted(row.queue for row in deliveries(cast.tenant)) == [DEFAULT, DOCUMENTS]
        assert {row.handed for row in deliveries(cast.tenant)} == {1}
        assert (waiting(valkey), waiting(valkey, DOCUMENTS)) == (1, 1)

    def test_expands_an_event_that_nothing_follows(
        self, cast: Cast, valkey: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(REACTIONS, EVENT)
        tell(cast.tenant)
        hand_over(valkey)
        assert deliveries(cast.tenant) == []
        assert relay.step(valkey, now=clock.now(), lease=LEASE) == 0  # it is not looked at again

    def test_does_not_hand_out_what_is_leased(self, cast: Cast, valkey: Redis) -> None:
        tell(cast.tenant)
        now = clock.now()
        hand_over(valkey, now=now)
        hand_over(valkey, now=now + LEASE / 2)
        assert waiting(valkey) == 1

    def test_hands_out_again_what_the_queue_lost(self, cast: Cast, valkey: Redis) -> None:
        tell(cast.tenant)
        now = clock.now()
        hand_over(valkey, now=now)
        valkey.flushdb()  # Valkey was killed and came back empty
        hand_over(valkey, now=now + LEASE + timedelta(seconds=1))
        assert waiting(valkey) == 1
        assert deliveries(cast.tenant)[0].handed == 2

    def test_does_not_lengthen_a_queue_that_is_only_slow(self, cast: Cast, valkey: Redis) -> None:
        tell(cast.tenant)
        now = clock.now()
        for rounds in range(4):
            hand_over(valkey, now=now + rounds * (LEASE + timedelta(seconds=1)))
        assert waiting(valkey) == 1

    def test_hands_out_again_what_a_dead_worker_had_taken(self, cast: Cast, valkey: Redis) -> None:
        tell(cast.tenant)
        now = clock.now()
        hand_over(valkey, now=now)
        taken = Queue.dequeue_any([Queue(DEFAULT, connection=valkey)], None, connection=valkey)
        assert taken is not None
        taken[0].set_status(JobStatus.STARTED)
        hand_over(valkey, now=now + LEASE + timedelta(seconds=1))
        assert waiting(valkey) == 1

    def test_of_two_relays_at_once_takes_each_row_once(self, cast: Cast, valkey: Redis) -> None:
        for _ in range(30):
            tell(cast.tenant)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _n: hand_over(valkey), range(4)))
        rows = deliveries(cast.tenant)
        assert len(rows) == 30
        assert {row.handed for row in rows} == {1}
        assert waiting(valkey) == 30

    def test_sees_partners_rows_only_to_hand_them_on(self, cast: Cast) -> None:
        """In the relay's name there is nothing else to read."""
        with db.unit_of_work(relay.RELAY) as session:
            assert session.query(Client).count() == 0


class TestBackoff:
    def test_doubles_up_to_a_quarter_of_an_hour(self) -> None:
        assert [relay.backoff(n).total_seconds() for n in (1, 2, 3, 9, 10, 40)] == [2, 4, 8, 512, 900, 900]


class TestTheReactions:
    def test_are_all_there(self) -> None:
        for jobs in REACTIONS.values():
            for name, queue in jobs:
                assert callable(find(name))
                assert queue in (DEFAULT, DOCUMENTS)

    def test_are_nothing_else(self) -> None:
        with pytest.raises(LookupError):
            find("os:system")
