"""How many device messages a second go from the broker's queue to a commit and an acknowledgement.

The reference, in the same run, drains the same messages from the same broker with paho alone: decode nothing,
store nothing, acknowledge in batches. Both are processes of their own and read over TLS.
"""

from __future__ import annotations

import multiprocessing
import secrets
import socket
import ssl
import struct
import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec
import paho.mqtt.client as paho
import sqlalchemy as sa
from paho.mqtt.enums import CallbackAPIVersion

from agent import messages
from devices import mqtt
from devices.telemetry_models import Device, Telemetry
from haas import clock, db
from haas.broker import mosquitto_password_hash
from haas.embedded.broker import Broker
from haas.embedded.folder import DataFolder
from haas.settings import Settings
from haas.tenancy.scope import Tenant
from tests import cast as casting
from tests.devices.fleet import make_asset

DEVICES = 100
MESSAGES = 60_000
ROUNDS = 4
TURN = 20  # messages that a device sends before the next one does
BARE = "bench-bare"
_DISK = {
    "id": "WD-WX31D6",
    "dev": "sda",
    "kind": "ssd",
    "read": "ok",
    "passed": True,
    "temp_c": 34,
    "used_pct": 3,
}


class Drained(NamedTuple):
    """Seconds on the clock and of processor time, from the first message to the last acknowledgement."""

    seconds: float
    processor: float


_NOTHING = Drained(0, 0)


def run(settings: Settings, *, devices: int = DEVICES, total: int = MESSAGES) -> dict[str, Any]:
    """Queue messages at the broker and drain them twice, bare and for good, in `ROUNDS` rounds.

    The quickest round of each counts: what else runs on the machine only ever makes a round slower. The
    processor time of the two subscribers says how much of that was theirs; the database's is not in it.
    """
    db.configure(settings.database_url)
    tenant = Tenant(casting.make_cast().northwind.id, actor="bench", door="cli")
    fleet = _enrol(settings, tenant, devices)
    _analyse(settings)
    for client_id in (BARE, mqtt.CLIENT_ID):
        _subscribe(settings, client_id)
    each = total // devices // ROUNDS
    bare: list[Drained] = []
    good: list[Drained] = []
    for number in range(ROUNDS):
        sent = _publish(settings, fleet, first=number * each, count=each)
        bare.append(_in_a_process(_drain_bare, settings, sent))
        good.append(_in_a_process(_drain_for_good, settings, sent))
    with db.unit_of_work(tenant) as session:
        stored = session.scalar(sa.select(sa.func.count()).select_from(Telemetry))
    if stored != sent * ROUNDS:
        raise RuntimeError(f"{stored} rows of {sent * ROUNDS} messages")
    seconds, processor = (min(values) for values in zip(*good, strict=True))
    bare_seconds, bare_processor = (min(values) for values in zip(*bare, strict=True))
    return {
        "bench": "ingest",
        "size": sent,
        "seconds": round(seconds, 3),
        "items_per_second": round(sent / seconds, 1),
        "reference": "a bare paho subscriber that acknowledges and stores nothing",
        "reference_per_second": round(sent / bare_seconds, 1),
        "ratio": round(bare_seconds / seconds, 2),
        "median_ratio": round(median(b.seconds / g.seconds for b, g in zip(bare, good, strict=True)), 2),
        "cpu_us": round(processor / sent * 1e6, 1),
        "reference_cpu_us": round(bare_processor / sent * 1e6, 1),
    }


def _enrol(settings: Settings, tenant: Tenant, count: int) -> list[tuple[str, str]]:
    """(device, secret) of new devices that the broker lets in."""
    now = clock.now()
    fleet, rows = [], []
    with db.unit_of_work(tenant) as session:
        model_id = make_asset(session, tenant).model_id
        for _ in range(count):
            asset = make_asset(session, tenant, model_id=model_id)
            device_id, secret = f"d-{secrets.token_hex(12)}", secrets.token_urlsafe(32)
            hashed = mosquitto_password_hash(secret)
            session.add(
                Device(
                    partner_id=tenant.partner_id,
                    id=device_id,
                    asset_id=asset.id,
                    epoch=1,
                    secret_hash=hashed,
                    command_key="",
                    hardware={},
                    hardware_hash="hw",
                    every={},
                    enrolled_at=now - timedelta(days=2),
                    credentials_changed_at=now,
                )
            )
            fleet.append((device_id, secret))
            rows.append((device_id, hashed))
    broker = Broker(DataFolder(settings.data_dir))
    if not broker.adopt():
        raise RuntimeError("the broker of this folder does not run")
    broker.write_passwords(rows)
    return fleet


