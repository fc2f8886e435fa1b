"""The subscriber on a real broker and a real database: exactly once, whoever is killed."""

from __future__ import annotations

import json
from collections.abc import Callable

import sqlalchemy as sa

from agent import messages
from devices import commands
from devices.telemetry_models import QuarantineCount, SubscriberHeartbeat
from haas import clock, db
from haas.settings import Settings
from haas.tenancy.scope import Platform, Tenant
from tests.cast import Cast
from tests.devices.intake import corpus
from tests.devices.signals import Speaker, enrol_device
from tests.devices.wires import (
    PATIENCE_SECONDS,
    Wire,
    eventually,
    stored,
    subscribing,
)


class TestSubscriber:
    def test_stores_and_receipts_after_the_commit(
        self, wired: Settings, device: Callable[[], tuple[Speaker, Wire]]
    ) -> None:
        speaker, wire = device()
        with subscribing(wired):
            wire.send(speaker.birth(clock.now()), *(speaker.health(clock.now()) for _ in range(50)))
            assert wire.receipt_upto(speaker.b, 51) == {"b": speaker.b, "upto": 51}
        assert stored(speaker) == list(range(1, 52))

    def test_gets_what_came_while_it_was_away_and_flushes_what_it_read_at_the_end(
        self, wired: Settings, device: Callable[[], tuple[Speaker, Wire]]
    ) -> None:
        speaker, wire = device()
        with subscribing(wired):
            wire.send(speaker.birth(clock.now()))
            wire.receipt_upto(speaker.b, 1)
        wire.send(*(speaker.health(clock.now()) for _ in range(700)))
        with subscribing(wired) as subscriber:
            eventually(lambda: subscriber.received >= 1)
        with subscribing(wired):
            eventually(lambda: len(stored(speaker)) == 701)

    def test_publishes_an_order_and_takes_the_answer(
        self, cast: Cast, wired: Settings, device: Callable[[], tuple[Speaker, Wire]]
    ) -> None:
        speaker, wire = device()
        with subscribing(wired):
            wire.send(speaker.birth(clock.now()))
            with db.unit_of_work(cast.tenant) as session:
                order = commands.order(
                    session,
                    cast.tenant,
                    device_id=speaker.device_id,
                    verb="collect",
                    args={"what": ["smart"]},
                    now=clock.now(),
                )
            topic, body = wire.received.get(timeout=PATIENCE_SECONDS)
            while not topic.endswith("/cmd"):
                topic, body = wire.received.get(timeout=PATIENCE_SECONDS)
            assert (body["id"], body["verb"], body["args"]) == (order.id, "collect", {"what": ["smart"]})
            wire.send(speaker.say("result", clock.now(), id=order.id, st="done"))

            def is_done() -> bool:
                with db.unit_of_work(cast.tenant) as session:
                    (found,) = commands.recent(session, cast.tenant, device_id=speaker.device_id, count=1)
                    return found.state == "done"

            eventually(is_done)

    def test_signs_orders_as_the_agent_checks_them(self, cast: Cast, wired: Settings) -> None:
        import base64

        from devices.commands import KEY_PURPOSE, lock_device
        from haas.auth import vault

        speaker = enrol_device(cast.tenant)
        with db.unit_of_work(cast.tenant) as session:
            commands.order(session, cast.tenant, device_id=speaker.device_id, verb="rebirth", now=clock.now())
            sealed = lock_device(session, cast.tenant, device_id=speaker.device_id).command_key
        key = base64.b64decode(vault.unseal(sealed, secret_key=wired.secret_key, purpose=KEY_PURPOSE))
        with db.unit_of_work(Platform("relay")) as session:
            due = commands.due(session, secret_key=wired.secret_key, now=clock.now(), limit=1000)
        topic = messages.down_topic(speaker.device_id, "cmd")
        (body,) = [json.loads(each.payload) for each in due if each.topic == topic]
        assert messages.is_signed_by(key, body)
        assert not messages.is_signed_by(b"x" * 32, body)

    def test_beats_so_that_silence_is_believed(
        self, wired: Settings, device: Callable[[], tuple[Speaker, Wire]]
    ) -> None:
        before = clock.now()

        def beats() -> bool:
            with db.unit_of_work(Platform("relay")) as session:
                beat = session.get(SubscriberHeartbeat, "subscriber")
                return beat is not None and beat.beat_at > before

        with subscribing(wired):
            eventually(beats)


class TestCorpus:
    def test_is_quarantined_by_real_publishing_and_never_stops_the_rest(
        self, wired: Settings, device: Callable[[], tuple[Speaker, Wire]]
    ) -> None:
        speaker, wire = device()
        bad = [
            (kind, payload)
            for kind, payload, _ in corpus(speaker)
            if len(payload) <= 60_000 and len(kind) < 99
        ]
        with subscribing(wired):
            wire.send(speaker.birth(clock.now()))
            for kind, payload in bad:
                wire.raw(messages.up_topic(speaker.device_id, kind), payload)
            wire.raw(messages.up_topic(speaker.device_id, "health"), b"{}", qos=2)
            wire.raw(messages.up_topic(speaker.device_id, "health/deep" + "/x" * 190), b"{}")
            wire.raw(messages.up_topic("d-somebody-else", "health"), b"{}")
            wire.raw("$SYS/broker/uptime", b"1")
            last = speaker.health(clock.now())
            wire.send(last)
            assert wire.receipt_upto(speaker.b, speaker.s)
        with db.unit_of_work(Tenant(speaker.partner_id)) as session:
            counted = session.scalar(
                sa.select(sa.func.sum(QuarantineCount.messages)).where(
                    QuarantineCount.device_id == speaker.device_id
                )
            )
        assert counted == len(bad) + 2
        assert stored(speaker) == [1, 2]

    def test_of_duplicates_with_new_packet_ids_is_stored_once(
        self, wired: Settings, device: Callable[[], tuple[Speaker, Wire]]
    ) -> None:
        speaker, wire = device()
        birth, health = speaker.birth(clock.now()), speaker.health(clock.now())
        with subscribing(wired):
            wire.send(birth, health, health, birth, health)
            wire.receipt_upto(speaker.b, 2)
            wire.send(health, birth)
            wire.receipt_upto(speaker.b, 2)
        assert stored(speaker) == [1, 2]


class TestAccessRules:
    def test_keep_a_device_under_its_own_topics(
        self, wired: Settings, device: Callable[[], tuple[Speaker, Wire]]
    ) -> None:
        """By what is delivered: the broker says yes to everything."""
        (ana, ana_wire), (ben, ben_wire) = device(), device()
        with subscribing(wired):
            forged = ben.birth(clock.now())
            ana_wire.send(forged)  # in Ben's name
            ana_wire._client.subscribe("haas/v1/#", qos=1)
            ana_wire._client.subscribe(messages.down_filter(ben.device_id), qos=1)
            ben_wire.send(ben.health(clock.now()))
            ben_wire.receipt_upto(ben.b, 2)
            ana_wire.send(ana.birth(clock.now()))
            ana_wire.receipt_upto(ana.b, 1)
        assert stored(ben) == [2], "the forged birth was not delivered"
        heard = []
        while not ana_wire.received.empty():
            heard.append(ana_wire.received.get()[0])
        assert [topic for topic in heard if ben.device_id in topic] == []
