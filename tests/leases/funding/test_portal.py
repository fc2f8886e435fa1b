"""The pages of funders and fundings: what is shown before yes, what is refused, and who has no such page."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from haas import db
from leases.funding import operations, queries
from tests.cast import Cast
from tests.leases.fleet import lease_in_service

AT = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
FORM = {
    "amount": "1000",
    "annual_rate_pct": "12",
    "compounding": "nominal",
    "settlement_basis": "balance",
    "recourse": "full",
    "title_holder": "funder",
}


@pytest.fixture
def leased(cast: Cast) -> dict[str, str]:
    """A lease of 100.00 a month for a year, and a funder."""
    with db.unit_of_work(cast.tenant) as session:
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, rent="100.00", term_months=12
        )
        funder = operations.register_funder(session, cast.tenant, name="Elm Leasing", at=AT)
        return {"lease": made.lease.id, "funder": funder.id}


@pytest.fixture
def fay(web, cast: Cast) -> Any:
    return web(cast.fay)


class TestFundPage:
    def test_shows_both_schedules_and_agrees_to_nothing_before_yes(
        self, fay: Any, cast: Cast, leased: dict[str, str]
    ) -> None:
        path = f"/leases/{leased['lease']}/funding/new"
        shown = fay.post(path, data={**FORM, "funder_id": leased["funder"]})
        text = shown.get_data(as_text=True)

        assert shown.status_code == 200
        assert "$87.97" in text  # the payment
        assert "$144.36" in text  # 12 x (100.00 - 87.97)
        with db.unit_of_work(cast.tenant) as session:
            assert queries.find_funding(session, cast.tenant, lease_id=leased["lease"]) is None

        agreed = fay.post(path, data={**FORM, "funder_id": leased["funder"], "confirmed": "1"})
        assert agreed.status_code == 303
        assert "$144.36" in fay.get(agreed.location).get_data(as_text=True)

    def test_puts_a_refusal_beside_its_field(self, fay: Any, leased: dict[str, str]) -> None:
        path = f"/leases/{leased['lease']}/funding/new"
        both = fay.post(path, data={**FORM, "payment": "90", "funder_id": leased["funder"]})
        assert both.status_code == 422
        assert "one of the two" in both.get_data(as_text=True)

    def test_is_nobodys_but_owners_and_finances(self, web, cast: Cast, leased: dict[str, str]) -> None:
        for user in (cast.ada, cast.sam, cast.ben):
            client = web(user)
            assert client.get(f"/leases/{leased['lease']}/funding").status_code == 403
            page = client.get(f"/leases/{leased['lease']}").get_data(as_text=True)
            assert f"/leases/{leased['lease']}/funding" not in page


class TestPayPage:
    def test_offers_the_next_payment_as_scheduled(self, fay: Any, cast: Cast, leased: dict[str, str]) -> None:
        with db.unit_of_work(cast.tenant) as session:
            funding = operations.fund_lease(
                session,
                cast.tenant,
                lease_id=leased["lease"],
                funder_id=leased["funder"],
                agreed=operations.Agreed(amount=Decimal(1000), annual_rate_pct=Decimal(12)),
                at=AT,
            )
            path = f"/fundings/{funding.id}/pay"
        assert 'value="87.97"' in fay.get(path).get_data(as_text=True)
        done = fay.post(path, data={"number": "1", "paid_on": "2026-03-01", "amount": ""})
        assert done.status_code == 303
        assert "Mar 1, 2026" in fay.get(done.location).get_data(as_text=True)
        assert "2 · " in fay.get(path).get_data(as_text=True)


class TestFunderPages:
    def test_name_a_funder_and_find_it_by_its_beginning(self, fay: Any) -> None:
        made = fay.post("/funders/new", data={"name": "Oak Bank"})
        assert made.status_code == 303
        assert "Oak Bank" in fay.get("/funders?q=Oak").get_data(as_text=True)
        assert "Oak Bank" not in fay.get("/funders?q=Elm").get_data(as_text=True)
        again = fay.post("/funders/new", data={"name": "oak bank"})
        assert again.status_code == 422
        assert "already" in again.get_data(as_text=True)

    def test_hide_what_is_archived(self, fay: Any, leased: dict[str, str]) -> None:
        changed = fay.post(f"/funders/{leased['funder']}/edit", data={"name": "Elm Leasing", "archived": "1"})
        assert changed.status_code == 303
        assert "Elm Leasing" not in fay.get("/funders").get_data(as_text=True)
        assert "Elm Leasing" in fay.get("/funders?archived=1").get_data(as_text=True)


class TestClassificationPage:
    def test_shows_each_test_with_its_figures(self, fay: Any, leased: dict[str, str]) -> None:
        text = fay.get(f"/leases/{leased['lease']}/classification").get_data(as_text=True)
        assert "ASC 842" in text
        assert "Operating lease" in text
        assert "33.33%" in text  # 12 of 36 months
        assert fay.post(f"/leases/{leased['lease']}/classification").status_code == 303
