"""Both providers as servers of this process, and somewhere to be told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import Flask, request

from invoicing.payments.local import LocalProvider
from invoicing.payments.local_server.server import API_KEY, Desk, create_server_app, make_desk, serving
from invoicing.payments.protocol import PaymentProvider
from invoicing.payments.stripe_account import StripeProvider
from tests.invoicing.payments import stripe_fake

TIMEOUT_SECONDS = 0.4  # how long the tests wait for an answer that never comes


@dataclass
class Inbox:
    """A partner's webhook address."""

    url: str
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """The first `count` messages, as soon as they are there."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.heard) >= count, timeout=10), self.heard
            return self.heard[:count]


@dataclass(frozen=True)
class Served:
    """A provider's server and the account of a partner at it."""

    desk: Desk
    provider: PaymentProvider
    address: str
    kind: str


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _run(desk_of: Callable[[str], Desk], app_of: Callable[[Desk], Flask]) -> Iterator[tuple[Desk, str]]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    desk = desk_of(address)
    with serving(app_of(desk), host="127.0.0.1", port=port, stopping=desk.stopping):
        yield desk, address


@contextmanager
def serve(kind: str) -> Iterator[Served]:
    """`local` or `stripe`, running."""
    if kind == "local":
        with _run(make_desk, create_server_app) as (desk, address):
            local = LocalProvider(address=address, api_key=API_KEY, timeout_seconds=TIMEOUT_SECONDS)
            yield Served(desk, local, address, kind)
        return
    with _run(stripe_fake.make_stripe_desk, stripe_fake.create_fake) as (desk, address):
        account = StripeProvider(api_key=stripe_fake.KEY, address=address, timeout_seconds=TIMEOUT_SECONDS)
        yield Served(desk, account, address, kind)


@contextmanager
def listening() -> Iterator[Inbox]:
    """An address that only listens."""
    port = free_port()
    inbox = Inbox(f"http://127.0.0.1:{port}/hook")
    app = Flask("inbox", static_folder=None)

    @app.post("/hook")
    def hook() -> str:
        with inbox.arrived:
            inbox.heard.append((dict(request.headers), request.get_data()))
            inbox.arrived.notify_all()
        return ""

    with serving(app, host="127.0.0.1", port=port, stopping=threading.Event()):
        yield inbox
