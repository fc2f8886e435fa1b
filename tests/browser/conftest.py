"""Chromium on a live server: `browser_page(user)` opens a signed-in page that tolerates no console error."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from werkzeug.serving import make_server

from haas.app import create_app
from haas.auth.identify import SESSION_KEY
from haas.auth.models import User
from haas.settings import Settings
from tests import cast as casting

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def live_app(app: Flask, settings: Settings) -> Flask:
    """The application as people meet it: with CSRF protection, beside the one of the other tests."""
    built = create_app(settings)
    built.config["RATELIMIT_ENABLED"] = False
    return built


@pytest.fixture(scope="session")
def live_server(live_app: Flask) -> Iterator[str]:
    """The address of the application on a free port of this machine."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, live_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; each page has a context of its own."""
    program = (
        os.environ.get("HAAS_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def browser_page(chromium: Browser, live_app: Flask, live_server: str) -> Iterator[Callable[..., Page]]:
    """`browser_page(user, phone=False, dark=False, scripts=True, tolerate=(), **context)`.

    `page.goto("/…")` is relative to the live server. The test fails at its end if the console showed an
    error (a breach of the content security policy is one) that holds none of the `tolerate` texts.
    """
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_page(
        user: User | None = None,
        *,
        phone: bool = False,
        dark: bool = False,
        scripts: bool = True,
        tolerate: tuple[str, ...] = (),
        **options: Any,
    ) -> Page:
        context = chromium.new_context(
            **{
                "base_url": live_server,
                "viewport": PHONE if phone else DESK,
                "has_touch": phone,
                "color_scheme": "dark" if dark else "light",
                # Else a page left while it fades in complains of the transition that was skipped.
                "reduced_motion": "reduce",
                "java_script_enabled": scripts,
                "locale": "en-US",
                **options,
            }
        )
        contexts.append(context)
        if user is not None:
            context.add_cookies([{"name": "haas", "value": signed_in(live_app, user), "url": live_server}])
        page = context.new_page()

        def hear(message: ConsoleMessage) -> None:
            if message.type == "error" and not any(text in message.text for text in tolerate):
                complaints.append(f"{page.url}: {message.text}")

        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints, "\n".join(complaints)


def signed_in(app: Flask, user: User) -> str:
    """The cookie of a browser in which `user` is signed in."""
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    return str(serializer.dumps({SESSION_KEY: casting.browser_session(user)}))
