"""The same request with the same key has one effect and one answer, whatever happens between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from io import BytesIO

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from haas import db
from haas.ids import new_id
from haas.rest.idempotency import StoredAnswer
from haas.tenancy.models import Client
from tests.cast import Cast

Api = Callable[..., FlaskClient]
BODY = {"name": "Umbrella", "email": "ap@umbrella.example"}


@pytest.fixture
def key() -> str:
    return new_id("key")


def send(program: FlaskClient, key: str | None, **changes: object) -> TestResponse:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return program.post("/v1/clients", json={**BODY, **changes}, headers=headers)


def count(cast: Cast, name: str = "Umbrella") -> int:
    with db.unit_of_work(cast.tenant) as session:
        statement = sa.select(sa.func.count()).select_from(Client).where(Client.name == name)
        return session.scalar(statement) or 0


class TestARepeat:
    def test_is_answered_as_the_first_was_and_does_nothing(self, api: Api, cast: Cast, key: str) -> None:
        program = api(cast.ana)
        first, second = send(program, key), send(program, key)
        assert first.status_code == second.status_code == 201
        assert first.data == second.data
        assert first.headers["Location"] == second.headers["Location"]
        assert first.mimetype == second.mimetype == "application/json"
        assert "Idempotent-Replay" not in first.headers
        assert second.headers["Idempotent-Replay"] == "true"
        assert count(cast) == 1

    def test_with_another_body_is_refused(self, api: Api, cast: Cast, key: str) -> None:
        program = api(cast.ana)
        send(program, key)
        answer = send(program, key, name="Other")
        assert answer.status_code == 422
        assert answer.get_json()["code"] == "idempotency_key_reused"
        assert count(cast, "Other") == 0

    def test_of_another_address_is_refused(self, api: Api, cast: Cast, key: str) -> None:
        program = api(cast.ana)
        made = send(program, key).get_json()["id"]
        answer = program.post(f"/v1/clients/{made}/archive", headers={"Idempotency-Key": key})
        assert answer.status_code == 422

    def test_with_another_method_is_refused(self, api: Api, cast: Cast, key: str) -> None:
        program = api(cast.ana)
        path = f"/v1/clients/{cast.acme.id}"
        assert program.patch(path, json={"phone": "1"}, headers={"Idempotency-Key": key}).status_code == 200
        answer = program.post(f"{path}/archive", headers={"Idempotency-Key": key})
        assert answer.status_code == 422

    def test_by_another_program_is_its_own_request(self, api: Api, cast: Cast, key: str) -> None:
        assert send(api(cast.ana), key).status_code == 201
        answer = send(api(cast.ana), key)  # another token: another program
        assert "Idempotent-Replay" not in answer.headers

    def test_by_another_partner_is_its_own_request(self, api: Api, cast: Cast, key: str) -> None:
        first, second = send(api(cast.ana), key), send(api(cast.cleo), key)
        assert first.get_json()["id"] != second.get_json()["id"]
        assert "Idempotent-Replay" not in second.headers

    def test_without_a_key_is_done_again(self, api: Api, cast: Cast) -> None:
        program = api(cast.ana)
        send(program, None)
        send(program, None)
        assert count(cast) == 2


class TestARefusedRequest:
    def test_leaves_the_key_free(self, api: Api, cast: Cast, key: str) -> None:
        program = api(cast.ana)
        assert send(program, key, email="no address").status_code == 422
        assert send(program, key).status_code == 201
        assert count(cast) == 1

    def test_for_want_of_permission_leaves_it_free(self, api: Api, cast: Cast, key: str) -> None:
        assert send(api(cast.ben), key).status_code == 403
        with db.unit_of_work(cast.tenant) as session:
            assert session.scalars(sa.select(StoredAnswer).where(StoredAnswer.id.contains(key))).all() == []

    @pytest.mark.parametrize("key", ["", "k" * 256])
    def test_says_how_long_a_key_may_be(self, api: Api, cast: Cast, key: str) -> None:
        answer = send(api(cast.ana), key)
        assert answer.status_code == 422
        assert "Idempotency-Key" in answer.get_json()["errors"]


class TestTwoAtOnce:
    def test_have_one_effect_and_one_answer(self, api: Api, cast: Cast, key: str) -> None:
        first = api(cast.ana)
        authorization = first.environ_base["HTTP_AUTHORIZATION"]
        gate, answers = threading.Barrier(4), []

        def knock() -> None:
            program = first.application.test_client()
            program.environ_base["HTTP_AUTHORIZATION"] = authorization
            gate.wait()
            answers.append(send(program, key))

        rivals = [threading.Thread(target=knock) for _ in range(4)]
        for rival in rivals:
            rival.start()
        for rival in rivals:
            rival.join()
        assert [answer.status_code for answer in answers] == [201] * 4
        assert len({answer.data for answer in answers}) == 1
        assert sum("Idempotent-Replay" not in answer.headers for answer in answers) == 1
        assert count(cast) == 1


class TestATokensRows:
    def test_are_hidden_from_another_partner(self, api: Api, cast: Cast, key: str) -> None:
        send(api(cast.ana), key)
        with db.unit_of_work(cast.stranger) as session:
            assert session.scalars(sa.select(StoredAnswer).where(StoredAnswer.id.contains(key))).all() == []


class TestUploads:
    def test_are_known_by_their_bytes_whatever_the_boundary(self, api: Api, cast: Cast, key: str) -> None:
        program = api(cast.ana)

        def upload(content: bytes) -> TestResponse:
            return program.post(
                "/v1/asset-imports",
                data={"file": (BytesIO(content), "a.csv")},
                headers={"Idempotency-Key": key},
            )

        head = b"serial,manufacturer,model,cost\n"
        assert upload(head + b"A-1,Lenovo,X1,10\n").status_code == 201
        assert upload(head + b"A-1,Lenovo,X1,10\n").headers["Idempotent-Replay"] == "true"
        assert upload(head + b"A-2,Lenovo,X1,10\n").status_code == 422
