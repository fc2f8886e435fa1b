"""The scan page on a phone whose camera films a real QR code: from the picture to the finished move."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import qrcode
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, FilePayload, Page, expect

from devices import queries
from devices.models import Asset
from haas import db
from haas.auth.models import User
from tests.browser.accessibility import assert_accessible
from tests.browser.conftest import CHROMIUM_ARGUMENTS, PHONE, signed_in
from tests.browser.fake_camera import film
from tests.cast import Cast
from tests.devices.fleet import make_asset


@pytest.fixture
def asset(cast: Cast) -> Asset:
    """A received laptop."""
    with db.unit_of_work(cast.tenant) as session:
        return make_asset(session, cast.tenant)


def label_of(cast: Cast, asset: Asset) -> str:
    """The address on the asset's label."""
    with db.unit_of_work(cast.tenant) as session:
        label = queries.current_label(session, cast.tenant, asset_id=asset.id)
    assert label is not None
    return f"http://localhost/q/{label.token}"


def png(text: str) -> bytes:
    """A QR code as a picture."""
    out = io.BytesIO()
    qrcode.make(text).get_image().save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def phone(
    chromium: Browser, live_app: Flask, live_server: str, tmp_path: Path
) -> Iterator[Callable[..., Page]]:
    """`phone(user, code, tolerate=())`: a browser of its own: the film is an argument of the program."""
    opened: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(user: User, code: str, tolerate: tuple[str, ...] = ()) -> Page:
        program = os.environ.get("HAAS_TEST_CHROMIUM") or shutil.which("chromium")
        context = chromium.browser_type.launch_persistent_context(
            tmp_path / f"profile-{len(opened)}",
            executable_path=program,
            args=[
                *CHROMIUM_ARGUMENTS,
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={film(tmp_path / 'camera.y4m', code)}",
            ],
            base_url=live_server,
            viewport={"width": PHONE["width"], "height": PHONE["height"]},
            has_touch=True,
            is_mobile=True,
            permissions=["camera"],
            locale="en-US",
        )
        opened.append(context)
        context.add_cookies([{"name": "haas", "value": signed_in(live_app, user), "url": live_server}])
        page = context.pages[0]

        def hear(said: ConsoleMessage) -> None:
            if said.type == "error" and not any(text in said.text for text in tolerate):
                complaints.append(said.text)

        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_page
    for context in opened:
        context.close()
    # A code that is unknown is answered 404, which the browser itself writes into its console.
    assert [text for text in complaints if "status of 404" not in text] == []


class TestScanByCamera:
    def test_shows_the_asset_and_does_what_its_state_allows(
        self, cast: Cast, asset: Asset, phone: Callable[[User, str], Page]
    ) -> None:
        page = phone(cast.ben, label_of(cast, asset))

        page.goto("/scan")

        card = page.get_by_role("article", name=asset.tag)
        expect(card).to_be_visible(timeout=15_000)
        expect(card.get_by_text("Received")).to_be_visible()
        assert_accessible(page)

        card.get_by_role("button", name="Start staging").click()

        expect(page.get_by_text("Done: Start staging")).to_be_visible()
        expect(page.get_by_role("article", name=asset.tag).get_by_text("Staging", exact=True)).to_be_visible()
        with db.unit_of_work(cast.tenant) as session:
            assert queries.get_asset(session, cast.tenant, asset_id=asset.id).state == "staging"
            last = queries.moves_of(session, cast.tenant, asset_id=asset.id)[-1]
            assert last.idempotency_key
            assert last.actor == cast.ben.id
        expect(page.get_by_role("region", name="Scanned just now").get_by_role("link")).to_have_count(1)

    def test_warns_of_a_label_that_leads_elsewhere(
        self, cast: Cast, phone: Callable[[User, str], Page]
    ) -> None:
        page = phone(cast.ben, "https://evil.example/q/AAAAAAAAAAAAAAAAAAAAAA")

        page.goto("/scan")

        expect(page.get_by_text("This is not one of our labels")).to_be_visible(timeout=15_000)
        expect(page.get_by_text("evil.example")).to_be_visible()

    def test_knows_no_asset_of_another_partner(
        self, cast: Cast, asset: Asset, phone: Callable[[User, str], Page]
    ) -> None:
        page = phone(cast.cleo, label_of(cast, asset))

        page.goto("/scan")

        expect(page.get_by_text("This code belongs to no asset of yours.")).to_be_visible(timeout=15_000)
        assert asset.tag not in page.content()


class TestScanWithoutCamera:
    def test_finds_what_is_typed(self, cast: Cast, asset: Asset, browser_page: Callable[..., Page]) -> None:
        page = browser_page(cast.ben, phone=True)
        page.goto("/scan")
        page.get_by_label("Type the code").fill((asset.serial or "").lower())

        page.get_by_role("button", name="Find").click()

        expect(page.get_by_role("article", name=asset.tag)).to_be_visible()

    def test_reads_a_photo(self, cast: Cast, asset: Asset, browser_page: Callable[..., Page]) -> None:
        page = browser_page(cast.ben, phone=True)
        page.goto("/scan")
        photo: FilePayload = {
            "name": "label.png",
            "mimeType": "image/png",
            "buffer": png(label_of(cast, asset)),
        }
        page.get_by_label("Or send a photo of the label").set_input_files(photo)

        page.get_by_role("button", name="Read").click()

        expect(page.get_by_role("article", name=asset.tag)).to_be_visible()

    def test_opens_with_the_card_of_a_label_that_another_program_scanned(
        self, cast: Cast, asset: Asset, browser_page: Callable[..., Page]
    ) -> None:
        page = browser_page(cast.ben, phone=True)

        page.goto(label_of(cast, asset).removeprefix("http://localhost"))

        expect(page.get_by_role("article", name=asset.tag)).to_be_visible()

    def test_works_without_scripts(self, cast: Cast, asset: Asset, browser_page: Callable[..., Page]) -> None:
        page = browser_page(cast.ben, phone=True, scripts=False)
        page.goto("/scan")
        page.get_by_label("Type the code").fill(asset.tag)

        page.get_by_role("button", name="Find").click()

        expect(page.get_by_text(asset.tag)).to_be_visible()
