"""Takes the README's pictures from a running demo: `make pictures`.

Pages are found by their menu, by roles and by words, never by an id: the demo has other ids each time.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import BrowserType, Locator, Page, ViewportSize, expect, sync_playwright

from haas.calendar import add_months
from tests.browser.conftest import CHROMIUM_ARGUMENTS
from tests.browser.fake_camera import film

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
READY = "Sign-ins and API tokens:"  # the last line that `haas demo` writes when everything runs
DESK = ViewportSize(width=1280, height=960)
PHONE = ViewportSize(width=390, height=844)
AT_REST = """
() => document.fonts.status === "loaded"
  && [...document.images].every(image => (image.complete && image.naturalWidth)
    || image.getBoundingClientRect().top > innerHeight || !image.checkVisibility())
  && [...document.querySelectorAll(".chart-canvas")].every(chart => chart.childNodes.length)
"""
COLOURS = 128  # a palette is a third of the size, and nobody sees it on flat pages
PROPOSED = re.compile(r"Swap ([A-Z]{2,4}-\d{5})")
JOB_SECONDS = 300
MOST_BYTES = 600_000  # all pictures together: who reads the README waits for them


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo: its address, and the e-mail address and password of each person."""

    address: str
    people: dict[str, tuple[str, str]]

    @classmethod
    def read(cls, sign_ins: Path, *, address: str | None = None) -> Demo:
        """What `haas demo` has written; the people are known by their first names."""
        known = json.loads(sign_ins.read_text())
        people = {row["who"].split()[0]: (row["email"], row["password"]) for row in known["sign_ins"]}
        return cls(address or known["address"], people)


class Photographer:
    """One browser in which one person is signed in."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self._folder = folder

    def take(self, name: str) -> None:
        """Write what is seen now, once everything has come to rest."""
        # Not "no traffic": some pages ask again and again whether a job is done.
        self.page.wait_for_load_state("load")
        self.page.wait_for_function(AT_REST)
        picture = self.page.screenshot(animations="disabled", caret="hide")
        path = self._folder / f"{name}.png"
        path.write_bytes(small(picture))
        print(f"  {path.name:<20} {path.stat().st_size // 1000:>4} kB")


def small(picture: bytes) -> bytes:
    """The same picture with a palette, without anything else in the file."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    palette = image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    out = io.BytesIO()
    palette.save(out, "PNG", optimize=True)
    return out.getvalue()


@contextmanager
def signed_in(
    chromium: BrowserType,
    demo: Demo,
    person: str,
    *,
    folder: Path,
    phone: bool = False,
    dark: bool = False,
    filmed: str = "",
) -> Iterator[Photographer]:
    """A browser of its own for one person; `filmed` is the code that its camera sees."""
    with tempfile.TemporaryDirectory(prefix="haas-pictures-") as profile:
        arguments = [*CHROMIUM_ARGUMENTS]
        if filmed:
            seen = film(Path(profile) / "camera.y4m", filmed)
            arguments += [
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={seen}",
            ]
        options: dict[str, Any] = {"is_mobile": True, "device_scale_factor": 2} if phone else {}
        context = chromium.launch_persistent_context(
            Path(profile) / "profile",
            executable_path=os.environ.get("HAAS_TEST_CHROMIUM")
            or shutil.which("chromium")
            or shutil.which("google-chrome"),
            args=arguments,
            base_url=demo.address,
            viewport=PHONE if phone else DESK,
            has_touch=phone,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale="en-US",
            permissions=["camera"] if filmed else [],
            **options,
        )
        page = context.pages[0]
        email, password = demo.people[person]
        page.goto("/sign-in")
        page.get_by_label("E-mail").fill(email)
        page.locator("input[type=password]").fill(password)
        page.locator("form:has(input[type=password]) button[type=submit]").click()
        expect(page.get_by_role("main")).to_be_visible()
        yield Photographer(page, folder)
        context.close()


def take_all(chromium: BrowserType, demo: Demo, folder: Path) -> None:
    """Every picture of the README."""
    with signed_in(chromium, demo, "Ana", folder=folder) as ana:
        page = ana.page
        tag = find_failing(page)
        ana.take("overview")
        open_row(page, f"/assets?q={tag}", tag)
        page.get_by_role("link", name="Look at the swap").click()
        ana.take("swap")
        open_row(page, f"/assets?q={tag}", tag)
        open_tab(page, "History")
        ana.take("asset")
        open_row(page, "/leases?state=active", "13 devices")
        open_tab(page, "Rent")
        show_from(page.get_by_role("navigation", name="Parts of this page"))
        ana.take("lease")
        open_row(page, "/invoices", "Penobscot")
        printed = page.get_by_role("heading", name="As printed")
        wait_for_job(page, printed.is_visible, "the invoice is not rendered")
        show_from(printed)
        ana.take("invoice")
        preview_scale_down(page)
        ana.take("amendment")
        page.goto(f"/books/reports/trial_balance?{posted_months()}")
        ana.take("books")
        page.goto("/calendar")
        ana.take("calendar")
    with signed_in(chromium, demo, "Ana", folder=folder, dark=True) as ana:
        open_row(ana.page, f"/assets?q={tag}", tag)
        open_tab(ana.page, "Money")
        show_from(ana.page.get_by_role("navigation", name="Parts of this page"))
        ana.take("money-dark")
    with signed_in(chromium, demo, "Ben", folder=folder, phone=True, filmed=tag) as ben:
        ben.page.goto("/scan")
        expect(ben.page.get_by_role("article", name=tag)).to_be_visible(timeout=30_000)
        ben.page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
        ben.take("scan-phone")
    with signed_in(chromium, demo, "Ada", folder=folder, phone=True) as ada:
        page = ada.page
        page.goto("/quotes?state=sent")
        rows = page.locator("tbody").get_by_role("row").filter(has_text="Workplaces for the new office")
        rows.first.get_by_role("link").first.click()
        page.get_by_role("link", name="Choose 36 months").click()
        page.get_by_role("heading", name="What you choose").scroll_into_view_if_needed()
        ada.take("quote-phone")
    with signed_in(chromium, demo, "Heike", folder=folder, phone=True) as heike:
        heike.take("client-phone")


