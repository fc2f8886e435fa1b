"""Device and alert pages in a real browser: charts drawn, nothing inaccessible, every button works."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from devices import enrolment, telemetry
from haas import clock, db
from haas import settings as own_settings
from haas.alerts import routing
from haas.settings import Settings
from tests.browser.accessibility import assert_accessible
from tests.cast import Cast
from tests.devices.signals import GOOD_DISK, Speaker, enrol_device
from tests.haas.alerts.situations import alerts, follow

SMART = [
    {"id": "WD-1", "read": "ok", "model": "WDC WD20EFRX-68EUZN0", "notes": []},
]


@pytest.fixture
def speaker(cast: Cast, settings: Settings) -> Speaker:
    """A device with a day of readings whose disk gets worse at the end."""
    own_settings.use(settings)
    now = clock.now()
    made = enrol_device(cast.tenant, at=now - timedelta(days=3), client_id=cast.acme.id)
    morning = now - timedelta(hours=20)
    said = [made.birth(morning, absent={"battery": "none fitted"})]
    said.append(made.say("inventory", morning, smart=SMART))
    for minute in range(0, 20 * 60, 10):
        at = morning + timedelta(minutes=minute)
        wave = math.sin(minute / 90)
        worn = {**GOOD_DISK, "temp_c": 34 + 4 * wave, "power_on_h": 21_000, "offline_uncorrectable": 0}
        late = minute > 18 * 60
        said.append(
            made.health(
                at,
                m={
                    "cpu_pct": round(20 + 15 * wave, 1),
                    "mem_used_pct": round(55 + 5 * wave, 1),
                    "disk_used_pct_max": 61.0,
                    "temp_c_max": round(58 + 9 * wave, 1),
                    "temp_cpu_c": round(52 + 9 * wave, 1),
                    "net_rx_bytes_s": 12_000 + 8_000 * wave,
                    "net_tx_bytes_s": 4_000 + 2_000 * wave,
                },
                disks=[{**worn, "reallocated": 304 if late else 12, "pending": 8 if late else 0}],
                bat=[{"id": "BAT0", "pct": round(70 + 20 * wave, 0), "health_pct": 86, "cycles": 312}],
                use={"idle": 30, "sess": 1},
            )
        )
    for first in range(0, len(said), 40):
        telemetry.take_in(said[first : first + 40], now=now)
    telemetry.take_in([made.health(now, disks=[{**GOOD_DISK, "reallocated": 304, "pending": 8}])], now=now)
    telemetry.take_in([made.send("health", b'{"v": 1, "b": "not a number"}', now) for _ in range(4)], now=now)
    with db.unit_of_work(cast.tenant) as session:
        routing.add_route(
            session,
            cast.tenant,
            name="Night desk",
            channel="email",
            target="night@northwind.example",
            severity_least="warning",
            settings=settings,
            now=now,
        )
    follow(cast.northwind.id)
    return made


@pytest.fixture(params=[{}, {"phone": True}], ids=["desk", "phone"])
def screen(request: pytest.FixtureRequest) -> dict[str, Any]:
    """How large the page is."""
    chosen: dict[str, Any] = request.param
    return chosen


class TestPages:
    def test_show_health_with_reasons_and_drawn_charts(
        self, cast: Cast, speaker: Speaker, browser_page: Callable[..., Page], screen: dict[str, Any]
    ) -> None:
        page = browser_page(cast.ben, **screen)
        page.goto(f"/assets/{speaker.asset_id}?tab=health")
        expect(page.get_by_text("304 sectors replaced").first).to_be_visible()
        expect(page.locator("#device-health .chart canvas").first).to_be_visible()
        assert_accessible(page)
        page.get_by_role("link", name="Last week").click()
        expect(page.get_by_role("link", name="Last week")).to_have_attribute("aria-current", "page")
        page.get_by_role("button", name="Read now").click()
        expect(page.get_by_text("The order was sent").first).to_be_visible()

    def test_list_what_could_not_be_read(
        self, cast: Cast, speaker: Speaker, browser_page: Callable[..., Page], screen: dict[str, Any]
    ) -> None:
        page = browser_page(cast.ana, **screen)
        answer = page.goto("/devices/quarantine")
        assert answer is not None
        assert answer.ok
        assert_accessible(page)

    def test_show_an_alert_and_close_it(
        self, cast: Cast, speaker: Speaker, browser_page: Callable[..., Page], screen: dict[str, Any]
    ) -> None:
        failing = next(alert for alert in alerts(cast) if alert.rule == "health.failing")
        page = browser_page(cast.ana, **screen)
        page.goto(f"/alerts/{failing.id}")
        expect(page.get_by_text("Night desk")).to_be_visible()
        assert_accessible(page)
        page.get_by_role("button", name="I look after it").click()
        expect(page.get_by_text("Ana Owner looks after it")).to_be_visible()
        page.get_by_label("What was done").fill("swapped the disk")
        page.get_by_role("button", name="Resolve").click()
        expect(page.get_by_text("swapped the disk")).to_be_visible()

    def test_show_a_code_once_with_what_to_type(
        self, cast: Cast, browser_page: Callable[..., Page], speaker: Speaker, screen: dict[str, Any]
    ) -> None:
        page = browser_page(cast.ben, **screen)
        page.goto(f"/assets/{speaker.asset_id}?tab=health")
        page.get_by_role("button", name="Enrol again").click()
        page.get_by_role("dialog").get_by_role("button", name="Enrol again").click()
        expect(page.get_by_text("haas-agent.pyz enroll")).to_be_visible()
        expect(page.get_by_alt_text("The code as a QR code")).to_be_visible()
        assert_accessible(page)

    def test_let_a_waiting_device_in(
        self, cast: Cast, browser_page: Callable[..., Page], speaker: Speaker, screen: dict[str, Any]
    ) -> None:
        from tests.architecture.examples.telemetry import waiting

        with db.unit_of_work(cast.tenant) as session:
            waiting(session, cast)
        page = browser_page(cast.ana, **screen)
        page.goto("/devices/enrolments")
        assert_accessible(page)
        page.get_by_role("button", name="Accept").click()
        page.get_by_role("dialog").get_by_role("button", name="Accept").click()
        expect(page.get_by_text("Accepted.").first).to_be_visible()
        with db.unit_of_work(cast.tenant) as session:
            assert enrolment.waiting(session, cast.tenant) == []

    def test_show_a_client_its_own_devices_health(
        self, cast: Cast, speaker: Speaker, browser_page: Callable[..., Page], screen: dict[str, Any]
    ) -> None:
        page = browser_page(cast.ada, **screen)
        page.goto(f"/devices/{speaker.device_id}")
        expect(page.get_by_text("304 sectors replaced").first).to_be_visible()
        assert page.get_by_role("button", name="Revoke").count() == 0
        assert_accessible(page)


def test_reads_without_scripts(cast: Cast, speaker: Speaker, browser_page: Callable[..., Any]) -> None:
    page = browser_page(cast.ben, scripts=False)
    page.goto(f"/assets/{speaker.asset_id}?tab=health")
    page.get_by_role("link", name="Show its health").click()
    expect(page.get_by_text("304 sectors replaced").first).to_be_visible()
