"""A disk fails, told with dates: the agent's message over a real broker, alert, proposal, swap, invoice."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from agent import messages
from agent.recordings import RecordedMachine, write_recording
from agent.reports import Reports
from agent.spool import Row, Spool
from devices import enrolment, partitions
from devices.enrolment import Enrolled, Hardware
from devices.models import Asset
from devices.telemetry_models import DeviceState
from haas import clock, db, reactions
from haas.alerts.models import Alert
from haas.broker import mosquitto_password_hash
from haas.calendar import add_months
from haas.embedded.broker import Broker
from haas.outbox import OutboxEvent
from haas.settings import Settings
from haas.tenancy.scope import scoped
from invoicing.queries import lines_of
from tests.cast import PEPPER, Cast
from tests.devices.signals import Speaker
from tests.devices.wires import Wire, eventually, subscribing
from tests.invoicing.world import a_rate, bill
from tests.leases.fleet import a_spare, lease_in_service

HOUR = timedelta(hours=1)


class Agent:
    """The agent's own reports of a recorded machine, numbered and stored as on the device."""

    def __init__(self, folder: Path, *, serial: str, begins: datetime) -> None:
        self.at = begins
        path = folder / "readings.jsonl"
        write_recording(
            path,
            profile="laptop",
            condition="failing_disk",
            seed=7,
            begins_ms=self.wall_ms(),
            serial=serial,
        )
        self._machine = RecordedMachine(path, self)
        told = self._machine.head["hw"]
        self.hardware = Hardware(told["serial"], told["uuid"], told["board"])
        self._spool = Spool(folder / "spool.db", b=messages.session_number(epoch=1, starts=1))
        self._reports = Reports(self._spool, self._machine, self)
        self._reports.config_rev = 1

    def wall_ms(self) -> int:
        """The device's clock."""
        return int(self.at.timestamp() * 1000)

    def steady(self) -> float:
        """The same."""
        return self.at.timestamp()

    def slept(self) -> float:
        """It never sleeps."""
        return 0.0

    def starts(self) -> list[Row]:
        """How a connection begins."""
        return self._reports.birth("start")

    def reads(self, at: datetime) -> list[Row]:
        """SMART and health at a moment."""
        self.at = at
        return [*self._reports.smart(self._machine.smart(self.wall_ms())), *self._reports.health()]

    def close(self) -> None:
        """Put the spool away."""
        self._spool.close()


@contextmanager
def connected(
    cast: Cast, broker: Broker, *, asset: Asset, agent: Agent, at: datetime
) -> Iterator[tuple[str, Wire]]:
    """The laptop is enrolled by its one-time code, and connects to the broker with its secret."""
    secret = secrets.token_urlsafe(32)
    with db.unit_of_work(cast.tenant) as session:
        code, _ = enrolment.new_code(session, cast.tenant, asset_id=asset.id, now=at)
        outcome = enrolment.enrol(
            session,
            cast.tenant,
            code_hash=enrolment.hashed_code(code),
            secret=secret,
            hardware=agent.hardware,
            secret_key=PEPPER,
            now=at,
        )
        assert isinstance(outcome, Enrolled)
        device_id = outcome.device.id
    broker.write_passwords({device_id: mosquitto_password_hash(secret)}.items())
    wires: list[Wire] = []

    def is_in() -> bool:
        try:
            wires.append(Wire(broker.devices, Speaker(device_id, asset.id, cast.northwind.id, secret)))
        except AssertionError:
            return False  # the broker has not read its file again yet
        return True

    eventually(is_in)
    try:
        yield device_id, wires[-1]
    finally:
        wires[-1].close()


def send(wire: Wire, device_id: str, rows: list[Row]) -> None:
    """Publish what is in the spool, and wait until the server says that it is committed."""
    for row in rows:
        wire.raw(messages.up_topic(device_id, row.kind), row.payload)
    wire.receipt_upto(rows[-1].b, rows[-1].s)


def react(cast: Cast, done: set[str]) -> None:
    """Do what follows every event, and what follows that; each twice: a worker may die after its effect."""
    while True:
        with db.unit_of_work(cast.tenant) as session:
            events = session.scalars(scoped(OutboxEvent, cast.tenant).order_by(OutboxEvent.id)).all()
        fresh = [event for event in events if event.id not in done]
        if not fresh:
            return
        for event in fresh:
            done.add(event.id)
            for name, queue in reactions.REACTIONS.get(event.name, []):
                if queue == reactions.DEFAULT:
                    for _ in range(2):
                        reactions.find(name)(partner_id=cast.northwind.id, event_id=event.id, **event.payload)


def verdict_of(session: Session, cast: Cast, device_id: str) -> str:
    return session.scalars(scoped(DeviceState, cast.tenant).where(DeviceState.id == device_id)).one().verdict


