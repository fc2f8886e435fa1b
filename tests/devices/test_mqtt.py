"""The subscriber on a real broker and a real database: exactly once, whoever is killed."""

from __future__ import annotations

import json
import os
import queue
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import sqlalchemy as sa
from paho.mqtt.enums import CallbackAPIVersion

from agent import messages
from devices import commands, mqtt
from devices.arrivals import Arrival
from devices.telemetry_models import DeviceState, QuarantineCount, SubscriberHeartbeat, Telemetry
from haas import clock, db
from haas.broker import mosquitto_password_hash
from haas.embedded.broker import Broker, BrokerAddress
from haas.settings import Settings
from haas.tenancy.scope import Platform, Tenant
from tests.cast import Cast
from tests.devices.signals import Speaker, enrol_device
from tests.devices.test_telemetry import corpus

PATIENCE_SECONDS = 30
PROGRAM = (
    "from haas.settings import Settings; from devices import mqtt; mqtt.run(Settings.from_environment())"
)


def eventually(question: Callable[[], Any]) -> Any:
    """Ask until the answer is yes."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not (answer := question()):
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.02)
    return answer


class Wire:
    """A device's connection, as paho makes it."""

    def __init__(self, address: BrokerAddress, speaker: Speaker) -> None:
        self.received: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        self._connected = threading.Event()
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=speaker.device_id)
        self._client.username_pw_set(speaker.device_id, speaker.secret)
        self._client.tls_set_context(ssl.create_default_context(cafile=str(address.ca_file)))
        self._client.max_inflight_messages_set(1000)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _c, _u, message: self.received.put(
            (message.topic, json.loads(message.payload))
        )
        self._client.connect(address.host, address.port)
        self._client.loop_start()
        try:
            assert self._connected.wait(PATIENCE_SECONDS)
            self._client.subscribe(messages.down_filter(speaker.device_id), qos=1)
            assert self._subscribed.wait(PATIENCE_SECONDS)
        except AssertionError:
            self.close()
            raise

    def _on_connect(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if not reason.is_failure:  # paho tries again by itself until the broker knows the password
            self._connected.set()

    def send(self, *arrivals: Arrival, qos: int = 1, retain: bool = False) -> None:
        """Publish, and wait until the broker has it all."""
        sent = [self._client.publish(each.topic, each.payload, qos=qos, retain=retain) for each in arrivals]
        for each in sent:
            each.wait_for_publish(PATIENCE_SECONDS)

    def raw(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publish anything."""
        self._client.publish(topic, payload, qos=qos, retain=retain).wait_for_publish(PATIENCE_SECONDS)

    def receipt_upto(self, b: int, upto: int) -> dict[str, Any]:
        """Wait for the receipt that covers so much."""
        while True:
            topic, body = self.received.get(timeout=PATIENCE_SECONDS)
            if topic.endswith("/ack") and body["b"] == b and body["upto"] >= upto:
                return body

    def newest_receipt(self, b: int, *, seconds: float) -> int:
        """How far the receipts of the next `seconds` reach."""
        reached, until = 0, time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                topic, body = self.received.get(timeout=left)
            except queue.Empty:
                break
            if topic.endswith("/ack") and body["b"] == b and "missing" not in body:
                reached = body["upto"]
                until = min(until, time.monotonic() + 0.5)  # the others of this burst
        return reached

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        if (left := self._client.socket()) is not None:
            left.close()


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


@contextmanager
def subscribing(settings: Settings) -> Iterator[mqtt.Subscriber]:
    """The subscriber in this process, until the end of the block."""
    stop = threading.Event()
    subscriber = mqtt.Subscriber(settings)
    runner = threading.Thread(target=subscriber.run, args=(stop,))
    runner.start()
    try:
        eventually(lambda: subscriber._subscribed)
        yield subscriber
    finally:
        stop.set()
        runner.join(PATIENCE_SECONDS)
        assert not runner.is_alive()


class Process:
    """The subscriber as a process of its own, which may be killed."""

    def __init__(self, settings: Settings, **environment: str) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                PROGRAM,
            ],
            env={
                **os.environ,
                "HAAS_DATABASE_URL": settings.database_url,
                "HAAS_REDIS_URL": settings.redis_url,
                "HAAS_SECRET_KEY": settings.secret_key,
                "HAAS_MQTT_URL": str(settings.mqtt_url),
                "HAAS_MQTT_CA_FILE": str(settings.mqtt_ca_file),
                **environment,
            },
            cwd=Path(__file__).resolve().parents[2],
        )

    def wait(self) -> int:
        return self._process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """Whatever happened in the test, nothing is left."""
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)

    def end(self, number: int = signal.SIGTERM) -> int:
        self._process.send_signal(number)
        return self.wait()


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


def stored(speaker: Speaker) -> list[int]:
    with db.unit_of_work(Tenant(speaker.partner_id)) as session:
        return list(
            session.scalars(
                sa.select(Telemetry.s)
                .where(Telemetry.device_id == speaker.device_id)
                .order_by(Telemetry.b, Telemetry.s)
            )
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


class TestKills:
    @pytest.mark.parametrize("point", ["ingest.before_commit", "ingest.after_commit"])
    def test_of_the_subscriber_at_a_crash_point_lose_and_double_nothing(
        self,
        wired: Settings,
        device: Callable[[], tuple[Speaker, Wire]],
        start: Callable[..., Process],
        tmp_path: Path,
        point: str,
    ) -> None:
        speaker, wire = device()
        mark = tmp_path / "reached"
        doomed = start(wired, HAAS_CRASH=point, HAAS_CRASH_MARK=str(mark))
        wire.send(speaker.birth(clock.now()), *(speaker.health(clock.now()) for _ in range(200)))
        assert doomed.wait() == -signal.SIGKILL
        assert mark.exists()
        heir = start(wired, HAAS_CRASH=point, HAAS_CRASH_MARK=str(mark))
        wire.receipt_upto(speaker.b, 201)
        assert heir.end() == 0
        assert stored(speaker) == list(range(1, 202))

    def test_of_the_subscriber_at_any_instant_lose_and_double_nothing(
        self,
        wired: Settings,
        device: Callable[[], tuple[Speaker, Wire]],
        start: Callable[..., Process],
    ) -> None:
        speaker, wire = device()
        wire.send(speaker.birth(clock.now()))
        for _ in range(3):
            process = start(wired)
            before = len(stored(speaker))
            wire.send(*(speaker.health(clock.now()) for _ in range(1500)))
            eventually(partial(_holds_more, speaker, before))
            process.end(signal.SIGKILL)
        process = start(wired)
        wire.receipt_upto(speaker.b, 4501)
        assert process.end() == 0
        assert stored(speaker) == list(range(1, 4502))

    def test_of_the_broker_lose_nothing_that_was_receipted(
        self, private_stack: Callable[..., Any], cast: Cast, start: Callable[..., Process]
    ) -> None:
        """Broker and database of its own, both killed; the device sends again what was not receipted."""
        from haas.migrations import upgrade
        from tests import cast as casting

        stack = private_stack()
        upgrade(stack.owner_url)
        own = replace(
            Settings.from_environment({**stack.environment(), "HAAS_SECRET_KEY": casting.PEPPER}),
            testing=True,
        )
        shared = str(db.engine().url.render_as_string(hide_password=False))
        db.configure(own.database_url)
        try:
            self._kill_broker_and_database(stack, own, start)
        finally:
            db.configure(shared)

    def _kill_broker_and_database(self, stack: Any, own: Settings, start: Callable[..., Process]) -> None:
        from tests import cast as casting

        tenant = casting.make_cast().tenant
        speaker = enrol_device(tenant, at=clock.now() - timedelta(days=1))
        stack.broker.write_passwords([(speaker.device_id, mosquitto_password_hash(speaker.secret))])
        said = [speaker.birth(clock.now())] + [speaker.health(clock.now()) for _ in range(300)]
        process = start(own)
        receipted = 0
        for part, victim in enumerate(["broker", "postgres", None]):
            wire = eventually(lambda: _try_wire(stack.broker.devices, speaker))
            until = (part + 1) * 100 + 1
            while receipted < until:  # as the agent does: what no receipt covers is sent again
                wire.send(*said[receipted:until])
                receipted = max(receipted, wire.newest_receipt(speaker.b, seconds=3))
            wire.close()
            if victim is not None:
                os.kill(getattr(stack, victim).pid, signal.SIGKILL)
                eventually(getattr(stack, victim).responds)
        assert process.end() == 0

        def all_there() -> bool:
            try:
                return stored(speaker) == list(range(1, 302))
            except sa.exc.OperationalError:
                return False

        eventually(all_there)
        with db.unit_of_work(tenant) as session:
            state = session.scalars(sa.select(DeviceState).where(DeviceState.id == speaker.device_id)).one()
        assert state.s == 301


def _holds_more(speaker: Speaker, before: int) -> bool:
    return len(stored(speaker)) > before


def _try_wire(address: BrokerAddress, speaker: Speaker) -> Wire | None:
    try:
        return Wire(address, speaker)
    except (OSError, AssertionError):
        return None
