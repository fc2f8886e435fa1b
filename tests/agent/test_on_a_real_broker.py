from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from agent import messages
from agent.identity import StateDirectory
from agent.loop import spool_path
from agent.spool import Spool
from tests.agent.world import (
    NOW,
    BrokerProcess,
    EnrolmentServer,
    Inbox,
    enrolled,
    make_certificates,
    pending,
    results,
    wait_for,
    with_backlog,
)


class TestConnection:
    def test_begins_with_the_birth_and_goes_on_with_health(self, tmp_path, server, inbox, start_agent):
        device = enrolled(tmp_path / "a", server).device
        start_agent(tmp_path / "a")

        wait_for(lambda: inbox.of("health") and inbox.of("inventory"))

        assert inbox.kinds()[:2] == ["birth", "health"]
        birth = inbox.of("birth", device)[0]
        assert (birth["reason"], birth["cfg"], birth["b"]) == ("start", 1, 2**32 + 1)
        assert len(birth["hw"]) == 64
        assert "verb:rotate" in birth["caps"]
        assert inbox.of("health")[0]["m"]["mem_available_bytes"] > 0
        wait_for(lambda: pending(tmp_path / "a", device) == 0, what="an empty spool")

    def test_leaves_a_will_when_killed_and_a_word_when_stopped(self, tmp_path, server, inbox, start_agent):
        enrolled(tmp_path / "a", server)
        agent = start_agent(tmp_path / "a")
        wait_for(lambda: inbox.of("health"))
        agent.kill()

        (lost,) = wait_for(lambda: inbox.of("death"))
        assert lost == {"v": 1, "b": inbox.of("birth")[0]["b"], "reason": "lost"}

        agent = start_agent(tmp_path / "a")
        wait_for(lambda: lost["b"] + 1 in {birth["b"] for birth in inbox.of("birth")})
        assert agent.stop() == 0
        _, stopped = wait_for(lambda: inbox.of("death")[1:] and inbox.of("death"))
        assert stopped["reason"] == "stop"
        assert stopped["b"] == lost["b"] + 1
        assert len(inbox.of("death")) == 2  # an orderly end sends no will

    def test_connects_by_tls_to_the_enrolled_authority_only(self, tmp_path, start_agent):
        certificates = make_certificates(tmp_path)
        folder = tmp_path / "tls-broker"
        folder.mkdir()
        broker = BrokerProcess(folder, tls=certificates)
        broker.start()
        server, inbox = EnrolmentServer(broker), Inbox(broker)
        try:
            server.ca_pem = certificates["ca"].read_text()
            enrolled(tmp_path / "good", server)
            server.ca_pem = certificates["other_ca"].read_text()
            enrolled(tmp_path / "bad", server, "CODE2")

            start_agent(tmp_path / "bad")
            start_agent(tmp_path / "good")

            wait_for(lambda: inbox.of("birth", "d-code1"))
            wait_for(
                lambda: "CERTIFICATE_VERIFY_FAILED" in (tmp_path / "bad.log").read_text(),
                what="a refusal of the certificate",
            )
            assert inbox.of("birth", "d-code2") == []
        finally:
            inbox.close()
            server.close()
            broker.stop()

    def test_cannot_speak_or_listen_for_another_device(self, tmp_path, broker, server, inbox):
        one, two = enrolled(tmp_path / "a", server), enrolled(tmp_path / "b", server, "CODE2")
        thief = paho.Client(CallbackAPIVersion.VERSION2, client_id=one.device)
        thief.username_pw_set(one.device, one.secret)
        heard: list[str] = []
        thief.on_message = lambda _c, _u, message: heard.append(message.topic)
        thief.connect("127.0.0.1", broker.port)
        thief.loop_start()
        wait_for(thief.is_connected)
        thief.subscribe(messages.down_filter(two.device), qos=1)
        thief.subscribe("haas/v1/+/down/#", qos=1)
        thief.subscribe(messages.down_filter(one.device), qos=1)
        thief.publish(messages.up_topic(two.device, "event"), b"{}", qos=1)
        thief.publish(messages.up_topic(one.device, "event"), b"{}", qos=1)

        wait_for(lambda: inbox.of("event"))
        inbox.send(two.device, "cmd", {})
        inbox.send(one.device, "cmd", {})
        wait_for(lambda: heard)
        thief.disconnect()
        thief.loop_stop()

        assert set(heard) == {messages.down_topic(one.device, "cmd")}
        assert inbox.of("event", two.device) == []


