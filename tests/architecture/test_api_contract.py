"""The API keeps the promises of its document, for generated requests and for the wrong ones people send."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from werkzeug.test import TestResponse

from haas import db
from haas.auth.permissions import OWNER, PERMISSIONS, permissions_of
from haas.rest.document import CHANGING
from haas.tenancy.scope import scoped
from leases.models import Lease, Line
from tests import cast as casting
from tests.cast import Cast
from tests.small_fleet import add_fleet

EXAMPLES = 4  # of either mode for each operation: a push waits for this; a long run is a command away
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
CHANGE_METHODS = {method.upper() for method in CHANGING}
# What the key of a path is called where there are rows of it.
KEYS = re.compile(r"{(\w+)}")


@pytest.fixture(scope="module")
def house(app: Flask) -> tuple[Cast, dict[str, str]]:
    """A partner with a fleet, and the ids to put into paths."""
    cast = casting.make_cast()
    with db.unit_of_work(cast.tenant) as session:
        assets = add_fleet(session, cast)
        lease = session.scalars(scoped(Lease, cast.tenant).limit(1)).one()
        line = session.scalars(scoped(Line, cast.tenant).where(Line.lease_id == lease.id)).one()
    return cast, {
        "asset_id": assets[0].id,
        "model_id": assets[0].model_id,
        "client_id": cast.acme.id,
        "site_id": cast.acme_site.id,
        "lease_id": lease.id,
        "agreement_id": lease.agreement_id,
        "line_id": line.id,
        "month": "2026-11",
    }


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    """The document as it is served."""
    answer = app.test_client().get("/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


@pytest.fixture(scope="module")
def program(house: tuple[Cast, dict[str, str]], api: Callable[..., FlaskClient]) -> FlaskClient:
    """A program with all that the owner may do."""
    return api(house[0].ana)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, METHOD, operation) of the document."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method.upper(), operation


def of_owner(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Those that the owner may use; what only a client may do is refused before anything is read."""
    held = permissions_of(OWNER)
    return (each for each in operations(document) if each[2]["x-permission"] in held)


def none(problems: list[str]) -> None:
    """Fail with every problem on a line of its own."""
    assert not problems, f"{len(problems)} problems\n" + "\n".join(sorted(set(problems)))


class TestTheDocument:
    def test_is_valid(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.1")
        schema = schemathesis.openapi.from_dict(document)
        schema.validate()
        found = list(schema.get_all_operations())
        assert [result for result in found if not isinstance(result, Ok)] == []
        assert len(found) > 50

    def test_tells_of_every_operation_what_it_does_answers_and_asks_for(
        self, document: dict[str, Any]
    ) -> None:
        problems, names = [], []
        schemes = document["components"]["securitySchemes"]
        for path, method, operation in operations(document):
            place = f"{method} {path}"
            names.append(operation.get("operationId"))
            if not operation.get("summary"):
                problems.append(f"{place}: no summary")
            if not any(code.startswith("2") for code in operation["responses"]):
                problems.append(f"{place}: no success")
            if "default" not in operation["responses"]:
                problems.append(f"{place}: no refusal")
            if not all(set(each) <= set(schemes) for each in operation.get("security", document["security"])):
                problems.append(f"{place}: no security")
            if operation.get("x-permission") not in PERMISSIONS:
                problems.append(f"{place}: permission {operation.get('x-permission')}")
            if not operation.get("tags"):
                problems.append(f"{place}: no tag")
            told = {each.get("name") for each in operation.get("parameters", [])}
            if method in CHANGE_METHODS and "Idempotency-Key" not in told:
                problems.append(f"{place}: no Idempotency-Key")
        none(problems)
        assert len(names) == len(set(names))

    def test_has_every_route_of_the_api(self, app: Flask, document: dict[str, Any]) -> None:
        told = {(method, path) for path, method, _ in operations(document)}
        there = {
            (method, re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule))
            for rule in app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
            if rule.rule.startswith("/v1/") and rule.endpoint != "api-docs.openapi_json"
        }
        assert there == told


class TestGeneratedRequests:
    @pytest.mark.timeout(240)
    @pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    def test_are_answered_as_the_document_says(
        self, app: Flask, house: tuple[Cast, dict[str, str]], mode: GenerationMode
    ) -> None:
        cast, ids = house
        headers = {"Authorization": f"Bearer {casting.api_token(cast.ana)}"}
        schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", app)
        checks = [*CHECKS, *([negative_data_rejection] if mode is GenerationMode.NEGATIVE else [])]
        problems: list[str] = []

        for result in schema.get_all_operations():
            assert isinstance(result, Ok)
            operation = result.ok()

            @seed(20261123)
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def exercise(case: Any) -> None:
                if mode is GenerationMode.POSITIVE:
                    case.path_parameters.update(
                        {name: ids[name] for name in case.path_parameters if name in ids}
                    )
                (case.headers or {}).pop("Idempotency-Key", None)  # a test of its own reuses keys
                answer = case.call(headers=headers)
                try:
                    case.validate_response(answer, checks=checks)
                except FailureGroup as failures:
                    problems.extend(
                        f"{case.method} {case.formatted_path}: {each}" for each in failures.exceptions
                    )

            exercise()
        none(problems)


WRONG = {
    "a bad cursor": {"cursor": "bm90aGluZw"},
    "no number": {"limit": "many"},
    "too many": {"limit": "100000"},
    "none": {"limit": "0"},
    "a NUL": {"cursor": "a\0b"},
    "an unknown parameter": {"colour": "red"},
}


