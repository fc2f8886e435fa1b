"""What a newcomer sees: one command, the whole product, this machine's own agent; Ctrl-C, and on again."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from haas.embedded.broker import is_port_free
from haas.embedded.process import wait_until

ROOT = Path(__file__).resolve().parents[2]
FIRST_START_SECONDS = 300  # seeding, enrolling and a year of PDFs on two busy cores
STOP_SECONDS = 60


class Demo:
    """A running `haas demo`."""

    def __init__(self, folder: Path, *, port: int) -> None:
        self.folder = folder
        self.address = f"http://localhost:{port}"
        with (folder.parent / "demo.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "haas.cli", "demo", "--data", str(folder), "--port", str(port)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "HAAS_OUTBOX_LEASE_SECONDS": "10"},
                start_new_session=True,
            )

    @property
    def printed(self) -> str:
        """All it has said."""
        return (self.folder.parent / "demo.log").read_text()

    def sign_ins(self) -> dict[str, Any]:
        """The file that it writes."""
        found: dict[str, Any] = json.loads((self.folder / "sign-ins.json").read_text())
        return found

    def get(self, path: str, house: str = "Northwind IT") -> Any:
        """An answer of the API, by the partner's own token."""
        token = next(row["token"] for row in self.sign_ins()["api_tokens"] if row["house"] == house)
        answer = requests.get(
            f"{self.address}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=20
        )
        answer.raise_for_status()
        return answer.json() if "json" in answer.headers["Content-Type"] else answer.content

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The same, for a change at Northwind."""
        token = next(row["token"] for row in self.sign_ins()["api_tokens"] if row["house"] == "Northwind IT")
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.post(f"{self.address}{path}", json=body, headers=headers, timeout=20)
        answer.raise_for_status()
        return answer.json()

    def waits_for(self, condition: Any, what: str) -> None:
        """Wait, and show what it said if it never comes."""

        def true_or_dead() -> bool:
            assert self.process.poll() is None, f"the demo ended:\n{self.printed}"
            with suppress(requests.RequestException, FileNotFoundError, KeyError, StopIteration):
                return bool(condition())
            return False

        assert wait_until(true_or_dead, seconds=FIRST_START_SECONDS), f"{what} never came:\n{self.printed}"

    def interrupt(self) -> None:
        """Ctrl-C; every process it started must end with it."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=STOP_SECONDS)
        gone, alive = psutil.wait_procs(children, timeout=STOP_SECONDS)
        assert alive == []
        assert gone


@contextmanager
def running(folder: Path, *, port: int) -> Iterator[Demo]:
    """A demo that is ended whatever happens."""
    demo = Demo(folder, port=port)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                demo.process.wait(timeout=STOP_SECONDS)


def free_port() -> int:
    """A port that nobody listens on, away from the one people use."""
    return next(port for port in range(18080, 18400) if is_port_free(port))


def online_devices(demo: Demo) -> list[dict[str, Any]]:
    """Devices of Northwind that report now."""
    return [row for row in demo.get("/v1/devices?limit=200")["items"] if row["online"] == "online"]


def proposed_swaps(demo: Demo) -> list[dict[str, Any]]:
    """What Northwind's failing disks ask for."""
    return [
        row
        for row in demo.get("/v1/swap-proposals?state=open")["items"]
        if any(reason["code"] == "disk.critical_warning" for reason in row["reasons"])
    ]


