"""A quote on a phone: the client compares, asks, signs without an account; and writing one at a desk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from haas import db
from leases.quotes import links, queries
from leases.quotes.models import Quote
from tests.browser.accessibility import assert_accessible
from tests.cast import PEPPER, Cast
from tests.leases.offers import a_draft_quote, a_sent_quote, published_terms

Open = Callable[..., Page]
AT = datetime(2026, 6, 15, 15, 0, tzinfo=UTC)


@pytest.fixture
def quote(cast: Cast) -> Quote:
    """Two laptops for Acme, in two ways."""
    with db.unit_of_work(cast.tenant) as session:
        return a_sent_quote(session, cast.tenant, client_id=cast.acme.id, at=AT, contact_name="Ada Client")


@pytest.fixture
def link(cast: Cast, quote: Quote) -> str:
    """Where the link in the mail leads."""
    with db.unit_of_work(cast.tenant) as session:
        return f"/offers/{links.make_link(session, cast.tenant, quote=quote, pepper=PEPPER, now=AT)}"


class TestTheClient:
    @pytest.mark.parametrize("scripts", [True, False], ids=["scripted", "plain"])
    def test_compares_asks_and_signs_on_a_phone_without_an_account(
        self, browser_page: Open, cast: Cast, quote: Quote, link: str, scripts
    ) -> None:
        page = browser_page(phone=True, scripts=scripts, tolerate=("422",))
        page.goto(link)
        expect(page.get_by_text(cast.northwind.name).first).to_be_visible()  # the partner's brand
        expect(page.get_by_text("$85.00", exact=True)).to_be_visible()  # 2 x 40 + 5
        expect(page.get_by_text("$115.00", exact=True)).to_be_visible()  # 2 x 55 + 5
        expect(page.get_by_text("1,200")).to_have_count(0)  # what one costs the partner
        if scripts:
            assert_accessible(page)

        page.get_by_label("Your question").fill("Can we have them in grey?")
        page.get_by_role("button", name="Send the question").click()
        expect(page.get_by_text("Can we have them in grey?")).to_be_visible()

        page.get_by_role("link", name="Choose 36 months").click()
        expect(page.get_by_text("The devices stay our property.")).to_be_visible()
        page.get_by_label("Your name").fill("Ada Client")
        page.get_by_label("Your title").fill("Practice manager")
        page.get_by_role("button", name="Accept for $85.00 a month").click()
        expect(page.get_by_role("alert")).to_contain_text("This was not saved")  # the tick is missing
        expect(page.get_by_text("Tick that you agree to the terms.")).to_be_visible()
        expect(page.get_by_label("Your title")).to_have_value("Practice manager")
        if scripts:
            assert_accessible(page)

        page.get_by_label("I have read the terms").check()
        page.get_by_role("button", name="Accept for $85.00 a month").click()
        expect(page.get_by_text("Ada Client accepted the option 36 months.")).to_be_visible()
        expect(page.get_by_role("link", name="Choose 36 months")).to_have_count(0)
        if scripts:
            assert_accessible(page)
        with db.unit_of_work(cast.tenant) as session:
            kept = queries.find_acceptance(session, cast.tenant, quote_id=quote.id)
        assert kept is not None
        assert (kept.signer_name, kept.signer_title, kept.via) == ("Ada Client", "Practice manager", "link")
        assert kept.address == "127.0.0.1"
        assert "Chrome" in kept.user_agent

    def test_declines_with_a_reason(self, browser_page: Open, quote: Quote, link: str) -> None:
        page = browser_page(phone=True, tolerate=("422",))
        page.goto(link)
        page.get_by_role("link", name="None of them: decline").click()
        page.get_by_label("Why not").fill("We wait until autumn.")
        page.get_by_role("button", name="Decline the quote").click()
        expect(page.get_by_role("status").filter(has_text="Declined")).to_contain_text(
            "We wait until autumn."
        )
        page.goto(f"{link}/decline")
        page.get_by_label("Why not").fill("Again")
        page.get_by_role("button", name="Decline the quote").click()
        expect(page.get_by_role("alert")).to_contain_text("used already")

    def test_signs_in_the_portal_too(self, browser_page: Open, cast: Cast, quote: Quote) -> None:
        page = browser_page(cast.ada, phone=True)
        page.goto(f"/quotes/{quote.id}")
        page.get_by_role("link", name="Choose Rental").click()
        page.get_by_label("I have read the terms").check()
        page.get_by_role("button", name="Accept for $115.00 a month").click()
        expect(page.get_by_text("accepted the option Rental.")).to_be_visible()
        page.get_by_role("link", name="See the lease").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("L-")

    def test_reads_of_a_link_that_is_too_old(self, browser_page: Open) -> None:
        page = browser_page(phone=True, tolerate=("404",))
        page.goto("/offers/never-made")
        expect(page.get_by_role("heading", name="This link works no more")).to_be_visible()
        assert_accessible(page)


class TestThePartner:
    def test_writes_a_quote_looks_at_its_paper_and_sends_it(self, browser_page: Open, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            published_terms(session, cast.tenant, at=AT)
            a_draft_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        page = browser_page(cast.sam)
        page.goto("/quotes")
        page.get_by_role("link", name="New quote").click()
        page.get_by_label("Client").select_option(label="Acme Dental")
        page.get_by_label("Title").fill("Laptops for reception")
        page.get_by_role("button", name="Go on to the options").click()
        page.get_by_label("Title").fill("36 months")
        page.get_by_role("button", name="Go on to its lines").click()
        page.get_by_label("Hardware model").select_option(label="Lenovo ThinkPad T14")
        page.get_by_label("Quantity").fill("2")
        page.get_by_label("Price of one, each period").fill("40")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_text("$80.00")).to_be_visible()
        page.get_by_role("link", name="Back to the quote").click()
        expect(
            page.get_by_text("Operating lease").or_(page.get_by_text("Sales-type lease")).first
        ).to_be_visible()
        assert_accessible(page)

        page.get_by_role("link", name="Look at the paper").click()
        expect(page.get_by_role("img", name="Page 1 of")).to_be_visible()
        page.get_by_role("link", name="Send to the client").click()
        page.get_by_label("Valid until").fill("2099-12-31")
        page.get_by_role("button", name="Send to the client").click()
        expect(page.get_by_text("Sent", exact=True).first).to_be_visible()
        page.get_by_role("button", name="New version").click()
        expect(page.get_by_text("What was sent stands until you send it.")).to_be_visible()
