from __future__ import annotations

import itertools
import random
import stat
from pathlib import Path
from typing import Any

import pytest

from agent.identity import AlreadyRunning, StateDirectory, StateError
from agent.sending import BURST, MAX_IN_FLIGHT, MAX_PER_SECOND, WINDOW, Sender
from agent.spool import EARLIEST_MS, Row, Spool, SpoolError

DAY_MS = 86_400_000
NOW = EARLIEST_MS + 600 * DAY_MS


def spool_in(folder: Path, *, b: int = 7, **limits: Any) -> Spool:
    return Spool(folder / "spool.db", b=b, **limits)


def fill(spool: Spool, count: int, kind: str = "health", *, t: int = NOW) -> list[int]:
    return [spool.append(kind, {"m": {"n": n}}, t=t + n).s for n in range(count)]


def held(spool: Spool) -> list[tuple[int, int]]:
    return [(row.b, row.s) for row in spool.oldest_first(limit=100_000)]


class TestSpool:
    def test_numbers_messages_one_two_three_in_their_session(self, tmp_path):
        spool = spool_in(tmp_path)

        assert fill(spool, 3) == [1, 2, 3]
        assert [row.payload[:26] for row in spool.oldest_first(limit=1)] == [b'{"v":1,"b":7,"s":1,"t":178']

    def test_never_gives_a_number_twice_though_receipted_messages_are_gone(self, tmp_path):
        spool = spool_in(tmp_path)
        fill(spool, 3)
        spool.receipt(b=7, upto=3)

        assert fill(spool, 1) == [4]

    def test_does_not_use_up_a_number_for_what_cannot_be_stored(self, tmp_path):
        spool = spool_in(tmp_path)
        with pytest.raises(ValueError, match="bytes"):
            spool.append("event", {str(n): "x" * 500 for n in range(200)}, t=NOW)

        assert fill(spool, 1) == [1]

    def test_says_when_the_disk_is_full_and_goes_on_when_it_is_not(self, tmp_path):
        spool = spool_in(tmp_path)
        fill(spool, 3)
        spool._db.execute("PRAGMA max_page_count = 1")
        with pytest.raises(SpoolError, match="full"):  # noqa: PT012 - the one that does not fit
            for _ in range(1000):
                spool.append("event", {"data": {"text": "x" * 500}}, t=NOW)
        stored = spool.pending

        spool._db.execute("PRAGMA max_page_count = 100000")

        assert fill(spool, 1) == [stored + 1]
        assert held(spool) == [(7, s) for s in range(1, stored + 2)]

    def test_keeps_everything_over_a_restart(self, tmp_path):
        first = spool_in(tmp_path)
        fill(first, 2)
        first.close()

        second = spool_in(tmp_path, b=8)
        fill(second, 1)

        assert held(second) == [(7, 1), (7, 2), (8, 1)]
        assert second.pending == 3

    @pytest.mark.parametrize(
        ("receipt", "left"),
        [
            ({"b": 7, "upto": 3}, [4, 5]),
            ({"b": 7, "upto": 5, "missing": [(2, 3)]}, [2, 3]),
            ({"b": 7, "upto": 0, "drop": [4, 9]}, [1, 2, 3, 5]),
            ({"b": 7, "upto": 2, "missing": [(2, 2)], "drop": [2]}, [3, 4, 5]),
            ({"b": 8, "upto": 5}, [1, 2, 3, 4, 5]),
            ({"b": 7, "upto": 2**53 - 1}, []),
        ],
    )
    def test_forgets_only_what_a_receipt_covers(self, tmp_path, receipt, left):
        spool = spool_in(tmp_path)
        fill(spool, 5)

        spool.receipt(**receipt)

        assert [s for _, s in held(spool)] == left
        assert spool.pending == len(left)

    def test_gives_up_oldest_health_first_and_never_events_or_results(self, tmp_path):
        spool = spool_in(tmp_path, max_bytes=20_000)
        for _ in range(100):
            fill(spool, 1, "event")
            fill(spool, 1, "result")
            fill(spool, 4, "health")

        kinds = [row.kind for row in spool.oldest_first(limit=10_000)]
        assert kinds.count("event") == 100
        assert kinds.count("result") == 100
        assert spool.dropped == 400 - kinds.count("health") > 0
        healths = [row.s for row in spool.oldest_first(limit=10_000) if row.kind == "health"]
        assert healths == sorted(healths)
        assert not healths or healths[-1] == 600  # the newest is there, the oldest went

    def test_remembers_what_it_gave_up(self, tmp_path):
        spool = spool_in(tmp_path, max_bytes=5_000)
        fill(spool, 200)
        dropped = spool.dropped
        spool.close()

        assert dropped > 0
        assert spool_in(tmp_path, b=8).dropped == dropped

    def test_gives_up_health_older_than_the_limit(self, tmp_path):
        spool = spool_in(tmp_path, max_age_seconds=7 * 86400)
        fill(spool, 2)
        fill(spool, 1, "event")

        fill(spool, 1, t=NOW + 8 * DAY_MS)

        assert [s for _, s in held(spool)] == [3, 4]

    def test_does_not_take_a_clock_that_was_not_set_for_age(self, tmp_path):
        spool = spool_in(tmp_path)
        fill(spool, 2, t=1_325_376_000_000)  # 2012-01-01, no battery for the clock

        fill(spool, 1, t=NOW)

        assert len(held(spool)) == 3

    def test_counts_its_bytes_right(self, tmp_path):
        spool = spool_in(tmp_path)
        fill(spool, 50)
        spool.receipt(b=7, upto=20)
        counted = spool.bytes
        spool.close()

        assert spool_in(tmp_path, b=8).bytes == counted

    def test_is_readable_by_its_user_only(self, tmp_path):
        spool = spool_in(tmp_path)
        fill(spool, 1)

        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("spool.db*")}
        assert modes == {0o600}

    def test_begins_anew_and_keeps_the_ruins_when_the_file_is_torn(self, tmp_path):
        spool = spool_in(tmp_path)
        fill(spool, 500)
        spool.close()
        content = bytearray((tmp_path / "spool.db").read_bytes())
        content[:8192] = b"\xa5" * 8192
        (tmp_path / "spool.db").write_bytes(content)

        fresh = spool_in(tmp_path, b=8)

        assert fresh.was_reset
        assert fresh.pending == 0
        assert (tmp_path / "broken-spool.db").exists()

    def test_can_be_looked_at_while_it_is_used(self, tmp_path):
        spool = spool_in(tmp_path)
        fill(spool, 2)

        looking = Spool(tmp_path / "spool.db", b=1, read_only=True)

        assert looking.pending == 2
        with pytest.raises(SpoolError, match="readonly"):
            looking.remember("x", 1)
        looking.close()

    def test_remembers_the_last_two_hundred_commands(self, tmp_path):
        spool = spool_in(tmp_path)
        for n in range(1, 251):
            spool.remember_command(f"c{n}", seq=n, st="received", code=None, out={})
            spool.remember_command(f"c{n}", seq=0, st="done", code=None, out={"n": n})

        assert spool.known_command("c50") is None
        assert spool.known_command("c51") == ("done", None, {"n": 51})
        assert spool.last_command_seq() == 250


