"""A first day in the portal, by hand, from the sign-in to an invoice's PDF; a swap the day after."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.accessibility import assert_accessible
from tests.cast import PASSWORD
from tests.journeys.conftest import story  # noqa: F401 - a fixture
from tests.journeys.story import Story
from tests.paper import text_of

LAPTOPS = """serial;maker;model;type;price;state
SN-A;Lenovo;ThinkPad T14;laptop;1.200,00;ready
SN-B;Lenovo;ThinkPad T14;laptop;1.200,00;ready
SN-C;Lenovo;ThinkPad T14;laptop;1.200,00;ready
"""


def sign_in(page: Page, story: Story) -> None:  # noqa: F811 - the fixture
    """By the form, as everybody does."""
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(story.cast.ana.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def bring_in(page: Page, story: Story) -> None:  # noqa: F811 - the fixture
    """Three laptops from a table: first what would happen, then the job, which the page follows by itself."""
    page.goto("/assets/import")
    table: FilePayload = {"name": "laptops.csv", "mimeType": "text/csv", "buffer": LAPTOPS.encode()}
    page.get_by_label("CSV file").set_input_files(table)
    page.get_by_label("Create hardware models that are not there yet").check()
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("3 assets will be made from laptops.csv.")).to_be_visible()
    assert_accessible(page)

    page.get_by_role("button", name="Bring in 3 assets").click()
    expect(page.get_by_text("Waiting", exact=True)).to_be_visible()
    story.work()
    expect(page.get_by_text("3 assets were brought in.")).to_be_visible(timeout=20_000)
    page.get_by_role("link", name="See them in the fleet").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def lease_two(page: Page) -> str:
    """An agreement, a lease of two laptops, its offer and the client's word; answers the lease's address."""
    page.goto("/leases/new")
    page.get_by_role("link", name="Acme Dental").click()
    page.get_by_role("link", name="Conclude an agreement").click()
    page.get_by_role("button", name="Conclude the agreement").click()
    page.get_by_label("Title").fill("Laptops head office")
    page.get_by_label("Term in months").fill("24")
    page.get_by_role("button", name="Go on to the lines").click()
    page.get_by_label("Hardware model").select_option(label="Lenovo ThinkPad T14")
    page.get_by_label("How many").fill("2")
    page.get_by_label("Price of one, each period (USD)").fill("31")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".key-figure")).to_have_text("$62.00")
    assert_accessible(page)

    page.get_by_role("link", name="Go on to the offer").click()
    page.get_by_role("button", name="Offer to the client").click()
    page.get_by_role("link", name="Accept").click()
    page.get_by_label("Accepted by").fill("Ada Client")
    page.get_by_role("button", name="Accept the offer").click()
    expect(page).to_have_url(re.compile(r"/leases/lse_\w+(\?|$)"))
    return page.url.partition("?")[0]


def hand_over(page: Page, lease: str) -> None:
    """Reserve, ship and have signed for: with that the lease is active."""
    page.goto(f"{lease}?tab=assets")
    page.get_by_role("button", name="Reserve the best free device for each").click()
    page.get_by_role("link", name="Several at once").click()
    page.get_by_label("Carrier or technician").fill("Courier")
    page.get_by_role("button", name="Ship", exact=True).click()
    page.get_by_role("link", name="Several at once").click()
    page.get_by_label("Signed by").fill("Ada Client")
    page.get_by_role("button", name="Client accepts").click()
    page.goto(lease)
    expect(page.get_by_text("In service", exact=True)).to_have_count(2)


def bill(page: Page, story: Story) -> None:  # noqa: F811 - the fixture
    """The run that the preview showed, once the tax is known: interim rent of 15 days of 31, 2 x 15.00."""
    page.goto("/billing")
    page.get_by_role("link", name="Add a rate").click()
    page.get_by_label("Rate in per cent").fill("8")
    page.get_by_label("Name").fill("Sales tax")
    page.get_by_label("Country").select_option("US")
    page.get_by_label("Holds from").fill("2020-01-01")
    page.get_by_role("button", name="Add rate").click()
    page.goto("/billing")
    expect(page.locator("#preview tbody")).to_contain_text("$32.40")  # 30.00 and 8 percent of it

    page.get_by_role("button", name="Bill as of Mar 17, 2026").click()
    expect(page.get_by_text("Waiting", exact=True)).to_be_visible()
    story.work()
    expect(page.get_by_text("Billed in USD")).to_be_visible(timeout=20_000)
    expect(page.locator(".job-count")).to_have_text("1 of 1")
    page.get_by_role("link", name="See what it issued").click()


def read_invoice(page: Page) -> None:
    """The invoice and its PDF say the same."""
    page.get_by_role("link", name="INV-2026-00001").click()
    expect(page.locator(".doc-totals .sum").last).to_have_text("$32.40")
    expect(page.get_by_text("SN-A")).to_be_visible()
    assert_accessible(page)
    printed = page.locator("#preview img").first
    expect(printed).to_be_visible()
    assert printed.evaluate("(page) => page.decode().then(() => page.naturalWidth)") > 400
    address = page.get_by_role("link", name="Open PDF").get_attribute("href")
    assert address is not None
    answer = page.request.get(address)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("inline")
    words = text_of(answer.body())
    for said in ("INV-2026-00001", "Acme Dental LLC", "SN-A", "SN-B", "$30.00", "$2.40", "$32.40"):
        assert said in words


def swap(page: Page, lease: str) -> None:
    """The first laptop's place goes to the third, which was on the shelf."""
    page.goto(lease)
    page.locator("tr", has_text="SN-A").get_by_role("link", name="Swap").click()
    page.get_by_role("link", name=re.compile("SN-C")).click()
    expect(page.get_by_role("heading", name="What this swap does")).to_be_visible()
    page.get_by_label("Condition of the one that goes").fill("Disk failing")
    page.get_by_role("button", name="Swap now").click()
    expect(page.get_by_text("Disk failing")).to_be_visible()
    assert_accessible(page)
    page.goto(lease)
    stands = page.locator("tr", has_text="SN-C")
    expect(stands.get_by_text("In service", exact=True)).to_be_visible()
    expect(stands).to_contain_text("SN-A: Mar 17, 2026 – Mar 18, 2026")


@pytest.mark.timeout(300)
def test_first_day(browser_page: Callable[..., Page], story: Story) -> None:  # noqa: F811 - the fixture
    story.on("03-17 15:00")
    page = browser_page()
    sign_in(page, story)
    bring_in(page, story)
    lease = lease_two(page)
    hand_over(page, lease)
    bill(page, story)
    read_invoice(page)
    story.on("03-18 15:00")  # the next day: yesterday's sign-in has run out
    sign_in(page, story)
    swap(page, lease)
    story.work()
