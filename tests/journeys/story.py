"""The teller of a journey: sets the date, speaks to the doors, lets the jobs run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from flask.testing import FlaskClient
from redis import Redis
from rq import Queue, SimpleWorker
from werkzeug.test import TestResponse

from haas import db, relay
from haas.auth.models import User
from haas.outbox import OutboxDelivery
from haas.reactions import QUEUES
from haas.settings import Settings
from haas.tenancy.scope import scoped
from tests.cast import Cast

LEASE = timedelta(seconds=60)
T14 = {
    "manufacturer": "Lenovo", "name": "ThinkPad T14", "category": "laptop", "list_cost": "1200.00",
    "currency": "USD", "useful_life_months": 36, "residual_value_pct": "10", "kit": ["charger"],
}  # fmt: skip


@dataclass
class Story:
    """Who plays, what time it is, and the doors."""

    cast: Cast
    settings: Settings
    valkey: Redis
    api: Callable[..., FlaskClient]
    web: Callable[..., FlaskClient]
    now: datetime = datetime(2026, 1, 5, 14, 0, tzinfo=UTC)
    _programs: dict[str, FlaskClient] = field(default_factory=dict)

    def on(self, text: str) -> datetime:
        """It is now this moment of 2026 in UTC: "03-17 15:00"."""
        self.now = datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)
        return self.now

    def get(self, user: User, path: str) -> Any:
        """What the API answers to `user`."""
        answer = self._program(user).get(path)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.json if answer.is_json else answer.data

    def post(self, user: User, path: str, body: dict[str, Any] | None = None, *, refused: int = 0) -> Any:
        """Ask the API to change something, or see it `refused` with this status."""
        return self._changed(self._program(user).post(path, json=body or {}), refused=refused)

    def patch(self, user: User, path: str, body: dict[str, Any]) -> Any:
        """Ask the API to correct something."""
        return self._changed(self._program(user).patch(path, json=body))

    def put(self, user: User, path: str, body: dict[str, Any]) -> Any:
        """Ask the API to set something."""
        return self._changed(self._program(user).put(path, json=body))

    def work(self) -> None:
        """Let the relay hand over and the workers work until nothing waits; each job must have succeeded."""
        while relay.step(self.valkey, now=self.now, lease=LEASE) or self._waits():
            for name in QUEUES:
                queue = Queue(name, connection=self.valkey)
                if queue.count:
                    SimpleWorker([queue], connection=self.valkey).work(burst=True, logging_level="ERROR")
        with db.unit_of_work(self.cast.tenant) as session:
            undone = session.scalars(
                scoped(OutboxDelivery, self.cast.tenant).where(OutboxDelivery.state != "done")
            )
            assert [(row.reaction, row.error) for row in undone] == []

    @cached_property
    def model_id(self) -> str:
        """A laptop that costs 1,200, lives 36 months and keeps 10 percent."""
        return str(self.post(self.cast.ana, "/v1/hardware-models", T14)["id"])

    def tax(self, rate_pct: str, *, since: str) -> None:
        """Put a rate on file."""
        rate = {"country": "US", "rate_pct": rate_pct, "name": "Sales tax", "valid_from": since}
        self.post(self.cast.fay, "/v1/tax-rates", rate)

    def shelve(self, serial: str) -> str:
        """Buy a laptop for 1,200 and make it ready; answers its id."""
        bought = {"model_id": self.model_id, "serial": serial, "cost": "1200.00", "currency": "USD"}
        asset = self.post(self.cast.ana, "/v1/assets", {**bought, "state": "received"})
        for verb in ("stage", "make_ready"):
            self.post(self.cast.ben, f"/v1/assets/{asset['id']}/moves", {"verb": verb})
        return str(asset["id"])

    def offer(
        self, client_id: str, lines: Iterable[dict[str, Any]], *, term_months: int = 24, **conventions: Any
    ) -> tuple[str, list[str]]:
        """Draft a lease under an agreement of its own and quote it; answers its id and its lines'."""
        sam = self.cast.sam
        agreement = self.post(sam, "/v1/agreements", {"client_id": client_id, **conventions})
        terms = {"agreement_id": agreement["id"], "term_months": term_months}
        lease = self.post(sam, "/v1/leases", terms)["id"]
        made = [self.post(sam, f"/v1/leases/{lease}/lines", line)["id"] for line in lines]
        self.post(sam, f"/v1/leases/{lease}/quote", {"valid_until": "2026-12-31"})
        return lease, made

    def deliver(self, lease_id: str, line_id: str, asset_id: str, signer: str) -> None:
        """Reserve, ship and hand over, all today."""
        ben, lease = self.cast.ben, f"/v1/leases/{lease_id}"
        self.post(ben, f"{lease}/lines/{line_id}/reserve", {"asset_id": asset_id})
        self.post(ben, f"{lease}/assets/{asset_id}/ship", {"carrier": "Courier"})
        self.post(ben, f"{lease}/assets/{asset_id}/accept", {"signer_name": signer})

    def bill(self, as_of: str) -> list[dict[str, Any]]:
        """Run the billing of a day by relay and workers; what it issued, by number, invoices last."""
        fay = self.cast.fay
        run = self.post(fay, "/v1/billing-runs", {"as_of": f"2026-{as_of}"})
        assert run["state"] == "queued"
        self.work()
        done = self.get(fay, f"/v1/billing-runs/{run['id']}")
        assert (done["state"], done["problems"]) == ("done", [])
        found = self.get(fay, f"/v1/invoices?run_id={run['id']}")["items"]
        assert len(found) == done["invoices"] + done["credit_notes"]
        return sorted(found, key=lambda row: str(row["number"]))

    def _waits(self) -> bool:
        return any(Queue(name, connection=self.valkey).count for name in QUEUES)

    def _program(self, user: User) -> FlaskClient:
        if user.id not in self._programs:
            self._programs[user.id] = self.api(user)
        return self._programs[user.id]

    @staticmethod
    def _changed(answer: TestResponse, *, refused: int = 0) -> Any:
        expected = {refused} if refused else {200, 201, 202}
        assert answer.status_code in expected, f"{answer.status_code}: {answer.get_data(as_text=True)}"
        return answer.json