class TestStateDirectory:
    def test_counts_starts_without_ever_going_back(self, tmp_path):
        state = StateDirectory(tmp_path)

        assert [state.next_session(epoch=2) - 2 * 2**32 for _ in range(3)] == [1, 2, 3]

    def test_refuses_to_guess_when_the_count_is_damaged(self, tmp_path):
        (tmp_path / "starts").write_text("4x")

        with pytest.raises(StateError, match="number"):
            StateDirectory(tmp_path).next_session(epoch=1)

    def test_is_held_by_one_agent_at_a_time(self, tmp_path):
        first, second = StateDirectory(tmp_path), StateDirectory(tmp_path)
        first.lock()

        with pytest.raises(AlreadyRunning):
            second.lock()
        first.unlock()
        second.lock()
        second.unlock()


class Wire:
    """Sends what a `Sender` chooses, on a clock the test turns."""

    def __init__(self, spool: Spool) -> None:
        self.spool, self.now, self.mid = spool, 1_000.0, 0
        self.sender = Sender(spool, random.Random(1), receipt_timeout_seconds=30)
        self.sent: list[tuple[float, int, int]] = []
        self.unacknowledged: list[int] = []

    def pump(self, *, acknowledge: bool = True) -> None:
        while (row := self.sender.next(self.now)) is not None:
            self.mid += 1
            self.sender.sent(row, self.mid, self.now)
            self.sent.append((self.now, row.b, row.s))
            self.unacknowledged.append(self.mid)
            if acknowledge:
                self.acknowledge()

    def acknowledge(self) -> None:
        for mid in self.unacknowledged:
            self.sender.acknowledged(mid)
        self.unacknowledged.clear()

    def run(self, seconds: float, *, step: float = 0.02) -> None:
        until = self.now + seconds
        while self.now < until:
            self.pump()
            self.now += step

    def sequences(self) -> list[int]:
        return [s for _, _, s in self.sent]

    def birth(self) -> Row:
        return self.spool.append("birth", {}, t=NOW)


