"""A form from elsewhere does nothing: the token of this browser's own session is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from haas.auth.identify import SESSION_KEY
from tests import cast as casting
from tests.cast import PASSWORD, Cast


@pytest.fixture
def guarded(app: Flask) -> Iterator[Flask]:
    """The application as people meet it."""
    app.config["WTF_CSRF_ENABLED"] = True
    yield app
    app.config["WTF_CSRF_ENABLED"] = False


def browser_of(app: Flask, cast: Cast) -> FlaskClient:
    browser = app.test_client()
    with browser.session_transaction() as cookie:
        cookie[SESSION_KEY] = casting.browser_session(cast.ana)
    return browser


def token_on(page: str) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]  # type: ignore[index]


FORMS = ["/account", "/settings/branding", "/settings/audit/verify", "/clients/new", "/account/app/begin"]


class TestAForm:
    @pytest.mark.parametrize("path", FORMS)
    def test_from_elsewhere_is_refused(self, guarded: Flask, cast: Cast, path: str) -> None:
        assert browser_of(guarded, cast).post(path, data={"name": "x"}).status_code == 400

    def test_with_another_browsers_token_is_refused(self, guarded: Flask, cast: Cast) -> None:
        other = token_on(browser_of(guarded, cast).get("/account").text)
        answer = browser_of(guarded, cast).post("/account", data={"name": "x", "csrf_token": other})
        assert answer.status_code == 400

    def test_with_its_own_token_is_taken(self, guarded: Flask, cast: Cast) -> None:
        browser = browser_of(guarded, cast)
        token = token_on(browser.get("/account").text)
        answer = browser.post(
            "/account", data={"name": "Ana", "language": "en", "time_zone": "UTC", "csrf_token": token}
        )
        assert answer.status_code == 302

    def test_may_carry_the_token_as_a_header(self, guarded: Flask, cast: Cast) -> None:
        browser = browser_of(guarded, cast)
        token = token_on(browser.get("/account/security").text)
        answer = browser.post("/account/passkeys/options", headers={"X-CSRFToken": token})
        assert answer.status_code == 200

    def test_to_sign_in_is_guarded_too(self, guarded: Flask, cast: Cast) -> None:
        # Otherwise somebody could sign a victim in to the attacker's own account.
        browser, entered = guarded.test_client(), {"email": cast.ana.email, "password": PASSWORD}
        assert browser.post("/sign-in", data=entered).status_code == 400
        token = token_on(browser.get("/sign-in").text)
        assert browser.post("/sign-in", data={**entered, "csrf_token": token}).status_code == 302

    def test_needs_a_new_token_after_sign_in(self, guarded: Flask, cast: Cast) -> None:
        browser = guarded.test_client()
        token = token_on(browser.get("/sign-in").text)
        browser.post("/sign-in", data={"email": cast.ana.email, "password": PASSWORD, "csrf_token": token})
        assert browser.post("/account/app/begin", data={"csrf_token": token}).status_code == 400


class TestAProgram:
    def test_needs_no_token_because_it_brings_no_cookie(self, guarded: Flask, cast: Cast) -> None:
        header = {"Authorization": f"Bearer {casting.api_token(cast.ana)}"}
        answer = guarded.test_client().post(
            "/v1/clients", json={"name": "X", "email": "a@x.example"}, headers=header
        )
        assert answer.status_code == 201

    def test_is_not_signed_in_by_a_cookie(self, guarded: Flask, cast: Cast) -> None:
        assert browser_of(guarded, cast).get("/v1/clients").status_code == 401
