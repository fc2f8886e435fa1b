"""A swap on a phone: two clicks, or two scans, and what it did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from devices.models import Asset
from haas import db
from haas.auth.models import User
from leases import queries
from tests.architecture.examples import leases as prepared
from tests.browser.accessibility import assert_accessible
from tests.browser.test_scan import label_of, phone  # noqa: F401 - a fixture
from tests.cast import Cast
from tests.leases.fleet import InService, a_spare, lease_in_service

Open = Callable[..., Page]
ACCEPTED = datetime(2026, 3, 15, 15, 0, tzinfo=UTC)
SIZES = pytest.mark.parametrize("on_phone", [False, True], ids=["desk", "phone"])


@pytest.fixture
def made(cast: Cast) -> InService:
    """Two laptops in service at Acme."""
    with db.unit_of_work(cast.tenant) as session:
        return lease_in_service(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            site_id=cast.acme_site.id,
            accepted_at=ACCEPTED,
            lines=2,
        )


@pytest.fixture
def spare(cast: Cast, made: InService) -> Asset:
    """A laptop on the shelf."""
    with db.unit_of_work(cast.tenant) as session:
        return a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)


class TestSwap:
    @pytest.mark.parametrize("scripts", [True, False], ids=["scripted", "plain"])
    def test_takes_two_clicks_and_a_yes_on_a_phone(
        self, browser_page: Open, cast: Cast, made: InService, spare: Asset, scripts
    ) -> None:
        page = browser_page(cast.ben, phone=True, scripts=scripts)
        page.goto(f"/swaps/new?lease_id={made.lease.id}")
        page.get_by_role("link", name=made.assets[0].tag).click()
        page.get_by_role("link", name=spare.tag).click()

        expect(page.get_by_role("heading", name="What this swap does")).to_be_visible()
        expect(page.locator(".recorded")).to_contain_text(
            f"{spare.tag} takes the place of {made.assets[0].tag} on {made.lease.number}"
        )
        expect(page.get_by_text("$100.00, unchanged")).to_be_visible()
        page.get_by_label("Condition of the one that goes").fill("Disk failing")
        page.get_by_role("button", name="Swap now").click()

        expect(
            page.get_by_role("link", name="Receive the old one").or_(page.get_by_text("Went"))
        ).not_to_have_count(0)
        expect(page.get_by_text("Disk failing")).to_be_visible()
        with db.unit_of_work(cast.tenant) as session:
            (swap,) = queries.swaps_of(session, cast.tenant, lease_id=made.lease.id)
        assert (swap.outgoing_id, swap.incoming_id, swap.actor) == (
            made.assets[0].id,
            spare.id,
            cast.ben.id,
        )

    def test_takes_two_scans(
        self,
        phone: Callable[[User, str], Page],  # noqa: F811 - the fixture
        cast: Cast,
        made: InService,
        spare: Asset,
    ) -> None:
        page = phone(cast.ben, label_of(cast, spare))  # the film shows the label of the one that comes
        page.goto("/swaps/new")
        page.get_by_label("Scan or type the device that is taken away").fill(made.assets[0].serial or "")
        page.keyboard.press("Enter")  # as a hand scanner ends its code
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.get_by_role("heading", name="What this swap does")).to_be_visible(timeout=20_000)
        expect(page.locator(".exchange-tag").nth(1)).to_have_text(spare.tag)

    def test_says_what_does_not_fit_and_lets_choose_again(
        self, browser_page: Open, cast: Cast, made: InService, spare: Asset
    ) -> None:
        page = browser_page(cast.ben, phone=True)
        page.goto(f"/swaps/new?outgoing_id={made.assets[0].id}")
        page.get_by_label("Scan or type the device that takes its place").fill(made.assets[1].tag)
        page.get_by_role("button", name="Take this one").click()
        expect(page.get_by_role("alert")).to_contain_text("Cannot reserve an asset that is in service")
        page.get_by_role("link", name=spare.tag).click()
        expect(page.get_by_role("button", name="Swap now")).to_be_visible()


class TestRent:
    def test_follows_the_date_without_leaving_the_page(
        self, browser_page: Open, cast: Cast, made: InService
    ) -> None:
        page = browser_page(cast.ana)
        page.goto(f"/leases/{made.lease.id}?tab=rent")
        expect(page.locator("#rent-chart canvas")).to_be_visible()
        page.get_by_label("True as of").fill("2026-03-31")
        # Interim rent 15 to 31 March: 100 x 17 / 31 = 54.84, two lines.
        expect(page.locator("#rent .fact-value").first).to_have_text("$109.68")
        assert "as_of=2026-03-31" in page.url


class TestAssetMoney:
    def test_comes_with_the_assets_page_and_moves_with_the_date(
        self, browser_page: Open, cast: Cast, made: InService
    ) -> None:
        page = browser_page(cast.ana)
        page.goto(f"/assets/{made.assets[0].id}?tab=money")
        expect(page.locator("#asset-money-chart canvas")).to_be_visible()
        page.get_by_label("True as of").fill("2026-05-31")
        # 1,200 less March, April and May at 30.00.
        expect(page.locator("#asset-money .fact-value").nth(1)).to_have_text("$1,110.00")


@SIZES
class TestReturn:
    """In steps that the demo, on which every page is walked, is past."""

    def test_is_accessible_at_every_step(self, browser_page: Open, cast: Cast, on_phone) -> None:
        with db.unit_of_work(cast.tenant) as session:
            steps = [
                prepared.a_return(session, cast, until=until)["return_id"]
                for until in ("requested", "collected", "received", "inspected")
            ]
        page = browser_page(cast.ana, phone=on_phone)
        for return_id in steps:
            page.goto(f"/returns/{return_id}")
            assert_accessible(page)

    def test_is_accessible_to_the_client_in_the_dark(self, browser_page: Open, cast: Cast, on_phone) -> None:
        with db.unit_of_work(cast.tenant) as session:
            inspected = prepared.inspected(session, cast)["return_id"]
        page = browser_page(cast.ada, phone=on_phone, dark=True)
        page.goto(f"/returns/{inspected}")
        assert_accessible(page)
