"""The broker's access rules, by what is delivered."""

import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from haas.broker import mosquitto_password_hash
from haas.embedded import broker as embedded
from haas.embedded.broker import Broker, BrokerAddress, keep_passwords
from haas.embedded.folder import DataFolder
from haas.embedded.process import wait_until
from haas.embedded.stack import Stack

PASSWORDS = {"d-ana": "first", "d-ben": "second"}


class Client:
    """One connection whose messages can be waited for."""

    def __init__(
        self,
        address: BrokerAddress,
        *,
        user: str,
        password: str,
        client_id: str,
        clean: bool = True,
    ) -> None:
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.connections: queue.Queue[str] = queue.Queue()
        self.drops: queue.Queue[str] = queue.Queue()
        self._done: queue.Queue[int] = queue.Queue()
        self._mqtt = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=clean,
            reconnect_on_failure=False,
        )
        self._mqtt.username_pw_set(user, password)
        if address.ca_file is not None:
            self._mqtt.tls_set_context(ssl.create_default_context(cafile=str(address.ca_file)))
        self._mqtt.on_connect = lambda _c, _u, _f, reason, _p: self.connections.put(str(reason))
        self._mqtt.on_disconnect = lambda _c, _u, _f, reason, _p: self.drops.put(str(reason))
        self._mqtt.on_message = lambda _c, _u, message: self.messages.put(
            (message.topic, bytes(message.payload))
        )
        self._mqtt.on_subscribe = lambda _c, _u, mid, _r, _p: self._done.put(mid)
        self._mqtt.on_publish = lambda _c, _u, mid, _r, _p: self._done.put(mid)
        self._mqtt.connect(address.host, address.port, keepalive=30)
        self._mqtt.loop_start()

    @classmethod
    def of_server(cls, address: BrokerAddress, *, client_id: str) -> Self:
        """A subscriber whose session the broker keeps."""
        user, password = address.user or "", address.password or ""
        return cls(address, user=user, password=password, client_id=client_id, clean=False)

    @property
    def outcome(self) -> str:
        return self.connections.get(timeout=10)

    def subscribe(self, topic: str) -> None:
        self._mqtt.subscribe(topic, qos=1)
        self._done.get(timeout=10)

    def publish(self, topic: str, payload: str) -> None:
        self._mqtt.publish(topic, payload, qos=1)
        self._done.get(timeout=10)

    def close(self) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()


@pytest.fixture
def connect(broker: Broker) -> Iterator[Callable[..., Client]]:
    """`connect("d-ana")` as that device, `connect("ingest")` as the server."""
    opened: list[Client] = []
    broker.write_passwords([(user, mosquitto_password_hash(word)) for user, word in PASSWORDS.items()])

    def open_client(user: str, *, password: str | None = None, client_id: str | None = None) -> Client:
        address = broker.server if user == "ingest" else broker.devices
        word = password or (address.password if user == "ingest" else PASSWORDS[user])
        made = Client(address, user=user, password=word or "", client_id=client_id or user)
        opened.append(made)
        return made

    yield open_client
    for each in opened:
        each.close()


