"""Enrolment over the agent's own door: codes, repeats, mismatches, rotation, revocation."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from agent import enrolment as agent_side
from agent.identity import PendingEnrolment, StateDirectory
from devices import commands, enrolment, sweeps, telemetry
from devices.broker_access import broker_rows, credentials_version
from devices.telemetry_models import Device, EnrolmentCode
from haas import clock, db
from haas.audit import AuditEntry
from haas.outbox import OutboxEvent
from tests.cast import Cast
from tests.devices.fleet import make_asset
from tests.devices.signals import enrol_device

HW = {"serial": "SN-777", "uuid": "4c4c4544", "board": "0ABC", "macs": ["02:00:00:00:00:01"]}


@pytest.fixture
def door(app: Flask) -> FlaskClient:
    return app.test_client()


def new_code(cast: Cast, *, serial: str | None = "SN-777") -> tuple[str, str, str]:
    """(code, code id, asset id)."""
    with db.unit_of_work(cast.tenant) as session:
        asset = make_asset(session, cast.tenant, serial=serial, state="received" if serial else "ordered")
        code, made = enrolment.new_code(session, cast.tenant, asset_id=asset.id, now=clock.now())
    return code, made.id, asset.id


def ask(door: FlaskClient, code: str, secret: str, **hw: Any) -> Any:
    return door.post(
        "/agent/v1/enroll",
        json={"code": code, "secret": secret, "hw": {**HW, **hw}, "nonce": "n", "agent": "1.0.0"},
    )


def decide(cast: Cast, code_id: str, *, accept: bool) -> None:
    with db.unit_of_work(cast.tenant) as session:
        enrolment.decide(session, cast.tenant, code_id=code_id, accept=accept, now=clock.now())


def device_row(cast: Cast, device_id: str) -> Device:
    with db.unit_of_work(cast.tenant) as session:
        return session.scalars(sa.select(Device).where(Device.id == device_id)).one()


class TestEnrolling:
    def test_gives_identity_broker_and_command_key(self, cast: Cast, door: FlaskClient) -> None:
        code, _, asset_id = new_code(cast)
        answer = ask(door, code, secrets.token_urlsafe(32))
        said = answer.get_json()

        assert answer.status_code == 200
        assert said["status"] == "enrolled"
        assert said["device"].startswith("d-")
        assert said["epoch"] == 1
        assert len(base64.b64decode(said["command_key"])) == 32
        assert set(said["mqtt"]) == {"host", "port", "tls", "ca_pem"}
        assert said["cfg"]["every"]["health"] == 60
        assert device_row(cast, said["device"]).asset_id == asset_id

    def test_keeps_neither_secret_nor_code_nor_key_readable(self, cast: Cast, door: FlaskClient) -> None:
        code, code_id, _ = new_code(cast)
        secret = secrets.token_urlsafe(32)
        said = ask(door, code, secret).get_json()
        device = device_row(cast, said["device"])
        assert device.secret_hash.startswith("$7$")
        with db.unit_of_work(cast.tenant) as session:
            kept = session.scalars(sa.select(EnrolmentCode).where(EnrolmentCode.id == code_id)).one()
            trail = session.scalars(
                sa.select(AuditEntry.after).where(AuditEntry.subject.in_(["device", "enrolment_code"]))
            ).all()
        readable = f"{vars(device)} {vars(kept)} {trail}"
        for hidden in (secret, code, said["command_key"]):
            assert hidden not in readable

    def test_answers_a_repeat_with_the_same_secret_the_same(self, cast: Cast, door: FlaskClient) -> None:
        code, _, _ = new_code(cast)
        secret = secrets.token_urlsafe(32)
        first, again = ask(door, code, secret).get_json(), ask(door, code, secret).get_json()
        for said in (first, again):
            said["cfg"].pop("time")
        assert first == again

    def test_forgives_case_and_dashes_of_a_typed_code(self, cast: Cast, door: FlaskClient) -> None:
        code, _, _ = new_code(cast)
        typed = "-".join(code[at : at + 5] for at in range(0, len(code), 5)).upper()
        assert ask(door, typed, secrets.token_urlsafe(32)).status_code == 200

    def test_refuses_a_second_device_with_the_same_code(self, cast: Cast, door: FlaskClient) -> None:
        code, _, _ = new_code(cast)
        ask(door, code, secrets.token_urlsafe(32))
        answer = ask(door, code, secrets.token_urlsafe(32))
        assert (answer.status_code, answer.get_json()["code"]) == (409, "code_spent")

    def test_refuses_an_unknown_code_as_one(self, door: FlaskClient) -> None:
        answer = ask(door, "nothing-of-the-kind", secrets.token_urlsafe(32))
        assert (answer.status_code, answer.get_json()["code"]) == (404, "unknown_code")

    def test_refuses_a_code_that_is_too_old(self, cast: Cast, door: FlaskClient) -> None:
        code, code_id, _ = new_code(cast)
        with db.unit_of_work(cast.tenant) as session:
            session.execute(
                sa.update(EnrolmentCode)
                .where(EnrolmentCode.id == code_id)
                .values(expires_at=clock.now() - timedelta(seconds=1))
            )
        assert ask(door, code, secrets.token_urlsafe(32)).get_json()["code"] == "code_spent"

    def test_ends_the_code_before_when_a_new_one_is_made(self, cast: Cast, door: FlaskClient) -> None:
        code, _, asset_id = new_code(cast)
        with db.unit_of_work(cast.tenant) as session:
            newer, _ = enrolment.new_code(session, cast.tenant, asset_id=asset_id, now=clock.now())
        assert ask(door, code, secrets.token_urlsafe(32)).status_code == 409
        assert ask(door, newer, secrets.token_urlsafe(32)).status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            None,
            [],
            {},
            {"code": "x", "secret": "short", "hw": {}},
            {"code": 5, "secret": "x" * 40, "hw": {}},
            {"code": "x", "secret": "x" * 40, "hw": {"macs": "none"}},
            {"code": "x" * 65, "secret": "x" * 40, "hw": {}},
        ],
    )
    def test_refuses_what_is_no_enrolment(self, door: FlaskClient, body: Any) -> None:
        answer = door.post("/agent/v1/enroll", json=body)
        assert answer.status_code == 422
        assert answer.mimetype == "application/problem+json"

    def test_of_an_asset_again_keeps_the_device_and_raises_its_epoch(
        self, cast: Cast, door: FlaskClient
    ) -> None:
        code, _, asset_id = new_code(cast)
        first = ask(door, code, secrets.token_urlsafe(32)).get_json()
        with db.unit_of_work(cast.tenant) as session:
            newer, _ = enrolment.new_code(session, cast.tenant, asset_id=asset_id, now=clock.now())
        second = ask(door, newer, secrets.token_urlsafe(32)).get_json()
        assert second["device"] == first["device"]
        assert (first["epoch"], second["epoch"]) == (1, 2)
        assert second["command_key"] != first["command_key"]


class TestMismatch:
    def test_waits_for_a_person_and_comes_in_when_accepted(self, cast: Cast, door: FlaskClient) -> None:
        code, code_id, _ = new_code(cast)
        secret = secrets.token_urlsafe(32)
        first = ask(door, code, secret, serial="ANOTHER")
        assert (first.status_code, first.get_json()) == (202, {"status": "pending", "retry_after": 30})
        assert ask(door, code, secret, serial="ANOTHER").status_code == 202
        with db.unit_of_work(cast.tenant) as session:
            told = session.scalar(
                sa.select(sa.func.count())
                .select_from(OutboxEvent)
                .where(
                    OutboxEvent.name == "device.enrolment_pending",
                    OutboxEvent.payload["code_id"].astext == code_id,
                )
            )
        assert told == 1
        decide(cast, code_id, accept=True)
        assert ask(door, code, secret, serial="ANOTHER").get_json()["status"] == "enrolled"

    def test_is_turned_away_when_refused(self, cast: Cast, door: FlaskClient) -> None:
        code, code_id, _ = new_code(cast)
        secret = secrets.token_urlsafe(32)
        ask(door, code, secret, serial="ANOTHER")
        decide(cast, code_id, accept=False)
        assert ask(door, code, secret, serial="ANOTHER").status_code == 409

    def test_lets_nobody_else_in_while_one_waits(self, cast: Cast, door: FlaskClient) -> None:
        code, code_id, _ = new_code(cast)
        ask(door, code, secrets.token_urlsafe(32), serial="ANOTHER")
        decide(cast, code_id, accept=True)
        assert ask(door, code, secrets.token_urlsafe(32)).status_code == 409

    @pytest.mark.parametrize("told", ["sn-777", " SN-777 ", "ＳＮ-777"])
    def test_is_none_if_only_the_writing_differs(self, cast: Cast, door: FlaskClient, told: str) -> None:
        code, _, _ = new_code(cast)
        assert ask(door, code, secrets.token_urlsafe(32), serial=told).status_code == 200

    @pytest.mark.parametrize("told", ["", "To Be Filled By O.E.M.", None])
    def test_is_one_if_the_board_tells_no_serial(self, cast: Cast, door: FlaskClient, told: Any) -> None:
        code, _, _ = new_code(cast)
        assert ask(door, code, secrets.token_urlsafe(32), serial=told).status_code == 202

    def test_is_none_while_the_asset_has_no_serial_yet(self, cast: Cast, door: FlaskClient) -> None:
        code, _, _ = new_code(cast, serial=None)
        assert ask(door, code, secrets.token_urlsafe(32)).status_code == 200


class TestRotation:
    def rotate(self, door: FlaskClient, device: str, secret: str, new_secret: str) -> int:
        return door.post(
            "/agent/v1/rotate", json={"device": device, "secret": secret, "new_secret": new_secret}
        ).status_code

    def test_takes_the_new_secret_and_keeps_the_old_until_it_is_used(
        self, cast: Cast, door: FlaskClient
    ) -> None:
        speaker = enrol_device(cast.tenant)
        second, third = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        assert self.rotate(door, speaker.device_id, speaker.secret, second) == 200
        assert self.rotate(door, speaker.device_id, speaker.secret, second) == 200, "a lost answer"
        assert enrolment.password_matches(second, dict(broker_rows())[speaker.device_id])
        assert self.rotate(door, speaker.device_id, second, third) == 200, "the new one was used"
        assert self.rotate(door, speaker.device_id, speaker.secret, second) == 403, "so the old one ended"

    def test_refuses_a_wrong_secret_and_an_unknown_device_alike(self, cast: Cast, door: FlaskClient) -> None:
        speaker = enrol_device(cast.tenant)
        other = secrets.token_urlsafe(32)
        assert self.rotate(door, speaker.device_id, other, other) == 403
        assert self.rotate(door, "d-nobody", speaker.secret, other) == 403

    def test_ends_with_the_devices_own_word(self, cast: Cast, door: FlaskClient) -> None:
        speaker = enrol_device(cast.tenant)
        second = secrets.token_urlsafe(32)
        self.rotate(door, speaker.device_id, speaker.secret, second)
        now = clock.now()
        with db.unit_of_work(cast.tenant) as session:
            order = commands.order(session, cast.tenant, device_id=speaker.device_id, verb="rotate", now=now)
        telemetry.take_in([speaker.say("result", now, id=order.id, st="done")], now=now)
        device = device_row(cast, speaker.device_id)
        assert device.next_secret_hash is None
        assert enrolment.password_matches(second, device.secret_hash)


class TestRevocation:
    def test_takes_the_device_off_the_brokers_list_at_once(self, cast: Cast, door: FlaskClient) -> None:
        speaker = enrol_device(cast.tenant)
        before = credentials_version()
        assert speaker.device_id in dict(broker_rows())
        with db.unit_of_work(cast.tenant) as session:
            enrolment.revoke(
                session, cast.tenant, device_id=speaker.device_id, reason="lost", now=clock.now()
            )
        assert speaker.device_id not in dict(broker_rows())
        assert credentials_version() != before
        answer = door.post(
            "/agent/v1/rotate",
            json={
                "device": speaker.device_id,
                "secret": speaker.secret,
                "new_secret": secrets.token_urlsafe(32),
            },
        )
        assert answer.status_code == 403

    def test_follows_hardware_that_leaves_for_good(self, cast: Cast) -> None:
        speaker = enrol_device(cast.tenant)
        moved = {"partner_id": cast.northwind.id, "event_id": "evt_1", "asset_id": speaker.asset_id}
        sweeps.revoke_gone(**moved, to_state="in_repair")
        assert device_row(cast, speaker.device_id).revoked_at is None
        sweeps.revoke_gone(**moved, to_state="disposed")
        assert device_row(cast, speaker.device_id).revoked_at is not None


class TestTheAgent:
    """The agent's own code against our door."""

    def test_enrols_rotates_and_understands_refusals(
        self, cast: Cast, app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        door = app.test_client()

        def post(url: str, body: Any, *, ca_pem: str | None = None) -> tuple[int, dict[str, Any]]:
            answer = door.post(url.removeprefix("http://127.0.0.1"), json=body)
            if answer.status_code >= 400:
                problem = answer.get_json()
                raise agent_side.Refused(answer.status_code, problem["code"], problem["title"])
            return answer.status_code, answer.get_json()

        # The wire between the two is HTTP; everything on either side of it is real.
        monkeypatch.setattr(agent_side, "post", post)
        code, code_id, _ = new_code(cast)
        state = StateDirectory(tmp_path)
        state.prepare()
        pending = agent_side.begin(state, server="http://127.0.0.1", code=code)
        hardware = {**HW, "serial": "ANOTHER"}
        assert isinstance(agent_side.ask(state, pending, hardware=hardware), agent_side.Waiting)
        decide(cast, code_id, accept=True)
        credentials = agent_side.ask(state, pending, hardware=hardware)
        assert not isinstance(credentials, agent_side.Waiting)
        assert len(credentials.command_key_bytes) == 32
        agent_side.rotate(agent_side.with_next_secret(credentials, command=None))
        wrong = replace(credentials, secret="x" * 43, next_secret="y" * 43)
        with pytest.raises(agent_side.Refused):
            agent_side.rotate(wrong)
        stranger = PendingEnrolment(
            server="http://127.0.0.1", code=code, secret=secrets.token_urlsafe(32), nonce="n"
        )
        with pytest.raises(agent_side.Refused, match="Another device"):
            agent_side.ask(state, stranger, hardware=HW)
