"""Every route names its permission; every changing route leaves an audit row and hides strangers' rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from haas import db
from haas.audit import AuditEntry
from haas.auth.identify import PROGRAM_PATHS
from haas.auth.models import User
from haas.auth.permissions import PERMISSIONS
from haas.tenancy.scope import Platform, Tenant
from tests.architecture.examples import Example, every_example
from tests.cast import Cast, make_cast

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
# Made by libraries: the OpenAPI document itself.
LIBRARY_ENDPOINTS = {"api-docs.openapi_json"}
ROLE_TO_USER = {
    "partner.owner": "ana",
    "partner.sales": "sam",
    "partner.finance": "fay",
    "partner.technician": "ben",
    "client.admin": "ada",
    "client.viewer": "vic",
}

EXAMPLES = every_example()
CASES = [
    pytest.param((endpoint, example), id=f"{endpoint}-{number}" if number else endpoint)
    for endpoint, examples in sorted(EXAMPLES.items())
    for number, example in enumerate(examples)
]


def permission_of(app: Flask, endpoint: str, method: str) -> str | None:
    """The permission a view is marked with; a method view is marked on the method."""
    view = app.view_functions[endpoint]
    marked: str | None = getattr(view, "haas_permission", None)
    if marked is None and (kind := getattr(view, "view_class", None)) is not None:
        marked = getattr(getattr(kind, method.lower(), None), "haas_permission", None)
    return marked


def routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every rule with each of its methods."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint in LIBRARY_ENDPOINTS:
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method


class TestEveryRoute:
    def test_names_a_permission_of_the_table_or_says_why_it_is_public(self, app: Flask) -> None:
        unmarked = []
        for rule, method in routes(app):
            permission = permission_of(app, rule.endpoint, method)
            if permission is None or not (permission in PERMISSIONS or permission.startswith("public: ")):
                unmarked.append(f"{method} {rule.rule} ({rule.endpoint}): {permission}")
        assert unmarked == []

    def test_that_changes_something_has_an_example(self, app: Flask) -> None:
        changing = {rule.endpoint for rule, method in routes(app) if method in CHANGING}
        assert changing - set(EXAMPLES) == set()
        assert set(EXAMPLES) - changing == set()

    def test_that_is_not_audited_says_why(self) -> None:
        silent = [
            f"{endpoint}-{number}"
            for endpoint, examples in EXAMPLES.items()
            for number, example in enumerate(examples)
            if not example.audited and not example.unaudited_because
        ]
        assert silent == []


def find_rule(app: Flask, endpoint: str, example: Example) -> tuple[Rule, str]:
    """The changing rule of `endpoint`."""
    for rule, method in routes(app):
        if rule.endpoint == endpoint and method in CHANGING and example.method in (None, method):
            return rule, method
    raise LookupError(endpoint)


def count_audit(partner_id: str) -> int:
    """How many entries the partner's chain and the operator's chain hold."""
    with db.unit_of_work(Tenant(partner_id)) as session:
        own = session.scalar(sa.select(sa.func.count()).select_from(AuditEntry)) or 0
    with db.unit_of_work(Platform()) as session:
        return own + (session.scalar(sa.select(sa.func.count()).select_from(AuditEntry)) or 0)


@dataclass(frozen=True, slots=True)
class Situation:
    """One changing route, the cast, and the rows that the example's address names."""

    app: Flask
    web: Callable[[User | None], FlaskClient]
    api: Callable[..., FlaskClient]
    example: Example
    cast: Cast
    method: str
    path: str
    values: Mapping[str, str]
    permission: str

    def sent_by(self, user: str) -> TestResponse:
        """The answer to the example's request of one of the cast."""
        if user == "nobody":
            client = self.app.test_client()
        else:
            door = self.api if self.path.startswith(PROGRAM_PATHS) else self.web
            client = door(getattr(self.cast, user))
        return client.open(
            self.path,
            method=self.method,
            json=self.example.payload(self.example.json, self.cast, self.values),
            data=self.example.payload(self.example.form, self.cast, self.values),
            headers=dict(self.example.headers),
        )


@pytest.fixture(scope="class")
def situation(
    app: Flask,
    web: Callable[[User | None], FlaskClient],
    api: Callable[..., FlaskClient],
    case: tuple[str, Example],
) -> Situation:
    """Made once for those who are refused and then for whom it works: a refusal must leave all as it was."""
    endpoint, example = case
    cast = make_cast()
    rule, method = find_rule(app, endpoint, example)
    with db.unit_of_work(cast.tenant) as session:
        values = example.prepare(session, cast)
    names = {name: value for name, value in values.items() if name in rule.arguments}
    path = app.url_map.bind("localhost").build(endpoint, names, method=method)
    permission = permission_of(app, endpoint, method) or ""
    return Situation(app, web, api, example, cast, method, path, values, permission)


@pytest.mark.parametrize("case", CASES, scope="class")
class TestEveryChangingRoute:
    def test_hides_the_row_from_another_partner(self, situation: Situation) -> None:
        example = situation.example
        expected = example.cleo if isinstance(example.cleo, tuple) else (example.cleo,)
        assert expected == (404,) or example.cleo_because
        if example.user == "nobody":
            return  # a public route knows no stranger; its own tests show what it hides
        answer = situation.sent_by("cleo")
        assert answer.status_code in expected, answer.get_data(as_text=True)[:2000]
        assert situation.cast.northwind.name not in answer.get_data(as_text=True)

    def test_is_refused_to_a_role_without_the_permission(self, situation: Situation) -> None:
        without = [
            user
            for role, user in ROLE_TO_USER.items()
            if situation.permission in PERMISSIONS and role not in PERMISSIONS[situation.permission]
        ]
        for user in without[:1]:
            answer = situation.sent_by(user)
            assert answer.status_code == 403, (user, answer.get_data(as_text=True)[:500])

    def test_works_and_leaves_an_audit_row(self, situation: Situation) -> None:
        example, partner_id = situation.example, situation.cast.northwind.id
        audited_before = count_audit(partner_id)
        answer = situation.sent_by(example.user)
        expected = example.status if isinstance(example.status, tuple) else (example.status,)
        assert answer.status_code in expected, answer.get_data(as_text=True)[:2000]
        if example.audited:
            assert count_audit(partner_id) > audited_before
