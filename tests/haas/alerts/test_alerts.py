"""Alerts: once per cause, worse and cured, told until taken."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from devices import enrolment, telemetry
from devices.telemetry_models import QuarantineCount
from haas import clock, db
from haas.alerts import jobs, operations
from haas.alerts.models import Alert
from haas.auth.models import User
from haas.settings import Settings
from tests.cast import Cast
from tests.devices.signals import Speaker
from tests.haas.alerts.situations import (
    add_route,
    alerts,
    deliveries,
    follow,
    report,
)


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


class TestQuarantine:
    @pytest.fixture
    def cast(self, alone: Cast) -> Cast:
        """No other partner: the sweep goes round all there are."""
        return alone

    def test_ends_after_a_quiet_day(self, cast: Cast, speaker: Speaker, settings: Settings) -> None:
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