class TestNothingIsLost:
    def test_when_the_broker_dies_and_receipts_come_only_later(
        self, tmp_path, broker, server, inbox, start_agent
    ):
        credentials = enrolled(tmp_path / "a", server)
        old = with_backlog(tmp_path / "a", credentials, 150)
        inbox.has_receipts = False
        start_agent(tmp_path / "a")
        wait_for(lambda: len(inbox.of("event")) > 40)
        broker.kill()
        wait_for(lambda: "trying again" in (tmp_path / "a.log").read_text())
        broker.start()
        wait_for(lambda: len(inbox.of("birth")) >= 2)
        assert pending(tmp_path / "a", credentials.device) >= 150  # nothing was receipted

        inbox.receipt_all()

        wait_for(lambda: pending(tmp_path / "a", credentials.device) == 0, what="an empty spool")
        assert {s for b, s in inbox.held_keys() if b == old} == set(range(1, 151))
        assert inbox.of("birth")[-1]["reason"] == "reconnect"

    @pytest.mark.parametrize("moment", ["without_broker", "before_receipts", "while_draining", "at_peace"])
    def test_when_the_agent_is_killed(self, tmp_path, broker, server, inbox, start_agent, moment):
        credentials = enrolled(tmp_path / "a", server)
        old = with_backlog(tmp_path / "a", credentials, 100)
        device, state = credentials.device, tmp_path / "a"
        inbox.has_receipts = moment in ("while_draining", "at_peace")
        if moment == "without_broker":
            broker.kill()
        agent = start_agent(state)
        if moment == "without_broker":
            wait_for(lambda: pending(state, device) > 100)
        elif moment != "at_peace":
            wait_for(lambda: len(inbox.of("event")) > 50)
        else:
            wait_for(lambda: inbox.of("birth") and pending(state, device) == 0)
        agent.kill()
        if moment == "without_broker":
            broker.start()

        inbox.receipt_all()
        start_agent(state)

        wait_for(lambda: inbox.of("birth") and inbox.of("birth")[-1]["b"] >= old + 2)
        wait_for(lambda: pending(state, device) == 0, what="an empty spool")
        sessions = sorted({b for b, _ in inbox.held_keys()})
        assert sessions == [old, old + 1, old + 2]
        for b in sessions:
            sequence = {s for session, s in inbox.held_keys() if session == b}
            assert sequence == set(range(1, max(sequence) + 1))
        assert one_content_each(inbox)

    def test_over_many_kills_at_random_instants(self, tmp_path, server, inbox, start_agent):
        credentials = enrolled(tmp_path / "a", server)
        old = with_backlog(tmp_path / "a", credentials, 120)
        rng = random.Random(4)
        for _ in range(6):
            agent = start_agent(tmp_path / "a")
            time.sleep(rng.uniform(0.05, 0.9))  # any instant will do: it is the point
            agent.kill()
        last = start_agent(tmp_path / "a")

        wait_for(lambda: last.process.poll() is None and is_last_session_born(tmp_path / "a", inbox))
        wait_for(lambda: pending(tmp_path / "a", credentials.device) == 0, what="an empty spool")
        assert {s for b, s in inbox.held_keys() if b == old} == set(range(1, 121))
        assert one_content_each(inbox)


def is_last_session_born(state: Path, inbox: Inbox) -> bool:
    """Tell whether the session that was counted last has sent its birth."""
    starts = int((state / "starts").read_text())
    births = inbox.of("birth")
    return bool(births) and births[-1]["b"] == messages.session_number(epoch=1, starts=starts)


def one_content_each(inbox: Inbox) -> bool:
    """Tell whether a number was never used for two messages."""
    contents: dict[tuple[int, int], Counter[str]] = {}
    for _, _, body in inbox.messages:
        if "s" in body:
            key = (body["b"], body["s"])
            contents.setdefault(key, Counter())[json.dumps(body, sort_keys=True)] += 1
    return all(len(seen) == 1 for seen in contents.values())


