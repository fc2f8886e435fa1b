"""Every answer, refusals among them, has the headers a browser needs; no form works without its token."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from haas.app import CONTENT_SECURITY_POLICY
from haas.auth.identify import PROGRAM_PATHS
from haas.auth.models import User
from tests.architecture.test_routes import CHANGING, routes
from tests.cast import Cast

Web = Callable[[User | None], FlaskClient]

# Answered to anyone, to nobody, and when something is wrong.
ANSWERS = [
    ("GET", "/", 200),
    ("GET", "/sign-in", 302),
    ("GET", "/assets/ast_none", 404),
    ("GET", "/no-such-page", 404),
    ("GET", "/assets?limit=0", 422),
    ("GET", "/assets?cursor=bm8", 422),
    ("GET", "/operator/partners", 403),
    ("DELETE", "/assets", 405),
    ("GET", "/v1/assets", 401),
    ("GET", "/v1/none", 404),
    ("GET", "/healthz", 200),
    ("GET", "/static/css/none.css", 404),
    ("GET", "/branding/14532d.css", 200),
    ("GET", "/search/found?q=a", 200),
    ("GET", "/assets/export.csv", 200),
]


class TestEveryAnswer:
    @pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
    def test_carries_the_headers(self, web: Web, cast: Cast, method: str, path: str, status: int) -> None:
        answer = web(cast.ana).open(path, method=method)
        assert answer.status_code == status
        assert problems_of(answer) == []

    def test_of_a_bug_does_too_and_says_nothing_of_it(
        self, app: Flask, web: Web, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(**_values: object) -> str:
            raise RuntimeError("the secret cause")

        monkeypatch.setitem(app.view_functions, "account.show", broken)
        monkeypatch.setitem(app.view_functions, "me_api.get_me", broken)
        for path in ("/account", "/v1/me"):
            answer = web(cast.ana).get(path)
            assert answer.status_code == 500
            assert problems_of(answer) == []
            assert "the secret cause" not in answer.text
            assert "Traceback" not in answer.text

    def test_is_not_kept_by_a_cache_when_it_shows_rows(self, web: Web, cast: Cast) -> None:
        for path in ("/", "/assets", "/clients", "/settings/team"):
            assert web(cast.ana).get(path).headers["Cache-Control"] == "no-store"

    def test_asks_for_https_for_good_over_https_alone(self, web: Web) -> None:
        browser = web(None)
        assert "Strict-Transport-Security" not in browser.get("/sign-in").headers
        secure = browser.get("/sign-in", base_url="https://localhost")
        assert secure.headers["Strict-Transport-Security"].startswith("max-age=31536000")

    def test_does_not_believe_the_host_header(self, web: Web, cast: Cast) -> None:
        """Links in mails and redirects come from the settings or are relative, never from the request."""
        browser = web(cast.ana)
        for path in ("/no-such", "/", "/assets", "/labels"):
            assert "evil.example" not in browser.get(path, headers={"Host": "evil.example"}).text
        answer = web(None).get("/assets", headers={"Host": "evil.example"})
        assert answer.headers["Location"].startswith("/sign-in")

    def test_does_not_believe_a_proxy_that_is_not_there(self, web: Web, cast: Cast) -> None:
        answer = web(cast.ana).get(
            "/assets", headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
        )
        assert "evil.example" not in answer.text
        assert "Strict-Transport-Security" not in answer.headers


class TestThePolicy:
    def test_lets_no_inline_script_or_style_and_no_other_host_in(self) -> None:
        assert "unsafe" not in CONTENT_SECURITY_POLICY
        assert "http" not in CONTENT_SECURITY_POLICY
        assert "*" not in CONTENT_SECURITY_POLICY
        for directive in (
            "default-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ):
            assert directive in CONTENT_SECURITY_POLICY

    def test_is_loosened_where_the_camera_reads_codes_alone(self, app: Flask, web: Web, cast: Cast) -> None:
        loosened = {}
        for rule, method in routes(app):
            if method == "GET" and not rule.arguments and not rule.rule.startswith("/v1/"):
                policy = web(cast.ana).get(rule.rule).headers["Content-Security-Policy"]
                if policy != CONTENT_SECURITY_POLICY and "default-src 'none'; sandbox" not in policy:
                    loosened[rule.rule] = policy
        assert set(loosened) <= {"/scan", "/scan/offline", "/swaps/new"}
        for policy in loosened.values():
            assert "unsafe-inline" not in policy
            assert "'unsafe-eval'" not in policy


@pytest.fixture
def guarded(app: Flask) -> Iterator[Flask]:
    """The application as people meet it."""
    app.config["WTF_CSRF_ENABLED"] = True
    yield app
    app.config["WTF_CSRF_ENABLED"] = False


class TestEveryChangingPage:
    def test_refuses_a_request_without_the_token_before_it_looks_at_anything(
        self, guarded: Flask, web: Web, cast: Cast
    ) -> None:
        browser, problems = web(cast.ana), []
        for rule, method in routes(guarded):
            if method not in CHANGING or rule.rule.startswith(PROGRAM_PATHS):
                continue
            path = re.sub(r"<(?:[^:<>]+:)?[^<>]+>", "x", rule.rule)
            status = browser.open(path, method=method).status_code
            if status != 400:
                problems.append(f"{method} {path}: {status}")
        assert problems == []

    def test_of_the_api_needs_none_because_it_takes_no_cookie(
        self, guarded: Flask, web: Web, cast: Cast
    ) -> None:
        browser, problems = web(cast.ana), []
        for rule, method in routes(guarded):
            if rule.rule.startswith("/v1/") and "openapi" not in rule.rule:
                path = re.sub(r"<(?:[^:<>]+:)?[^<>]+>", "x", rule.rule)
                status = browser.open(path, method=method).status_code
                if status != 401:
                    problems.append(f"{method} {path}: {status}")
        assert problems == []


def problems_of(answer: TestResponse) -> list[str]:
    """Which headers are missing or weak."""
    headers, problems = answer.headers, []
    policy = headers.get("Content-Security-Policy", "")
    if "default-src 'none'" not in policy or "unsafe-inline" in policy:
        problems.append(f"policy {policy!r}")
    wanted = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    problems += [
        f"{name}: {headers.get(name)}" for name, value in wanted.items() if headers.get(name) != value
    ]
    problems += [
        name for name in ("Permissions-Policy", "Cache-Control", "X-Request-Id") if not headers.get(name)
    ]
    if "werkzeug" in headers.get("Server", "").lower() or "X-Powered-By" in headers:
        problems.append("says what it runs on")
    return problems
