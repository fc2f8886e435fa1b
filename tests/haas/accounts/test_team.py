"""The team: invited by mail, given roles, switched off; never below one owner."""

from __future__ import annotations

import email
import email.policy
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from haas import db
from haas.accounts import jobs, one_time_links, team
from haas.accounts.people import home_of, state_of
from haas.accounts.portal.words import ROLE_WORDS
from haas.auth.models import ApiToken, OneTimeLink, User
from haas.auth.permissions import ROLE_NAMES
from haas.errors import Conflict, HaasError, InvalidInput, NotAllowed, NotFound
from haas.ids import new_id
from haas.outbox import OutboxEvent
from haas.settings import Settings
from haas.tenancy.scope import Platform, Tenant
from tests.cast import PASSWORD, PEPPER, Cast

Web = Callable[[User | None], FlaskClient]
NEW = "seventeen purple walruses"


def now() -> datetime:
    return datetime.now(UTC)


def published(tenant: Tenant, name: str) -> list[OutboxEvent]:
    with db.unit_of_work(tenant) as session:
        return list(session.scalars(sa.select(OutboxEvent).filter_by(name=name).order_by(OutboxEvent.id)))


def mailed(settings: Settings, event: OutboxEvent) -> email.message.EmailMessage:
    (path,) = Path(urlsplit(settings.mail_url).path).glob(f"*{event.id}*.eml")
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def link_in(mail: email.message.EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return urlsplit(re.search(r"http\S+", body.get_content())[0]).path  # type: ignore[index]


class TestCreateUser:
    def test_opens_the_account_at_once_with_a_password(self, session: Session, cast: Cast) -> None:
        user = team.create_user(
            session, cast.tenant, name="Zoe", email="Zoe@X.example", role="partner.sales", password=NEW
        )
        assert (user.level, user.email, user.email_norm) == ("partner", "Zoe@X.example", "zoe@x.example")
        assert state_of(user, now=now()) == "active"
        assert user.time_zone == cast.northwind.time_zone

    def test_refuses_an_address_that_is_taken_here(self, session: Session, cast: Cast) -> None:
        with pytest.raises(team.AddressTaken):
            team.create_user(
                session, cast.tenant, name="Zoe", email=cast.ben.email.upper(), role="partner.sales"
            )

    def test_does_not_say_that_an_address_is_known_elsewhere(self, session: Session, cast: Cast) -> None:
        team.create_user(session, cast.tenant, name="Zoe", email=cast.cleo.email, role="partner.sales")

    def test_refuses_a_taken_address_of_the_partner_to_a_client_too(self, cast: Cast) -> None:
        # A client's admin cannot see Ben's row; the unique key knows it all the same.
        with pytest.raises(team.AddressTaken), db.unit_of_work(cast.acme_tenant) as session:
            team.create_user(
                session, cast.acme_tenant, name="Zoe", email=cast.ben.email, role="client.viewer"
            )

    @pytest.mark.parametrize("role", ["operator.admin", "partner.owner", "partner.technician"])
    def test_does_not_let_a_client_give_roles_above_its_own(self, cast: Cast, role: str) -> None:
        with pytest.raises(NotAllowed), db.unit_of_work(cast.acme_tenant) as session:
            team.create_user(session, cast.acme_tenant, name="Zoe", email="z@x.example", role=role)

    def test_puts_a_clients_people_where_the_client_is(self, cast: Cast) -> None:
        with db.unit_of_work(cast.acme_tenant) as session:
            user = team.create_user(
                session,
                cast.acme_tenant,
                name="Zoe",
                email="z@x.example",
                role="client.viewer",
                client_id=cast.globex.id,
            )
        assert user.client_id == cast.acme.id

    def test_refuses_a_strangers_client(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            team.create_user(
                session,
                cast.tenant,
                name="Zoe",
                email="z@x.example",
                role="client.viewer",
                client_id=cast.initech.id,
            )

    def test_makes_an_operator_on_the_platform_alone(self, cast: Cast) -> None:
        address = f"{new_id('op')}@x.example"
        with db.unit_of_work(Platform("operator", door="cli")) as session:
            user = team.create_user(
                session, Platform(), name="Oscar", email=address, role="operator.admin", password=NEW
            )
            with pytest.raises(InvalidInput):
                team.create_user(session, Platform(), name="Zoe", email="z@x.e.example", role="partner.owner")
        assert user.level == "operator"

    @pytest.mark.parametrize(
        "address", ["", "zoe", "zoe@x", "a b@x.example", "z@x.example\r\nBcc: all@x.example"]
    )
    def test_refuses_what_is_no_address(self, session: Session, cast: Cast, address: str) -> None:
        with pytest.raises(InvalidInput):
            team.create_user(session, cast.tenant, name="Zoe", email=address, role="partner.sales")


class TestAnInvitation:
    @pytest.fixture
    def invited(self, cast: Cast) -> User:
        with db.unit_of_work(cast.tenant) as session:
            return team.invite_user(
                session,
                cast.tenant,
                name="Zoe",
                email="zoe@x.example",
                role="partner.sales",
                inviter="Ana Owner",
            )

    def send(self, cast: Cast, settings: Settings) -> email.message.EmailMessage:
        event = published(cast.tenant, "account.invited")[-1]
        jobs.mail_invitation(partner_id=cast.northwind.id, event_id=event.id, **event.payload)
        return mailed(settings, event)

    def test_is_mailed_in_the_partners_name_with_text_and_html(
        self, cast: Cast, settings: Settings, invited: User
    ) -> None:
        mail = self.send(cast, settings)
        assert mail["From"].addresses[0].display_name == "Northwind IT"
        assert mail["To"].addresses[0].addr_spec == "zoe@x.example"
        assert {part.get_content_type() for part in mail.walk()} >= {"text/plain", "text/html"}
        assert "Ana Owner" in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]

    def test_holds_no_secret_in_the_outbox_or_the_database(
        self, cast: Cast, settings: Settings, invited: User
    ) -> None:
        secret = link_in(self.send(cast, settings)).rpartition("/")[2]
        with db.unit_of_work(cast.tenant) as session:
            stored = [link.token_hash for link in session.scalars(sa.select(OneTimeLink))]
        assert secret not in str(stored)
        assert secret not in str([event.payload for event in published(cast.tenant, "account.invited")])

    def test_opens_the_account_once(self, web: Web, cast: Cast, settings: Settings, invited: User) -> None:
        path = link_in(self.send(cast, settings))
        assert "Northwind IT" in web(None).get(path).text
        weak = web(None).post(path, data={"password": "short", "password_again": "short"})
        assert weak.status_code == 422
        done = web(None).post(path, data={"password": NEW, "password_again": NEW})
        assert done.status_code == 302
        assert web(None).post(path, data={"password": NEW, "password_again": NEW}).status_code == 404
        signed_in = web(None).post("/sign-in", data={"email": "zoe@x.example", "password": NEW})
        assert signed_in.status_code == 302

    def test_voids_the_one_before(self, web: Web, cast: Cast, settings: Settings, invited: User) -> None:
        first = link_in(self.send(cast, settings))
        with db.unit_of_work(cast.tenant) as session:
            team.publish_invitation(session, invited, inviter="Ana")
        second = link_in(self.send(cast, settings))
        assert web(None).get(first).status_code == 404
        assert web(None).get(second).status_code == 200

    def test_is_too_old_after_a_week(self, cast: Cast, invited: User) -> None:
        with db.unit_of_work(home_of(invited)) as session:
            secret = one_time_links.make_link(
                session, invited, purpose=one_time_links.INVITATION, pepper=PEPPER, now=now()
            )
        late = now() + timedelta(days=7, seconds=1)
        with pytest.raises(NotFound):
            one_time_links.find_person(secret, purpose=one_time_links.INVITATION, pepper=PEPPER, now=late)

    def test_is_no_password_reset(self, cast: Cast, settings: Settings, invited: User, web: Web) -> None:
        secret = link_in(self.send(cast, settings)).rpartition("/")[2]
        assert web(None).get(f"/reset-password/{secret}").status_code == 404

    def test_is_not_sent_to_whoever_has_opened_the_account(self, session: Session, cast: Cast) -> None:
        with pytest.raises(Conflict):
            team.publish_invitation(session, session.get_one(User, cast.ben.id), inviter="Ana")


class TestAForgottenPassword:
    def ask(self, web: Web, address: str) -> str:
        return web(None).post("/sign-in/forgotten", data={"email": address}).text

    def test_says_the_same_whether_the_address_is_known(self, web: Web, cast: Cast) -> None:
        pages = [self.ask(web, who) for who in (cast.ana.email, "no@no.example")]
        texts = {page.partition("<main")[2].partition("</main>")[0] for page in pages}
        assert len(texts) == 1

    def test_mails_a_link_that_sets_a_new_one_and_signs_everyone_out(
        self, web: Web, cast: Cast, settings: Settings
    ) -> None:
        elsewhere = web(cast.ana)
        self.ask(web, cast.ana.email)
        (event,) = published(cast.tenant, "account.password_reset_asked")
        jobs.mail_password_reset(partner_id=cast.northwind.id, event_id=event.id, **event.payload)
        path = link_in(mailed(settings, event))
        assert web(None).post(path, data={"password": NEW, "password_again": NEW}).status_code == 302
        assert elsewhere.get("/account").status_code == 302
        assert (
            web(None).post("/sign-in", data={"email": cast.ana.email, "password": PASSWORD}).status_code
            == 422
        )
        assert web(None).post("/sign-in", data={"email": cast.ana.email, "password": NEW}).status_code == 302

    def test_opens_a_waiting_account(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            ana = session.get_one(User, cast.ana.id)
            ana.locked_until = now() + timedelta(hours=1)
            secret = one_time_links.make_link(
                session, ana, purpose=one_time_links.PASSWORD_RESET, pepper=PEPPER, now=now()
            )
        user = one_time_links.use_link(
            secret, purpose=one_time_links.PASSWORD_RESET, password=NEW, pepper=PEPPER, now=now()
        )
        assert user.locked_until is None

    def test_tells_the_person_by_mail_that_it_was_changed(self, cast: Cast, settings: Settings) -> None:
        with db.unit_of_work(cast.tenant) as session:
            ana = session.get_one(User, cast.ana.id)
            one_time_links.set_password(session, ana, hashed="x", now=now(), keep_session=None)
        (event,) = published(cast.tenant, "account.password_changed")
        jobs.mail_password_changed(partner_id=cast.northwind.id, event_id=event.id, **event.payload)
        assert "changed" in mailed(settings, event)["Subject"]

    def test_reaches_operators_who_have_no_outbox(self, cast: Cast, settings: Settings) -> None:
        one_time_links.ask_for_reset(email=cast.olga.email, now=now())
        jobs.sweep_operator_mail(settings, now())
        folder = Path(urlsplit(settings.mail_url).path)
        assert [path for path in folder.glob("*.eml") if cast.olga.email in path.read_text()]
        before = len(list(folder.glob("*.eml")))
        jobs.sweep_operator_mail(settings, now())
        assert len(list(folder.glob("*.eml"))) == before


class TestRoles:
    def test_change_signs_the_person_out(self, web: Web, cast: Cast) -> None:
        browser = web(cast.ben)
        with db.unit_of_work(cast.tenant) as session:
            team.change_role(session, cast.tenant, user_id=cast.ben.id, role="partner.sales", now=now())
        assert browser.get("/account").status_code == 302

    def test_stay_within_their_level(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput):
            team.change_role(session, cast.tenant, user_id=cast.ada.id, role="partner.owner", now=now())

    def test_leave_one_owner(self, session: Session, cast: Cast) -> None:
        with pytest.raises(Conflict, match="only owner"):
            team.change_role(session, cast.tenant, user_id=cast.ana.id, role="partner.sales", now=now())

    def test_do_not_count_an_owner_who_never_came(self, session: Session, cast: Cast) -> None:
        team.invite_user(
            session, cast.tenant, name="Zoe", email="z@x.example", role="partner.owner", inviter="Ana"
        )
        with pytest.raises(Conflict, match="only owner"):
            team.change_role(session, cast.tenant, user_id=cast.ana.id, role="partner.sales", now=now())

    def test_leave_one_owner_when_two_switch_each_other_off_at_once(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            zoe = team.create_user(
                session, cast.tenant, name="Zoe", email="z@x.example", role="partner.owner", password=NEW
            )
        refusals: list[HaasError] = []
        ready = threading.Barrier(2)

        def switch_off(actor: User, victim: User) -> None:
            tenant = Tenant(cast.northwind.id, actor=actor.id)
            try:
                with db.unit_of_work(tenant) as session:
                    ready.wait()
                    team.disable_user(session, tenant, user_id=victim.id, now=now())
            except HaasError as refusal:
                refusals.append(refusal)

        pair = [threading.Thread(target=switch_off, args=who) for who in ((cast.ana, zoe), (zoe, cast.ana))]
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join()
        assert len(refusals) == 1


class TestSwitchingOff:
    def test_shuts_browsers_and_tokens_out_at_once(
        self, web: Web, api: Callable[..., FlaskClient], cast: Cast
    ) -> None:
        browser, program = web(cast.ben), api(cast.ben)
        assert program.get("/v1/me").status_code == 200
        with db.unit_of_work(cast.tenant) as session:
            team.disable_user(session, cast.tenant, user_id=cast.ben.id, now=now())
        assert browser.get("/account").status_code == 302
        assert program.get("/v1/me").status_code == 401
        with db.unit_of_work(cast.tenant) as session:
            team.enable_user(session, cast.tenant, user_id=cast.ben.id)
            assert session.scalars(sa.select(ApiToken.revoked_at).filter_by(created_by=cast.ben.id)).one()
        assert program.get("/v1/me").status_code == 401

    def test_is_not_for_oneself(self, session: Session, cast: Cast) -> None:
        with pytest.raises(Conflict, match="yourself"):
            team.disable_user(session, cast.tenant, user_id=cast.ana.id, now=now())

    def test_of_a_strangers_person_finds_nobody(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            team.disable_user(session, cast.tenant, user_id=cast.cleo.id, now=now())

    def test_of_the_partners_people_is_not_for_a_client(self, cast: Cast) -> None:
        with pytest.raises(NotFound), db.unit_of_work(cast.acme_tenant) as session:
            team.disable_user(session, cast.acme_tenant, user_id=cast.ben.id, now=now())


class TestRoleWords:
    def test_name_every_role_as_programs_do(self) -> None:
        assert {role: str(words) for role, words in ROLE_WORDS.items()} == ROLE_NAMES
