"""Signing in: the same answer for everyone who fails, growing waits, one token for each browser."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from haas import db
from haas.accounts import second_factor, sessions, sign_in
from haas.accounts.people import home_of
from haas.auth import passwords, totp
from haas.auth.identify import SESSION_KEY
from haas.auth.models import PortalSession, User
from haas.auth.passwords import hash_password
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Platform, Tenant
from tests import cast as casting
from tests.cast import PASSWORD, PEPPER, Cast

Web = Callable[[User | None], FlaskClient]


def now() -> datetime:
    return datetime.now(UTC)


def send(browser: FlaskClient, email: str, password: str = PASSWORD, **more: str) -> TestResponse:
    return browser.post("/sign-in", data={"email": email, "password": password, **more})


def token_in(browser: FlaskClient) -> str | None:
    with browser.session_transaction() as cookie:
        return cookie.get(SESSION_KEY)


def reload(user: User) -> User:
    with db.unit_of_work(home_of(user)) as session:
        return session.get_one(User, user.id)


def enrol_app(user: User) -> str:
    with db.unit_of_work(home_of(user)) as session:
        person = session.get_one(User, user.id)
        secret = second_factor.begin_enrolment(session, person, secret_key=PEPPER)
        code = totp.code_at(secret, now() - timedelta(seconds=30))
        second_factor.confirm_enrolment(session, person, code=code, secret_key=PEPPER, now=now())
    return secret


class TestThePassword:
    def test_opens_the_portal_when_it_is_right(self, web: Web, cast: Cast) -> None:
        browser = web(None)
        assert send(browser, cast.ana.email).headers["Location"] == "/"
        assert browser.get("/account").status_code == 200

    def test_does_not_mind_case_and_blanks_of_the_address(self, web: Web, cast: Cast) -> None:
        assert send(web(None), f"  {cast.ana.email.upper()} ").status_code == 302

    def test_gives_the_same_answer_for_wrong_unknown_waiting_and_disabled(self, web: Web, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            session.get_one(User, cast.ben.id).locked_until = now() + timedelta(hours=1)
            session.get_one(User, cast.sam.id).disabled_at = now()
            session.get_one(User, cast.fay.id).password_hash = None
        tries = [
            send(web(None), cast.ana.email, "wrong password here"),
            send(web(None), "nobody@nowhere.example"),
            send(web(None), cast.ben.email),
            send(web(None), cast.sam.email),
            send(web(None), cast.fay.email),
        ]
        said = {
            (each.status_code, re.search(r'role="alert"[^>]*>(.*?)</div>', each.text, re.DOTALL)[1])  # type: ignore[index]
            for each in tries
        }
        assert len(said) == 1

    def test_takes_as_long_for_an_unknown_address(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            session.get_one(User, cast.ana.id).password_hash = hash_password(PASSWORD)
        passwords._nobodys_hash()

        def seconds(email: str) -> float:
            began = time.perf_counter()
            with pytest.raises(sign_in.SignInRefused):
                sign_in.check_password(email=email, password="wrong password here", now=now())
            return time.perf_counter() - began

        known = statistics.median(seconds(cast.ana.email) for _ in range(4))
        unknown = statistics.median(seconds("nobody@nowhere.example") for _ in range(4))
        assert unknown > known * 0.6  # without the work it would be 0.03

    def test_is_hashed_anew_when_the_parameters_have_changed(self, web: Web, cast: Cast) -> None:
        before = cast.ana.password_hash  # the cast's hashes are cheap
        send(web(None), cast.ana.email)
        after = reload(cast.ana).password_hash
        assert after != before
        assert "m=65536" in str(after)

    @pytest.mark.parametrize("email", ["", "a\0b@c.example", "x" * 300])
    def test_is_asked_again_when_the_address_cannot_be_one(self, web: Web, email: str) -> None:
        assert send(web(None), email).status_code == 422

    def test_is_no_use_at_a_suspended_partner(self, web: Web, cast: Cast) -> None:
        with db.unit_of_work(Platform()) as session:
            session.get_one(Partner, cast.northwind.id).suspended_at = now()
        assert send(web(None), cast.ana.email).status_code == 422

    def test_is_no_use_to_people_of_an_archived_client(self, web: Web, cast: Cast) -> None:
        browser = web(cast.ada)
        assert browser.get("/account").status_code == 200
        with db.unit_of_work(cast.tenant) as session:
            session.get_one(Client, (cast.northwind.id, cast.acme.id)).archived_at = now()
        assert browser.get("/account").status_code == 302
        assert send(web(None), cast.ada.email).status_code == 422


class TestFailures:
    def test_make_the_account_wait_whatever_the_address(self, web: Web, cast: Cast) -> None:
        for number in range(5):
            web(None).post(
                "/sign-in",
                data={"email": cast.ana.email, "password": "wrong password here"},
                environ_base={"REMOTE_ADDR": f"10.0.0.{number}"},
            )
        assert reload(cast.ana).locked_until is not None
        assert send(web(None), cast.ana.email).status_code == 422  # though it is right

    def test_wait_longer_each_time(self, cast: Cast) -> None:
        at, waits = now(), []
        for _ in range(8):
            with pytest.raises(sign_in.SignInRefused):
                sign_in.check_password(email=cast.ana.email, password="wrong password here", now=at)
            until = reload(cast.ana).locked_until
            waits.append((until - at).total_seconds() if until else 0)
            at = until or at
        assert waits == [0, 0, 0, 0, 30, 60, 120, 240]

    def test_are_counted_before_the_password_is_looked_at(self, cast: Cast) -> None:
        assert sign_in._charge(cast.ana, now())
        assert reload(cast.ana).failed_sign_ins == 1

    def test_are_forgotten_after_a_complete_sign_in(self, web: Web, cast: Cast) -> None:
        send(web(None), cast.ana.email, "wrong password here")
        send(web(None), cast.ana.email)
        assert reload(cast.ana).failed_sign_ins == 0

    def test_are_on_the_record(self, web: Web, cast: Cast) -> None:
        send(web(None), cast.ana.email, "wrong password here")
        with db.unit_of_work(cast.tenant) as session:
            actions = session.scalars(
                sa.text("select action from audit_entry where subject_id = :id"), {"id": cast.ana.id}
            ).all()
        assert "sign_in_failed" in actions


class TestOneAddressAtSeveralPartners:
    @pytest.fixture
    def two(self, cast: Cast) -> Cast:
        with db.unit_of_work(Tenant(cast.contoso.id)) as session:
            cleo = session.get_one(User, cast.cleo.id)
            cleo.email = cleo.email_norm = cast.ana.email
        return cast

    def test_asks_which_is_meant_after_the_password_matched(self, web: Web, two: Cast) -> None:
        answer = send(web(None), two.ana.email)
        assert answer.status_code == 200
        assert two.northwind.name in answer.text
        assert two.contoso.name in answer.text

    def test_opens_the_chosen_one(self, web: Web, two: Cast) -> None:
        browser = web(None)
        page = send(browser, two.ana.email).text
        choice = re.search(r'name="choice" value="([^"]+)"', page)[1]  # type: ignore[index]
        browser.post(
            "/sign-in/choose", data={"email": two.ana.email, "choice": choice, "user_id": two.cleo.id}
        )
        assert two.contoso.name in browser.get("/settings/general").text

    def test_does_not_open_one_that_the_password_did_not(self, web: Web, two: Cast) -> None:
        with db.unit_of_work(Tenant(two.contoso.id)) as session:
            session.get_one(User, two.cleo.id).password_hash = hash_password("another lamp river")
        choice = sign_in.seal_choice([sign_in.Door(two.ana, "Northwind IT")], secret_key=PEPPER)
        browser = web(None)
        browser.post(
            "/sign-in/choose", data={"email": two.ana.email, "choice": choice, "user_id": two.cleo.id}
        )
        assert token_in(browser) is None

    def test_goes_straight_in_when_the_password_fits_one(self, web: Web, two: Cast) -> None:
        with db.unit_of_work(Tenant(two.contoso.id)) as session:
            session.get_one(User, two.cleo.id).password_hash = hash_password("another lamp river")
        assert send(web(None), two.ana.email).status_code == 302
        with db.unit_of_work(Tenant(two.contoso.id)) as session:
            assert session.get_one(User, two.cleo.id).failed_sign_ins == 0


class TestTheBrowser:
    def test_gets_a_new_token_at_each_sign_in(self, web: Web, cast: Cast) -> None:
        browser = web(cast.ben)
        before = token_in(browser)
        send(browser, cast.ana.email)
        assert token_in(browser) not in (None, before)

    def test_carries_nothing_but_the_token(self, web: Web, cast: Cast) -> None:
        browser = web(None)
        send(browser, cast.ana.email)
        with browser.session_transaction() as cookie:
            assert set(cookie) == {SESSION_KEY}

    def test_hides_its_cookie_from_scripts_and_other_sites(self, web: Web, cast: Cast) -> None:
        answer = send(web(None), cast.ana.email)
        assert "HttpOnly" in answer.headers["Set-Cookie"]
        assert "SameSite=Lax" in answer.headers["Set-Cookie"]

    @pytest.mark.parametrize(
        "target",
        ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "evil"],
    )
    def test_is_not_sent_elsewhere_afterwards(self, web: Web, cast: Cast, target: str) -> None:
        assert send(web(None), cast.ana.email, next=target).headers["Location"] == "/"

    def test_goes_on_to_where_it_wanted(self, web: Web, cast: Cast) -> None:
        answer = send(web(None), cast.ana.email, next="/clients?q=acme")
        assert answer.headers["Location"] == "/clients?q=acme"

    def test_is_out_after_signing_out(self, web: Web, cast: Cast) -> None:
        browser = web(cast.ana)
        stolen = token_in(browser)
        browser.post("/sign-out")
        with browser.session_transaction() as cookie:
            cookie[SESSION_KEY] = stolen
        assert browser.get("/account").status_code == 302

    def test_is_listed_with_the_others_and_can_end_them(self, web: Web, cast: Cast) -> None:
        phone, desk = web(cast.ana), web(cast.ana)
        assert desk.get("/account/sessions").text.count("/end") >= 2
        desk.post("/account/sessions/end-others")
        assert phone.get("/account").status_code == 302
        assert desk.get("/account").status_code == 200

    def test_cannot_end_somebody_elses(self, web: Web, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            token = casting.browser_session(cast.ben)
            bens = session.scalars(
                sa.select(PortalSession.id).where(PortalSession.user_id == cast.ben.id)
            ).one()
        assert web(cast.ana).post(f"/account/sessions/{bens}/end").status_code == 404
        assert token

    def test_is_out_after_twelve_idle_hours(self, web: Web, cast: Cast) -> None:
        browser = web(cast.ana)
        with db.unit_of_work(cast.tenant) as session:
            session.execute(sa.update(PortalSession).values(seen_at=now() - timedelta(hours=13)))
        assert browser.get("/account").status_code == 302

    def test_is_called_by_words_its_owner_knows(self) -> None:
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        assert sessions.device_words(agent) == "Firefox on Linux"


class TestChangingThePassword:
    def change(self, browser: FlaskClient, current: str = PASSWORD) -> TestResponse:
        new = "seventeen purple walruses"
        return browser.post(
            "/account/password",
            data={"current_password": current, "password": new, "password_again": new},
        )

    def test_signs_every_other_browser_out_and_renews_this_one(self, web: Web, cast: Cast) -> None:
        here, elsewhere = web(cast.ana), web(cast.ana)
        before = token_in(here)
        assert self.change(here).status_code == 302
        assert elsewhere.get("/account").status_code == 302
        assert here.get("/account").status_code == 200
        assert token_in(here) != before
        assert send(web(None), cast.ana.email).status_code == 422
        assert send(web(None), cast.ana.email, "seventeen purple walruses").status_code == 302

    def test_needs_the_present_one_and_counts_wrong_ones(self, web: Web, cast: Cast) -> None:
        assert self.change(web(cast.ana), current="not the password").status_code == 422
        assert reload(cast.ana).failed_sign_ins == 1


class TestTheSecondStep:
    def half(self, web: Web, cast: Cast) -> FlaskClient:
        browser = web(None)
        assert send(browser, cast.ana.email, next="/clients").headers["Location"].startswith("/sign-in/code")
        return browser

    def test_is_owed_before_any_page_opens(self, web: Web, cast: Cast) -> None:
        enrol_app(cast.ana)
        browser = self.half(web, cast)
        for path in ("/account", "/clients", "/settings/audit"):
            assert browser.get(path).status_code == 302

    def test_opens_the_portal_with_a_new_token(self, web: Web, cast: Cast) -> None:
        secret = enrol_app(cast.ana)
        browser = self.half(web, cast)
        before = token_in(browser)
        answer = browser.post("/sign-in/code", data={"code": totp.code_at(secret, now()), "next": "/clients"})
        assert answer.headers["Location"] == "/clients"
        assert token_in(browser) != before
        assert browser.get("/clients").status_code == 200

    def test_takes_a_code_once(self, web: Web, cast: Cast) -> None:
        secret = enrol_app(cast.ana)
        code = totp.code_at(secret, now())
        assert self.half(web, cast).post("/sign-in/code", data={"code": code}).status_code == 302
        assert self.half(web, cast).post("/sign-in/code", data={"code": code}).status_code == 422

    def test_counts_wrong_codes_and_waits(self, web: Web, cast: Cast) -> None:
        secret = enrol_app(cast.ana)
        browser = self.half(web, cast)
        for _ in range(5):
            assert browser.post("/sign-in/code", data={"code": "000000"}).status_code == 422
        right = totp.code_at(secret, now())
        assert browser.post("/sign-in/code", data={"code": right}).status_code == 422

    def test_does_not_let_the_password_wash_wrong_codes_away(self, web: Web, cast: Cast) -> None:
        enrol_app(cast.ana)
        for _ in range(4):
            self.half(web, cast).post("/sign-in/code", data={"code": "000000"})
        assert reload(cast.ana).failed_sign_ins == 4
