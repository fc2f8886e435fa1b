"""Authenticator apps: enrolled by a code, secrets sealed, recovery codes good once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from haas import db
from haas.accounts import second_factor
from haas.auth import totp
from haas.auth.models import PortalSession, User
from haas.errors import Conflict, InvalidInput
from tests.cast import PASSWORD, PEPPER, Cast

Web = Callable[[User | None], FlaskClient]
NOW = datetime(2026, 6, 15, 9, 0, tzinfo=UTC)


@pytest.fixture
def ana(session: Session, cast: Cast) -> User:
    """Ana's own row in the test's transaction."""
    return session.get_one(User, cast.ana.id)


def enrol(session: Session, ana: User) -> tuple[str, list[str]]:
    secret = second_factor.begin_enrolment(session, ana, secret_key=PEPPER)
    code = totp.code_at(secret, NOW)
    return secret, second_factor.confirm_enrolment(session, ana, code=code, secret_key=PEPPER, now=NOW)


class TestEnrolment:
    def test_keeps_the_secret_sealed(self, session: Session, ana: User) -> None:
        secret = second_factor.begin_enrolment(session, ana, secret_key=PEPPER)
        assert secret not in str(ana.totp_secret)

    def test_shows_the_same_code_again_until_it_is_confirmed(self, session: Session, ana: User) -> None:
        first = second_factor.begin_enrolment(session, ana, secret_key=PEPPER)
        assert second_factor.begin_enrolment(session, ana, secret_key=PEPPER) == first

    def test_counts_only_after_the_app_showed_a_right_code(self, session: Session, ana: User) -> None:
        second_factor.begin_enrolment(session, ana, secret_key=PEPPER)
        with pytest.raises(InvalidInput):
            second_factor.confirm_enrolment(session, ana, code="000000", secret_key=PEPPER, now=NOW)
        assert ana.totp_confirmed_at is None

    def test_spends_the_code_that_confirmed_it(self, session: Session, ana: User) -> None:
        secret, _ = enrol(session, ana)
        code = totp.code_at(secret, NOW)
        assert second_factor.prove(session, ana, code=code, secret_key=PEPPER, now=NOW) is None

    def test_is_refused_twice(self, session: Session, ana: User) -> None:
        enrol(session, ana)
        with pytest.raises(Conflict):
            second_factor.begin_enrolment(session, ana, secret_key=PEPPER)


class TestRecoveryCodes:
    def test_are_ten_and_each_good_once(self, session: Session, ana: User) -> None:
        _, codes = enrol(session, ana)
        assert len(set(codes)) == 10
        for _ in range(2):
            kinds = [
                second_factor.prove(session, ana, code=code, secret_key=PEPPER, now=NOW) for code in codes[:3]
            ]
        assert kinds == [None, None, None]
        assert second_factor.count_recovery_codes(session, ana) == 7

    def test_may_be_typed_in_capitals_without_hyphens(self, session: Session, ana: User) -> None:
        _, codes = enrol(session, ana)
        typed = codes[0].upper().replace("-", " ")
        kind = second_factor.prove(session, ana, code=typed, secret_key=PEPPER, now=NOW)
        assert kind == "recovery code"

    def test_are_void_after_new_ones(self, session: Session, ana: User) -> None:
        _, codes = enrol(session, ana)
        second_factor.renew_recovery_codes(session, ana, secret_key=PEPPER)
        assert second_factor.prove(session, ana, code=codes[0], secret_key=PEPPER, now=NOW) is None

    def test_are_gone_with_the_app(self, session: Session, ana: User) -> None:
        enrol(session, ana)
        second_factor.remove(session, ana)
        assert second_factor.count_recovery_codes(session, ana) == 0
        assert ana.totp_secret is None


class TestThePages:
    def test_lead_from_the_qr_code_to_the_recovery_codes_shown_once(self, web: Web, cast: Cast) -> None:
        browser, elsewhere = web(cast.ana), web(cast.ana)
        page = browser.post("/account/app/begin", follow_redirects=True).text
        assert 'src="data:image/png;base64,' in page
        secret = re.search(r'class="secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")  # type: ignore[index]
        done = browser.post("/account/app", data={"code": totp.code_at(secret, datetime.now(UTC))})
        assert len(re.findall(r"<li>[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}</li>", done.text)) == 10
        assert browser.get("/account/security").status_code == 200
        assert elsewhere.get("/account/security").status_code == 302
        assert browser.get("/account/app").status_code == 302

    def test_ask_who_it_is_when_the_last_proof_is_old(self, web: Web, cast: Cast) -> None:
        browser = web(cast.ana)
        with db.unit_of_work(cast.tenant) as session:
            session.execute(
                sa.update(PortalSession)
                .where(PortalSession.user_id == cast.ana.id)
                .values(created_at=datetime.now(UTC) - timedelta(hours=2))
            )
        answer = browser.post("/account/app/begin", headers={"Referer": "http://localhost/account/security"})
        assert answer.headers["Location"] == "/account/confirm?next=/account/security"
        wrong = browser.post("/account/confirm", data={"password": "not the password"})
        assert wrong.status_code == 422
        right = browser.post("/account/confirm", data={"password": PASSWORD, "next": "/account/security"})
        assert right.headers["Location"] == "/account/security"
        assert browser.post("/account/app/begin").headers["Location"] == "/account/app"
