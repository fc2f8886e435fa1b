from __future__ import annotations

import random
from typing import Any

import pytest

from agent import commands, messages, watch
from agent.backoff import Backoff
from agent.spool import KnownCommand

KEY = bytes(32)


class TestEncode:
    def test_cleans_what_a_reader_might_choke_on(self):
        payload = messages.encode(
            {"text": "a\x00b\ud800", "nan": float("nan"), "inf": [float("inf")], "big": 2**53, "yes": True}
        )

        assert messages.decode(payload) == {
            "text": "ab?",
            "nan": None,
            "inf": [None],
            "big": None,
            "yes": True,
        }

    def test_refuses_what_is_too_large_or_too_deep(self):
        deep: Any = {}
        for _ in range(messages.MAX_DEPTH + 1):
            deep = {"x": deep}

        with pytest.raises(messages.BadMessage, match="deeper"):
            messages.encode(deep)
        with pytest.raises(messages.BadMessage, match="bytes"):
            messages.encode({str(n): "x" * 500 for n in range(200)})


class TestDecode:
    @pytest.mark.parametrize(
        "payload", [b"", b"x", b"\xff", b"[]", b"1", b'"x"', b"[" * 60_000, b" " * 70_000]
    )
    def test_refuses_anything_but_an_object(self, payload):
        with pytest.raises(messages.BadMessage):
            messages.decode(payload)


class TestParseUpTopic:
    @pytest.mark.parametrize(
        ("topic", "parsed"),
        [
            ("haas/v1/d-1/up/health", ("d-1", "health")),
            ("haas/v1/d-1/up/secret", None),
            ("haas/v1/D-1/up/health", None),
            ("haas/v2/d-1/up/health", None),
            ("haas/v1/d-1/up/health/x", None),
            ("haas/v1/d-1/up/health\n", None),
            ("$SYS/broker", None),
        ],
    )
    def test_knows_our_topics_only(self, topic, parsed):
        assert messages.parse_up_topic(topic) == parsed


class TestSessionNumber:
    def test_rises_with_starts_and_more_with_epochs(self):
        numbers = [
            messages.session_number(epoch=1, starts=1),
            messages.session_number(epoch=1, starts=2**32 - 1),
            messages.session_number(epoch=2, starts=1),
        ]

        assert numbers == sorted(set(numbers))
        assert numbers[0] == 4294967297  # 1 * 2^32 + 1

    def test_stays_exact_in_every_reader_of_json(self):
        assert messages.session_number(epoch=messages.MAX_EPOCH, starts=2**32 - 1) <= 2**53 - 1
        with pytest.raises(ValueError, match="epoch"):
            messages.session_number(epoch=messages.MAX_EPOCH + 1, starts=1)


class TestIntervals:
    def test_brings_each_within_its_bounds(self):
        assert messages.intervals({"health": 1, "smart": "soon", "inventory": 10**9}) == {
            "health": 5,
            "inventory": 604800,
            "smart": 21600,
        }


class TestBackoff:
    def test_waits_no_longer_than_double_each_time_up_to_the_most(self):
        for seed in range(200):
            backoff = Backoff(random.Random(seed))
            for attempt in range(12):
                assert 0 <= backoff.delay() <= min(300, 2**attempt)

    def test_spreads_a_fleet_over_the_whole_time(self):
        late = []
        for seed in range(1000):
            backoff = Backoff(random.Random(seed))
            backoff.attempts = 20
            late.append(backoff.delay())

        # Full jitter: a fifth of the fleet in each fifth of 300 s, give or take.
        for fifth in range(5):
            assert 140 < sum(fifth * 60 <= wait < (fifth + 1) * 60 for wait in late) < 260

    def test_forgets_failures_only_after_a_minute_of_connection(self):
        backoff = Backoff(random.Random(1))
        for _ in range(6):
            backoff.delay(connected_seconds=59.9)
        assert backoff.attempts == 6

        assert backoff.delay(connected_seconds=60.0) <= 1.0
        assert backoff.attempts == 1


def judge(body: dict[str, Any], **given: Any) -> commands.Verdict | None:
    return commands.judge(
        body,
        commands.read(body),
        key=given.get("key", KEY),
        now_ms=given.get("now_ms", 1_000),
        last_seq=given.get("last_seq", 4),
        known=given.get("known"),
        is_running=given.get("is_running", False),
    )


def signed(**given: Any) -> dict[str, Any]:
    return messages.command(
        **{"key": KEY, "id": "c1", "verb": "collect", "args": {}, "exp": 2_000, "seq": 5, **given}
    )