class TestWrongRequests:
    """Everything wrong is 4xx with words, in one shape."""

    def send(
        self, program: FlaskClient, house: tuple[Cast, dict[str, str]], path: str, method: str, **request: Any
    ) -> TestResponse:
        filled = KEYS.sub(lambda match: house[1].get(match[1], "x_01k00000000000000000000000"), path)
        return program.open(filled, method=method, **request)

    @pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
    def test_a_wrong_query_names_its_parameter(self, program, house, document, wrong: dict[str, str]) -> None:
        problems = []
        for path, method, operation in operations(document):
            told = {each["name"]: each.get("required", False) for each in operation.get("parameters", [])}
            if method != "GET" or not {"cursor", "limit"} <= set(told) or any(told.values()):
                continue
            answer = self.send(program, house, path, method, query_string=wrong)
            if answer.status_code == 404:
                continue  # a list beneath a row that this partner does not have
            problems += shape(answer, f"{path}?{wrong}", {422})
            if answer.status_code == 422 and next(iter(wrong)) not in answer.text:
                problems.append(f"{path}: {answer.text}")
        none(problems)

    def test_an_unknown_field_is_named(self, program, house, document) -> None:
        problems = []
        for path, method, operation in of_owner(document):
            if "application/json" not in operation.get("requestBody", {}).get("content", {}):
                continue
            answer = self.send(program, house, path, method, json={"no_such_field": 1})
            problems += shape(answer, f"{method} {path}", {422})
            if "no_such_field" not in answer.text:
                problems.append(f"{method} {path}: {answer.text[:200]}")
        none(problems)

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b"{not json", "application/json"),
            (b"\xff\xfe", "application/json"),
            (b"[1, 2]", "application/json"),
            (b'"text"', "application/json"),
            (b"null", "application/json"),
            (b'{"a": "\\u0000"}', "application/json"),
            (b"[" * 20_000 + b"]" * 20_000, "application/json"),
            (b"a=1", "application/x-www-form-urlencoded"),
            (b"<a/>", "application/xml"),
        ],
        ids=["broken", "no utf-8", "list", "text", "null", "NUL", "deep", "form", "xml"],
    )
    def test_a_wrong_body_is_refused(self, program, house, document, body: bytes, kind: str) -> None:
        problems = []
        for path, method, operation in of_owner(document):
            asked = operation.get("requestBody", {})
            if "application/json" not in asked.get("content", {}) or not asked.get("required"):
                continue
            answer = self.send(program, house, path, method, data=body, content_type=kind)
            problems += shape(answer, f"{method} {path}", {400, 415, 422})
        none(problems)

    def test_a_huge_body_is_refused(self, program, house) -> None:
        body = json.dumps({"name": "x" * 17_000_000})
        answer = self.send(program, house, "/v1/clients", "POST", data=body, content_type="application/json")
        none(shape(answer, "/v1/clients", {413}))

    def test_a_wrong_id_is_not_found(self, program, document) -> None:
        problems = []
        for wrong in ("ast_none", "%00", "a%00b", "%F0%9F%92%A9", "x" * 3000, "'; drop table asset; --"):
            for path, method, _operation in operations(document):
                if method == "GET" and "{" in path:
                    answer = program.get(re.sub(KEYS, wrong, path))
                    problems += shape(answer, f"{path} {wrong[:12]}", {404, 422})
        none(problems)

    def test_a_wrong_method_says_which_are_right(self, program, house, document) -> None:
        problems = []
        for path, item in document["paths"].items():
            there = {method.upper() for method in item if method != "parameters"}
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - there:
                answer = self.send(program, house, path, method)
                if answer.status_code == 404:
                    continue  # another route has this shape
                problems += shape(answer, f"{method} {path}", {405})
                told = {each.strip() for each in answer.headers.get("Allow", "").split(",")}
                if not there <= told:
                    problems.append(f"{method} {path}: Allow {told}")
        none(problems)

    @pytest.mark.parametrize(
        "sent",
        [
            "",
            "Bearer",
            "Bearer x",
            "Bearer haas_live_x_y_z",
            "Basic eDp5",
            "Bearer \xe9",
            f"Bearer haas_live_{'0' * 32}",
        ],
    )
    def test_a_wrong_token_is_refused_everywhere(self, app: Flask, document, sent: str) -> None:
        problems = []
        for path, method, _operation in operations(document):
            answer = app.test_client().open(path, method=method, headers={"Authorization": sent})
            problems += shape(answer, f"{method} {path}", {401})
            if "Bearer" not in answer.headers.get("WWW-Authenticate", ""):
                problems.append(f"{method} {path}: does not ask for a token")
        none(problems)

    def test_an_unknown_address_is_a_problem_too(self, program) -> None:
        none(shape(program.get("/v1/no-such-thing"), "/v1/no-such-thing", {404}))


def shape(answer: TestResponse, place: str, right: set[int]) -> list[str]:
    """What is wrong with an answer that should be a refusal."""
    if answer.status_code not in right:
        return [f"{place}: {answer.status_code} {answer.text[:300]}"]
    if answer.mimetype != "application/problem+json":
        return [f"{place}: {answer.mimetype}"]
    body = json.loads(answer.text)
    missing = {"type", "title", "status", "code"} - set(body)
    wrong_type = not isinstance(body.get("title"), str) or body.get("status") != answer.status_code
    return [f"{place}: {body}"] if missing or wrong_type else []
