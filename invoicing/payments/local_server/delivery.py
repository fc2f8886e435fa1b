"""How the test provider tells its events: signed as Standard Webhooks, in order and once, or not."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests
from standardwebhooks import Webhook

from haas import clock
from invoicing.payments.local_server.engine import ACCOUNT, Engine, Row

_TIMEOUT_SECONDS = 10

# What the next request may be asked to do wrong.
BEHAVIOURS = (
    "error_before",  # answers 500 and does nothing
    "error_after",  # does it, and answers 500
    "hang_after",  # does it, and never answers
    "webhook_first",  # tells of it before it answers
    "duplicate_webhooks",  # tells everything twice
    "reversed_webhooks",  # tells what happens until `release` in the opposite order
    "no_webhooks",  # tells nothing
)


@dataclass(slots=True)
class Delivery:
    """Events that wait to be told. `sign` makes the headers: another provider signs in another way."""

    engine: Engine
    sign: Callable[[str, Row, bytes], dict[str, str]] | None = None
    shape: Callable[[Row], Any] = lambda event: event
    waiting: deque[Row] = field(default_factory=deque)
    is_held: bool = False
    is_mute: bool = False
    copies: int = 1
    lock: threading.Lock = field(default_factory=threading.Lock)  # one tells at a time: in order

    def __post_init__(self) -> None:
        self.engine.on_event = self._hear

    def flush(self) -> None:
        """Tell what waits, now and in this thread."""
        with self.lock:
            while self.waiting and not self.is_held:
                self._tell(self.waiting.popleft())

    def flush_soon(self) -> None:
        """The same from a thread of its own, after the answer has left."""
        threading.Thread(target=self.flush, daemon=True, name="webhooks").start()

    def release(self) -> None:
        """Tell what was held back, the newest first."""
        self.is_held = False
        self.waiting = deque(reversed(self.waiting))
        self.flush()

    def behave(self, behaviour: str) -> None:
        """Take over what concerns the telling."""
        self.is_held = self.is_held or behaviour == "reversed_webhooks"
        self.is_mute = behaviour == "no_webhooks"
        self.copies = 2 if behaviour == "duplicate_webhooks" else 1

    def _hear(self, event: Row) -> None:
        if not self.is_mute:
            self.waiting.extend([event] * self.copies)

    def _tell(self, event: Row) -> None:
        body = json.dumps(self.shape(event), separators=(",", ":")).encode()
        for endpoint in self.engine.webhooks:
            if endpoint.get("account", ACCOUNT) != event["account"]:
                continue
            headers = (self.sign or signed_headers)(str(endpoint["secret"]), event, body)
            # Nobody listening is the listener's loss, as with any provider.
            with suppress(requests.RequestException):
                requests.post(
                    str(endpoint["url"]),
                    data=body,
                    headers={"Content-Type": "application/json", **headers},
                    timeout=_TIMEOUT_SECONDS,
                    allow_redirects=False,
                )


def signed_headers(secret: str, event: Row, body: bytes) -> dict[str, str]:
    """What a webhook of this body is sent with, signed as Standard Webhooks say."""
    now = clock.now()
    return {
        "webhook-id": str(event["id"]),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(str(event["id"]), now, body.decode()),
    }
