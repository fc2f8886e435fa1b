"""The shell in a real browser: overview, search, theme and keys; at a desk, on a phone, without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from haas import db
from tests.browser.accessibility import assert_accessible
from tests.cast import Cast
from tests.small_fleet import add_fleet, newest_month

Open = Callable[..., Page]
SIZES = pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
THEMES = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


@pytest.fixture
def fleet(cast: Cast) -> None:
    with db.unit_of_work(cast.tenant) as session:
        add_fleet(session, cast)


@SIZES
@THEMES
@pytest.mark.usefixtures("fleet")
class TestShell:
    def test_is_accessible_with_its_menus_open(self, browser_page: Open, cast: Cast, phone, dark):
        page = browser_page(cast.ana, phone=phone, dark=dark)
        page.goto("/jobs")
        page.get_by_label("Your account").click()
        expect(page.get_by_text("Appearance")).to_be_visible()
        assert_accessible(page)


@pytest.mark.usefixtures("fleet")
class TestOverview:
    def test_draws_the_rent_and_fills_the_table_behind_it(self, browser_page: Open, cast: Cast):
        page = browser_page(cast.ana)
        page.goto("/")
        chart = page.locator("#rent-by-month")
        expect(chart.locator("canvas")).to_be_visible()
        chart.get_by_text("Show the figures").click()
        expect(chart.locator("tbody tr")).to_have_count(18)  # a year and half a year ahead
        row = chart.locator("tbody tr").filter(has_text=f"{newest_month(cast):%b %y}")
        expect(row).to_contain_text("$2,800.00")  # two clients' 1,400

    def test_is_complete_without_scripts(self, browser_page: Open, cast: Cast):
        page = browser_page(cast.ana, scripts=False)
        page.goto("/")
        expect(page.get_by_text("4 invoices are overdue")).to_be_visible()
        page.locator("#rent-by-month summary").click()
        row = page.locator("#rent-by-month tbody tr").filter(has_text=f"{newest_month(cast):%b %y}")
        expect(row).to_contain_text("$2,800.00")

    def test_is_worked_off_by_keyboard(self, browser_page: Open, cast: Cast):
        page = browser_page(cast.ana)
        page.goto("/")
        link = page.locator("a.needs-row").filter(has_text="Import of laptops.csv")
        for _ in range(12):
            page.keyboard.press("j")
            if link.evaluate("row => row.classList.contains('is-current')"):
                break
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Import of laptops.csv")).to_be_visible()


class TestSearch:
    def test_opens_by_slash_and_goes_where_enter_says(self, browser_page: Open, cast: Cast):
        page = browser_page(cast.ana)
        page.goto("/")
        page.keyboard.press("/")
        expect(page.locator("#palette")).to_be_visible()
        page.keyboard.type("jo")
        expect(page.get_by_role("option")).to_have_count(1)
        assert_accessible(page)
        page.keyboard.press("Enter")
        expect(page).to_have_url("/jobs")

    def test_opens_by_control_k_and_closes_by_escape(self, browser_page: Open, cast: Cast):
        page = browser_page(cast.ana)
        page.goto("/")
        page.keyboard.press("Control+k")
        expect(page.locator("#palette")).to_be_visible()
        page.keyboard.type("nothing begins so")
        expect(page.locator("#palette-hint")).to_contain_text("Nothing begins with that")
        page.keyboard.press("Escape")
        expect(page.locator("#palette")).to_be_hidden()

    def test_takes_what_is_typed_in_the_bar_but_not_who_passes_it(self, browser_page: Open, cast: Cast):
        page = browser_page(cast.ana)
        page.goto("/")
        page.locator(".topbar-search input").focus()
        expect(page.locator("#palette")).to_be_hidden()
        page.keyboard.type("jo")
        expect(page.locator("#palette-input")).to_have_value("jo")

    def test_works_as_a_page_without_scripts(self, browser_page: Open, cast: Cast):
        page = browser_page(cast.ana, scripts=False)
        page.goto("/")
        page.locator(".topbar-search input").fill("jobs")
        page.keyboard.press("Enter")
        page.locator("main").get_by_role("link", name="Jobs").click()
        expect(page).to_have_url("/jobs")


class TestShortcuts:
    def test_go_to_a_page_by_two_keys(self, browser_page: Open, cast: Cast):
        page = browser_page(cast.ana)
        page.goto("/")
        page.keyboard.press("g")
        page.keyboard.press("j")
        expect(page).to_have_url("/jobs")

    def test_are_listed_by_a_question_mark(self, browser_page: Open, cast: Cast):
        page = browser_page(cast.ana)
        page.goto("/")
        page.keyboard.press("?")
        expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
        assert_accessible(page)


class TestTheme:
    def theme(self, page: Page) -> str:
        return str(page.evaluate("document.documentElement.dataset.bsTheme"))

    @THEMES
    def test_follows_the_system_until_chosen(self, browser_page: Open, cast: Cast, dark):
        page = browser_page(cast.ana, dark=dark)
        page.goto("/")
        assert self.theme(page) == ("dark" if dark else "light")

    @pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
    def test_is_remembered_by_the_server_and_stays_on_the_page(self, browser_page: Open, cast: Cast, scripts):
        page = browser_page(cast.ana, scripts=scripts)
        page.goto("/jobs")
        page.get_by_label("Your account").click()
        page.get_by_role("button", name="Dark").click()
        expect(page).to_have_url("/jobs?")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
        # Another browser of the same person, and never a light first paint.
        other = browser_page(cast.ana, scripts=False)
        other.goto("/")
        expect(other.locator("html")).to_have_attribute("data-bs-theme", "dark")


class TestFrame:
    def test_lets_the_keyboard_skip_to_the_content(self, browser_page: Open, cast: Cast):
        page = browser_page(cast.ana)
        page.goto("/")
        page.keyboard.press("Tab")
        expect(page.get_by_text("Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"

    def test_has_a_bar_for_the_thumb_on_a_phone(self, browser_page: Open, cast: Cast):
        page = browser_page(cast.ana, phone=True)
        page.goto("/")
        bar = page.locator(".phonebar")
        bar.get_by_text("More").click()
        bar.get_by_role("link", name="Jobs").click()
        expect(page).to_have_url("/jobs")

    def test_brings_a_first_visit_in_under_250_kilobytes(self, browser_page: Open, cast: Cast):
        page = browser_page(cast.ana)
        sizes: list[int] = []
        page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
        page.goto("/", wait_until="networkidle")
        assert sum(sizes) < 250_000
