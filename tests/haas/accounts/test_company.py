"""A partner's company details: every number checked, edited by one at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from haas import db
from haas.accounts import clients, company
from haas.errors import InvalidInput
from haas.tenancy.models import Partner
from tests.cast import Cast

Api = Callable[..., FlaskClient]
GERMAN = {"country": "DE", "tax_registration": "", "tax_id": "DE129273398"}
EURO = {"currency": "EUR", "iban": "DE02120300000000202051"}


class TestEditCompany:
    def test_takes_numbers_in_their_electronic_form(self, session: Session, cast: Cast) -> None:
        edited = company.edit_company(
            session,
            cast.tenant,
            changes={"country": "DE", "tax_id": "DE 129273398", "accounts": [{**EURO, "bic": "BYLADEM1001"}]},
        )

        assert edited.tax_id == "DE129273398"
        assert edited.accounts[0]["iban"] == "DE02120300000000202051"

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"tax_id": "DE129273399"}, "tax_id"),
            ({"country": "FR", "tax_id": "DE129273398"}, "tax_id"),  # the number is Germany's
            ({"creditor_id": "DE00"}, "creditor_id"),
            ({"endpoint_scheme": "0000"}, "endpoint_scheme"),
            ({"accounts": [{"currency": "EUR", "iban": "DE00"}]}, "accounts.0.iban"),
            ({"accounts": [{"currency": "EUR"}]}, "accounts.0.iban"),
            ({"accounts": [EURO, EURO]}, "accounts"),
        ],
    )
    def test_names_the_field_that_is_wrong(
        self, session: Session, cast: Cast, changes: dict[str, object], field: str
    ) -> None:
        with pytest.raises(InvalidInput) as refusal:
            company.edit_company(session, cast.tenant, changes={**GERMAN, **changes})
        assert field in refusal.value.fields

    def test_makes_a_rival_wait_where_every_edit_begins(self, session: Session, cast: Cast) -> None:
        company.company_of(session, cast.tenant, lock=True)

        own = sa.select(Partner.id).where(Partner.id == cast.tenant.partner_id)
        with db.unit_of_work(cast.tenant) as rival:
            assert rival.scalar(own.with_for_update(skip_locked=True)) is None


class TestCompanyDoors:
    def test_let_one_of_two_editors_win(self, api: Api, cast: Cast) -> None:
        fay = api(cast.fay)
        read = fay.get("/v1/company")
        headers = {"If-Match": read.headers["ETag"]}

        first = fay.patch("/v1/company", json={"city": "Boston"}, headers=headers)
        second = fay.patch("/v1/company", json={"city": "Chicago"}, headers=headers)

        assert (first.status_code, first.json["city"]) == (200, "Boston")  # type: ignore[index]
        assert second.status_code == 412

    def test_say_at_the_field_what_is_wrong(self, api: Api, cast: Cast) -> None:
        answer = api(cast.cleo).patch("/v1/company", json={"tax_id": "DE1"})

        assert answer.status_code == 422
        assert "DE and 9 digits" in answer.text

    def test_show_the_form_again_with_what_was_typed(self, web: Api, cast: Cast) -> None:
        form = {"legal_name": "Contoso GmbH", "country": "DE", "damages": "taxed", "tax_id": "DE1"}

        page = web(cast.cleo).post("/settings/company", data=form)

        assert page.status_code == 422
        assert "DE and 9 digits" in page.text
        assert 'value="DE1"' in page.text


class TestClientTaxFacts:
    def test_note_the_day_on_which_the_tax_id_was_found_right(self, session: Session, cast: Cast) -> None:
        made = clients.create_client(
            session, cast.tenant, name="Bäcker", email="b@b.example", country="DE", tax_id="136695976"
        )

        assert made.tax_id == "DE136695976"
        assert made.tax_id_checked_on is not None

    @pytest.mark.parametrize(
        ("facts", "field"),
        [
            ({"tax_id": "DE136695977"}, "tax_id"),
            ({"tax_treatment": "exempt"}, "exemption_number"),
            ({"tax_treatment": "reverse_charge"}, "tax_id"),
            ({"tax_treatment": "free"}, "tax_treatment"),
            ({"endpoint_id": "991-01234-56"}, "endpoint_scheme"),
        ],
    )
    def test_are_refused_at_their_field(
        self, session: Session, cast: Cast, facts: dict[str, str], field: str
    ) -> None:
        with pytest.raises(InvalidInput) as refusal:
            clients.edit_client(
                session, cast.tenant, client_id=cast.acme.id, changes={"country": "DE", **facts}
            )
        assert field in refusal.value.fields

    def test_name_the_client_once_on_paper(self, session: Session, cast: Cast) -> None:
        client = clients.edit_client(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            changes={
                "address": ["Acme Dental LLC", "1 Main Street"], "postcode": "62701", "city": "Springfield"
            },
        )  # fmt: skip

        assert client.printed_name == "Acme Dental LLC"
        assert client.printed_address == ["1 Main Street", "62701 Springfield"]