class TestCommands:
    @pytest.fixture
    def device(self, tmp_path, server, inbox, start_agent) -> str:
        credentials = enrolled(tmp_path / "a", server)
        start_agent(tmp_path / "a")
        wait_for(lambda: inbox.of("health"))
        return credentials.device

    def test_collects_when_asked(self, device, inbox):
        wait_for(lambda: inbox.of("inventory"))
        before = len(inbox.of("inventory"))

        inbox.command(device, "collect", seq=1, args={"what": ["health", "inventory", "smart"]})

        wait_for(lambda: "done" in results(inbox, "cmd-1"))
        assert results(inbox, "cmd-1") == ["received", "running", "done"]
        assert len(inbox.of("inventory")) > before

    def test_does_a_repeated_command_once_and_answers_again(self, device, inbox):
        inbox.command(device, "rebirth", seq=1)
        wait_for(lambda: "done" in results(inbox, "cmd-1"))
        answers = len(inbox.of("result"))
        births = len(inbox.of("birth"))

        inbox.command(device, "rebirth", seq=1)
        wait_for(lambda: len(inbox.of("result")) > answers)

        assert inbox.of("result")[-1]["st"] == "done"
        assert len(inbox.of("birth")) == births == 2

    def test_refuses_forged_late_unknown_and_malformed_commands_and_lives(self, device, inbox):
        inbox.command(device, "rebirth", seq=1, key=bytes(32))
        wait_for(lambda: results(inbox, "cmd-1") == ["rejected"])
        inbox.send(device, "cmd", {"id": 5})
        inbox.command(device, "shell", seq=2)
        wait_for(lambda: results(inbox, "cmd-2") == ["rejected"])
        inbox.command(device, "collect", seq=3, exp=1)
        wait_for(lambda: results(inbox, "cmd-3") == ["expired"])
        inbox.command(device, "collect", seq=3, id="other")
        wait_for(lambda: results(inbox, "other") == ["rejected"])
        inbox.command(device, "collect", seq=4, args={"what": ["passwords"]})
        wait_for(lambda: results(inbox, "cmd-4") == ["received", "failed"])
        assert len(inbox.of("birth")) == 1

        # The forged id was not burnt: the true command of that name is obeyed.
        inbox.command(device, "rebirth", seq=5, id="cmd-1")
        wait_for(lambda: len(inbox.of("birth")) == 2)

    def test_sends_again_and_names_what_is_gone(self, tmp_path, device, inbox):
        wait_for(lambda: pending(tmp_path / "a", device) == 0)
        inbox.has_receipts = False
        inbox.command(device, "collect", seq=1)
        wait_for(lambda: "done" in results(inbox, "cmd-1"))
        newest = inbox.of("result")[-1]
        first = min(body["s"] for body in inbox.of("result"))

        inbox.command(device, "resend", seq=2, args={"ranges": [[1, newest["s"]]]})
        done = wait_for(
            lambda: [body for body in inbox.of("result") if body["id"] == "cmd-2" and "out" in body]
        )

        assert done[0]["out"]["gone"] == [[1, first - 1]]
        assert done[0]["out"]["sent"] == newest["s"] - first + 1

    def test_changes_its_secret_and_is_let_in_with_the_new_one_only(self, tmp_path, device, inbox, server):
        state = StateDirectory(tmp_path / "a")
        old = state.credentials().secret

        inbox.command(device, "rotate", seq=1)
        wait_for(lambda: "done" in results(inbox, "cmd-1"))

        credentials = state.credentials()
        assert credentials.secret != old
        assert credentials.secret == server.secrets[device]
        assert credentials.next_secret is None
        assert set(results(inbox, "cmd-1")) == {"received", "running", "done"}
        assert inbox.of("death") == []  # it went over in order

    def test_keeps_its_secret_when_the_server_refuses_the_new_one(self, tmp_path, device, inbox, server):
        state = StateDirectory(tmp_path / "a")
        old = state.credentials().secret
        server.refusal = (409, {"code": "not_now", "detail": "not now"})

        inbox.command(device, "rotate", seq=1)
        wait_for(lambda: "failed" in results(inbox, "cmd-1"))

        assert state.credentials().secret == old
        assert state.credentials().next_secret is None

    def test_applies_a_newer_configuration_and_remembers_it(self, tmp_path, device, inbox, start_agent):
        inbox.send(device, "cfg", messages.config(rev=5, every={"health": 5}, time_ms=NOW))
        wait_for(lambda: inbox.of("health")[-1]["cfg"] == 5)
        inbox.send(device, "cfg", messages.config(rev=4, every={"health": 300}, time_ms=NOW))

        begin_count = len(inbox.of("health"))
        wait_for(lambda: len(inbox.of("health")) >= begin_count + 2, what="health every 5 s")

        assert inbox.of("health")[-1]["cfg"] == 5
        spool = Spool(spool_path(tmp_path / "a", device), b=1, read_only=True)
        assert (spool.fact("cfg") or {})["rev"] == 5
        spool.close()