class TestJudge:
    def test_obeys_what_is_signed_new_in_time_and_known(self):
        assert judge(signed()) == commands.Verdict("received")

    @pytest.mark.parametrize("field", ["id", "verb", "args", "exp", "seq", "sig"])
    def test_refuses_a_command_with_any_field_changed(self, field):
        body = signed()
        changed = {"args": {"what": ["smart"]}, "exp": 9_999, "seq": 6}
        body[field] = changed.get(field, "rotate")

        verdict = judge(body)

        assert verdict is not None
        assert (verdict.st, verdict.code, verdict.is_new) == ("rejected", "bad_signature", False)

    def test_signs_whatever_order_the_fields_come_in(self):
        body = dict(reversed(list(signed(args={"b": 1, "a": "ü"}).items())))

        assert judge(body) == commands.Verdict("received")

    @pytest.mark.parametrize(
        ("given", "st", "code"),
        [
            ({"now_ms": 2_001}, "expired", None),
            ({"last_seq": 5}, "rejected", "old_seq"),
        ],
    )
    def test_refuses_what_is_late_or_played_back(self, given, st, code):
        verdict = judge(signed(), **given)

        assert verdict is not None
        assert (verdict.st, verdict.code) == (st, code)

    @pytest.mark.parametrize("verb", ["shell", "update", "", "ROTATE"])
    def test_knows_no_other_verbs(self, verb):
        verdict = judge(signed(verb=verb))

        assert verdict is not None
        assert (verdict.st, verdict.code) == ("rejected", "unknown_verb")

    def test_answers_a_repeat_with_what_came_of_it_even_when_late(self):
        known = KnownCommand("done", None, {"sent": 3})

        verdict = judge(signed(), known=known, now_ms=9_999, last_seq=99)

        assert verdict == commands.Verdict("done", None, {"sent": 3}, is_new=False)

    def test_does_again_what_a_restart_cut_short_and_not_what_still_runs(self):
        known = KnownCommand("received", None, {})

        assert judge(signed(), known=known, last_seq=99) == commands.Verdict("received")
        assert judge(signed(), known=known, is_running=True) is None


class TestRead:
    @pytest.mark.parametrize(
        "change",
        [{"id": ""}, {"id": 1}, {"id": "a b"}, {"verb": 1}, {"args": []}, {"exp": "x"}, {"seq": True}],
    )
    def test_refuses_wrong_types(self, change):
        with pytest.raises(messages.BadMessage):
            commands.read({**signed(), **change})


class TestRanges:
    @pytest.mark.parametrize("value", [None, "x", [1], [[2, 1]], [["a", "b"]], [[-1, 2]], [[1, 2, 3]]])
    def test_refuses_what_is_no_range(self, value):
        with pytest.raises(messages.BadMessage):
            commands.ranges(value)


def codes(events: list[watch.Event]) -> list[str]:
    return [event.code for event in events]


class TestDiskEvents:
    def test_says_nothing_at_the_first_reading_of_a_healthy_disk(self):
        assert watch.disk_events(None, [{"id": "A", "passed": True, "reallocated": 12}]) == []

    def test_tells_what_came_went_grew_and_failed(self):
        before = [{"id": "A", "passed": True, "pending": 0}, {"id": "B", "passed": True}]
        now = [{"id": "A", "passed": False, "pending": 8}, {"id": "C", "passed": True}]

        events = watch.disk_events(before, now)

        assert codes(events) == ["disk.failing", "disk.errors_grew", "disk.appeared", "disk.gone"]
        assert events[1].data["grown"] == {"pending": {"from": 0, "to": 8}}

    def test_keeps_the_last_reading_of_a_disk_that_sleeps(self):
        before = [{"id": "A", "read": "ok", "pending": 3, "at": 1}]
        now = [{"id": "A", "read": "standby", "at": 2}]

        kept = watch.kept_readings(before, now)

        assert kept == [{"id": "A", "read": "standby", "pending": 3, "at": 1}]
        assert watch.disk_events(before, kept) == []


class TestLevelEvents:
    def test_tells_once_and_again_only_after_it_was_well_below(self):
        raised: dict[str, bool] = {}
        told = []
        for pct in (94.9, 95.0, 99.0, 93.0, 95.5, 91.9, 95.0):
            events, raised = watch.level_events(raised, metrics={"disk_used_pct_max": pct}, disks=[])
            told.append(len(events))

        assert told == [0, 1, 0, 0, 0, 0, 1]


class TestMainsEvent:
    @pytest.mark.parametrize(
        ("before", "now", "told"),
        [
            (None, True, []),
            (True, None, []),
            (True, True, []),
            (True, False, ["power.ac_lost"]),
            (False, True, ["power.ac_restored"]),
        ],
    )
    def test_tells_changes_between_known_states(self, before, now, told):
        assert codes(watch.mains_event(before=before, now=now)) == told
