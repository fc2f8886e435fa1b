"""What every test stands on: the real stack, the migrated database, the cast, signed-in clients."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from haas import db
from haas.app import create_app
from haas.auth.identify import SESSION_KEY
from haas.auth.models import User
from haas.rest.limits import limiter
from haas.settings import Settings
from invoicing.payments.local_server.server import Desk
from tests import cast as casting

pytest_plugins = ["tests.fixtures_stack", "tests.fixtures_demo", "tests.fixtures_payments"]


def pytest_collection_finish() -> None:
    """Hide product and tests from the collector: they stay, and it would look through them for ever."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def settings(database: Any, tmp_path_factory: pytest.TempPathFactory, payment_desk: Desk) -> Settings:
    """Settings of the stack that the tests run on; `database` has app_url, owner_url and redis_url."""
    folder = tmp_path_factory.mktemp("haas")
    return Settings(
        database_url=database.app_url,
        owner_database_url=database.owner_url,
        redis_url=database.redis_url,
        secret_key=casting.PEPPER,
        base_url="http://localhost",
        mail_url=f"folder://{folder}/mail",
        data_dir=folder,
        payment_provider_url=payment_desk.engine.address,
        stripe_url=payment_desk.engine.address,  # nobody there speaks Stripe; its own tests bring who does
        testing=True,
    )


@pytest.fixture(scope="session")
def app(settings: Settings) -> Flask:
    """The whole application."""
    built = create_app(settings)
    built.config["WTF_CSRF_ENABLED"] = False  # its own tests turn it on
    limiter.enabled = False  # the same; the configuration is read only when the app is made
    return built


@pytest.fixture
def cast(app: Flask) -> casting.Cast:
    """Northwind, Contoso and their people, new for this test."""
    return casting.make_cast()


@pytest.fixture
def alone(app: Flask, settings: Settings, fresh_database: Any) -> Iterator[casting.Cast]:
    """The cast in a database of its own: for sweeps, which go round every partner there is.

    A class of such tests names this its `cast`.
    """
    db.configure(fresh_database.app_url)
    yield casting.make_cast()
    db.configure(settings.database_url)


@pytest.fixture
def session(cast: casting.Cast) -> Iterator[Session]:
    """A transaction in Northwind's name, rolled back at the end."""
    opened = db.open_session(cast.tenant)
    try:
        yield opened
    finally:
        opened.rollback()
        opened.close()


@pytest.fixture(scope="session")
def web(app: Flask) -> Callable[[User | None], FlaskClient]:
    """`web(user)`: a browser in which `user` is signed in (or nobody)."""

    def open_browser(user: User | None) -> FlaskClient:
        browser = app.test_client()
        if user is not None:
            with browser.session_transaction() as cookie:
                cookie[SESSION_KEY] = casting.browser_session(user)
        return browser

    return open_browser


@pytest.fixture(scope="session")
def api(app: Flask) -> Callable[..., FlaskClient]:
    """`api(user)`: a program with a token of `user`."""

    def connect(user: User, scopes: list[str] | None = None) -> FlaskClient:
        program = app.test_client()
        program.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {casting.api_token(user, scopes)}"
        return program

    return connect
