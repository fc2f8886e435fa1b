"""Pro-formas by REST and on pages: made once by a key, listed by pages, shown before they are made."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from haas import clock, db
from haas.auth.models import User
from invoicing.pro_forma import operations
from invoicing.pro_forma.models import ProForma
from tests.architecture.examples.pro_formas import due, made
from tests.cast import Cast
from tests.invoicing.world import NOW, PORTAL, counted_statements

Web = Callable[[User | None], FlaskClient]
BODY = {"as_of": "2026-04-01"}


@pytest.fixture
def charge_id(cast: Cast) -> str:
    """120.00 of Acme that fell due on the first of April, taxed at 8 %."""
    with db.unit_of_work(cast.tenant) as session:
        return due(session, cast)["charge_id"]


@pytest.fixture
def pro_forma_id(cast: Cast) -> str:
    with db.unit_of_work(cast.tenant) as session:
        return made(session, cast)["pro_forma_id"]


def how_many(cast: Cast) -> int:
    with db.unit_of_work(cast.tenant) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(ProForma)) or 0


class TestTheApi:
    def test_makes_it_once_for_a_key_and_tells_it_whole(
        self, api: Callable[..., FlaskClient], cast: Cast, charge_id: str
    ) -> None:
        client = api(cast.fay)
        body = {**BODY, "client_id": cast.acme.id, "charge_ids": [charge_id]}
        answers = [
            client.post("/v1/pro-formas", json=body, headers={"Idempotency-Key": "k-1"}) for _ in range(2)
        ]

        assert [answer.status_code for answer in answers] == [201, 201]
        (paper,) = answers[0].get_json()["items"]
        assert answers[1].get_json() == answers[0].get_json()
        assert (paper["net_total"], paper["tax_total"], paper["total"]) == ("120.00", "9.60", "129.60")
        whole = client.get(f"/v1/pro-formas/{paper['id']}").get_json()
        assert [line["description"] for line in whole["lines"]] == ["Set-up"]
        assert [row["tax"] for row in whole["tax_totals"]] == ["9.60"]
        waits = client.get(f"/v1/pro-formas/{paper['id']}/pdf")
        assert (waits.status_code, waits.get_json()["code"]) == (409, "pdf_not_ready")

    def test_names_the_field_that_is_wrong_and_makes_nothing(
        self, api: Callable[..., FlaskClient], cast: Cast, charge_id: str
    ) -> None:
        client, right = api(cast.fay), {**BODY, "client_id": cast.acme.id}
        for field, wrong in (
            ("as_of", "2026-03-01"),
            ("as_of", "2098-01-01"),
            ("charge_ids", ["chg_none"]),
            ("until", "2026-04-01"),
        ):
            answer = client.post("/v1/pro-formas", json={**right, field: wrong})
            assert answer.status_code == 422
            assert field in str(answer.get_json()["errors"])
        assert how_many(cast) == 0

    def test_lists_them_by_pages_of_a_fixed_number_of_statements(
        self, api: Callable[..., FlaskClient], cast: Cast, charge_id: str
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            for day in (1, 2, 3):
                operations.make(
                    session, cast.tenant, client_id=cast.acme.id, as_of=NOW.date(),
                    issued_on=NOW.date().replace(day=day), at=NOW, portal_url=PORTAL,
                )  # fmt: skip
        client = api(cast.fay)
        first = client.get("/v1/pro-formas?limit=2").get_json()
        rest = client.get(f"/v1/pro-formas?limit=2&cursor={first['next']}").get_json()

        numbers = [row["number"] for page in (first, rest) for row in page["items"]]
        assert numbers == ["PF-2026-00003", "PF-2026-00002", "PF-2026-00001"]
        counts = []
        for limit in (1, 3):
            with db.unit_of_work(cast.tenant) as session, counted_statements(session) as counted:
                client.get(f"/v1/pro-formas?limit={limit}")
            counts.append(counted[0])
        assert counts[0] == counts[1]

    def test_shows_clients_their_own(
        self, api: Callable[..., FlaskClient], cast: Cast, pro_forma_id: str
    ) -> None:
        assert len(api(cast.ada).get("/v1/pro-formas").get_json()["items"]) == 1
        assert api(cast.ada).get(f"/v1/pro-formas/{pro_forma_id}/pdf").status_code == 200
        assert api(cast.ada).post("/v1/pro-formas", json=BODY).status_code == 403
        assert api(cast.cleo).get("/v1/pro-formas").get_json()["items"] == []


class TestThePages:
    def test_show_what_would_stand_on_it_before_it_is_made(
        self, web: Web, cast: Cast, charge_id: str
    ) -> None:
        page = web(cast.fay).get(f"/pro-formas/new?client={cast.acme.id}&as_of=2026-04-01&charge={charge_id}")

        assert page.status_code == 200
        assert "$129.60" in page.text
        assert "nothing is billed" in page.text
        assert how_many(cast) == 0

    def test_make_it_once_however_often_the_button_is_pressed(
        self, web: Web, cast: Cast, charge_id: str
    ) -> None:
        form = {**BODY, "client_id": cast.acme.id}
        answers = [web(cast.fay).post("/pro-formas/new", data=form) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [303, 303]
        assert answers[0].location == answers[1].location
        assert how_many(cast) == 1
        shown = web(cast.ada).get(answers[0].location)
        assert "PF-" in shown.text
        assert "Not a demand for payment" in shown.text
        today = clock.today(cast.northwind.time_zone)
        assert f"PF-{today.year}-00001" in web(cast.ada).get("/pro-formas").text

    def test_say_what_is_wrong_at_the_field(self, web: Web, cast: Cast, charge_id: str) -> None:
        form = {"as_of": "2026-03-01", "client_id": cast.acme.id}
        answer = web(cast.fay).post("/pro-formas/new", data=form)

        assert answer.status_code == 422
        assert "Nothing is due by 2026-03-01: choose a later day." in answer.text

    def test_lead_there_from_the_run_and_from_the_client(self, web: Web, cast: Cast, charge_id: str) -> None:
        assert f"/pro-formas/new?client={cast.acme.id}" in web(cast.fay).get("/billing").text
        assert f"/pro-formas?client={cast.acme.id}" in web(cast.fay).get(f"/clients/{cast.acme.id}").text
