"""A week without network: the real agent, the real broker and subscriber, and one clock for all of them."""

from __future__ import annotations

import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from werkzeug.serving import make_server

from agent import messages, simulate
from agent.loop import Agent
from agent.recordings import RecordedMachine, write_recording
from agent.settings import AgentSettings
from agent.simulate import Immediate, SimulatedDevice
from devices import broker_access, mqtt, sweeps
from devices.agents.queries import transitions
from devices.online import NEVER_SEEN, OFFLINE, ONLINE, SUSPECT
from devices.telemetry_models import SubscriberHeartbeat
from haas import db
from haas.embedded.broker import Broker
from haas.settings import Settings
from haas.tenancy.scope import Platform
from tests.devices.wires import eventually, subscribing
from tests.journeys.cable import Cable
from tests.journeys.story import Story

WEEK = timedelta(days=7)
SPOOL_BYTES = 600_000  # a few days of health at one every five minutes
KEPT_FOR_GOOD = {"event", "result"}

Key = tuple[int, int]


class WorldClock:
    """The agent's clock shows the story's time: nobody's clock is wrong, and nobody sleeps."""

    def __init__(self, story: Story) -> None:
        self._story = story

    def wall_ms(self) -> int:
        return round(self._story.now.timestamp() * 1000)

    def steady(self) -> float:
        return self._story.now.timestamp()

    def slept(self) -> float:
        return 0.0


class Laptop:
    """The agent on it, a step at a time, and all that it ever stored."""

    def __init__(self, story: Story, agent: Agent) -> None:
        self._story, self.agent = story, agent
        self.made: dict[Key, str] = {}
        self.note()

    def note(self) -> None:
        """Write down what was stored since."""
        last = max(self.made, default=(0, 0))
        while rows := self.agent.spool.oldest_first(after=last):
            self.made.update({(row.b, row.s): row.kind for row in rows})
            last = (rows[-1].b, rows[-1].s)

    def waiting(self) -> dict[Key, str]:
        """What is in the spool now."""
        return {key: kind for key, kind in self.made.items() if self.agent.spool.find(*key) is not None}

    def live(self, until: datetime) -> None:
        """Let the time pass, from one thing that the agent has to do to the next."""
        while self._story.now < until:
            pause = timedelta(seconds=max(self.agent.due_in(), 0.05))
            self._story.now = min(until, self._story.now + pause)
            self.agent.step()
            self.note()

    def talk(self, until: Callable[[], Any], *, seconds: float = 60.0) -> None:
        """Step with the network's answers, a tenth of a second of the story at a time."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, "it did not come about"
            self._story.now += timedelta(seconds=0.1)
            self.agent.step()
            self.note()
            held = self.agent.socket()
            if held is not None:
                select.select([held], [], [], 0.01)

    def talk_it_off(self) -> None:
        """Until the server has receipted everything."""
        self.talk(lambda: self.agent.spool.pending == 0)


@pytest.fixture
def cable(broker: Broker) -> Iterator[Cable]:
    made = Cable(broker.devices.host, broker.devices.port)
    yield made
    made.close()


@pytest.fixture
def online_settings(
    story: Story, app: Flask, broker: Broker, cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """The server knows its broker, and tells devices to take the cable."""
    made = replace(
        story.settings,
        mqtt_url=broker.server.url,
        mqtt_ca_file=broker.server.ca_file,
        mqtt_public_host=broker.devices.host,
        mqtt_public_port=cable.port,
    )
    monkeypatch.setitem(app.config, "HAAS", made)
    monkeypatch.setattr(mqtt, "BEAT_SECONDS", 0.1)  # its sign of life keeps up with a story in a hurry
    return made


@pytest.fixture
def address(app: Flask, online_settings: Settings) -> Iterator[str]:
    """Where devices enrol."""
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def heard(broker: Broker) -> Iterator[list[tuple[str, Key]]]:
    """What devices say, in the order in which the broker passes it on."""
    order: list[tuple[str, Key]] = []
    listener = paho.Client(CallbackAPIVersion.VERSION2, client_id="listener")
    listener.username_pw_set(broker.server.user, broker.server.password)
    if broker.server.ca_file is not None:
        listener.tls_set(ca_certs=str(broker.server.ca_file))
    subscribed = threading.Event()

    def hear(_c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        body = messages.decode(bytes(message.payload))
        order.append((message.topic.rpartition("/")[2], (body["b"], body.get("s", 0))))

    listener.on_connect = lambda client, *_: client.subscribe(messages.up_filter(), qos=1)
    listener.on_subscribe = lambda *_: subscribed.set()
    listener.on_message = hear
    listener.connect(broker.server.host, broker.server.port)
    listener.loop_start()
    assert subscribed.wait(30)
    yield order
    listener.disconnect()
    listener.loop_stop()


def laptop_of(story: Story, address: str, broker: Broker, folder: Path) -> tuple[Laptop, str]:
    """Enrol a laptop whose disk will fail in the week, over HTTP; answers it and its asset's id."""
    begins = WorldClock(story).wall_ms()
    readings = folder / "readings.jsonl"
    head = write_recording(
        readings, profile="laptop", condition="failing_disk", seed=7, begins_ms=begins, hours=8 * 24
    )
    asset = story.shelve(head["hw"]["serial"])
    lease, (place,) = story.offer(
        story.cast.acme.id, [{"description": "Laptop", "model_id": story.model_id, "unit_price": "40.00"}]
    )
    story.post(story.cast.ada, f"/v1/leases/{lease}/accept", {"signer": "Ada Client"})
    story.deliver(lease, place, asset, "Ada Client")
    code = story.post(story.cast.ben, "/v1/enrolment-codes", {"asset_id": asset})["code"]
    simulate.enrol(SimulatedDevice(folder, readings), server=address, code=code)
    broker.write_passwords(broker_access.broker_rows())
    clock = WorldClock(story)
    agent = Agent(
        AgentSettings(
            state_dir=folder,
            spool_max_bytes=SPOOL_BYTES,
            backoff_max_seconds=1800,
            receipt_timeout_seconds=600,  # a slow machine is no lost message
        ),
        RecordedMachine(readings, clock),
        clock=clock,
        background=Immediate(),
    )
    agent.open()
    return Laptop(story, agent), asset


