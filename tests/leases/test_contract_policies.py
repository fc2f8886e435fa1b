"""A partner's rules for its contracts: kept, read where they are applied, refused where they cannot be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from haas.errors import InvalidInput
from haas.tenancy.models import Partner
from leases.classifying import thresholds_of
from leases.contract_policies import change_contract_policy, contract_policy, notice_days_of
from tests.cast import Cast

RULES: dict[str, Any] = {
    "amendment_four_eyes": True,
    "notice_days": 60,
    "purchase_lead_days": 10,
    "major_part": Decimal(80),
    "substantially_all": Decimal("92.5"),
    "nominal_option": Decimal(1),
    "bargain_option": Decimal(50),
    "end_of_life": Decimal(25),
}


class TestChangeContractPolicy:
    def test_is_read_where_it_is_applied(self, session: Session, cast: Cast) -> None:
        partner = session.get_one(Partner, cast.tenant.partner_id)
        before = contract_policy(partner)
        assert (before.amendment_four_eyes, before.thresholds["major_part"]) == (False, Decimal(75))
        after = change_contract_policy(session, cast.tenant, changes=RULES)
        assert (after.amendment_four_eyes, after.purchase_lead_days) == (True, 10)
        assert notice_days_of(partner) == 60
        assert thresholds_of(session, cast.tenant).substantially_all == Decimal("0.925")

    @pytest.mark.parametrize(("field", "value"), [("notice_days", 731), ("major_part", Decimal(101))])
    def test_is_refused_outside_its_range(self, session: Session, cast: Cast, field: str, value: Any) -> None:
        with pytest.raises(InvalidInput):
            change_contract_policy(session, cast.tenant, changes={**RULES, field: value})


def test_the_page_shows_what_holds_and_names_the_field_that_cannot_be(web: Any, cast: Cast) -> None:
    browser = web(cast.ana)
    assert 'value="75"' in browser.get("/settings/contracts").get_data(as_text=True)
    refused = browser.post("/settings/contracts", data={**RULES, "major_part": "101"})
    assert refused.status_code == 422
    assert browser.post("/settings/contracts", data=RULES).status_code == 303
    assert "checked" in browser.get("/settings/contracts").get_data(as_text=True)
