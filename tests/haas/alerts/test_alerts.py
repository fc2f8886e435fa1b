"""Alerts: once per cause, worse and cured, told until taken."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from devices import enrolment, telemetry
from devices.telemetry_models import QuarantineCount
from haas import clock, db
from haas import settings as own_settings
from haas.alerts import jobs, operations, routing, signing
from haas.alerts.models import Alert, AlertDelivery, AlertRoute
from haas.auth.models import User
from haas.errors import InvalidInput
from haas.outbox import OutboxEvent
from haas.reactions import REACTIONS, find
from haas.settings import Settings
from haas.tenancy.scope import Tenant
from tests.cast import Cast
from tests.devices.signals import GOOD_DISK, Speaker, enrol_device

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "standard_webhooks.json"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _settings(settings: Settings) -> None:
    own_settings.use(settings)


def follow(partner_id: str) -> int:
    """Run what follows the events of a partner, as relay and worker would; answers how many."""
    done = 0
    while True:
        with db.unit_of_work(Tenant(partner_id)) as session:
            events = session.scalars(
                sa.select(OutboxEvent)
                .where(OutboxEvent.partner_id == partner_id, OutboxEvent.expanded_at.is_(None))
                .order_by(OutboxEvent.published_at)
            ).all()
            for event in events:
                event.expanded_at = clock.now()
        if not events:
            return done
        for event in events:
            for name, _ in REACTIONS.get(event.name, []):
                if name.startswith("haas.alerts"):
                    find(name)(partner_id=partner_id, event_id=event.id, **event.payload)
        done += len(events)


def alerts(cast: Cast, **where: Any) -> list[Alert]:
    with db.unit_of_work(cast.tenant) as session:
        statement = sa.select(Alert).where(Alert.partner_id == cast.northwind.id).order_by(Alert.id)
        return list(session.scalars(statement.filter_by(**where)))


def add_route(cast: Cast, settings: Settings, **changes: Any) -> tuple[AlertRoute, str | None]:
    values: dict[str, Any] = {
        "name": "desk",
        "channel": "email",
        "target": "desk@northwind.example",
        "severity_least": "warning",
        **changes,
    }
    with db.unit_of_work(cast.tenant) as session:
        return routing.add_route(session, cast.tenant, settings=settings, now=clock.now(), **values)


def deliveries(cast: Cast) -> list[AlertDelivery]:
    with db.unit_of_work(cast.tenant) as session:
        return list(
            session.scalars(
                sa.select(AlertDelivery)
                .where(AlertDelivery.partner_id == cast.northwind.id)
                .order_by(AlertDelivery.id)
            )
        )


@pytest.fixture
def speaker(cast: Cast) -> Speaker:
    made = enrol_device(cast.tenant, at=clock.now() - timedelta(days=1), client_id=cast.acme.id)
    telemetry.take_in([made.birth(clock.now())], now=clock.now())
    follow(cast.northwind.id)
    return made


def report(speaker: Speaker, **disk: Any) -> None:
    now = clock.now()
    telemetry.take_in([speaker.health(now, disks=[{**GOOD_DISK, **disk}])], now=now)


class TestHealth:
    def test_opens_one_alert_makes_it_worse_and_resolves_it_when_cured(
        self, cast: Cast, speaker: Speaker
    ) -> None:
        report(speaker, pending=1)
        follow(cast.northwind.id)
        (alert,) = alerts(cast)
        assert (alert.rule, alert.severity, alert.state) == ("health.watch", "warning", "open")
        assert "1 sectors waiting" in alert.detail
        assert alert.client_id == cast.acme.id

        report(speaker, pending=60)
        follow(cast.northwind.id)
        (alert,) = alerts(cast)
        assert (alert.rule, alert.severity, alert.state) == ("health.failing", "critical", "open")
        assert alert.worsened_at is not None

        report(speaker, id="NEW-DISK")
        follow(cast.northwind.id)
        (alert,) = alerts(cast)
        assert (alert.state, alert.resolution) == ("resolved", "The readings are good again.")

    def test_that_got_worse_needs_another_look_than_the_one_it_had(
        self, cast: Cast, speaker: Speaker
    ) -> None:
        report(speaker, pending=1)
        follow(cast.northwind.id)
        (alert,) = alerts(cast)
        with db.unit_of_work(cast.tenant) as session:
            operations.acknowledge(session, cast.tenant, alert_id=alert.id, at=clock.now())
        report(speaker, pending=60)
        follow(cast.northwind.id)
        (alert,) = alerts(cast)
        assert (alert.state, alert.acknowledged_by) == ("open", None)

    def test_reads_how_things_stand_when_events_come_late(self, cast: Cast, speaker: Speaker) -> None:
        report(speaker, pending=60)
        report(speaker, id="NEW-DISK")
        follow(cast.northwind.id)
        assert alerts(cast) == []

    def test_opens_one_however_often_the_event_is_handled(self, cast: Cast, speaker: Speaker) -> None:
        report(speaker, pending=60)
        event: dict[str, Any] = {
            "partner_id": cast.northwind.id,
            "event_id": "evt_x",
            "device_id": speaker.device_id,
        }
        threads = [
            threading.Thread(target=jobs.on_health_changed, kwargs=event, daemon=True) for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(alerts(cast)) == 1

    def test_opens_another_after_the_first_was_resolved(self, cast: Cast, speaker: Speaker) -> None:
        report(speaker, pending=60)
        follow(cast.northwind.id)
        (alert,) = alerts(cast)
        with db.unit_of_work(cast.tenant) as session:
            operations.resolve(session, cast.tenant, alert_id=alert.id, resolution="looked", at=clock.now())
        report(speaker, id="NEW-DISK")
        report(speaker, pending=60)
        follow(cast.northwind.id)
        assert [alert.state for alert in alerts(cast)] == ["resolved", "open"]


class TestOtherCauses:
    def test_of_a_swapped_asset_are_resolved(self, cast: Cast, speaker: Speaker) -> None:
        report(speaker, pending=60)
        follow(cast.northwind.id)
        jobs.on_swapped(partner_id=cast.northwind.id, event_id="evt_1", outgoing_id=speaker.asset_id)
        assert [alert.resolution for alert in alerts(cast)] == ["It was swapped."]

    def test_of_quarantine_end_after_a_quiet_day(
        self, cast: Cast, speaker: Speaker, settings: Settings
    ) -> None:
        now = clock.now()
        telemetry.take_in([speaker.send("health", b"{", now) for _ in range(5)], now=now)
        follow(cast.northwind.id)
        assert [alert.rule for alert in alerts(cast)] == ["quarantine"]
        jobs.sweep(settings, now)
        assert alerts(cast)[0].state == "open"
        with db.unit_of_work(cast.tenant) as session:
            two_days = timedelta(days=2)
            session.execute(sa.update(QuarantineCount).values(last_at=now - two_days))
            session.execute(sa.update(Alert).values(opened_at=now - two_days))
        jobs.sweep(settings, now)
        assert alerts(cast)[0].state == "resolved"

    def test_of_a_waiting_device_end_with_the_decision(self, cast: Cast) -> None:
        from tests.architecture.examples.telemetry import waiting

        with db.unit_of_work(cast.tenant) as session:
            code_id = waiting(session, cast)["code_id"]
        follow(cast.northwind.id)
        (alert,) = alerts(cast)
        assert (alert.rule, alert.severity) == ("enrolment", "info")
        with db.unit_of_work(cast.tenant) as session:
            enrolment.decide(session, cast.tenant, code_id=code_id, accept=False, now=clock.now())
        follow(cast.northwind.id)
        assert alerts(cast)[0].state == "resolved"

    def test_of_a_clone_are_critical(self, cast: Cast, speaker: Speaker) -> None:
        now = clock.now()
        telemetry.take_in([speaker.birth(now, hw="other")], now=now)
        follow(cast.northwind.id)
        assert {(alert.rule, alert.severity) for alert in alerts(cast)} == {
            ("clone", "critical"),
            ("hw.changed", "warning"),
        }


class TestMail:
    def test_is_sent_once_in_the_partners_name_and_again_when_resolved(
        self, cast: Cast, speaker: Speaker, settings: Settings
    ) -> None:
        add_route(cast, settings)
        report(speaker, pending=60)
        follow(cast.northwind.id)
        report(speaker, id="NEW-DISK")
        follow(cast.northwind.id)

        told = deliveries(cast)
        assert [(each.what, each.state) for each in told] == [("opened", "sent"), ("resolved", "sent")]
        folder = Path(settings.mail_url.removeprefix("folder://"))
        mails = [
            message_from_bytes(path.read_bytes(), policy=policy.default)
            for path in folder.glob("*.eml")
            if any(each.id in path.name for each in told)
        ]
        assert any(str(mail["Subject"]).startswith("Resolved: ") for mail in mails)
        first = next(mail for mail in mails if not str(mail["Subject"]).startswith("Resolved"))
        assert "hardware is failing" in first["Subject"]
        assert cast.northwind.name in first["From"]
        body = first.get_body(("plain",))
        assert body is not None
        assert "60 sectors waiting" in body.get_content()

    def test_is_not_sent_for_less_than_was_asked_for_or_for_another_client(
        self, cast: Cast, speaker: Speaker, settings: Settings
    ) -> None:
        add_route(cast, settings, severity_least="critical")
        add_route(cast, settings, client_id=cast.globex.id)
        report(speaker, pending=1)
        follow(cast.northwind.id)
        assert len(alerts(cast)) == 1
        assert deliveries(cast) == []


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


class TestPages:
    @pytest.mark.parametrize("view", ["", "?view=new", "?view=resolved", "?view=all&severity=critical"])
    def test_list_alerts(
        self, cast: Cast, speaker: Speaker, web: Callable[[User | None], FlaskClient], view: str
    ) -> None:
        report(speaker, pending=60)
        follow(cast.northwind.id)
        answer = web(cast.ben).get(f"/alerts{view}")
        assert answer.status_code == 200
        shown = "hardware is failing" in answer.get_data(as_text=True)
        assert shown is (view != "?view=resolved")

    def test_show_one_with_who_was_told(
        self, cast: Cast, speaker: Speaker, settings: Settings, web: Callable[[User | None], FlaskClient]
    ) -> None:
        add_route(cast, settings, name="Night desk")
        report(speaker, pending=60)
        follow(cast.northwind.id)
        (alert,) = alerts(cast)
        page = web(cast.ana).get(f"/alerts/{alert.id}").get_data(as_text=True)
        assert "Night desk" in page
        assert "60 sectors waiting" in page

    def test_show_a_webhooks_secret_once(self, cast: Cast, web: Callable[[User | None], FlaskClient]) -> None:
        form = {
            "name": "tickets",
            "channel": "webhook",
            "target": "https://hooks.example/x",
            "severity_least": "info",
        }
        first = web(cast.ana).post("/alerts/routes", data=form).get_data(as_text=True)
        assert "whsec_" in first
        assert "whsec_" not in web(cast.ana).get("/alerts/routes").get_data(as_text=True)

    def test_say_what_is_wrong_with_a_route(
        self, cast: Cast, web: Callable[[User | None], FlaskClient]
    ) -> None:
        form = {"name": "x", "channel": "email", "target": "nobody", "severity_least": "info"}
        answer = web(cast.ana).post("/alerts/routes", data=form)
        assert answer.status_code == 422
        assert "such as ana@example.com" in answer.get_data(as_text=True)
