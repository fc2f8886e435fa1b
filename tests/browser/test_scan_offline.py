"""The scan page in a cellar: it opens without signal, keeps what is done, and sends it once there is some."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from devices import operations, queries
from devices.models import Asset
from haas import db
from haas.auth.models import User
from tests.browser.accessibility import assert_accessible
from tests.browser.conftest import signed_in
from tests.browser.test_scan import label_of, phone  # noqa: F401 - a fixture
from tests.cast import Cast
from tests.devices.fleet import bring, make_asset

Open = Callable[..., Page]
NO_SIGNAL = "net::ERR_INTERNET_DISCONNECTED"
LEFT = """() => new Promise((resolve) => {
  indexedDB.open("haas-scan").onsuccess = ({ target: { result } }) => {
    const counted = (name) => new Promise((told) => {
      result.transaction(name).objectStore(name).count().onsuccess = ({ target }) => told(target.result);
    });
    Promise.all(["person", "cards"].map(counted)).then(resolve);
  };
})"""
REFUSED = ("status of 404", "status of 409", NO_SIGNAL)


@pytest.fixture
def asset(cast: Cast) -> Asset:
    """A received laptop."""
    with db.unit_of_work(cast.tenant) as session:
        return make_asset(session, cast.tenant)


@pytest.fixture
def returning(cast: Cast) -> Asset:
    """A laptop on its way back from Acme, which no phone has seen."""
    with db.unit_of_work(cast.tenant) as session:
        return bring(
            session, cast.tenant, make_asset(session, cast.tenant), to="in_transit_in", client_id=cast.acme.id
        )


def visit(page: Page, path: str = "/scan") -> None:
    """Open the page once with signal, until it is kept on the phone."""
    page.goto(path)
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")


def find(page: Page, code: str) -> None:
    """Type a code, as for a label that is torn."""
    page.get_by_label("Type the code").fill(code)
    page.get_by_role("button", name="Find").click()


def counter(page: Page) -> Locator:
    """The line that is always in sight."""
    return page.get_by_role("region", name="What waits to be sent").get_by_role("status")


def verbs_of(cast: Cast, asset: Asset) -> list[str]:
    """What was done to the asset, the oldest first."""
    with db.unit_of_work(cast.tenant) as session:
        return [move.verb for move in queries.moves_of(session, cast.tenant, asset_id=asset.id)]


def state_of(cast: Cast, asset: Asset) -> str:
    """Where the asset is."""
    with db.unit_of_work(cast.tenant) as session:
        return queries.get_asset(session, cast.tenant, asset_id=asset.id).state


def become(page: Page, app: Flask, user: User, address: str) -> None:
    """Another person signs in on the same phone."""
    page.context.clear_cookies()
    page.context.add_cookies([{"name": "haas", "value": signed_in(app, user), "url": address}])


class TestWithoutSignal:
    def test_the_camera_scans_and_moves_wait_until_they_are_sent_once(
        self,
        cast: Cast,
        asset: Asset,
        returning: Asset,
        phone: Open,  # noqa: F811 - the fixture
    ) -> None:
        page = phone(
            cast.ben, label_of(cast, asset), (NO_SIGNAL,)
        )  # the film shows the label of the one at hand
        visit(page)
        expect(page.get_by_role("article", name=asset.tag)).to_be_visible(timeout=15_000)

        page.context.set_offline(True)
        page.goto("/scan")
        expect(page.get_by_role("button", name="Try for signal")).to_be_visible()
        card = page.get_by_role("article", name=asset.tag)  # seen before: the camera finds it again
        expect(card.get_by_text("As seen 1 min ago")).to_be_visible(timeout=15_000)
        card.get_by_role("button", name="Start staging").click()
        expect(card.get_by_text("Start staging: Kept on this phone")).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        find(page, returning.tag)
        card = page.get_by_role("article", name=returning.tag)
        expect(card.get_by_text("This phone has not seen it yet")).to_be_visible()
        card.get_by_role("button", name="Take in").click()

        expect(counter(page)).to_have_text("No signalWaiting: 4")  # two scans, two moves
        page.evaluate("scrollTo(0, 0)")  # the counter stays in sight by lying over what is scrolled away
        assert_accessible(page)
        assert (verbs_of(cast, asset)[-1], state_of(cast, returning)) == ("register", "in_transit_in")

        pressed_at = datetime.now(UTC)
        page.context.set_offline(False)

        expect(counter(page)).to_have_text("OnlineNothing waits", timeout=30_000)
        expect(page.get_by_role("article", name=returning.tag).get_by_text("Quarantine")).to_be_visible()
        assert verbs_of(cast, asset).count("stage") == 1
        with db.unit_of_work(cast.tenant) as session:
            move = queries.moves_of(session, cast.tenant, asset_id=returning.id)[-1]
        assert (move.verb, move.actor) == ("dock", cast.ben.id)
        assert pressed_at - timedelta(minutes=1) < move.moved_at < pressed_at + timedelta(seconds=30)

    def test_what_waits_can_be_undone(self, browser_page: Open, cast: Cast, asset: Asset) -> None:
        page = browser_page(cast.ben, phone=True, tolerate=(NO_SIGNAL,))
        visit(page, f"/scan?asset={asset.id}")
        page.context.set_offline(True)
        card = page.get_by_role("article", name=asset.tag)
        card.get_by_role("button", name="Start staging").click()
        # Where it will be by then is known: the next step is offered, and can wait too.
        card.get_by_role("button", name="Make ready").click()
        expect(counter(page)).to_have_text("No signalWaiting: 2")

        page.get_by_text("What waits", exact=True).click()
        page.get_by_role("button", name=f"Undo: Make ready, {asset.tag}").click()

        expect(counter(page)).to_have_text("No signalWaiting: 1")
        page.context.set_offline(False)
        expect(counter(page)).to_have_text("OnlineNothing waits")
        assert state_of(cast, asset) == "staging"

    def test_what_a_form_asks_for_is_asked_on_the_card(
        self, browser_page: Open, cast: Cast, asset: Asset
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            broken = bring(session, cast.tenant, asset, to="in_service", client_id=cast.acme.id)
        page = browser_page(cast.ben, phone=True, tolerate=(NO_SIGNAL,))
        visit(page, f"/scan?asset={broken.id}")
        page.context.set_offline(True)
        card = page.get_by_role("article", name=broken.tag)
        card.get_by_role("group").filter(has_text="Report fault").locator("summary").click()
        card.get_by_label("What happened").fill("Hinge broken")
        card.get_by_role("button", name="Keep it to be sent").click()
        expect(counter(page)).to_have_text("No signalWaiting: 1")

        page.context.set_offline(False)

        expect(page.get_by_role("article", name=broken.tag).get_by_text("In repair")).to_be_visible()
        with db.unit_of_work(cast.tenant) as session:
            assert queries.moves_of(session, cast.tenant, asset_id=broken.id)[-1].reason == "Hinge broken"


class TestRefused:
    def test_is_shown_with_its_reason_until_it_is_dismissed(
        self, browser_page: Open, cast: Cast, asset: Asset
    ) -> None:
        page = browser_page(cast.ben, phone=True, tolerate=REFUSED)
        visit(page, f"/scan?asset={asset.id}")
        page.context.set_offline(True)
        page.get_by_role("button", name="Start staging").click()
        find(page, "NO-SUCH-TAG")
        expect(counter(page)).to_have_text("No signalWaiting: 2")
        with db.unit_of_work(cast.tenant) as session:  # a colleague was first
            operations.move_asset(session, cast.tenant, asset_id=asset.id, verb="stage", at=datetime.now(UTC))

        page.context.set_offline(False)

        expect(counter(page)).to_have_text("OnlineRefused: 2")
        refused = page.get_by_role("list", name="Refused")
        expect(refused).to_contain_text("Cannot stage an asset that is staging.")
        expect(refused).to_contain_text("This code belongs to no asset of yours.")
        assert_accessible(page)
        visit(page)  # it outlives the page
        expect(refused.get_by_role("listitem")).to_have_count(2)

        refused.get_by_role("button", name=f"Dismiss: Start staging, {asset.tag}").click()
        refused.get_by_role("button", name="Dismiss: Scan, NO-SUCH-TAG").click()

        expect(counter(page)).to_have_text("OnlineNothing waits")
        assert verbs_of(cast, asset).count("stage") == 1


class TestAnotherPerson:
    def test_sees_and_sends_nothing_of_the_one_before(
        self, browser_page: Open, cast: Cast, asset: Asset, live_app: Flask, live_server: str
    ) -> None:
        page = browser_page(cast.ben, phone=True, tolerate=(NO_SIGNAL, "status of 400"))
        visit(page, f"/scan?asset={asset.id}")
        page.context.set_offline(True)
        page.get_by_role("button", name="Start staging").click()
        expect(counter(page)).to_have_text("No signalWaiting: 1")

        # Ben's page is still open when Ana signs in: what the page sends is not taken for hers.
        become(page, live_app, cast.ana, live_server)
        page.context.set_offline(False)
        expect(page.get_by_role("article", name=asset.tag)).to_have_count(0)
        expect(counter(page)).to_have_text("OnlineNothing waits")
        page.context.set_offline(True)
        page.goto("/scan")
        expect(page.get_by_role("button", name="Try for signal")).to_be_visible()
        expect(counter(page)).to_have_text("No signalNothing waits")
        assert asset.tag not in page.content()
        assert state_of(cast, asset) == "received"

        page.context.set_offline(False)
        become(page, live_app, cast.ben, live_server)
        page.goto("/scan")
        expect(counter(page)).to_have_text("OnlineNothing waits")
        with db.unit_of_work(cast.tenant) as session:
            last = queries.moves_of(session, cast.tenant, asset_id=asset.id)[-1]
        assert (last.verb, last.actor) == ("stage", cast.ben.id)

    def test_finds_nothing_after_the_one_before_signed_out(
        self, browser_page: Open, cast: Cast, asset: Asset
    ) -> None:
        page = browser_page(cast.ben, phone=True, tolerate=(NO_SIGNAL,))
        visit(page, f"/scan?asset={asset.id}")
        page.get_by_label("Your account").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.wait_for_function("caches.keys().then((names) => names.length === 0)")

        left = page.evaluate(LEFT)

        assert left == [0, 0]


class TestThePageWithoutSignal:
    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_is_accessible(self, browser_page: Open, cast: Cast, asset: Asset, dark) -> None:
        page = browser_page(cast.ben, phone=True, dark=dark, tolerate=(NO_SIGNAL,))
        visit(page, f"/scan?asset={asset.id}")
        page.context.set_offline(True)
        page.goto(f"/scan?asset={asset.id}")
        page.get_by_role("button", name="Start staging").click()
        find(page, "UNSEEN-1")
        page.get_by_text("What waits", exact=True).click()
        page.get_by_role("article").get_by_text("More", exact=True).click()
        assert_accessible(page)
