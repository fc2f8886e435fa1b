"""The operator: partners made with an owner, suspended, entered on the record; and nightly anchors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from haas import db
from haas.accounts import anchors, jobs, partners
from haas.audit import AuditEntry
from haas.auth.models import User
from haas.errors import InvalidInput
from haas.ids import new_id
from haas.outbox import OutboxEvent
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant
from tests.cast import Cast

Web = Callable[[User | None], FlaskClient]


def now() -> datetime:
    return datetime.now(UTC)


def actions(tenant: Tenant) -> list[str]:
    with db.unit_of_work(tenant) as session:
        return list(session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


class TestAPartner:
    def test_is_made_with_its_first_owner_invited(self, cast: Cast) -> None:
        slug = new_id("f").replace("_", "-")
        with db.unit_of_work(Platform("operator", actor=cast.olga.id, door="portal")) as session:
            partner = partners.create_partner(
                session,
                name="Fabrikam",
                legal_name="Fabrikam GmbH",
                country="DE",
                currency="EUR",
                time_zone="Europe/Berlin",
                slug=slug,
            )
            partners.invite_first_owner(
                session,
                Platform("operator", actor=cast.olga.id, door="portal"),
                partner,
                name="Otto",
                email="otto@fabrikam.example",
                inviter="Olga",
            )
        with db.unit_of_work(Tenant(partner.id)) as session:
            (owner,) = session.scalars(sa.select(User).where(User.partner_id == partner.id))
            (event,) = session.scalars(sa.select(OutboxEvent))
        assert (owner.role, owner.time_zone) == ("partner.owner", "Europe/Berlin")
        assert event.payload == {"user_id": owner.id, "inviter": "Olga"}

    def test_has_a_short_name_made_from_its_name(self, cast: Cast) -> None:
        name = f"Ünïque Göods {new_id('x')[-8:]}"
        with db.unit_of_work(Platform("operator")) as session:
            partner = partners.create_partner(
                session, name=name, legal_name=name, country="DE", currency="EUR"
            )
        assert partner.slug.startswith("unique-goods-")

    def test_does_not_take_anothers_short_name(self, cast: Cast) -> None:
        with pytest.raises(partners.SlugTaken), db.unit_of_work(Platform("operator")) as session:
            partners.create_partner(
                session,
                name="Copy",
                legal_name="Copy",
                country="DE",
                currency="EUR",
                slug=cast.northwind.slug,
            )

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("country", "XX"),
            ("currency", "EURO"),
            ("language", "xx"),
            ("time_zone", "Mars/Olympus"),
            ("slug", "No Such!"),
        ],
    )
    def test_is_made_of_known_things(self, cast: Cast, field: str, value: str) -> None:
        facts: dict[str, Any] = {
            "name": "F",
            "legal_name": "F",
            "country": "DE",
            "currency": "EUR",
            field: value,
        }
        with pytest.raises(InvalidInput) as refusal, db.unit_of_work(Platform("operator")) as session:
            partners.create_partner(session, **facts)
        assert field in refusal.value.fields

    def test_that_is_suspended_is_shut_out_and_comes_back_unchanged(self, web: Web, cast: Cast) -> None:
        browser, desk = web(cast.ana), web(cast.olga)
        desk.post(f"/operator/partners/{cast.northwind.id}/suspend")
        assert browser.get("/account").status_code == 302
        desk.post(f"/operator/partners/{cast.northwind.id}/resume")
        assert browser.get("/account").status_code == 200


class TestEntering:
    def test_lets_the_operator_act_as_an_owner_on_the_partners_record(self, web: Web, cast: Cast) -> None:
        desk = web(cast.olga)
        desk.post(f"/operator/partners/{cast.northwind.id}/enter", data={"reason": "ticket 7"})
        assert cast.acme.name in desk.get("/clients").text
        desk.post(
            f"/clients/{cast.acme.id}/edit",
            data={
                "name": "Acme Dental",
                "email": "new@acme.example",
                "country": "US",
                "currency": "USD",
                "language": "en",
                "time_zone": "UTC",
            },
        )
        with db.unit_of_work(cast.tenant) as session:
            entries = session.scalars(
                sa.select(AuditEntry).where(AuditEntry.actor == cast.olga.id).order_by(AuditEntry.id)
            ).all()
        assert [each.action for each in entries] == ["operator_entered", "update"]
        assert entries[0].after == {
            "operator": cast.olga.name,
            "email": cast.olga.email,
            "reason": "ticket 7",
        }

    def test_says_so_on_every_page_and_offers_to_leave(self, web: Web, cast: Cast) -> None:
        desk = web(cast.olga)
        desk.post(f"/operator/partners/{cast.northwind.id}/enter", data={"reason": "ticket 7"})
        page = desk.get("/clients").text
        assert "on the record" in page
        assert "/operator/partners/leave" in page

    def test_ends_by_leaving(self, web: Web, cast: Cast) -> None:
        desk = web(cast.olga)
        desk.post(f"/operator/partners/{cast.northwind.id}/enter", data={"reason": "ticket 7"})
        desk.post("/operator/partners/leave")
        assert desk.get("/clients").status_code == 403
        assert desk.get("/operator/partners").status_code == 200
        assert "operator_left" in actions(cast.tenant)

    def test_needs_a_reason(self, web: Web, cast: Cast) -> None:
        desk = web(cast.olga)
        desk.post(f"/operator/partners/{cast.northwind.id}/enter", data={"reason": "  "})
        assert desk.get("/clients").status_code == 403

    def test_makes_no_token_in_the_operators_name(self, web: Web, cast: Cast) -> None:
        desk = web(cast.olga)
        desk.post(f"/operator/partners/{cast.northwind.id}/enter", data={"reason": "ticket 7"})
        made = desk.post(
            "/settings/tokens/new", data={"name": "x", "scopes": ["asset.read"], "lasts_days": "7"}
        )
        assert made.status_code == 422

    def test_keeps_the_operators_own_account_for_the_desk(self, web: Web, cast: Cast) -> None:
        desk = web(cast.olga)
        desk.post(f"/operator/partners/{cast.northwind.id}/enter", data={"reason": "ticket 7"})
        assert desk.get("/account").status_code == 409

    def test_is_closed_to_partners(self, web: Web, cast: Cast) -> None:
        answer = web(cast.ana).post(f"/operator/partners/{cast.contoso.id}/enter", data={"reason": "x"})
        assert answer.status_code == 403


class TestAnchors:
    def test_are_mailed_to_the_owners_once_a_day(self, cast: Cast, settings: Settings) -> None:
        report = anchors.anchor_partner(cast.northwind.id, now=now())
        assert report is not None
        assert anchors.anchor_partner(cast.northwind.id, now=now()) is None
        with db.unit_of_work(cast.tenant) as session:
            (event,) = session.scalars(sa.select(OutboxEvent).filter_by(name="audit.anchored"))
        jobs.mail_anchor(partner_id=cast.northwind.id, event_id=event.id, **event.payload)
        folder = Path(urlsplit(settings.mail_url).path)
        (path,) = folder.glob(f"*{event.id}*{cast.ana.id}*.eml")
        assert report.head in path.read_text().replace("=\n", "")

    def test_of_the_operators_chain_go_to_the_operators(self, cast: Cast, settings: Settings) -> None:
        day = datetime(2031, 5, 17, tzinfo=UTC)
        anchors.anchor_operator(settings, now=day)
        folder = Path(urlsplit(settings.mail_url).path)
        assert list(folder.glob(f"*2031-05-17.{cast.olga.id}*.eml"))
        with db.unit_of_work(Platform()) as session:
            assert anchors._was_anchored(session, "2031-05-17")

    def test_say_loudly_that_a_chain_does_not_hold(self, cast: Cast, settings: Settings) -> None:
        jobs.mail_anchor(
            partner_id=cast.northwind.id,
            event_id="evt_broken",
            day="2026-06-15",
            links=7,
            head="00" * 32,
            broken_at=3,
        )
        folder = Path(urlsplit(settings.mail_url).path)
        (path,) = folder.glob(f"*evt_broken*{cast.ana.id}*.eml")
        assert "does NOT hold" in path.read_text().replace("=\n", "")


class TestTheList:
    def test_is_searched_and_shows_no_more_than_who_signs_in(self, web: Web, cast: Cast) -> None:
        page = web(cast.olga).get(f"/operator/partners?q={cast.northwind.slug}").text
        assert cast.northwind.slug in page
        assert cast.contoso.slug not in page
        assert cast.acme.name not in page

    def test_counts_the_people_of_each(self, cast: Cast) -> None:
        with db.unit_of_work(Platform()) as session:
            partner = session.get_one(Partner, cast.northwind.id)
            assert partners.people_of_partners(session, [partner])[partner.id].people == 6