class TestStart:
    def test_takes_another_port_where_a_rival_took_the_same_at_that_moment(
        self, private_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = DataFolder(private_folder)
        folder.prepare()
        folder.lock()
        with socket.create_server(("127.0.0.1", 0)) as rival:
            taken = rival.getsockname()[1]
            monkeypatch.setattr(embedded, "_PREFERRED_DEVICE_PORT", taken)
            monkeypatch.setattr(embedded, "is_port_free", lambda _port: True)  # as it was a moment ago
            broker = Broker(folder)
            broker.start()
            try:
                assert broker.responds()
                assert broker.devices.port != taken
            finally:
                broker.stop()
                folder.unlock()


class TestAccessRules:
    def test_deliver_a_devices_own_messages_and_no_others(self, connect: Callable[..., Client]) -> None:
        server, ana = connect("ingest"), connect("d-ana")
        assert (server.outcome, ana.outcome) == ("Success", "Success")
        server.subscribe("haas/v1/+/up/#")

        ana.publish("haas/v1/d-ben/up/health", "forged")
        ana.publish("haas/v1/d-ana/down/cmd", "forged")
        ana.publish("elsewhere", "forged")
        ana.publish("haas/v1/d-ana/up/health", "own")

        # Delivered in order: had a forged one passed, it would have come first.
        assert server.messages.get(timeout=10) == ("haas/v1/d-ana/up/health", b"own")
        assert server.messages.empty()

    def test_let_a_device_hear_only_what_is_sent_to_it(self, connect: Callable[..., Client]) -> None:
        server, ana, ben = connect("ingest"), connect("d-ana"), connect("d-ben")
        assert {server.outcome, ana.outcome, ben.outcome} == {"Success"}
        for topic in ("#", "haas/v1/+/down/#", "haas/v1/+/up/#", "haas/v1/d-ana/down/#"):
            ben.subscribe(topic)
        ben.subscribe("haas/v1/d-ben/down/#")
        ana.subscribe("haas/v1/d-ana/down/#")

        ana.publish("haas/v1/d-ana/up/health", "ana's")
        server.publish("haas/v1/d-ana/down/cmd", "for ana")
        server.publish("haas/v1/d-ben/down/cmd", "for ben")

        assert ana.messages.get(timeout=10) == ("haas/v1/d-ana/down/cmd", b"for ana")
        assert ben.messages.get(timeout=10) == ("haas/v1/d-ben/down/cmd", b"for ben")
        assert (ana.messages.empty(), ben.messages.empty()) == (True, True)

    def test_keep_a_device_from_taking_another_ones_connection(self, connect: Callable[..., Client]) -> None:
        ana = connect("d-ana")
        assert ana.outcome == "Success"

        ben = connect("d-ben", client_id="d-ana")
        assert ben.outcome == "Success"
        ben.publish("haas/v1/d-ben/up/health", "still himself")

        assert ana.drops.empty()

    def test_let_nobody_in_without_the_right_password(self, connect: Callable[..., Client]) -> None:
        assert connect("d-ana", password="guessed").outcome == "Not authorized"


class TestWritePasswords:
    def test_cuts_off_a_device_that_is_no_longer_listed(
        self, broker: Broker, connect: Callable[..., Client]
    ) -> None:
        ana, ben = connect("d-ana"), connect("d-ben")
        assert (ana.outcome, ben.outcome) == ("Success", "Success")

        assert broker.write_passwords([("d-ben", mosquitto_password_hash("second"))])

        ana.drops.get(timeout=10)
        assert connect("d-ana").outcome == "Not authorized"
        ben.publish("haas/v1/d-ben/up/health", "still here")

    def test_changes_nothing_when_nothing_changed(self, broker: Broker) -> None:
        rows = [("d-ana", mosquitto_password_hash("first"))]
        broker.write_passwords(rows)

        assert not broker.write_passwords(rows)


class TestKeepPasswords:
    def test_follows_the_database_and_outlives_its_failures(self, broker: Broker) -> None:
        class Source:
            version = 0
            failures = 0

            def credentials_version(self) -> object:
                if self.version == 1 and self.failures < 2:
                    self.failures += 1
                    raise ConnectionError("the database is away")
                return self.version

            def broker_rows(self) -> list[tuple[str, str]]:
                return [(f"d-{self.version}", "$7$hash")]

        source, stop = Source(), threading.Event()
        path: Path = broker._folder.path / "broker" / "passwords"
        keeper = threading.Thread(target=keep_passwords, args=(broker, source), kwargs={"stop": stop})
        keeper.start()
        try:
            assert wait_until(lambda: "d-0:" in path.read_text(), seconds=10)
            source.version = 1
            assert wait_until(lambda: "d-1:" in path.read_text(), seconds=20)
        finally:
            stop.set()
            keeper.join()
        assert source.failures == 2


class TestQueue:
    def test_keeps_messages_for_a_subscriber_that_is_away_over_a_restart(
        self, private_stack: Callable[..., Stack]
    ) -> None:
        stack = private_stack()
        stack.broker.write_passwords([("d-ana", mosquitto_password_hash("first"))])
        subscriber = Client.of_server(stack.broker.server, client_id="subscriber")
        assert subscriber.outcome == "Success"
        subscriber.subscribe("haas/v1/+/up/#")
        subscriber.close()

        ana = Client(stack.broker.devices, user="d-ana", password="first", client_id="d-ana")
        assert ana.outcome == "Success"
        ana.publish("haas/v1/d-ana/up/health", "while nobody listened")
        ana.close()
        stack.broker.stop()  # the supervisor starts it again
        assert wait_until(lambda: stack.supervisor.restarts("MQTT broker") == 1, seconds=20)
        assert wait_until(stack.broker.responds, seconds=20)

        subscriber = Client.of_server(stack.broker.server, client_id="subscriber")
        assert subscriber.messages.get(timeout=10) == ("haas/v1/d-ana/up/health", b"while nobody listened")
        subscriber.close()
