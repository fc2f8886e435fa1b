"""The MQTT connection: one paho client a connection, driven by the caller's loop.

A new client for each connection, because paho resends what a former connection left unfinished
before we could send the birth; what is unfinished is the spool's business.
"""

from __future__ import annotations

import enum
import logging
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, Callable, List, Optional, Union

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent import messages
from agent.backoff import Backoff
from agent.clock import Clock

log = logging.getLogger(__name__)

CONNACK_SECONDS = 20.0
GOODBYE_SECONDS = 1.0
DISCONNECT = b"\xe0\x00"  # MQTT 3.1.1, section 3.14
# CONNACK 4 and 5 of MQTT 3.1.1, as paho names them in the words of MQTT 5.
_REFUSALS = {"Bad user name or password", "Not authorized", "Client identifier not valid", "Banned"}


class LinkState(enum.Enum):
    WAITING = "waiting"  # until the backoff has passed
    CONNECTING = "connecting"  # the broker has not answered yet
    CONNECTED = "connected"
    CLOSED = "closed"  # for good


@dataclass(frozen=True)
class Connected:
    """The broker accepted `password`."""

    password: str


@dataclass(frozen=True)
class Lost:
    """There is no connection any more, or none came about."""

    reason: str
    refused: bool = False  # by the broker, for the credentials


@dataclass(frozen=True)
class Received:
    topic: str
    payload: bytes


@dataclass(frozen=True)
class Acknowledged:
    """The broker has the message `mid`. The server need not have it yet."""

    mid: int


LinkEvent = Union[Connected, Lost, Received, Acknowledged]


@dataclass(frozen=True)
class Broker:
    host: str
    port: int
    tls: bool
    ca_pem: Optional[str] = None

    def tls_context(self) -> ssl.SSLContext:
        """Return a context that checks the name and the chain, TLS 1.2 at least."""
        context = ssl.create_default_context(cadata=self.ca_pem)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