class TestSender:
    def test_sends_the_birth_and_the_newest_state_and_then_the_oldest_first(self, tmp_path):
        old = spool_in(tmp_path, b=6)
        fill(old, 2)
        old.close()
        wire = Wire(spool_in(tmp_path))
        fill(wire.spool, 2)
        birth, health = wire.birth(), wire.spool.append("health", {}, t=NOW)

        wire.sender.connected(birth, health)
        wire.run(1)

        assert [(b, s) for _, b, s in wire.sent] == [(7, 3), (7, 4), (6, 1), (6, 2), (7, 1), (7, 2)]

    def test_lets_what_is_new_overtake_the_backlog(self, tmp_path):
        wire = Wire(spool_in(tmp_path))
        fill(wire.spool, 400)
        wire.sender.connected(wire.birth())
        wire.run(1)

        wire.sender.add(wire.spool.append("event", {}, t=NOW))
        wire.run(0.1)

        assert 402 in wire.sequences()[:60]

    def test_has_at_most_twenty_in_flight(self, tmp_path):
        wire = Wire(spool_in(tmp_path))
        fill(wire.spool, 100)
        wire.sender.connected(wire.birth())
        for _ in range(200):
            wire.pump(acknowledge=False)
            wire.now += 0.05

        assert len(wire.sent) == MAX_IN_FLIGHT
        wire.acknowledge()
        wire.pump(acknowledge=False)
        assert len(wire.sent) > MAX_IN_FLIGHT

    def test_sends_at_most_fifty_a_second(self, tmp_path):
        wire = Wire(spool_in(tmp_path))
        fill(wire.spool, 480)
        wire.sender.connected(wire.birth())
        wire.run(10)

        assert len(wire.sent) == 481
        for begin in range(8):
            in_second = [at for at, _, _ in wire.sent if 1_000 + begin <= at < 1_001 + begin]
            assert len(in_second) <= MAX_PER_SECOND + BURST

    def test_never_asks_to_be_called_at_once_without_having_something(self, tmp_path):
        wire = Wire(spool_in(tmp_path))
        fill(wire.spool, 700)
        wire.sender.connected(wire.birth())
        for _ in range(3000):
            before = len(wire.sent)
            wire.pump()
            wait = wire.sender.due_in(wire.now)
            assert wait > 0 or len(wire.sent) > before
            wire.now += max(wait, 0.001)

    def test_stops_the_backlog_while_the_server_answers_nothing_but_sends_what_is_new(self, tmp_path):
        wire = Wire(spool_in(tmp_path))
        fill(wire.spool, WINDOW + 200)
        wire.sender.connected(wire.birth())
        wire.run(20)
        assert len(wire.sent) == WINDOW

        event = wire.spool.append("event", {}, t=NOW)
        wire.sender.add(event)
        wire.run(0.5)
        assert wire.sent[-1][2] == event.s

        gone = wire.spool.receipt(b=7, upto=300)
        wire.sender.receipted(7, gone)
        wire.run(9)
        assert set(wire.sequences()) == set(range(1, WINDOW + 203))

    def test_sends_again_with_doubling_patience_what_is_not_receipted(self, tmp_path):
        wire = Wire(spool_in(tmp_path))
        wire.sender.connected(wire.birth())
        wire.run(800, step=0.5)

        times = [at - 1_000 for at, _, _ in wire.sent]
        waits = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert len(waits) == 4
        for wait, least in zip(waits, (30, 60, 120, 240), strict=True):
            assert least <= wait <= least * 1.1 + 0.5

    def test_never_sends_again_what_was_receipted(self, tmp_path):
        wire = Wire(spool_in(tmp_path))
        fill(wire.spool, 50)
        wire.sender.connected(wire.birth())
        wire.run(2)
        wire.sender.receipted(7, wire.spool.receipt(b=7, upto=51))
        wire.run(100, step=0.5)

        assert len(wire.sent) == 51
        assert wire.sender.unanswered == 0

    def test_sends_everything_again_over_a_new_connection(self, tmp_path):
        wire = Wire(spool_in(tmp_path))
        fill(wire.spool, 10)
        wire.sender.connected(wire.birth())
        wire.run(1)
        wire.sender.disconnected()
        wire.run(1)
        assert len(wire.sent) == 11

        wire.sender.connected(wire.birth())
        wire.run(1)
        assert wire.sequences()[11:] == [12, *range(1, 12)]

    def test_sends_a_range_again_when_asked(self, tmp_path):
        wire = Wire(spool_in(tmp_path))
        fill(wire.spool, 20)
        wire.sender.connected(wire.birth())
        wire.run(1)
        wire.sent.clear()

        wire.sender.again(7, [(3, 5), (9, 9)])
        wire.run(1)

        assert wire.sequences() == [3, 4, 5, 9]