def alert_of(cast: Cast, asset: Asset) -> Alert:
    with db.unit_of_work(cast.tenant) as session:
        return session.scalars(scoped(Alert, cast.tenant).where(Alert.asset_id == asset.id)).one()


@pytest.mark.timeout(120)
def test_failing_disk_to_swap(
    cast: Cast,
    settings: Settings,
    broker: Broker,
    api: Callable[..., FlaskClient],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Last month, so that it has ended whatever today is: the disk fails on its 10th, the swap is on its 11th.
    this_month = datetime.now(UTC).date().replace(day=1)
    month = add_months(this_month, -1)
    days = (this_month - month).days

    def on(day: date, hour: int) -> datetime:
        return datetime.combine(day, time(hour), UTC)

    tenth, eleventh = on(month + timedelta(days=9), 15), on(month + timedelta(days=10), 15)
    monkeypatch.setattr(clock, "now", lambda: tenth)
    partitions.make_days([tenth.date()])

    # A laptop at Acme since the month before, billed in arrears at 10.00 for each day of this month.
    with db.unit_of_work(cast.tenant) as session:
        a_rate(session, cast.tenant)
        made = lease_in_service(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            accepted_at=on(add_months(month, -1), 15),
            rent=f"{10 * days}.00",
            timing="arrears",
        )
        spare = a_spare(session, cast.tenant, model=made.model, at=on(month, 15))
        (first,) = bill(session, cast.tenant, month)  # of the month before: nothing is split
    laptop, done = made.assets[0], set[str]()
    agent = Agent(tmp_path, serial=laptop.serial or "", begins=tenth - 13 * HOUR)
    wired = replace(settings, mqtt_url=broker.server.url, mqtt_ca_file=broker.server.ca_file)
    ben: Any = api(cast.ben)

    with (
        subscribing(wired),
        connected(cast, broker, asset=laptop, agent=agent, at=agent.at) as (device, wire),
    ):
        # Thirteen hours ago: 14 media errors, which is to be looked at. A warning, and no swap.
        monkeypatch.setattr(clock, "now", lambda: agent.at)
        send(wire, device, [*agent.starts(), *agent.reads(agent.at)])
        react(cast, done)
        assert (alert_of(cast, laptop).rule, alert_of(cast, laptop).severity) == ("health.watch", "warning")
        assert ben.get("/v1/swap-proposals").json["items"] == []

        # The 10th: the disk itself says that it is no longer reliable.
        monkeypatch.setattr(clock, "now", lambda: tenth)
        send(wire, device, agent.reads(tenth))
    agent.close()
    with db.unit_of_work(cast.tenant) as session:
        assert verdict_of(session, cast, device) == "failing"
    react(cast, done)
    alert = alert_of(cast, laptop)
    assert (alert.rule, alert.severity, alert.state) == ("health.failing", "critical", "open")

    (proposal,) = ben.get("/v1/swap-proposals?state=open").json["items"]
    assert (proposal["outgoing_id"], proposal["lease_id"]) == (laptop.id, made.lease.id)
    assert proposal["spare"]["serial"] == spare.serial
    told = " ".join(reason["text"] for reason in proposal["reasons"])
    assert "the disk says that it is no longer reliable" in told
    assert "media errors rose from 14 to 40" in told  # two an hour: 14 + 2 x 13

    # The 11th: the technician accepts and swaps. It is one swap, however often the phone sends it.
    monkeypatch.setattr(clock, "now", lambda: eleventh)
    answers: list[Any] = [
        ben.post(
            f"/v1/swap-proposals/{proposal['id']}/accept",
            json={"at": eleventh.isoformat(), "condition": "Disk failing"},
            headers={"Idempotency-Key": "phone-7"},
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    swap = answers[0].json
    assert (swap["outgoing_id"], swap["incoming_id"]) == (laptop.id, spare.id)
    assert len(ben.get(f"/v1/swaps?lease_id={made.lease.id}").json["items"]) == 1
    react(cast, done)
    closed = ben.get(f"/v1/swap-proposals/{proposal['id']}").json
    assert (closed["state"], closed["swap_id"]) == ("accepted", swap["id"])
    assert (alert_of(cast, laptop).state, alert_of(cast, laptop).resolution) == (
        "resolved",
        "It was swapped.",
    )

    # The next invoice: 10 days of the one that failed, 10 x 10.00, and from the 11th on those of the other.
    with db.unit_of_work(cast.tenant) as session:
        (invoice,) = bill(session, cast.tenant, this_month)
        (line,) = lines_of(session, cast.tenant, invoice_id=invoice.id)
        assert line.net == Decimal(10 * days)
        assert [(row["serial"], row["days"], Decimal(row["amount"])) for row in line.serials] == [
            (laptop.serial, 10, Decimal("100.00")),
            (spare.serial, days - 10, Decimal(10 * (days - 10))),
        ]
        (before,) = lines_of(session, cast.tenant, invoice_id=first.id)
        assert [row["serial"] for row in before.serials] == [laptop.serial]
