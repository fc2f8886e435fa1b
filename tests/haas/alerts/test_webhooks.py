"""Webhooks: signed, tried until taken, never into our own network."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import sqlalchemy as sa

from haas import clock, db
from haas.alerts import routing, signing
from haas.alerts.models import AlertDelivery
from haas.errors import InvalidInput
from haas.settings import Settings
from tests.cast import Cast
from tests.devices.signals import Speaker
from tests.haas.alerts.situations import (
    VECTORS,
    add_route,
    deliveries,
    follow,
    report,
)


@dataclass
class Receiver:
    """A web server that answers as it is told and remembers what it got."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(told.answers.pop(0) if told.answers else 204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def pass_time(cast: Cast) -> None:
    """The next attempt is due."""
    with db.unit_of_work(cast.tenant) as session:
        session.execute(
            sa.update(AlertDelivery)
            .where(AlertDelivery.state == "pending")
            .values(next_at=clock.now() - timedelta(seconds=1))
        )
        routing.due_again(session, cast.tenant, now=clock.now())
    follow(cast.northwind.id)


class TestWebhook:
    def test_is_signed_so_that_the_receiver_can_check_it(
        self, cast: Cast, speaker: Speaker, settings: Settings, receiver: Receiver
    ) -> None:
        _, secret = add_route(cast, settings, channel="webhook", target=receiver.url)
        assert secret is not None
        report(speaker, pending=60)
        follow(cast.northwind.id)

        ((headers, body),) = receiver.got
        at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        assert headers["webhook-signature"] == signing.signature(
            secret=secret, message_id=headers["webhook-id"], at=at, body=body
        )
        said = json.loads(body)
        assert said["type"] == "alert.opened"
        assert said["data"]["severity"] == "critical"
        assert said["data"]["asset_id"] == speaker.asset_id

    def test_is_tried_again_with_the_same_id_until_it_is_taken(
        self, cast: Cast, speaker: Speaker, settings: Settings, receiver: Receiver
    ) -> None:
        add_route(cast, settings, channel="webhook", target=receiver.url)
        receiver.answers = [500, 302, 200]
        report(speaker, pending=60)
        follow(cast.northwind.id)
        for _ in range(4):
            pass_time(cast)
        assert len(receiver.got) == 3
        assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
        (delivery,) = deliveries(cast)
        assert (delivery.state, delivery.attempts) == ("sent", 3)

    def test_is_given_up_and_the_route_disabled_after_the_last_attempt(
        self, cast: Cast, speaker: Speaker, settings: Settings, receiver: Receiver
    ) -> None:
        route, _ = add_route(cast, settings, channel="webhook", target=receiver.url)
        receiver.answers = [503] * 20
        report(speaker, pending=60)
        follow(cast.northwind.id)
        for _ in range(len(routing.RETRIES) + 3):
            pass_time(cast)
        assert len(receiver.got) == len(routing.RETRIES) + 1
        with db.unit_of_work(cast.tenant) as session:
            kept = routing.get_route(session, cast.tenant, route_id=route.id)
        assert kept.disabled_at is not None
        assert "503" in kept.disabled_because

    def test_is_ended_at_once_by_a_receiver_that_is_gone(
        self, cast: Cast, speaker: Speaker, settings: Settings, receiver: Receiver
    ) -> None:
        add_route(cast, settings, channel="webhook", target=receiver.url)
        receiver.answers = [410]
        report(speaker, pending=60)
        follow(cast.northwind.id)
        assert [each.state for each in deliveries(cast)] == ["failed"]

    @pytest.mark.parametrize(
        "target",
        ["http://example.com/x", "https://user:pw@example.com/", "ftp://example.com", "https://", "example"],
    )
    def test_refuses_a_target_that_is_no_https_address(
        self, cast: Cast, settings: Settings, target: str
    ) -> None:
        from dataclasses import replace

        with pytest.raises(InvalidInput):
            add_route(cast, replace(settings, testing=False), channel="webhook", target=target)

    @pytest.mark.parametrize(
        "target",
        [
            "https://127.0.0.1/x",
            "https://localhost/x",
            "https://[::1]/",
            "https://169.254.169.254/",
            "https://10.0.0.1/",
        ],
    )
    def test_does_not_call_into_our_own_network(self, settings: Settings, target: str) -> None:
        from dataclasses import replace

        from haas.alerts.channels import NotDelivered, WebhookChannel
        from tests.haas.alerts.notices import a_notice

        channel = WebhookChannel(replace(settings, testing=False))
        with pytest.raises(NotDelivered, match=r"(?i)ip|private|loopback|blocked|not allowed"):
            channel.send(a_notice(), target=target, secret=signing.new_secret(), now=clock.now())


class TestSignature:
    def test_is_what_the_published_vectors_say(self) -> None:
        vectors = json.loads(VECTORS.read_text())["vectors"]
        checked = 0
        for vector in vectors:
            if vector["scheme"] != "v1":
                continue
            made = signing.signature(
                secret=vector["secret"],
                message_id=vector["msg_id"],
                at=datetime.fromtimestamp(vector["timestamp"], UTC),
                body=vector["payload"].encode(),
            )
            assert made == vector["signature"]
            checked += 1
        assert checked == 2

    @pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!"])
    def test_is_refused_with_a_secret_that_is_none(self, secret: str) -> None:
        with pytest.raises(signing.BadSecret):
            signing.signature(secret=secret, message_id="m", at=clock.now(), body=b"")

    def test_of_two_secrets_lets_the_receiver_follow_later(self) -> None:
        old, new = signing.new_secret(), signing.new_secret()
        headers = signing.headers(secrets_in_force=[new, old], message_id="m", at=clock.now(), body=b"x")
        assert len(headers["webhook-signature"].split()) == 2
