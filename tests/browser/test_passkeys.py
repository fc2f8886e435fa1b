"""Passkeys in a real browser with a virtual authenticator: made, used to sign in and confirm, removed."""

from __future__ import annotations

import dataclasses
import logging
import re
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from haas.app import create_app
from haas.auth.models import User
from haas.settings import Settings
from tests.browser.conftest import signed_in
from tests.cast import Cast


@pytest.fixture(scope="module")
def place(app: Flask, settings: Settings) -> Iterator[tuple[Flask, str]]:
    """An application that knows its own address: a passkey is bound to it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    address = f"http://localhost:{server.server_port}"
    own = create_app(dataclasses.replace(settings, base_url=address))
    server.app = own
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield own, address
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def phone_of(chromium: Browser, place: tuple[Flask, str]) -> Iterator[Callable[[User], Page]]:
    """`phone_of(user)`: a signed-in page whose device makes passkeys without asking."""
    own, address = place
    contexts = []

    def open_page(user: User) -> Page:
        context = chromium.new_context(base_url=address, locale="en-US")
        contexts.append(context)
        context.add_cookies([{"name": "haas", "value": signed_in(own, user), "url": address}])
        page = context.new_page()
        devices = context.new_cdp_session(page)
        devices.send("WebAuthn.enable")
        devices.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        return page

    yield open_page
    for context in contexts:
        context.close()


def make_passkey(page: Page) -> None:
    page.goto("/account/security")
    page.get_by_label("Name", exact=True).fill("my laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("The passkey is ready")).to_be_visible()


class TestAPasskey:
    def test_signs_its_person_in_without_an_address(
        self, phone_of: Callable[[User], Page], cast: Cast
    ) -> None:
        page = phone_of(cast.ana)
        make_passkey(page)
        page.context.clear_cookies()
        page.goto("/sign-in?next=/account/sessions")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page).to_have_url(re.compile(r"^https?://[^/]+/account/sessions$"))
        expect(page.get_by_text("this one")).to_be_visible()

    def test_confirms_a_sensitive_change(self, phone_of: Callable[[User], Page], cast: Cast) -> None:
        page = phone_of(cast.ana)
        make_passkey(page)
        page.goto("/account/confirm?next=/account/security")
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/account/security")

    def test_works_no_more_when_it_was_removed(self, phone_of: Callable[[User], Page], cast: Cast) -> None:
        page = phone_of(cast.ana)
        make_passkey(page)
        page.get_by_role("button", name="Remove").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(page.get_by_text("The passkey is taken away")).to_be_visible()
        page.context.clear_cookies()
        page.goto("/sign-in")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_text("This passkey is not known here")).to_be_visible()

    def test_answers_a_challenge_once(self, phone_of: Callable[[User], Page], cast: Cast) -> None:
        page = phone_of(cast.ana)
        make_passkey(page)
        page.context.clear_cookies()
        page.goto("/sign-in")
        with page.expect_request("**/sign-in/passkey") as sent:
            page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_load_state()
        answer = page.request.post(
            "/sign-in/passkey",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            data=str(sent.value.post_data),
        )
        assert answer.status in (400, 422)  # the CSRF token of the visit before, or the spent challenge
