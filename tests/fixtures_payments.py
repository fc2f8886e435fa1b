"""The local test provider, served from a thread of this process for all tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from invoicing.payments.local_server.server import Desk, create_server_app, make_desk, serving


@pytest.fixture(scope="session")
def payment_desk() -> Iterator[Desk]:
    """What it knows, and what it is to do wrong next."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    desk = make_desk(f"http://127.0.0.1:{port}")
    with serving(create_server_app(desk), host="127.0.0.1", port=port, stopping=desk.stopping):
        yield desk
