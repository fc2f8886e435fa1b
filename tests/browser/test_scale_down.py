"""Places given back on a phone: no penalty inside the allowance, the exact charge outside of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from haas import db
from leases.amendments.queries import amendments_of
from tests.browser.accessibility import assert_accessible
from tests.cast import Cast
from tests.invoicing.world import a_rate
from tests.leases.fleet import InService, lease_in_service

Open = Callable[..., Page]
ACCEPTED = datetime(2026, 1, 1, 15, 0, tzinfo=UTC)


@pytest.fixture
def made(cast: Cast) -> InService:
    """Two laptops at 100.00 for 24 months; one a year goes free, beyond it half of the remaining rents."""
    with db.unit_of_work(cast.tenant) as session:
        a_rate(session, cast.tenant)
        return lease_in_service(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            accepted_at=ACCEPTED,
            lines=2,
            term_months=24,
            flex_down_pct=Decimal(50),
            early_return_policy="remaining_rents",
            early_return_pct=Decimal(50),
        )


class TestScaleDown:
    @pytest.mark.parametrize(("phone", "scripts"), [(True, True), (False, False)], ids=["phone", "plain"])
    def test_shows_the_charge_before_it_is_confirmed(
        self, browser_page: Open, cast: Cast, made: InService, phone, scripts
    ) -> None:
        page = browser_page(cast.sam, phone=phone, scripts=scripts)
        page.goto(f"/leases/{made.lease.id}/amendments")
        page.get_by_role("link", name="Scale down").click()
        page.get_by_label("First day without rent").fill("2027-06-01")
        places = page.get_by_role("checkbox", name="ThinkPad T14")
        places.first.check()
        page.get_by_role("button", name="Show what it does").click()
        expect(page.get_by_text("No penalty")).to_be_visible()
        expect(page.get_by_text("1 place goes free.")).to_be_visible()

        # Seven rents of 100.00 remain of the other, and half of them are owed.
        places.last.check()
        page.get_by_role("button", name="Show what it does").click()
        charge = page.locator(".fact").filter(has_text="Charge").first
        expect(charge).to_contain_text("$350.00")
        if scripts:
            assert_accessible(page)
        page.get_by_role("button", name="Confirm: Scale down").click()

        expect(page.get_by_text("In force")).to_be_visible()
        expect(charge).to_contain_text("$350.00")
        with db.unit_of_work(cast.tenant) as session:
            (amendment,) = amendments_of(session, cast.tenant, lease_id=made.lease.id)
        assert (amendment.charge, amendment.covered_lines) == (Decimal(350), 1)
