"""The subscriber process: topic and bytes -> telemetry.take_in(), acknowledged after the commit.

Two threads: the loop thread owns the socket (paho is not for two), the writer thread owns the database. What
arrives goes to the writer in batches; acknowledgements and receipts come back and leave by the loop thread.
Nothing is acknowledged before it is committed, so a kill at any instant costs a repeat and never a message.
"""

from __future__ import annotations

import gc
import logging
import select
import signal
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
import psycopg
import sqlalchemy as sa
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy.dialects.postgresql import insert

from agent import messages
from devices import commands, telemetry
from devices.arrivals import Arrival, Outgoing
from devices.telemetry import RELAY
from devices.telemetry_models import SubscriberHeartbeat
from devices.tls import GatheringSocket
from haas import clock, db
from haas.settings import Settings

log = logging.getLogger(__name__)

CLIENT_ID = "haas-ingest"
# A quarter of what the broker sends unacknowledged (`haas.broker`): the next are read while it is written.
BATCH = 1000
GATHER_SECONDS = 0.05
ERRANDS_SECONDS = 0.5  # how often orders and the sign of life are looked after
BEAT_SECONDS = 10.0
READS_AT_ONCE = 128
_PUBACK = struct.Struct("!BBH")  # MQTT 3.1.1, section 3.4: type, remaining length, number
_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
_FLUSH_SECONDS = 10.0
_AWAY = (psycopg.OperationalError, sa.exc.OperationalError, sa.exc.InterfaceError)


class NoBroker(RuntimeError):
    """There is no broker in the settings."""


class _Held(NamedTuple):
    """A message that waits for its commit, with the number and the connection it must be acknowledged on."""

    arrival: Arrival
    mid: int
    connection: int


class _Done(NamedTuple):
    """What the writer hands back: to acknowledge, and to publish."""

    held: Sequence[_Held]
    outgoing: Sequence[Outgoing]


def run(settings: Settings, stop: threading.Event | None = None) -> None:
    """Subscribe until SIGTERM or SIGINT (or `stop`); outlives restarts of broker and database.

    :raises NoBroker: if HAAS_MQTT_URL is not set.
    """
    if not settings.mqtt_url:
        raise NoBroker("Set HAAS_MQTT_URL; `haas up` starts a broker and sets it for you.")
    stop = stop or _stop_on_signal()
    engine = db.configure(settings.database_url, pool_size=2)
    with engine.connect() as connection:
        db.assert_safe_role(connection)
    spare_the_collector()
    Subscriber(settings).run(stop)


