"""API tokens: no more than their maker may do, kept as a hash, told by checksum, dead when revoked."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from haas import db
from haas.accounts import tokens
from haas.auth.models import ApiToken, User
from haas.auth.permissions import permissions_of
from haas.auth.tokens import looks_like_token
from haas.errors import InvalidInput
from tests.cast import PEPPER, Cast

Web = Callable[[User | None], FlaskClient]


def now() -> datetime:
    return datetime.now(UTC)


def make(session: Session, cast: Cast, **changes: object) -> tuple[ApiToken, str]:
    facts = {
        "user": cast.ana,
        "held": permissions_of(cast.ana.role),
        "name": "reports",
        "scopes": ["client.read"],
        "lasts_days": 30,
        "pepper": PEPPER,
        "now": now(),
    }
    return tokens.create_token(session, cast.tenant, **{**facts, **changes})  # type: ignore[arg-type]


class TestCreateToken:
    def test_keeps_a_hash_and_the_last_four_alone(self, session: Session, cast: Cast) -> None:
        made, token = make(session, cast)
        assert looks_like_token(token)
        assert token not in str(vars(made))
        assert made.last_four == token[-4:]

    def test_gives_no_more_than_the_maker_holds(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput, match=r"invoice\.issue"):
            make(session, cast, held=permissions_of("partner.sales"), scopes=["invoice.issue"])

    @pytest.mark.parametrize("scopes", [[], ["account.self"], ["partner.enter"], ["no.such"]])
    def test_refuses_what_is_not_for_programs(self, session: Session, cast: Cast, scopes: list[str]) -> None:
        with pytest.raises(InvalidInput):
            make(session, cast, held=permissions_of("partner.owner") | {"partner.enter"}, scopes=scopes)

    def test_lasts_as_long_as_was_chosen(self, session: Session, cast: Cast) -> None:
        made, _ = make(session, cast, lasts_days=7)
        assert made.expires_at - made.created_at == timedelta(days=7)
        with pytest.raises(InvalidInput):
            make(session, cast, lasts_days=100_000)


class TestUse:
    def call(self, app: Flask, token: str, path: str = "/v1/clients") -> int:
        return app.test_client().get(path, headers={"Authorization": f"Bearer {token}"}).status_code

    def test_opens_what_it_may_and_nothing_else(self, app: Flask, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            _, token = make(session, cast)
        assert self.call(app, token) == 200
        assert self.call(app, token, "/v1/audit") == 403

    def test_ends_with_revocation_expiry_and_a_mistyped_letter(self, app: Flask, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            made, token = make(session, cast)
            _, old = make(session, cast, now=now() - timedelta(days=31))
        assert self.call(app, old) == 401
        assert self.call(app, token[:-1] + ("0" if token[-1] != "0" else "1")) == 401
        with db.unit_of_work(cast.tenant) as session:
            tokens.revoke_token(session, cast.tenant, token_id=made.id, now=now())
        assert self.call(app, token) == 401

    def test_shrinks_with_its_makers_role(self, app: Flask, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            _, token = make(session, cast, scopes=["audit.read"])
        assert self.call(app, token, "/v1/audit") == 200
        with db.unit_of_work(cast.tenant) as session:
            session.get_one(User, cast.ana.id).role = "partner.sales"
        assert self.call(app, token, "/v1/audit") == 403

    def test_is_noted_with_the_time_of_its_last_use(self, app: Flask, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            made, token = make(session, cast)
        self.call(app, token)
        with db.unit_of_work(cast.tenant) as session:
            used = session.scalars(sa.select(ApiToken.last_used_at).where(ApiToken.id == made.id)).one()
        assert used is not None

    def test_opens_no_persons_own_account(self, app: Flask, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            _, token = make(session, cast)
        assert self.call(app, token, "/account") == 403


class TestThePage:
    def test_shows_the_token_once(self, web: Web, app: Flask, cast: Cast) -> None:
        browser = web(cast.ana)
        page = browser.post(
            "/settings/tokens/new", data={"name": "reports", "scopes": ["client.read"], "lasts_days": "30"}
        ).text
        token = re.search(r"haas_live_\w+", page)[0]  # type: ignore[index]
        assert looks_like_token(token)
        assert token not in browser.get("/settings/tokens").text

    def test_asks_for_a_recent_proof(self, web: Web, cast: Cast) -> None:
        browser = web(cast.ana)
        with db.unit_of_work(cast.tenant) as session:
            session.execute(
                sa.text(
                    "update portal_session set created_at = created_at - interval '2 hours'"
                    " where user_id = :u"
                ),
                {"u": cast.ana.id},
            )
        answer = browser.get("/settings/tokens/new")
        assert answer.headers["Location"].startswith("/account/confirm")
