"""The fleet's pages in a real browser: what is shown, what is done with them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, Page, expect

from devices import operations
from haas import db
from tests.browser.accessibility import assert_accessible
from tests.cast import Cast
from tests.devices.fleet import START, bring, make_asset, make_model

CSV = (
    "Serial number;Maker;Model;Type;Price\n"
    "F-100;Lenovo;ThinkPad X1;laptop;1.900,00\n"
    "F-101;Lenovo;ThinkPad X1;laptop;{price}\n"
)


@pytest.fixture
def fleet(cast: Cast) -> dict[str, str]:
    """A few assets in different states."""
    ids = {}
    with db.unit_of_work(cast.tenant) as session:
        model = make_model(session, cast.tenant, name="ThinkPad T14 Gen 5")
        for state in ("received", "ready", "in_service", "quarantine", "refurbishing", "lost"):
            asset = make_asset(session, cast.tenant, model_id=model.id, supplier="Also")
            ids[state] = bring(session, cast.tenant, asset, to=state, client_id=cast.acme.id).id
        operations.place_asset(
            session,
            cast.tenant,
            asset_id=ids["in_service"],
            client_id=cast.acme.id,
            site_id=cast.acme_site.id,
            custodian="Ada, front desk",
            at=START.replace(month=6),
        )
    return ids


class TestAsset:
    def test_works_without_scripts(
        self, cast: Cast, fleet: dict[str, str], browser_page: Callable[..., Page]
    ) -> None:
        page = browser_page(cast.ben, scripts=False)
        page.goto(f"/assets/{fleet['received']}")

        page.get_by_role("button", name="Start staging").click()

        expect(page.get_by_text("Start staging, done.")).to_be_visible()


class TestFleetList:
    def test_moves_what_was_ticked(
        self, cast: Cast, fleet: dict[str, str], browser_page: Callable[..., Page]
    ) -> None:
        page = browser_page(cast.ben)
        page.goto("/assets?view=stock")
        expect(page.get_by_role("button", name="Move")).to_be_hidden()
        page.locator(f"input[value={fleet['received']}]").check()
        expect(page.get_by_text("1 selected")).to_be_visible()

        page.get_by_role("button", name="Move").click()
        page.get_by_label("What to do").select_option("stage")
        page.get_by_role("button", name="Move 1 asset").click()

        expect(page.get_by_text("Done for 1 asset.")).to_be_visible()

    def test_narrows_as_one_types_and_chooses(
        self, cast: Cast, fleet: dict[str, str], browser_page: Callable[..., Page]
    ) -> None:
        page = browser_page(cast.ana)
        page.goto("/assets")
        expect(page.locator("tbody tr")).to_have_count(6)

        page.get_by_role("combobox", name="Client").select_option("none")

        expect(page).to_have_url(re.compile("client=none"))
        expect(page.locator("tbody tr")).to_have_count(5)


class TestSavedView:
    def test_is_kept_on_a_phone_and_stands_in_sight_as_the_open_tab(
        self, cast: Cast, fleet: dict[str, str], browser_page: Callable[..., Page]
    ) -> None:
        page = browser_page(cast.ana, phone=True)
        page.goto("/assets?category=laptop&grade=A")
        page.get_by_text("Save this view").click()
        assert_accessible(page)
        page.get_by_label("Name of the view").fill("Best laptops")
        page.get_by_role("button", name="Save", exact=True).click()

        tab = page.get_by_role("link", name="Best laptops")
        expect(tab).to_have_attribute("aria-current", "page")
        expect(tab).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") == 390

        page.get_by_role("combobox", name="Grade").select_option("B")
        page.get_by_role("button", name="Save changes").click()
        expect(page).to_have_url(re.compile("grade=B&saved="))


class TestImportFlow:
    def test_shows_errors_by_row_then_brings_the_corrected_file_in(
        self, cast: Cast, browser_page: Callable[..., Page]
    ) -> None:
        page = browser_page(cast.ana, tolerate=("422",))
        page.goto("/assets/import")
        wrong: FilePayload = {
            "name": "f.csv",
            "mimeType": "text/csv",
            "buffer": CSV.format(price="dear").encode(),
        }
        page.get_by_label("CSV file").set_input_files(wrong)
        page.get_by_role("button", name="Check the file").click()
        expect(page.get_by_text("dear is not an amount")).to_be_visible()
        assert_accessible(page)

        page.get_by_role("link", name="Upload the corrected file").click()
        right: FilePayload = {
            "name": "f.csv",
            "mimeType": "text/csv",
            "buffer": CSV.format(price="99,50").encode(),
        }
        page.get_by_label("CSV file").set_input_files(right)
        page.get_by_role("button", name="Check the file").click()
        expect(page.get_by_text("2 assets will be made from f.csv.")).to_be_visible()
        assert_accessible(page)

        page.get_by_role("button", name="Bring in 2 assets").click()
        expect(page.get_by_text("Import of f.csv")).to_be_visible()


class TestLanding:
    def test_tells_a_finder_whose_it_is_and_nothing_else(
        self, cast: Cast, fleet: dict[str, str], browser_page: Callable[..., Page]
    ) -> None:
        from devices.queries import current_label

        with db.unit_of_work(cast.tenant) as session:
            label = current_label(session, cast.tenant, asset_id=fleet["in_service"])
        assert label is not None
        page = browser_page()

        page.goto(f"/q/{label.token}")

        expect(page.get_by_role("heading", name="Property of Northwind IT")).to_be_visible()
        assert "ThinkPad" not in page.content()
        assert cast.acme.name not in page.content()