def spare_the_collector() -> None:
    """Have the garbage collector look at the batches only, and not so often.

    Messages hold no cycles; by default they make it walk through every loaded module many times a second,
    which costs more than all else that is done to a message.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


class Subscriber:
    """One connection to the broker, one writer to the database."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._inbox: deque[_Held] = deque()
        self._mail = threading.Event()  # something is in the inbox
        self._done: deque[_Done] = deque()
        self._wake_out, self._wake_in = socket.socketpair()
        for end in (self._wake_out, self._wake_in):
            end.settimeout(0)
        self._flush = threading.Event()
        self._flushed = threading.Event()
        self._connection = 0  # counts connections: a number means something on its own one only
        self._connected_at: datetime | None = None
        self._subscribed = False
        self._listening_since: datetime | None = None
        self._read_at = clock.now()
        self.received = 0  # messages, for who watches
        self.acknowledged = 0

    def run(self, stop: threading.Event) -> None:
        """Read and write until `stop`; then finish what was read."""
        writer = threading.Thread(target=self._write, name="writer", daemon=True)
        writer.start()
        while not stop.is_set():
            client = self._connect(stop)
            if client is None:
                break
            try:
                self._pump(client, stop)
            finally:
                if (left := client.socket()) is not None:
                    left.close()
            self._connected_at, self._listening_since, self._subscribed = None, None, False
        self._flush.set()
        self._mail.set()
        writer.join(timeout=_FLUSH_SECONDS)
        self._wake_out.close()
        self._wake_in.close()

    # --- the loop thread: the socket ------------------------------------------------------------

    def _connect(self, stop: threading.Event) -> paho.Client | None:
        attempt = 0
        while not stop.is_set():
            client = self._client()
            address = urlsplit(str(self._settings.mqtt_url))
            port = address.port or (8883 if address.scheme == "mqtts" else 1883)
            try:
                client.connect(address.hostname or "127.0.0.1", port, keepalive=60)
            except (OSError, ValueError) as away:
                log.warning("the broker is away: %s", away)
                stop.wait(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
                attempt += 1
                continue
            self._connection += 1
            return client
        return None

    def _client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=CLIENT_ID,
            clean_session=False,  # what comes while we are away is kept for us
            protocol=paho.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        address = urlsplit(str(self._settings.mqtt_url))
        if address.username:
            client.username_pw_set(unquote(address.username), unquote(address.password or ""))
        if address.scheme == "mqtts":
            ca_file = self._settings.mqtt_ca_file
            context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.sslsocket_class = GatheringSocket
            client.tls_set_context(context)
        client.max_inflight_messages_set(1000)
        client.connect_timeout = 5.0
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def _on_connect(self, client: paho.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            log.error("the broker refuses us: %s", reason)
            client.disconnect()
            return
        self._connected_at = clock.now()
        client.subscribe(messages.up_filter(), qos=messages.QOS)

    def _on_subscribe(self, _c: Any, _u: Any, _m: int, reasons: list[Any], _p: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("the broker refuses the subscription: %s", reasons)
        else:
            self._subscribed = True

    def _on_message(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        self.received += 1
        try:
            topic = message.topic
        except UnicodeDecodeError:  # paho decodes when asked; such a topic is nobody's
            topic = "?"
        arrival = Arrival(topic, bytes(message.payload), self._read_at, message.retain)
        self._inbox.append(_Held(arrival, message.mid, self._connection))
        if not self._mail.is_set():
            self._mail.set()

    def _pump(self, client: paho.Client, stop: threading.Event) -> None:
        """Serve one connection until it ends, or until everything read is committed after `stop`."""
        misc_at = 0.0
        flush_until: float | None = None
        while True:
            connection: Any = client.socket()
            if connection is None:
                return
            if stop.is_set() and flush_until is None:
                flush_until = time.monotonic() + _FLUSH_SECONDS
                self._flush.set()
                self._mail.set()
            if not self._wait(client, connection, may_read=flush_until is None):
                return
            self._hand_out(client)
            if flush_until is not None and (self._flushed.is_set() or time.monotonic() > flush_until):
                self._hand_out(client)
                client.disconnect()
                return
            if time.monotonic() > misc_at:
                misc_at = time.monotonic() + 1
                if client.loop_misc() != paho.MQTT_ERR_SUCCESS:
                    log.warning("the broker is gone")
                    return

    def _wait(self, client: paho.Client, connection: Any, *, may_read: bool) -> bool:
        """Read what came and write what is ready; whether the connection still stands."""
        decrypted = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
        try:
            waits = isinstance(connection, GatheringSocket) and not connection.flush()
        except OSError as lost:
            log.warning("the connection to the broker was lost: %s", lost)
            return False
        writing = [connection] if waits or client.want_write() else []
        reading: list[socket.socket] = [connection, self._wake_in] if may_read else [self._wake_in]
        readable, writable, _ = select.select(reading, writing, [], 0 if decrypted and may_read else 0.25)
        if self._wake_in in readable:
            self._drain_wake()
        if may_read and (connection in readable or decrypted):
            self._read_at = clock.now()  # one moment for what is read at once
            for _ in range(READS_AT_ONCE):
                before = self.received
                if client.loop_read() != paho.MQTT_ERR_SUCCESS:
                    log.warning("the connection to the broker was lost")
                    return False
                if self.received == before:
                    break
        if writable and client.loop_write() != paho.MQTT_ERR_SUCCESS:
            log.warning("the connection to the broker was lost")
            return False
        return True

    def _hand_out(self, client: paho.Client) -> None:
        while self._done:
            done = self._done.popleft()
            for outgoing in done.outgoing:
                client.publish(outgoing.topic, outgoing.payload, qos=messages.QOS)
            # A message of an earlier connection is sent to us again: the number has another meaning now.
            self._acknowledge(client, [each.mid for each in done.held if each.connection == self._connection])
            self.acknowledged += len(done.held)

    def _acknowledge(self, client: paho.Client, numbers: Sequence[int]) -> None:
        connection = client.socket()
        if isinstance(connection, GatheringSocket):  # paho keeps nothing of them: all can be written at once
            connection.send(b"".join([_PUBACK.pack(0x40, 2, mid) for mid in numbers]))
            return
        for mid in numbers:
            client.ack(mid, messages.QOS)

    def _drain_wake(self) -> None:
        try:
            while self._wake_in.recv(4096):
                pass
        except BlockingIOError:
            return

    # --- the writer thread: the database --------------------------------------------------------

    def _write(self) -> None:
        errands_at = beat_at = 0.0
        while True:
            self._mail.wait(timeout=ERRANDS_SECONDS)
            batch = self._gather()
            if batch:
                self._take_in(batch)
            now = time.monotonic()
            if now >= errands_at and not self._flush.is_set():
                errands_at = now + ERRANDS_SECONDS
                beats = now >= beat_at and self._listening_since is not None
                beat_at = now + BEAT_SECONDS if beats else beat_at
                self._do_errands(beats=beats)
            if self._flush.is_set() and not self._inbox:
                self._flushed.set()
                self._nudge()
                return

    def _gather(self) -> list[_Held]:
        """The next batch: when it is full, or when the first of it has waited long enough."""
        if not self._inbox:
            self._mail.clear()
            if not self._inbox:  # one may have come between the two
                return []
        deadline = time.monotonic() + GATHER_SECONDS
        while len(self._inbox) < BATCH and not self._flush.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                self._note_caught_up()
                break
            time.sleep(min(left, 0.005))
        return [self._inbox.popleft() for _ in range(min(BATCH, len(self._inbox)))]

    def _note_caught_up(self) -> None:
        """A batch that does not fill: the broker has handed over what it kept."""
        since = self._connected_at
        if self._listening_since is None and since is not None and self._subscribed:
            now = clock.now()
            if (now - since).total_seconds() >= 1:
                self._listening_since = now

    def _take_in(self, batch: Sequence[_Held]) -> None:
        attempt = 0
        while True:
            try:
                result = telemetry.take_in(
                    [held.arrival for held in batch],
                    now=clock.now(),
                    is_catching_up=self._listening_since is None,
                )
            except _AWAY as away:
                log.warning("the database is away: %s", str(away).strip().partition("\n")[0])
                if self._flush.is_set():
                    return  # not acknowledged: the broker keeps it for the next start
                time.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
                attempt += 1
                continue
            self._done.append(_Done(batch, result.outgoing))
            self._nudge()
            return

    def _do_errands(self, *, beats: bool) -> None:
        """Publish orders that are due, and say that we live."""
        now = clock.now()
        if not self._inbox:
            self._note_caught_up()
        try:
            if beats and (since := self._listening_since) is not None:
                _beat(listening_since=since, now=now)
            if self._subscribed:
                with db.unit_of_work(RELAY) as session:
                    due = commands.due(session, secret_key=self._settings.secret_key, now=now)
                if due:
                    self._done.append(_Done((), [Outgoing(each.topic, each.payload) for each in due]))
                    self._nudge()
        except _AWAY as away:
            log.warning("the database is away: %s", str(away).strip().partition("\n")[0])

    def _nudge(self) -> None:
        try:
            self._wake_out.send(b"!")
        except (BlockingIOError, OSError):
            return  # it is awake, or gone


def _beat(*, listening_since: datetime, now: datetime) -> None:
    with db.unit_of_work(RELAY) as session:
        row = insert(SubscriberHeartbeat).values(
            id="subscriber", listening_since=listening_since, beat_at=now
        )
        session.execute(
            row.on_conflict_do_update(
                index_elements=["id"],
                set_={"listening_since": row.excluded.listening_since, "beat_at": row.excluded.beat_at},
            )
        )


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