def preview_scale_down(page: Page) -> None:
    """Two places of the office's lease, given back: one is free, the other is charged."""
    open_row(page, "/leases?state=active", "13 devices")
    open_tab(page, "Amendments")
    page.get_by_role("link", name="Scale down").click()
    places = page.get_by_role("group", name="Lines").get_by_role("checkbox")
    for number in (0, 1):
        places.nth(number).check()
    # Far enough ahead for the notice, and within the next contract year, in which nothing went back yet.
    day = datetime.now(tz=UTC).date() + timedelta(days=60)
    page.get_by_label("First day without rent").fill(day.isoformat())
    page.get_by_role("button", name="Show what it does").click()
    expect(page.get_by_text("Next invoice after")).to_be_visible()


def posted_months() -> str:
    """The demo leaves the last month to its visitor; the three before are posted."""
    month = datetime.now(tz=UTC).date().replace(day=1)
    return f"from={add_months(month, -4):%Y-%m}&until={add_months(month, -2):%Y-%m}"


def find_failing(page: Page) -> str:
    """The tag of the device that should be swapped; in a new demo the agents need a minute to report."""
    page.goto("/")

    def found() -> re.Match[str] | None:
        return PROPOSED.search(page.get_by_role("main").inner_text())

    wait_for_job(page, lambda: found() is not None, "no swap is proposed")
    failing = found()
    assert failing is not None
    return failing[1]


def wait_for_job(page: Page, done: Callable[[], bool], trouble: str) -> None:
    """Load the page again until a job of the demo has done its work."""
    until = time.monotonic() + JOB_SECONDS
    while not done():
        if time.monotonic() > until:
            raise SystemExit(f"After {JOB_SECONDS} seconds {trouble}: look at the demo's logs.")
        page.wait_for_timeout(1_000)
        page.reload()


def show_from(what: Locator) -> None:
    """Bring something to the top of what is seen, beneath the bar."""
    what.evaluate("element => scrollBy({top: element.getBoundingClientRect().top - 84, behavior: 'instant'})")


def open_tab(page: Page, name: str) -> None:
    """Open a tab of a record's page."""
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")


def open_row(page: Page, path: str, words: str) -> str:
    """Open the first row of a list that holds these words; what its link says."""
    page.goto(path)
    link = page.locator("tbody").get_by_role("row").filter(has_text=words).first.get_by_role("link").first
    name = link.inner_text()
    link.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    return name


@contextmanager
def own_demo() -> Iterator[Demo]:
    """A demo in a temporary folder on a free port; stopped and deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="haas-pictures-") as outer:
        Path(outer).chmod(0o755)  # the servers' user must get through to the data folder, which is closed
        data = Path(outer) / "data"
        process = subprocess.Popen(
            [sys.executable, "-m", "haas.cli", "demo", "--data", str(data), "--port", str(free_port())],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("HAAS_")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            wait_for(process, READY)
            yield Demo.read(data / "sign-ins.json")
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Show what the process says until it says these words."""
    said = ""
    for line in process.stdout or ():
        print(line, end="")
        said += line
        if words in line:
            return
    raise SystemExit(f"The demo ended before it was ready:\n{said}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Take all pictures, from a demo that runs or from one of our own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sign-ins", type=Path, help="sign-ins.json of a demo that runs [default: start one]"
    )
    parser.add_argument("--address", help="where it answers [default: as its sign-ins say]")
    parser.add_argument("--to", type=Path, default=HERE, help="folder of the pictures")
    chosen = parser.parse_args()
    with sync_playwright() as playwright:
        if chosen.sign_ins:
            take_all(playwright.chromium, Demo.read(chosen.sign_ins, address=chosen.address), chosen.to)
        else:
            with own_demo() as demo:
                take_all(playwright.chromium, demo, chosen.to)
    total = sum(path.stat().st_size for path in chosen.to.glob("*.png"))
    print(f"  together             {total // 1000:>4} kB")
    if total > MOST_BYTES:
        raise SystemExit(f"The pictures have {total} bytes together; {MOST_BYTES} are the most: take fewer.")


if __name__ == "__main__":
    main()
