"""What cannot be used is counted, kept with a limit, acknowledged, and never stops the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from devices.arrivals import Arrival
from devices.telemetry_models import (
    QuarantineCount,
    QuarantinedMessage,
)
from haas import db
from haas.outbox import OutboxEvent
from haas.tenancy.scope import Tenant
from tests.cast import Cast
from tests.devices.intake import corpus, every, receipts, rows, take
from tests.devices.signals import NOW, Speaker, enrol_device, ms


@pytest.fixture
def speaker(cast: Cast) -> Speaker:
    return enrol_device(cast.tenant, at=NOW - timedelta(days=30), client_id=cast.acme.id)


class TestQuarantine:
    def test_counts_and_keeps_every_bad_payload_and_lets_the_good_ones_by(self, speaker: Speaker) -> None:
        bad = corpus(speaker)
        arrivals = [speaker.birth(NOW)]
        for kind, payload, _ in bad:
            arrivals += [speaker.send(kind, payload, NOW), speaker.health(NOW)]
        retained = speaker.health(NOW)
        arrivals.append(Arrival(retained.topic, retained.payload, NOW, retained=True))

        result = take(*arrivals)

        assert (result.stored, result.quarantined) == (1 + len(bad), len(bad) + 1)
        expected: dict[str, int] = {"retained": 1}
        for _, _, reason in bad:
            expected[reason] = expected.get(reason, 0) + 1
        counted = {}
        with db.unit_of_work(Tenant(speaker.partner_id)) as session:
            for row in session.scalars(
                sa.select(QuarantineCount).where(QuarantineCount.device_id == speaker.device_id)
            ):
                counted[row.reason] = row.messages
        assert counted == expected
        assert len(every(speaker, QuarantinedMessage)) == 20, "of one batch so many are kept"

    def test_tells_the_device_not_to_send_it_again(self, speaker: Speaker) -> None:
        take(speaker.birth(NOW))
        speaker.s += 1
        bad = {"v": 1, "b": speaker.b, "s": 2, "t": ms(NOW), "m": {"x": "text"}}
        result = take(speaker.send("health", bad, NOW), speaker.health(NOW))
        assert receipts(result, speaker) == [{"b": speaker.b, "upto": 3, "drop": [2]}]

    def test_keeps_the_newest_hundred_of_a_device(self, speaker: Speaker) -> None:
        for _ in range(7):
            take(*(speaker.send("health", b"{", NOW) for _ in range(20)))
        assert len(every(speaker, QuarantinedMessage)) == 100

    def test_tells_people_at_the_third_and_the_hundredth(self, speaker: Speaker) -> None:
        take(*(speaker.send("health", b"{", NOW) for _ in range(2)))
        take(*(speaker.send("health", b"{", NOW) for _ in range(2)))
        take(*(speaker.send("health", b"{", NOW) for _ in range(120)))
        with db.unit_of_work(Tenant(speaker.partner_id)) as session:
            told = session.scalars(
                sa.select(OutboxEvent).where(
                    OutboxEvent.name == "device.quarantined",
                    OutboxEvent.payload["device_id"].astext == speaker.device_id,
                )
            ).all()
        assert len(told) == 2

    def test_stores_text_that_copy_would_trip_over_as_it_is(self, speaker: Speaker) -> None:
        nasty = 'tab\t newline\n return\r back\\slash \\. \\N quote" ünïcode \\u0000 end'
        take(speaker.birth(NOW), speaker.say("event", NOW, code="x", sev="info", data={"text": nasty}))
        assert rows(speaker)[1].body["data"]["text"] == nasty

    def test_takes_the_last_of_a_key_that_stands_twice(self, speaker: Speaker) -> None:
        payload = f'{{"v":1,"b":{speaker.b},"s":9,"s":1,"t":{ms(NOW)},"m":{{"x":1,"x":2}}}}'.encode()
        take(speaker.send("health", payload, NOW))
        assert [(row.s, row.body) for row in rows(speaker)] == [(1, {"m": {"x": 2}})]

    def test_drops_what_is_older_than_is_kept(self, cast: Cast) -> None:
        old = enrol_device(cast.tenant, at=NOW - timedelta(days=200))
        result = take(old.birth(NOW), old.health(NOW - timedelta(days=120)), old.health(NOW))
        assert (result.stored, result.quarantined) == (2, 1)
        assert receipts(result, old) == [{"b": old.b, "upto": 3, "drop": [2]}]

    def test_halves_a_poisoned_batch_until_the_culprit_stands_alone(
        self, cast: Cast, speaker: Speaker
    ) -> None:
        """The database itself refuses one message of many: a check that its row alone breaks."""
        said = [speaker.birth(NOW)] + [speaker.health(NOW) for _ in range(20)]
        speaker.s += 0
        poison = speaker.say("event", NOW, code="poison.for.test", sev="info")
        others = [speaker.health(NOW) for _ in range(20)]
        with _refusing("poison.for.test"):
            result = take(*said, poison, *others)
        assert (result.stored, result.quarantined) == (41, 1)
        (kept,) = every(speaker, QuarantinedMessage)
        assert kept.reason == "refused"


class _refusing:  # noqa: N801 - reads as a phrase
    """A constraint on today's partition that refuses one event code."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __enter__(self) -> None:
        self._run(
            "alter table telemetry add constraint refuse_for_test"
            f" check (body->>'code' is distinct from '{self.code}') not valid"
        )

    def __exit__(self, *_: object) -> None:
        self._run("alter table telemetry drop constraint refuse_for_test")

    def _run(self, statement: str) -> None:
        engine = sa.create_engine(_owner_url[0])
        with engine.begin() as connection:
            connection.execute(sa.text(statement))
        engine.dispose()


_owner_url: list[str] = []


@pytest.fixture(autouse=True)
def _owner(database: Any) -> None:
    _owner_url[:] = [database.owner_url]