def look_for_silence(story: Story, settings: Settings) -> None:
    """The sweep of this moment, as soon as the subscriber has said that it lives; then what follows."""

    def has_said_so() -> bool:
        with db.unit_of_work(Platform("relay")) as session:
            beat = session.get(SubscriberHeartbeat, "subscriber")
            return beat is not None and beat.beat_at >= story.now

    eventually(has_said_so)
    sweeps.sweep_silence(settings, story.now)
    story.work()


def state_of(story: Story, device_id: str) -> str:
    return str(story.get(story.cast.ben, f"/v1/devices/{device_id}")["online"])


def alerts(story: Story, rule: str) -> list[dict[str, Any]]:
    found = story.get(story.cast.ben, "/v1/alerts?limit=200")["items"]
    return [row for row in found if row["rule"] == rule]


def stored(story: Story, device_id: str) -> list[Any]:
    """Every message that the server holds, with the partition that it lies in."""
    with db.unit_of_work(story.cast.tenant) as session:
        return list(
            session.execute(
                sa.text(
                    "select tableoid::regclass::text as partition, b, s, t as told_at, kind, body, client_id"
                    " from telemetry where device_id = :device order by b, s"
                ),
                {"device": device_id},
            )
        )


# Paho leaves the socket of a connection that is refused to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(600)
def test_agent_offline_for_a_week(
    story: Story,
    online_settings: Settings,
    address: str,
    broker: Broker,
    cable: Cable,
    heard: list[tuple[str, Key]],
    tmp_path: Path,
) -> None:
    ben = story.cast.ben
    went = story.on("03-02 09:00")
    laptop, asset = laptop_of(story, address, broker, tmp_path)
    agent, device = laptop.agent, laptop.agent.device
    with subscribing(online_settings):
        # Monday, nine: it is there, and asked to report every five minutes. A quarter of an hour of peace.
        laptop.talk_it_off()
        assert [kind for kind, _ in heard[:2]] == ["birth", "health"]
        story.patch(ben, f"/v1/devices/{device}", {"every": {"health": 300}})
        for _ in range(3):
            laptop.live(story.now + timedelta(minutes=5))
            laptop.talk_it_off()
        assert agent.every["health"] == 300
        assert state_of(story, device) == ONLINE
        story.work()
        before = set(laptop.made)

        # The network goes dark, and the broker has not noticed: it is the sweep that finds the silence. After
        # 1.5 intervals, 450 s, it is suspected; after 3, 900 s, it is offline; ten minutes later one is told.
        cable.cut()
        quiet_since = story.now
        for minutes, state, told in (
            (7, ONLINE, 0),
            (8, SUSPECT, 0),
            (16, OFFLINE, 0),
            (27, OFFLINE, 1),
        ):
            laptop.live(quiet_since + timedelta(minutes=minutes))
            look_for_silence(story, online_settings)
            assert (state_of(story, device), len(alerts(story, "silence"))) == (state, told)
        deaths = len([kind for kind, _ in heard if kind == "death"])
        cable.time_out()  # at last the broker gives up, and publishes the will: that is no news
        eventually(lambda: len([kind for kind, _ in heard if kind == "death"]) > deaths)
        assert state_of(story, device) == OFFLINE

        # A week passes. Every day one looks again: it stays one alert. The agent reads on, and its disk
        # begins to fail, which is an event.
        for day in range(1, 7):
            laptop.live(went + timedelta(days=day))
            look_for_silence(story, online_settings)
            assert len(alerts(story, "silence")) == 1
        laptop.live(went + WEEK)

        # The spool obeyed its limit: what it gave up is the oldest health of the outage, and nothing else.
        kept = laptop.waiting()
        given_up = {key: kind for key, kind in laptop.made.items() if key not in kept and key not in before}
        assert agent.spool.bytes <= SPOOL_BYTES
        assert set(given_up.values()) == {"health"}
        assert agent.spool.dropped == len(given_up) > 100
        assert max(given_up) < min(key for key, kind in kept.items() if kind == "health")
        made = Counter(laptop.made.values())
        assert made["health"] > 7 * 288 * 0.95  # one in five minutes, read on through the week
        events = {key for key, kind in laptop.made.items() if kind in KEPT_FOR_GOOD and key not in before}
        assert events
        assert events <= set(kept)

        # Monday, nine, a week later. First the birth and the newest state, then the backlog, oldest first.
        already = len(heard)
        cable.mend()
        laptop.talk_it_off()
        came = list(dict.fromkeys(heard[already:]))
        (birth, birth_key), (newest, newest_key) = came[:2]
        assert (birth, newest) == ("birth", "health")
        assert birth_key > max(kept)
        assert newest_key > birth_key
        backlog = [key for _, key in came[2:] if key in kept]
        assert backlog == sorted(kept)

        # The server asks for what it misses, and learns that it is gone for good: just what was given up.
        laptop.live(story.now + timedelta(minutes=5))
        laptop.talk(lambda: "result" in laptop.made.values())
        laptop.talk_it_off()

    # Every kept message is stored once, in the partition of its own day, for the client that had the laptop
    # then; all of them are receipted and have left the spool.
    rows = stored(story, device)
    answers = [row.body.get("out", {}).get("gone", []) for row in rows if row.kind == "result"]
    gone = {(agent.b, s) for ranges in answers for first, last in ranges for s in range(first, last + 1)}
    assert gone == set(given_up)
    assert {(row.b, row.s) for row in rows} == set(laptop.made) - set(given_up)
    assert len(rows) == len({(row.b, row.s) for row in rows})
    assert {row.client_id for row in rows} == {story.cast.acme.id}
    for row in rows:
        told_at = datetime.fromtimestamp(row.told_at / 1000, UTC)
        assert date.fromisoformat(row.partition.removeprefix("telemetry_")) == told_at.date()
    assert agent.spool.pending == 0
    agent.close()

    # The alert is resolved, and who was without it, and since when, can be read with its dates.
    story.work()
    (alert,) = alerts(story, "silence")
    assert (alert["state"], alert["asset_id"]) == ("resolved", asset)
    assert state_of(story, device) == ONLINE
    with db.unit_of_work(story.cast.acme_tenant) as session:
        rows_read = transitions(session, story.cast.acme_tenant, device_id=device)
    online, suspected, lost, back = reversed(rows_read)
    assert [row.to_state for row in reversed(rows_read)] == [ONLINE, SUSPECT, OFFLINE, ONLINE]
    assert online.from_state == NEVER_SEEN
    assert went <= online.at < quiet_since
    assert suspected.at == quiet_since + timedelta(minutes=8)
    assert lost.at == quiet_since + timedelta(minutes=16)
    assert went + WEEK <= back.at < story.now
    page = story.web(story.cast.ada).get(f"/devices/{device}").get_data(as_text=True)
    assert "nothing heard for" in page
