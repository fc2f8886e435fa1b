"""Sign-in, account, clients and settings in a real browser, done by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import assert_accessible
from tests.cast import PASSWORD, Cast

Open = Callable[..., Page]


class TestOutside:
    @pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
    @pytest.mark.parametrize("path", ["/sign-in?at={slug}", "/reset-password/gone", "/nothing/here"])
    def test_is_accessible(self, browser_page: Open, cast: Cast, path: str, *, phone: bool) -> None:
        page = browser_page(phone=phone, dark=phone, tolerate=("404",))
        page.goto(path.format(slug=cast.northwind.slug))
        assert_accessible(page)


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
