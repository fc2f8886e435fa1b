"""Sign-in, account, clients and settings in a real browser: accessible at both widths, and done by hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from haas import db
from haas.accounts import clients, tokens
from haas.auth.permissions import permissions_of
from tests.browser.accessibility import assert_accessible
from tests.cast import NOW, PASSWORD, PEPPER, Cast

Open = Callable[..., Page]

PAGES = {
    "/sign-in": None,
    "/sign-in?at={slug}": None,
    "/sign-in/forgotten": None,
    "/reset-password/gone": None,
    "/account": "ana",
    "/account/security": "ana",
    "/account/sessions": "ana",
    "/account/confirm": "ana",
    "/settings/team": "ana",
    "/settings/team/roles": "ana",
    "/settings/team/invite": "ana",
    "/settings/tokens": "ana",
    "/settings/tokens/new": "ana",
    "/settings/branding": "ana",
    "/settings/general": "ana",
    "/settings/audit": "fay",
    "/clients": "sam",
    "/clients?q=nothing": "sam",
    "/clients/new": "sam",
    "/clients/{acme}": "ana",
    "/clients/{acme}?tab=sites": "ana",
    "/clients/{acme}?tab=people": "ana",
    "/clients/{acme}/edit": "ana",
    "/sites": "ada",
    "/sites/new/{acme}": "ben",
    "/operator/partners": "olga",
    "/operator/partners/new": "olga",
}


@pytest.fixture
def lived_in(cast: Cast) -> Cast:
    """Some history, so that lists are not empty."""
    with db.unit_of_work(cast.tenant) as session:
        clients.edit_client(session, cast.tenant, client_id=cast.acme.id, changes={"phone": "+1 555 0100"})
        tokens.create_token(
            session,
            cast.tenant,
            user=cast.ana,
            held=permissions_of(cast.ana.role),
            name="nightly export",
            scopes=["asset.read", "invoice.read"],
            lasts_days=365,
            pepper=PEPPER,
            now=NOW,
        )
    return cast


class TestEveryPage:
    @pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
    @pytest.mark.parametrize(("path", "user"), PAGES.items(), ids=str)
    def test_is_accessible(
        self, browser_page: Open, lived_in: Cast, path: str, user: str | None, *, phone: bool
    ) -> None:
        person = getattr(lived_in, user) if user else None
        page = browser_page(person, phone=phone, dark=phone, tolerate=("404",))
        page.goto(path.format(acme=lived_in.acme.id, slug=lived_in.northwind.slug))
        assert_accessible(page)
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0
        if folder := os.environ.get("HAAS_SCREENSHOTS"):
            name = path.strip("/").translate(str.maketrans("/?={}", "_____"))
            page.screenshot(path=Path(folder) / f"{name}-{'phone' if phone else 'desk'}.png", full_page=True)


class TestSigningIn:
    def test_works_by_keyboard_alone(self, browser_page: Open, cast: Cast) -> None:
        page = browser_page()
        page.goto("/sign-in?next=/account")
        page.keyboard.type(cast.ana.email)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/account")

    def test_works_without_scripts(self, browser_page: Open, cast: Cast) -> None:
        page = browser_page(scripts=False)
        page.goto("/sign-in?next=/account")
        expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
        page.get_by_label("E-mail address").fill(cast.ana.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/account")

    def test_says_what_did_not_work_and_takes_the_eye_there(self, browser_page: Open, cast: Cast) -> None:
        page = browser_page(tolerate=("422",))
        page.goto("/sign-in")
        page.get_by_label("E-mail address").fill(cast.ana.email)
        page.get_by_label("Password").fill("not the password")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("alert").first).to_contain_text("could not sign you in")
        expect(page.get_by_label("E-mail address")).to_have_value(cast.ana.email)


class TestBranding:
    def test_is_previewed_while_it_is_typed(self, browser_page: Open, cast: Cast) -> None:
        page = browser_page(cast.ana)
        page.goto("/settings/branding")
        page.get_by_label("Name shown to clients").fill("Brightside")
        expect(page.locator("#preview h3")).to_have_text("Brightside")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Papers and mails from now on")).to_be_visible()


class TestTheTeam:
    def test_is_changed_after_a_question(self, browser_page: Open, cast: Cast) -> None:
        page = browser_page(cast.ana)
        page.goto("/settings/team")
        page.get_by_label("Change Ben Technician").click()
        page.get_by_role("button", name="Make Sales").click()
        page.get_by_role("dialog").get_by_role("button", name="Make Sales").click()
        expect(page.get_by_text("Ben Technician has another role")).to_be_visible()
