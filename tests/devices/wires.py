"""Devices on a real broker and subscribers in and out of this process, for tests."""

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
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import sqlalchemy as sa
from paho.mqtt.enums import CallbackAPIVersion

from agent import messages
from devices import mqtt
from devices.arrivals import Arrival
from devices.telemetry_models import Telemetry
from haas import db
from haas.embedded.broker import BrokerAddress
from haas.settings import Settings
from haas.tenancy.scope import Tenant
from tests.devices.signals import Speaker

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


def stored(speaker: Speaker) -> list[int]:
    with db.unit_of_work(Tenant(speaker.partner_id)) as session:
        return list(
            session.scalars(
                sa.select(Telemetry.s)
                .where(Telemetry.device_id == speaker.device_id)
                .order_by(Telemetry.b, Telemetry.s)
            )
        )
