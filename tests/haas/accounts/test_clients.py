"""Clients and sites: made with what the partner has, found, edited by one at a time, archived."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from haas import db
from haas.accounts import clients, partner_settings, sites
from haas.errors import Conflict, InvalidInput, NotFound
from tests.cast import Cast

Api = Callable[..., FlaskClient]
NOW = datetime(2026, 6, 15, 9, 0, tzinfo=UTC)


class TestCreateClient:
    def test_takes_from_the_partner_what_is_left_out(self, session: Session, cast: Cast) -> None:
        made = clients.create_client(session, cast.tenant, name="  Umbrella   Corp ", email="ap@u.example")
        assert (made.name, made.legal_name, made.name_norm) == (
            "Umbrella Corp",
            "Umbrella Corp",
            "umbrella corp",
        )
        assert (made.currency, made.country, made.client_id) == ("USD", "US", made.id)

    def test_numbers_on_from_the_highest(self, session: Session, cast: Cast) -> None:
        clients.create_client(session, cast.tenant, name="A", email="a@u.example", number="C-0041")
        clients.create_client(session, cast.tenant, name="B", email="a@u.example", number="OLD-7")
        made = clients.create_client(session, cast.tenant, name="C", email="a@u.example")
        assert made.number == "C-0042"

    def test_refuses_a_number_in_use(self, session: Session, cast: Cast) -> None:
        with pytest.raises(clients.NumberTaken):
            clients.create_client(session, cast.tenant, name="A", email="a@u.example", number="c-0001")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("country", "XX"),
            ("currency", "DOLLAR"),
            ("time_zone", "Mars"),
            ("language", "tlh"),
            ("email", "nobody"),
            ("name", "   "),
            ("name", "a\0b"),
            ("address", ["line"] * 9),
        ],
    )
    def test_refuses_what_is_not_known(self, session: Session, cast: Cast, field: str, value: object) -> None:
        facts = {"name": "A", "email": "a@u.example", field: value}
        with pytest.raises(InvalidInput) as refusal:
            clients.create_client(session, cast.tenant, **facts)  # type: ignore[arg-type]
        assert field in refusal.value.fields


class TestTheCurrencyPolicy:
    def test_may_ask_for_one_currency(self, session: Session, cast: Cast) -> None:
        partner_settings.edit_settings(session, cast.tenant, changes={"currency_policy": "one"})
        with pytest.raises(InvalidInput, match="USD"):
            clients.create_client(session, cast.tenant, name="A", email="a@u.example", currency="EUR")

    def test_is_not_tightened_while_a_client_differs(self, session: Session, cast: Cast) -> None:
        clients.create_client(session, cast.tenant, name="Euro AG", email="a@u.example", currency="EUR")
        with pytest.raises(Conflict, match="Euro AG"):
            partner_settings.edit_settings(session, cast.tenant, changes={"currency_policy": "one"})

    def test_leaves_the_partners_other_policies_alone(self, session: Session, cast: Cast) -> None:
        partner = session.get_one(type(cast.northwind), cast.northwind.id)
        partner.policies = {"health": {"disk_free_pct_min": 5}}
        partner_settings.edit_settings(session, cast.tenant, changes={"currency_policy": "one"})
        assert partner.policies == {"health": {"disk_free_pct_min": 5}, "currency": "one"}


class TestTheList:
    def test_finds_by_part_of_the_name_or_number(self, session: Session, cast: Cast) -> None:
        def found(text: str) -> list[str]:
            page = clients.list_clients(session, cast.tenant, search=text)
            return [client.name for client in page.rows]

        assert found("DENT") == ["Acme Dental"]
        assert found("c-0002") == ["Globex Law"]
        assert found("%") == []

    def test_pages_by_name_both_ways(self, session: Session, cast: Cast) -> None:
        for number in range(5):
            clients.create_client(session, cast.tenant, name=f"Zeta {number}", email="z@z.example")
        seen, cursor = [], None
        while True:
            page = clients.list_clients(session, cast.tenant, cursor=cursor, limit=3)
            seen += [client.name for client in page.rows]
            if page.older is None:
                break
            cursor = page.older
        assert seen == sorted(seen, key=str.casefold)
        assert len(seen) == 7
        back = clients.list_clients(session, cast.tenant, cursor=page.newer, limit=3)
        assert [client.name for client in back.rows] == seen[3:6]


class TestArchiving:
    def test_leaves_the_list_until_restored(self, session: Session, cast: Cast) -> None:
        clients.archive_client(session, cast.tenant, client_id=cast.acme.id, now=NOW)
        names = [client.name for client in clients.list_clients(session, cast.tenant).rows]
        assert names == ["Globex Law"]
        clients.restore_client(session, cast.tenant, client_id=cast.acme.id)
        assert len(clients.list_clients(session, cast.tenant).rows) == 2

    def test_is_refused_while_something_still_runs(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clients, "archive_obstacles", [lambda *_: "Acme has an active lease."])
        with pytest.raises(Conflict, match="active lease"):
            clients.archive_client(session, cast.tenant, client_id=cast.acme.id, now=NOW)

    def test_of_a_strangers_client_finds_none(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            clients.archive_client(session, cast.tenant, client_id=cast.initech.id, now=NOW)


class TestSites:
    def test_take_from_the_client_what_is_left_out(self, session: Session, cast: Cast) -> None:
        site = sites.create_site(session, cast.tenant, client_id=cast.acme.id, name="Annex")
        assert (site.address, site.country) == (cast.acme.address, "US")

    def test_have_names_of_their_own_within_the_client(self, session: Session, cast: Cast) -> None:
        sites.create_site(session, cast.tenant, client_id=cast.globex.id, name="Main Street")
        with pytest.raises(sites.SiteNameTaken):
            sites.create_site(session, cast.tenant, client_id=cast.acme.id, name="Main Street")

    def test_are_not_added_to_an_archived_client(self, session: Session, cast: Cast) -> None:
        clients.archive_client(session, cast.tenant, client_id=cast.acme.id, now=NOW)
        with pytest.raises(Conflict):
            sites.create_site(session, cast.tenant, client_id=cast.acme.id, name="Annex")

    def test_of_other_clients_are_hidden_from_a_clients_people(self, cast: Cast) -> None:
        with db.unit_of_work(cast.acme_tenant) as session:
            page = sites.list_sites(session, cast.acme_tenant)
            assert [site.id for site in page.rows] == [cast.acme_site.id]
            with pytest.raises(NotFound):
                sites.get_site(session, cast.acme_tenant, site_id=cast.globex_site.id)


class TestTheApi:
    def test_makes_reads_and_edits_a_client(self, api: Api, cast: Cast) -> None:
        program = api(cast.sam)
        made = program.post("/v1/clients", json={"name": "Umbrella", "email": "ap@u.example"})
        assert made.status_code == 201
        place = made.headers["Location"]
        assert program.get(place).get_json()["name"] == "Umbrella"
        edited = program.patch(place, json={"phone": "+1 555 0100"})
        assert edited.get_json()["phone"] == "+1 555 0100"

    def test_tells_the_second_of_two_editors(self, api: Api, cast: Cast) -> None:
        program, path = api(cast.sam), f"/v1/clients/{cast.acme.id}"
        tag = program.get(path).headers["ETag"]
        first = program.patch(path, json={"phone": "1"}, headers={"If-Match": tag})
        second = program.patch(path, json={"phone": "2"}, headers={"If-Match": tag})
        assert (first.status_code, second.status_code) == (200, 412)
        assert second.get_json()["code"] == "changed_meanwhile"
        third = program.patch(path, json={"phone": "3"}, headers={"If-Match": first.headers["ETag"]})
        assert third.status_code == 200

    @pytest.mark.parametrize(
        "body", [{"name": "X", "email": "a@b.example", "partner_id": "par_x"}, {"name": "X"}, {"name": 5}]
    )
    def test_refuses_unknown_and_missing_fields(self, api: Api, cast: Cast, body: dict[str, object]) -> None:
        answer = api(cast.sam).post("/v1/clients", json=body)
        assert answer.status_code == 422
        assert answer.mimetype == "application/problem+json"

    def test_pages_with_a_cursor(self, api: Api, cast: Cast) -> None:
        program = api(cast.ana)
        first = program.get("/v1/clients?limit=1").get_json()
        second = program.get(f"/v1/clients?limit=1&cursor={first['next']}").get_json()
        assert [first["items"][0]["name"], second["items"][0]["name"]] == ["Acme Dental", "Globex Law"]
        assert second["next"] is None

    def test_shows_a_clients_people_their_own_sites(self, api: Api, cast: Cast) -> None:
        items = api(cast.ada).get("/v1/sites").get_json()["items"]
        assert [site["id"] for site in items] == [cast.acme_site.id]
        assert api(cast.ada).get(f"/v1/sites/{cast.globex_site.id}").status_code == 404

    def test_says_whose_token_it_is(self, api: Api, cast: Cast) -> None:
        me = api(cast.fay, ["invoice.read"]).get("/v1/me").get_json()
        assert (me["user"]["id"], me["partner"]["id"]) == (cast.fay.id, cast.northwind.id)
        assert me["permissions"] == ["account.self", "invoice.read"]

    def test_gives_the_audit_trail_filtered(self, api: Api, cast: Cast) -> None:
        api(cast.sam).patch(f"/v1/clients/{cast.acme.id}", json={"phone": "+1 555 0100"})
        answer = api(cast.fay).get(f"/v1/audit?subject=client&subject_id={cast.acme.id}&limit=1")
        assert answer.get_json()["items"][0]["after"] == {"phone": "+1 555 0100"}
        older = api(cast.fay).get(f"/v1/audit?limit=2&cursor={answer.get_json()['next']}")
        assert older.status_code == 200
