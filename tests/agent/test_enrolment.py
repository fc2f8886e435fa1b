from __future__ import annotations

import subprocess
import sys

import pytest

from agent.enrolment import Refused, begin, enrol, parse_claim
from agent.identity import Credentials, StateDirectory
from tests.agent.world import (
    HARDWARE,
    enrolled,
    results,
    wait_for,
)


class TestEnrolment:
    def test_saves_the_secret_before_it_is_sent_and_repeats_itself_after_a_lost_answer(
        self, tmp_path, server
    ):
        state = StateDirectory(tmp_path / "a")
        state.prepare()
        server.lost_answers = 1
        pending_one = begin(state, server=server.address, code="CODE1")
        assert state.pending_enrolment() == pending_one

        waits: list[float] = []
        credentials = enrol(
            state,
            begin(state, server=server.address, code="CODE1"),
            hardware=HARDWARE,
            wait=waits.append,
            on_wait=lambda text: None,
        )

        first, second = (body for _, body in server.requests)
        assert first == second
        assert credentials.secret == first["secret"]
        assert waits == [2]
        assert state.pending_enrolment() is None

    def test_waits_for_a_human(self, tmp_path, server):
        state = StateDirectory(tmp_path / "a")
        state.prepare()
        server.pending_answers = 2
        waits: list[float] = []

        enrol(
            state,
            begin(state, server=server.address, code="CODE1"),
            hardware=HARDWARE,
            wait=waits.append,
            on_wait=lambda text: None,
        )

        assert waits == [1, 1]
        assert {body["secret"] for _, body in server.requests} == {state.credentials().secret}

    def test_keeps_credentials_for_its_user_only(self, tmp_path, server):
        enrolled(tmp_path / "a", server)

        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "a").iterdir()} == {0o600}
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700

    def test_ends_when_the_server_refuses(self, tmp_path, server):
        server.refusal = (410, {"code": "code_used", "detail": "This code was used."})

        with pytest.raises(Refused, match="This code was used"):
            enrolled(tmp_path / "a", server)

    @pytest.mark.parametrize(
        ("claim", "server", "parsed"),
        [
            ("https://haas.example/c/ABC", None, ("https://haas.example", "ABC")),
            ("https://haas.example/sub/c/ABC/", None, ("https://haas.example/sub", "ABC")),
            (" ABC ", "https://haas.example/", ("https://haas.example", "ABC")),
            ("http://127.0.0.1:8000/c/ABC", None, ("http://127.0.0.1:8000", "ABC")),
        ],
    )
    def test_reads_addresses_and_codes(self, claim, server, parsed):
        assert parse_claim(claim, server) == parsed

    @pytest.mark.parametrize(
        ("claim", "server"),
        [
            ("ABC", None),
            ("http://haas.example/c/ABC", None),
            ("https://haas.example/x/ABC", None),
            ("ftp://haas.example/c/ABC", None),
        ],
    )
    def test_refuses_addresses_that_would_give_the_secret_away(self, claim, server):
        with pytest.raises(ValueError, match=r".+"):
            parse_claim(claim, server)

    def test_is_a_command(self, tmp_path, server):
        claim = f"{server.address}/c/CODE1"
        command = [sys.executable, "-m", "agent", "enroll", claim, "--state", str(tmp_path / "a")]

        first = subprocess.run(command, capture_output=True, text=True, check=False)
        second = subprocess.run(command, capture_output=True, text=True, check=False)

        assert (first.returncode, first.stdout) == (0, "enrolled as d-code1\n")
        assert second.returncode == 64
        assert "--again" in second.stderr
        assert set(server.requests[0][1]["hw"]) == {"serial", "uuid", "board", "macs"}


class TestRotationIsCrashSafe:
    @pytest.mark.parametrize(
        ("posted", "accepted_saved", "broker_has"),
        [
            (False, False, "old"),  # died after saving, before posting
            (True, False, "old"),  # the answer was lost; the server lets in both
            (True, False, "new"),  # the same, on a server that has moved on
            (True, True, "new"),  # died after the yes, before or after the first use
            (True, True, "old"),  # the yes was saved, the broker lags behind
        ],
    )
    def test_is_let_in_and_ends_with_one_secret(
        self, tmp_path, broker, server, inbox, start_agent, posted, accepted_saved, broker_has
    ):
        credentials = enrolled(tmp_path / "a", server)
        state = StateDirectory(tmp_path / "a")
        state.save_credentials(
            Credentials(
                **{
                    **credentials.__dict__,
                    "next_secret": "the-new-secret",
                    "next_accepted": accepted_saved,
                    "rotate_command": "cmd-9",
                }
            )
        )
        if broker_has == "new":
            broker.allow(credentials.device, "the-new-secret")
        if posted and accepted_saved:
            server.secrets[credentials.device] = "the-new-secret"

        start_agent(tmp_path / "a")
        wait_for(lambda: inbox.of("birth"))
        if broker_has == "old" and accepted_saved:
            broker.allow(credentials.device, "the-new-secret")
            broker.kill()
            broker.start()
        wait_for(lambda: state.credentials().secret == "the-new-secret")

        wait_for(lambda: results(inbox, "cmd-9") == ["done"])
        assert state.credentials().next_secret is None