def follow_the_failing_disk(demo: Demo) -> None:
    """Alert, proposal, swap, and the days of both serials on the next invoice, as the preview told them."""
    demo.waits_for(lambda: proposed_swaps(demo), "the proposed swap")
    (proposal,) = proposed_swaps(demo)
    failing, spare = proposal["outgoing_id"], proposal["spare"]

    def alerts() -> list[dict[str, Any]]:
        found = demo.get("/v1/alerts?limit=200")["items"]
        return [row for row in found if row["asset_id"] == failing and row["rule"] == "health.failing"]

    demo.waits_for(lambda: [row["state"] for row in alerts()] == ["open"], "the alert")
    pair = f"outgoing_id={failing}&incoming_id={spare['id']}&reason=fault"
    preview = demo.get(f"/v1/swaps/preview?{pair}")
    swap = demo.post(f"/v1/swap-proposals/{proposal['id']}/accept", {})
    assert (swap["outgoing_id"], swap["incoming_id"]) == (failing, spare["id"])
    demo.waits_for(lambda: [row["state"] for row in alerts()] == ["resolved"], "the end of the alert")

    run = demo.post("/v1/billing-runs", {"as_of": preview["period_end"]})["id"]
    demo.waits_for(lambda: demo.get(f"/v1/billing-runs/{run}")["finished_at"], "the next invoice")
    lines = [
        line
        for row in demo.get(f"/v1/invoices?run_id={run}&limit=200")["items"]
        for line in demo.get(f"/v1/invoices/{row['id']}")["lines"]
        if (line["line_id"], line["period_start"]) == (preview["line_id"], preview["period_start"])
    ]
    shares = [(row["serial"], row["days"], Decimal(row["amount"])) for row in lines[0]["serials"]]
    assert len(lines) == 1
    assert shares == [(row["serial"], row["days"], Decimal(row["amount"])) for row in preview["shares"]]
    assert spare["serial"] in [row["serial"] for row in lines[0]["serials"]]
    begins, ends = (date.fromisoformat(preview[name]) for name in ("period_start", "period_end"))
    assert sum(row["days"] for row in lines[0]["serials"]) == (ends - begins).days


@pytest.mark.timeout(1200)  # two starts of everything; each wait inside has a limit of its own
def test_one_command_shows_the_whole_product_and_goes_on_where_it_was(private_folder: Path) -> None:
    port = free_port()
    with running(private_folder, port=port) as demo:
        demo.waits_for(lambda: "Sign-ins and API tokens" in demo.printed, "the address")
        assert demo.address in demo.printed
        assert stat.S_IMODE((private_folder / "sign-ins.json").stat().st_mode) == 0o600

        # Two partners, four clients each, sixty assets, leases in every state, a year of invoices.
        for house in ("Northwind IT", "Kontor Systemhaus"):
            assert len(demo.get("/v1/clients?limit=200", house)["items"]) == 4
            assert len(demo.get("/v1/assets?limit=200", house)["items"]) == 60
            states = {row["state"] for row in demo.get("/v1/leases?limit=200", house)["items"]}
            assert states == {
                "draft", "quoted", "accepted", "active", "ending", "holdover", "closed", "cancelled",
            }  # fmt: skip
            months = {row["issued_on"][:7] for row in demo.get("/v1/invoices?limit=200", house)["items"]}
            assert len(months) >= 12

        # Ten of the twenty simulated devices are Northwind's, and this very machine.
        demo.waits_for(lambda: len(online_devices(demo)) >= 11, "the devices")
        invoice = demo.get("/v1/invoices?limit=1")["items"][0]["id"]
        demo.waits_for(lambda: demo.get(f"/v1/invoices/{invoice}/pdf").startswith(b"%PDF-"), "the PDF")
        follow_the_failing_disk(demo)
        number_of_invoices = len(demo.get("/v1/invoices?limit=200")["items"])
        demo.interrupt()

    with running(private_folder, port=port) as again:
        again.waits_for(lambda: again.printed.count("Sign-ins and API tokens") == 2, "the address again")
        assert len(again.get("/v1/invoices?limit=200")["items"]) == number_of_invoices
        again.waits_for(lambda: len(online_devices(again)) >= 11, "the devices again")
        person = next(row for row in again.sign_ins()["sign_ins"] if row["email"].startswith("ana@"))
        browser = requests.Session()
        page = browser.get(f"{again.address}/sign-in", timeout=20).text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token is not None
        home = browser.post(
            f"{again.address}/sign-in",
            data={"csrf_token": token[1], "email": person["email"], "password": person["password"]},
            timeout=20,
        )
        assert home.status_code == 200
        assert "Northwind IT" in home.text
        again.interrupt()
