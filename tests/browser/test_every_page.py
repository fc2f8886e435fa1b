"""Every page of the product in Chromium: no finding by axe, nothing in the console, no sideways scrolling."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from haas import db
from haas.auth.models import User
from tests.agent.world import wait_for
from tests.architecture.demo import Demo
from tests.architecture.test_pages import addresses, is_public, may, none
from tests.browser.accessibility import findings
from tests.browser.conftest import DESK, PHONE, signed_in

SCREENS: dict[str, dict[str, Any]] = {
    "phone in light": {"viewport": PHONE, "has_touch": True, "color_scheme": "light"},
    "desk in dark": {"viewport": DESK, "color_scheme": "dark"},
}
PARTS = 3  # of the owner's pages, so that several processes share them
ALWAYS_OPEN = {"eventsource", "websocket"}  # requests that end with the page alone
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
# What is wrong with where the keyboard is: nothing to see of it, or something above it.
FOCUS = """() => {
  const here = document.activeElement;
  if (here === document.body) return null;
  const name = `${here.outerHTML.slice(0, 90)}…`;
  const look = getComputedStyle(here), box = here.getBoundingClientRect();
  const outlined = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) > 0;
  const ringed = here.matches("input, select, textarea") && look.boxShadow !== "none";
  const within = (at, size) => Math.max(1, Math.min(at, size - 2));
  const x = within(box.left + box.width / 2, innerWidth), y = within(box.top + box.height / 2, innerHeight);
  const hit = document.elementFromPoint(x, y);
  const free = box.height > innerHeight || hit && (here.contains(hit) || hit.contains(here));
  const hidden = free ? "" : `hidden by ${hit ? hit.outerHTML.slice(0, 60) : "nothing"}`;
  return [name, outlined || ringed ? "" : "no sign of the focus", hidden];
}"""
TABS = 60  # past the frame of a page, into what it shows
MAIN_PAGES = (
    "/",
    "/assets",
    "/assets/{asset_id}",
    "/leases/{lease_id}",
    "/leases/new?agreement_id={agreement_id}",
    "/invoices/{invoice_id}",
    "/swaps/new",
)

Web = Callable[[User | None], FlaskClient]


@pytest.fixture(scope="module")
def site(demo: Demo, live_app: Flask, live_server: str) -> Iterator[str]:
    """The live server, looking at the demo."""
    own = live_app.config["HAAS"]
    live_app.config["HAAS"] = demo.settings
    yield live_server
    # An answer to a page that is gone may still be under way, and holds a connection to the demo.
    wait_for(lambda: "Current Checked out connections: 0" in db.engine().pool.status())
    live_app.config["HAAS"] = own


@pytest.fixture(scope="module")
def pages_of(app: Flask, demo: Demo, web: Web) -> Callable[[User | None], list[str]]:
    """`pages_of(user)`: the paths of the pages it may see, each look once; for nobody the public ones."""
    places = [place for place in addresses(app, demo.northwind) if not place.for_programs]

    @cache
    def found(user: User | None) -> list[str]:
        client, answered = web(user), defaultdict(list)
        for place in places:
            if is_public(app, place) != (user is None) or (user is not None and not may(app, place, user)):
                continue
            answer = client.get(place.path)
            if answer.status_code == 200 and answer.mimetype == "text/html":
                text = answer.get_data(as_text=True)
                if "<html" in text[:400].lower():  # a whole page, not a part of one
                    answered[place.endpoint].append((place.path, look_of(text)))
        return [path for pages in answered.values() for path in distinct(pages)]

    return found


def look_of(text: str) -> set[str]:
    """What a page is made of, whatever it says: its elements, their classes and what they are for."""
    return set(re.findall(r"<[a-z][a-z0-9]*|\sclass=\"[^\"]*\"|\srole=\"\w+\"|\saria-[a-z]+(?==)", text))


def distinct(pages: Sequence[tuple[str, set[str]]]) -> Iterator[str]:
    """Of the pages of one route those that have something no other has: a tab, a state, an empty list."""
    known: set[str] = set()
    for path, look in sorted(pages, key=lambda page: len(page[1]), reverse=True):
        if not known or look - known:
            yield path
        known |= look


class Walker:
    """Somebody in a browser of one width, and what is wrong with the pages seen."""

    def __init__(self, page: Page, screen: str) -> None:
        self.page, self.screen = page, screen
        self.problems: list[str] = []
        self._under_way: set[Request] = set()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._note(f"error of a script: {error}"))
        page.on("request", self._begin)
        page.on("requestfinished", self._end)
        page.on("requestfailed", self._end)

    def look_at(self, path: str) -> None:
        """Go there and look."""
        self._arrive(path)
        for each in findings(self.page):
            self._note(each)
        if folder := os.environ.get("HAAS_SCREENSHOTS"):
            name = f"{self.screen.partition(' ')[0]}-{re.sub(r'[^a-z0-9]+', '_', path.lower())[:120]}.png"
            self.page.screenshot(path=Path(folder) / name, full_page=True)

    def walk(self, paths: Sequence[str]) -> None:
        """Look at all of them, and fail with every problem of every page."""
        assert paths
        for path in paths:
            self.look_at(path)
        none(self.problems)

    def tab_through(self, path: str) -> None:
        """Go from one thing to the next by keyboard."""
        self._arrive(path)
        for _ in range(TABS):
            self.page.keyboard.press("Tab")
            if (found := self.page.evaluate(FOCUS)) is None:
                break
            name, *wrong = found
            for each in filter(None, wrong):
                self._note(f"{each}: {name}")

    def _arrive(self, path: str) -> None:
        """Go there, and wait until all that the page asks for has come."""
        self._under_way.clear()
        answer = self.page.goto(path)
        self.page.evaluate(PAINTED)  # what a script draws asks for its figures only then
        while self._under_way:
            self.page.evaluate(PAINTED)
        if answer is None or not answer.ok:
            self._note(f"answered {answer.status if answer else 'nothing'}")

    def _note(self, problem: str) -> None:
        self.problems.append(f"{self.page.url} ({self.screen}): {problem}")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text}")

    def _begin(self, request: Request) -> None:
        if request.resource_type not in ALWAYS_OPEN:
            self._under_way.add(request)

    def _end(self, request: Request) -> None:
        self._under_way.discard(request)


@pytest.fixture
def walker(chromium: Browser, live_app: Flask, site: str) -> Iterator[Callable[[User | None, str], Walker]]:
    """`walker(user, screen)`: somebody who is signed in there, if anybody."""
    contexts = []

    def begin(user: User | None, screen: str) -> Walker:
        context = chromium.new_context(
            base_url=site, locale="en-US", reduced_motion="reduce", **SCREENS[screen]
        )
        contexts.append(context)
        if user is not None:
            context.add_cookies([{"name": "haas", "value": signed_in(live_app, user), "url": site}])
        return Walker(context.new_page(), screen)

    yield begin
    for context in contexts:
        context.close()


@pytest.mark.parametrize("screen", SCREENS)
class TestEveryPage:
    @pytest.mark.parametrize("part", range(PARTS))
    def test_of_the_partner_is_sound(self, demo: Demo, pages_of: Any, walker: Any, screen: str, part: int):
        owner = demo.northwind.owner
        walker(owner, screen).walk(pages_of(owner)[part::PARTS])

    def test_of_a_client_is_sound(self, demo: Demo, pages_of: Any, walker: Any, screen: str):
        admin = demo.northwind.people["client.admin"]
        walker(admin, screen).walk(pages_of(admin))

    def test_of_the_operator_is_sound(self, demo: Demo, pages_of: Any, walker: Any, screen: str):
        walker(demo.operator, screen).walk(pages_of(demo.operator))

    def test_before_signing_in_is_sound(self, pages_of: Any, walker: Any, screen: str):
        walker(None, screen).walk(pages_of(None))


@pytest.mark.parametrize("screen", SCREENS)
class TestKeyboard:
    def test_is_seen_wherever_it_is(self, demo: Demo, walker: Any, screen: str):
        ids = {name: found[0] for name, found in demo.northwind.ids.items() if found}
        typist = walker(demo.northwind.owner, screen)
        for path in MAIN_PAGES:
            typist.tab_through(path.format_map(ids))
        none(typist.problems)