def _analyse(settings: Settings) -> None:
    """Have the statistics that a database has after its first hours."""
    engine = sa.create_engine(str(settings.owner_database_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("analyze"))
    engine.dispose()


def _publish(settings: Settings, fleet: list[tuple[str, str]], *, first: int, count: int) -> int:
    """Every device sends its backlog, a little at a time and in turns, as after an outage of the server.

    Written straight to the socket: the sender is not what is measured.
    """
    start = int((clock.now() - timedelta(hours=12)).timestamp() * 1000)
    with ExitStack() as open_connections:
        senders = []
        for device_id, secret in fleet:
            connection = open_connections.enter_context(_connected(settings, device_id, secret))
            reader = threading.Thread(target=_swallow, args=(connection, count * 4), daemon=True)
            reader.start()
            senders.append((messages.up_topic(device_id, "health").encode(), connection, reader))
        for begin in range(first, first + count, TURN):
            numbers = range(begin, min(begin + TURN, first + count))
            for topic, connection, _ in senders:
                connection.sendall(b"".join(_packet(topic, n + 1, _health(n, start)) for n in numbers))
        for _, connection, reader in senders:
            reader.join(timeout=120)
            connection.sendall(b"\xe0\x00")
    return count * len(fleet)


def _health(n: int, start: int) -> bytes:
    body = {
        **messages.envelope(b=messages.session_number(epoch=1, starts=1), s=n + 1, t=start + n * 60_000),
        "m": {
            "uptime_s": 86_400 + n * 60, "cpu_pct": 3.5 + n % 7, "load_1": 0.42, "mem_used_pct": 41.5,
            "disk_used_pct_max": 55.2, "temp_cpu_c": 48.0, "net_rx_bytes_s": 1200, "net_tx_bytes_s": 800,
        },
        "disks": [_DISK],
        "use": {"idle": 4, "sess": 1},
        "cfg": 1,
    }  # fmt: skip
    return msgspec.json.encode(body)


def _connected(settings: Settings, user: str, password: str) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(settings.mqtt_ca_file))
    address = (settings.mqtt_public_host, settings.mqtt_public_port)
    connection = context.wrap_socket(
        socket.create_connection(address, timeout=60), server_hostname=settings.mqtt_public_host
    )
    body = b"\x00\x04MQTT\x04\xc2\x00\x3c" + b"".join(map(_text, (user, user, password)))
    connection.sendall(b"\x10" + _length(len(body)) + body)
    answer = connection.recv(4)
    if answer[3:4] != b"\x00":
        raise RuntimeError(f"the broker refused {user}: {answer!r}")
    return connection


def _packet(topic: bytes, mid: int, payload: bytes) -> bytes:
    body = struct.pack("!H", len(topic)) + topic + struct.pack("!H", (mid - 1) % 65_535 + 1) + payload
    return b"\x32" + _length(len(body)) + body


def _text(value: str) -> bytes:
    return struct.pack("!H", len(value)) + value.encode()


def _length(value: int) -> bytes:
    encoded = bytearray()
    while True:
        value, digit = divmod(value, 128)
        encoded.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(encoded)


def _swallow(connection: ssl.SSLSocket, size: int) -> None:
    """Read the broker's acknowledgements of four bytes each."""
    while size > 0:
        size -= len(connection.recv(65_536)) or size


def _in_a_process(drain: Any, settings: Settings, total: int) -> Drained:
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=drain, args=(settings, total, theirs))
    process.start()
    if not mine.poll(300):
        process.kill()
        raise RuntimeError(f"{drain.__name__} did not finish")
    drained: Drained = mine.recv()
    process.join()
    return drained


def _drain_bare(settings: Settings, total: int, pipe: Any) -> None:
    held: list[int] = []
    since = _NOTHING
    count = 0

    def take(client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        nonlocal since, count
        since = since if count else _spent()
        held.append(message.mid)
        count += 1
        if len(held) >= mqtt.BATCH or count == total:
            for mid in held:
                client.ack(mid, 1)
            held.clear()
        if count == total:
            pipe.send(_spent(since))
            client.disconnect()

    client = _client(settings, BARE)
    client.on_message = take
    _connect(client, settings)
    client.loop_forever()


def _drain_for_good(settings: Settings, total: int, pipe: Any) -> None:
    db.configure(settings.database_url, pool_size=2)
    stop = threading.Event()
    mqtt.spare_the_collector()
    subscriber = mqtt.Subscriber(settings)
    runner = threading.Thread(target=subscriber.run, args=(stop,))
    runner.start()
    while subscriber.received == 0:
        time.sleep(0.0005)
    since = _spent()
    while subscriber.acknowledged < total:
        time.sleep(0.002)
    pipe.send(_spent(since))
    stop.set()
    runner.join()


def _spent(since: Drained = _NOTHING) -> Drained:
    return Drained(time.perf_counter() - since.seconds, time.process_time() - since.processor)


def _subscribe(settings: Settings, client_id: str) -> None:
    """Leave a session behind for which the broker keeps messages."""
    client = _client(settings, client_id)
    client.on_connect = lambda c, *_: c.subscribe(messages.up_filter(), qos=1)
    client.on_subscribe = lambda c, *_: c.disconnect()
    _connect(client, settings)
    client.loop_forever()


def _client(settings: Settings, client_id: str) -> paho.Client:
    address = urlsplit(str(settings.mqtt_url))
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=False,
        manual_ack=True,
        reconnect_on_failure=False,
    )
    client.username_pw_set(unquote(address.username or ""), unquote(address.password or ""))
    client.tls_set_context(ssl.create_default_context(cafile=str(settings.mqtt_ca_file)))
    return client


def _connect(client: paho.Client, settings: Settings) -> None:
    address = urlsplit(str(settings.mqtt_url))
    client.connect(address.hostname or "127.0.0.1", address.port or 8883)