class Link:
    """Keeps one device connected. `step` does a little and returns what happened."""

    def __init__(
        self,
        broker: Broker,
        *,
        device: str,
        will: bytes,
        password: Callable[[], str],
        clock: Clock,
        backoff: Backoff,
        keepalive_seconds: int = 60,
        connect_timeout_seconds: float = 10.0,
    ) -> None:
        self.state = LinkState.WAITING
        self._broker = broker
        self._device = device
        self._will = will
        self._password = password
        self._clock = clock
        self._backoff = backoff
        self._keepalive = keepalive_seconds
        self._connect_timeout = connect_timeout_seconds
        self._client: Optional[paho.Client] = None
        self._events: List[LinkEvent] = []
        self._next_attempt = clock.steady()
        self._connected_at: Optional[float] = None
        self._gives_up_at = 0.0
        self._used_password = ""
        self._failure: Optional[Lost] = None

    def socket(self) -> Optional[socket.socket]:
        """Return what to wait on for reading, or None while there is no connection."""
        found = self._client.socket() if self._client is not None else None
        return found if isinstance(found, socket.socket) else None

    def wants_write(self) -> bool:
        return self._client is not None and self._client.want_write()

    def due_in(self) -> float:
        """Return the seconds until `step` has something to do even if no data come."""
        now = self._clock.steady()
        if self.state is LinkState.WAITING:
            return max(0.0, self._next_attempt - now)
        if self.state is LinkState.CONNECTING:
            return max(0.0, min(1.0, self._gives_up_at - now))
        return 5.0  # paho looks at the keep-alive

    def step(self) -> List[LinkEvent]:
        """Connect if it is time, read and write what is possible without waiting."""
        now = self._clock.steady()
        if self.state is LinkState.WAITING and now >= self._next_attempt:
            self._connect()
        elif self._client is not None:
            self._pump()
            if self.state is LinkState.CONNECTING and now > self._gives_up_at:
                self._lost(Lost("the broker did not answer"))
        happened, self._events = self._events, []
        return happened

    def publish(self, topic: str, payload: bytes) -> Optional[int]:
        """Hand one message to the broker and return its number, or None if that failed."""
        if self._client is None or self.state is not LinkState.CONNECTED:
            return None
        sent = self._client.publish(topic, payload, qos=messages.QOS, retain=False)
        return sent.mid if sent.rc == paho.MQTT_ERR_SUCCESS else None

    def reconnect(self, reason: str) -> None:
        """Drop the connection (an orderly end, so the broker keeps the will) and come back soon."""
        if self._client is not None:
            self._part_in_order(self._client)
            self._lost(Lost(reason))

    def close(self) -> None:
        """End for good; what was published before is written out as far as the socket takes it."""
        if self._client is not None:
            self._part_in_order(self._client)
            self._drop()
        self.state = LinkState.CLOSED

    def _part_in_order(self, client: paho.Client) -> None:
        """Say DISCONNECT and wait for the broker to hang up.

        Closing a socket that holds unread data resets the connection, and the reset may overtake
        our DISCONNECT: the broker would then publish the will of a device that left in order.
        paho closes at once, so the packet is written here.
        """
        held = client.socket()
        if not isinstance(held, socket.socket):
            return
        until = time.monotonic() + GOODBYE_SECONDS
        try:
            if client.want_write():
                client.loop_write()
            held.settimeout(GOODBYE_SECONDS)
            held.sendall(DISCONNECT)
            while (left := until - time.monotonic()) > 0:
                held.settimeout(left)
                if not held.recv(65536):
                    return
        except OSError:
            return  # it hung up first, or does not answer

    def _connect(self) -> None:
        self._used_password = self._password()
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._device,
            clean_session=True,
            protocol=paho.MQTTv311,
            reconnect_on_failure=False,
        )
        client.username_pw_set(self._device, self._used_password)
        client.will_set(messages.up_topic(self._device, "death"), self._will, qos=messages.QOS, retain=False)
        client.connect_timeout = self._connect_timeout
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        self._client, self._failure, self._connected_at = client, None, None
        self.state = LinkState.CONNECTING
        self._gives_up_at = self._clock.steady() + CONNACK_SECONDS
        try:
            if self._broker.tls:
                client.tls_set_context(self._broker.tls_context())
            client.connect(self._broker.host, self._broker.port, self._keepalive)
        except (OSError, ValueError) as error:  # ssl.SSLError and socket.gaierror are OSErrors
            self._lost(Lost(f"{self._broker.host}:{self._broker.port}: {error}"))

    def _pump(self) -> None:
        client = self._client
        if client is None:
            return
        while True:
            code = client.loop_read(max_packets=100)
            # TLS may hold decrypted bytes that the socket no longer shows as readable.
            held = client.socket()
            if code != paho.MQTT_ERR_SUCCESS or not (isinstance(held, ssl.SSLSocket) and held.pending()):
                break
        if code == paho.MQTT_ERR_SUCCESS and client.want_write():
            code = client.loop_write()
        if code == paho.MQTT_ERR_SUCCESS:
            code = client.loop_misc()
        if code != paho.MQTT_ERR_SUCCESS or self._failure is not None or client.socket() is None:
            self._lost(self._failure or Lost(paho.error_string(code)))

    def _lost(self, event: Lost) -> None:
        lasted = 0.0
        if self._connected_at is not None:
            lasted = self._clock.steady() - self._connected_at
        wait = self._backoff.delay(connected_seconds=lasted)
        log.info("no connection (%s); trying again in %.1f s", event.reason, wait)
        self._drop()
        self.state = LinkState.WAITING
        self._next_attempt = self._clock.steady() + wait
        self._events.append(event)

    def _drop(self) -> None:
        client, self._client = self._client, None
        self._connected_at = None
        if client is None:
            return
        # After this nobody may call us from a client we no longer know.
        client.on_connect = client.on_disconnect = client.on_message = None
        client.on_publish = client.on_subscribe = None
        held = client.socket()
        if held is not None:
            held.close()

    def _on_connect(self, client: paho.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            self._failure = Lost(f"refused: {reason}", refused=str(reason) in _REFUSALS)
            return
        # The broker handles packets in order: subscribed before the birth is published, so that
        # the birth's receipt finds us listening.
        client.subscribe(messages.down_filter(self._device), qos=messages.QOS)
        self._connected_at = self._clock.steady()
        self.state = LinkState.CONNECTED
        self._events.append(Connected(self._used_password))

    def _on_disconnect(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if self._failure is None:
            self._failure = Lost(str(reason))

    def _on_message(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        if not message.retain:  # nothing of ours is retained; somebody is playing
            self._events.append(Received(message.topic, bytes(message.payload)))

    def _on_publish(self, _c: Any, _u: Any, mid: int, _r: Any, _p: Any) -> None:
        self._events.append(Acknowledged(mid))

    def _on_subscribe(self, _c: Any, _u: Any, _m: int, reasons: List[Any], _p: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._failure = Lost("the broker refuses our own topics", refused=True)
