"""Books on the asset's page: side by side, an event looked at before, a later cost, the settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from haas import db
from haas.auth.models import User
from tests.cast import Cast
from tests.leases.fleet import lease_in_service

Web = Callable[[User | None], FlaskClient]
AT = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
TAX = {
    "kept": "1",
    "method": "macrs",
    "recovery_years": "5",
    "first_month": "full",
    "last_month": "none",
    "day_basis": "months",
    "factor": "2",
    "year_end_month": "12",
}


@pytest.fixture
def asset_id(cast: Cast, web: Web) -> str:
    """A laptop of 1,200 in service since 10 March 2026, in a financial and a tax book."""
    assert web(cast.ana).post("/settings/books/tax", data=TAX).status_code == 303
    with db.unit_of_work(cast.tenant) as session:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT)
        return made.assets[0].id


class TestTheBooksOfAnAsset:
    def test_stand_side_by_side_with_the_chosen_ones_schedule(
        self, cast: Cast, web: Web, asset_id: str
    ) -> None:
        page = (
            web(cast.ana)
            .get(f"/assets/{asset_id}?tab=money&as_of=2026-12-31&book=tax")
            .get_data(as_text=True)
        )
        for told in ("Financial book", "Tax book", "$960.00", "$900.00", "Buyout price"):
            assert told in page
        files = web(cast.ana).get(f"/assets/{asset_id}/books/tax/schedule/csv").get_data(as_text=True)
        assert "2026-12-31,24.00,240.00,960.00,USD" in files

    def test_show_what_an_event_does_before_it_is_recorded(self, cast: Cast, web: Web, asset_id: str) -> None:
        ana, path = web(cast.ana), f"/assets/{asset_id}/books/book/events/impair"
        told = {
            "kind": "impair",
            "effective_on": "2026-05-01",
            "counts_from": "same_month",
            "amount": "204",
            "reason": "A crack",
        }
        shown = ana.post(path, data=told)
        assert shown.status_code == 200
        for figure in ("$1,140.00", "$936.00", "$24.00"):  # 936 - 120 over 34 months
            assert figure in shown.get_data(as_text=True)
        assert "A crack" not in ana.get(f"/assets/{asset_id}?tab=money").get_data(as_text=True)
        assert ana.post(path, data={**told, "confirmed": "1"}).status_code == 303
        assert "A crack" in ana.get(f"/assets/{asset_id}?tab=money").get_data(as_text=True)

    def test_say_at_its_field_what_an_event_lacks(self, cast: Cast, web: Web, asset_id: str) -> None:
        told = {"kind": "impair", "effective_on": "2026-05-01", "counts_from": "same_month", "reason": ""}
        answer = web(cast.ana).post(f"/assets/{asset_id}/books/book/events/impair", data=told)
        assert answer.status_code == 422
        assert 'id="field-amount-error"' in answer.get_data(as_text=True)


class TestLaterCosts:
    def test_are_kept_by_hand_or_by_the_rule(self, cast: Cast, web: Web, asset_id: str) -> None:
        ana = web(cast.ana)
        ana.post("/settings/books", data={"capitalise_from": "100", "capitalise_upgrades": "1"})
        cost = {
            "kind": "repair",
            "incurred_on": "2026-05-02",
            "amount": "150",
            "warranty_recovered": "0",
            "extra_months": "0",
            "in_books": "",
        }
        path = f"/assets/{asset_id}/costs/new"
        assert "A repair adds to the cost from $100.00 on" in ana.get(path).get_data(as_text=True)
        assert ana.post(path, data=cost).status_code == 303
        assert ana.post(path, data={**cost, "in_books": "0"}).status_code == 303
        page = ana.get(f"/assets/{asset_id}?tab=money").get_data(as_text=True)
        assert page.count("An expense") == 1
        assert "decided by hand" in page
        assert "$1,350.00" in page  # 1200 and what the rule added

    def test_are_for_finance_and_owners_alone(self, cast: Cast, web: Web, asset_id: str) -> None:
        assert web(cast.ben).get(f"/assets/{asset_id}/costs/new").status_code == 403
