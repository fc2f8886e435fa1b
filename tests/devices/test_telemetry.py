"""Taking in: exactly once, in the right place, whatever arrives in whatever order."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from agent import messages
from devices import commands, enrolment, operations, telemetry
from devices.arrivals import Arrival, TakenIn
from devices.telemetry_models import (
    Command,
    DeviceSession,
    DeviceState,
    HealthChange,
    Inventory,
    OnlineTransition,
    QuarantineCount,
    QuarantinedMessage,
    Telemetry,
)
from haas import db
from haas.outbox import OutboxEvent
from haas.tenancy.scope import Tenant
from tests.cast import Cast
from tests.devices.signals import GOOD_DISK, HEALTHY, NOW, Speaker, enrol_device, ms

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def speaker(cast: Cast) -> Speaker:
    return enrol_device(cast.tenant, at=NOW - timedelta(days=30), client_id=cast.acme.id)


def take(*arrivals: Arrival, now: datetime = NOW, **how: Any) -> TakenIn:
    return telemetry.take_in(list(arrivals), now=now, **how)


def rows(speaker: Speaker) -> list[Telemetry]:
    with db.unit_of_work(Tenant(speaker.partner_id)) as session:
        return list(
            session.scalars(
                sa.select(Telemetry)
                .where(Telemetry.device_id == speaker.device_id)
                .order_by(Telemetry.b, Telemetry.s)
            )
        )


def state(speaker: Speaker) -> DeviceState:
    with db.unit_of_work(Tenant(speaker.partner_id)) as session:
        return session.scalars(sa.select(DeviceState).where(DeviceState.id == speaker.device_id)).one()


def every(speaker: Speaker, model: Any) -> list[Any]:
    with db.unit_of_work(Tenant(speaker.partner_id)) as session:
        key = "created_at" if model is Command else "id"
        return list(
            session.scalars(
                sa.select(model).where(model.device_id == speaker.device_id).order_by(getattr(model, key))
            )
        )


def receipts(result: TakenIn, speaker: Speaker) -> list[dict[str, Any]]:
    topic = messages.down_topic(speaker.device_id, "ack")
    return [json.loads(each.payload) for each in result.outgoing if each.topic == topic]


class TestTakeIn:
    def test_stores_a_message_and_receipts_it(self, speaker: Speaker) -> None:
        result = take(speaker.birth(NOW), speaker.health(NOW))

        assert (result.stored, result.repeated, result.quarantined) == (2, 0, 0)
        assert receipts(result, speaker) == [{"b": speaker.b, "upto": 2}]
        stored = rows(speaker)
        assert [row.kind for row in stored] == ["birth", "health"]
        assert stored[1].body["m"] == HEALTHY
        assert stored[1].ts_eff == NOW

    def test_stores_a_repeat_once_within_a_batch_and_across_batches(self, speaker: Speaker) -> None:
        birth, health = speaker.birth(NOW), speaker.health(NOW)

        first = take(birth, health, health, birth)
        again = take(health, birth)

        assert (first.stored, first.repeated) == (2, 2)
        assert (again.stored, again.repeated) == (0, 2)
        assert len(rows(speaker)) == 2
        assert receipts(again, speaker) == [{"b": speaker.b, "upto": 2}], "a lost receipt is given again"

    def test_does_not_duplicate_what_is_sent_again_across_midnight(self, speaker: Speaker) -> None:
        midnight = datetime(2026, 11, 20, tzinfo=UTC)
        before = speaker.birth(midnight - SECOND)
        readings = [speaker.health(midnight + (n - 2) * SECOND) for n in range(4)]

        take(before, *readings, now=midnight + 2 * SECOND)
        for hours in (1, 25):
            late = midnight + timedelta(hours=hours)
            take(*(Arrival(each.topic, each.payload, late) for each in readings), now=late)

        assert [row.ts_eff for row in rows(speaker)[1:]] == [midnight + (n - 2) * SECOND for n in range(4)]

    def test_receipts_what_is_missing_when_the_newest_comes_first(self, speaker: Speaker) -> None:
        backlog = [speaker.health(NOW - (10 - n) * MINUTE) for n in range(10)]
        birth = speaker.birth(NOW)

        first = take(birth)
        assert receipts(first, speaker) == [{"b": speaker.b, "upto": 11, "missing": [[1, 10]]}]
        second = take(*backlog[:4], *backlog[6:])
        assert receipts(second, speaker) == [{"b": speaker.b, "upto": 11, "missing": [[5, 6]]}]
        third = take(*backlog[4:6])
        assert receipts(third, speaker) == [{"b": speaker.b, "upto": 11}]

    def test_keeps_partners_apart_within_one_batch(self, cast: Cast, speaker: Speaker) -> None:
        theirs = enrol_device(cast.stranger, at=NOW - MINUTE)

        result = take(speaker.birth(NOW), theirs.birth(NOW), speaker.health(NOW), theirs.health(NOW))

        assert result.stored == 4
        assert {row.partner_id for row in rows(speaker)} == {cast.northwind.id}
        assert {row.partner_id for row in rows(theirs)} == {cast.contoso.id}

    def test_gives_each_reading_to_the_client_of_its_time(self, cast: Cast, speaker: Speaker) -> None:
        moved_at = NOW - timedelta(hours=1)
        with db.unit_of_work(cast.tenant) as session:
            operations.place_asset(
                session, cast.tenant, asset_id=speaker.asset_id, client_id=cast.globex.id, at=moved_at
            )
        backlog = [speaker.health(moved_at - n * MINUTE) for n in (3, 2, 1)]
        take(speaker.birth(NOW), *backlog, speaker.health(NOW))

        seen = {}
        for client in (cast.acme, cast.globex):
            with db.unit_of_work(Tenant(cast.northwind.id, client_id=client.id)) as session:
                seen[client.id] = session.scalar(sa.select(sa.func.count()).select_from(Telemetry))
        assert seen == {cast.acme.id: 3, cast.globex.id: 2}

    def test_ignores_a_device_nobody_knows(self) -> None:
        nobody = Speaker("d-nobody", "", "", "")
        assert take(nobody.birth(NOW)).strange == 1

    def test_ignores_a_revoked_device(self, cast: Cast, speaker: Speaker) -> None:
        with db.unit_of_work(cast.tenant) as session:
            enrolment.revoke(session, cast.tenant, device_id=speaker.device_id, reason="returned", now=NOW)
        result = take(speaker.birth(NOW), speaker.health(NOW))
        assert (result.strange, result.stored, result.outgoing) == (2, 0, [])

    def test_stores_all_of_a_random_storm_exactly_once(self, speaker: Speaker) -> None:
        rng = random.Random(7)  # noqa: S311 - a storm that is the same each time
        said = [speaker.birth(NOW)] + [speaker.health(NOW + n * SECOND) for n in range(300)]
        storm = said + rng.sample(said, 75)  # a quarter is sent again
        rng.shuffle(storm)
        later = NOW + 10 * MINUTE
        for start in range(0, len(storm), 37):
            result = take(*storm[start : start + 37], now=later)
        assert len(rows(speaker)) == 301
        assert receipts(result, speaker)[-1]["upto"] == 301


class TestEffectiveTime:
    def test_corrects_a_clock_that_is_an_hour_slow_by_the_offset_of_the_first_birth(
        self, speaker: Speaker
    ) -> None:
        hour = timedelta(hours=1)
        take(speaker.birth(NOW - hour, NOW), speaker.health(NOW - hour + MINUTE, NOW + MINUTE))
        assert [row.ts_eff for row in rows(speaker)] == [NOW, NOW + MINUTE]

    def test_takes_the_delay_of_a_broker_that_kept_messages_for_no_clock_error(
        self, speaker: Speaker
    ) -> None:
        hour = timedelta(hours=1)
        take(speaker.birth(NOW - hour, NOW), is_catching_up=True)
        assert rows(speaker)[0].ts_eff == NOW - hour

    def test_keeps_the_offset_when_the_device_sets_its_clock_back_an_hour(self, speaker: Speaker) -> None:
        take(speaker.birth(NOW))
        take(speaker.health(NOW - timedelta(hours=1) + MINUTE, NOW + MINUTE), now=NOW + MINUTE)
        take(speaker.birth(NOW - timedelta(hours=1), NOW + 2 * MINUTE), now=NOW + 2 * MINUTE)
        assert [row.ts_eff - NOW for row in rows(speaker)] == [
            timedelta(0),
            -timedelta(hours=1) + MINUTE,
            -timedelta(hours=1),
        ]

    def test_marks_a_machine_without_a_clock_battery_and_places_it_by_the_offset(
        self, speaker: Speaker
    ) -> None:
        boot = datetime(2012, 1, 1, tzinfo=UTC)
        take(speaker.birth(boot, NOW), speaker.health(boot + MINUTE, NOW + MINUTE), now=NOW + MINUTE)
        stored = rows(speaker)
        assert [row.ts_eff for row in stored] == [NOW, NOW + MINUTE]
        assert all(row.clock_bad for row in stored)
        assert state(speaker).clock_bad

    @pytest.mark.parametrize("year", [1971, 2099])
    def test_places_a_time_that_cannot_be_at_the_opening_of_its_session(
        self, speaker: Speaker, year: int
    ) -> None:
        take(speaker.birth(NOW))
        strange = speaker.health(datetime(year, 6, 1, tzinfo=UTC), NOW + MINUTE)
        take(strange, now=NOW + MINUTE)
        take(Arrival(strange.topic, strange.payload, NOW + timedelta(days=2)), now=NOW + timedelta(days=2))
        stored = rows(speaker)
        assert len(stored) == 2
        assert (stored[1].ts_eff, stored[1].clock_bad) == (NOW, True)

    def test_is_not_moved_by_the_hour_that_comes_twice(self, speaker: Speaker) -> None:
        # New York, 2026-11-01: 05:30 UTC and 06:30 UTC are both 01:30 on the wall.
        first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
        take(
            speaker.birth(first), speaker.health(first), speaker.health(first + timedelta(hours=1)), now=first
        )
        assert [row.ts_eff for row in rows(speaker)[1:]] == [first, first + timedelta(hours=1)]


class TestStateRow:
    def test_never_moves_back_when_a_backlog_drains(self, speaker: Speaker) -> None:
        old = [speaker.health(NOW - timedelta(hours=5 - n), m={"cpu_pct": float(n)}) for n in range(3)]
        take(speaker.birth(NOW), speaker.health(NOW, m={"cpu_pct": 99.0}))
        take(*old, now=NOW + MINUTE)
        assert state(speaker).report["health"]["m"] == {"cpu_pct": 99.0}
        assert (state(speaker).b, state(speaker).s) == (speaker.b, 5)

    def test_shows_a_failing_disk_tells_why_and_publishes_it_once(self, speaker: Speaker) -> None:
        bad = {**GOOD_DISK, "reallocated": 304, "passed": True}
        take(speaker.birth(NOW), speaker.health(NOW))
        take(speaker.health(NOW + MINUTE, disks=[bad]), speaker.health(NOW + 2 * MINUTE, disks=[bad]))
        take(speaker.health(NOW + 3 * MINUTE, disks=[bad]))

        assert state(speaker).verdict == "failing"
        assert "304" in state(speaker).reasons[0]["text"]
        assert [change.to_verdict for change in every(speaker, HealthChange)] == ["healthy", "failing"]
        with db.unit_of_work(Tenant(speaker.partner_id)) as session:
            told = session.scalars(
                sa.select(OutboxEvent.payload["verdict"].astext).where(
                    OutboxEvent.name == "device.health_changed",
                    OutboxEvent.payload["device_id"].astext == speaker.device_id,
                )
            ).all()
        assert sorted(told) == ["failing", "healthy"]

    def test_reads_the_exit_status_notes_of_the_inventory(self, speaker: Speaker) -> None:
        take(speaker.birth(NOW), speaker.health(NOW))
        smart = [{"id": "WD-1", "read": "ok", "notes": ["failing_now"]}]
        take(speaker.say("inventory", NOW + MINUTE, smart=smart))
        assert state(speaker).verdict == "failing"

    def test_merges_inventory_by_section_and_smart_by_disk(self, speaker: Speaker) -> None:
        first = speaker.say("inventory", NOW, hw={"serial": "A"}, smart=[{"id": "one"}])
        newer = speaker.say("inventory", NOW, hw={"serial": "B"}, smart=[{"id": "two", "x": 1}])
        take(newer, speaker.birth(NOW))
        take(first)  # late: must not undo
        with db.unit_of_work(Tenant(speaker.partner_id)) as session:
            found = session.scalars(sa.select(Inventory).where(Inventory.id == speaker.device_id)).one()
        assert found.sections["hw"] == {"serial": "B"}
        assert {disk["id"] for disk in found.sections["smart"]} == {"one", "two"}


class TestPresence:
    def test_comes_goes_and_sleeps_in_rows(self, speaker: Speaker) -> None:
        take(
            speaker.birth(NOW),
            speaker.send("death", {"v": 1, "b": speaker.b, "reason": "sleep"}, NOW + MINUTE),
        )
        take(speaker.birth(NOW + 2 * MINUTE, reason="resume"))
        moved = [(each.from_state, each.to_state) for each in every(speaker, OnlineTransition)]
        assert moved == [("never_seen", "online"), ("online", "asleep"), ("asleep", "online")]

    def test_ignores_the_late_will_of_an_older_session(self, speaker: Speaker) -> None:
        take(speaker.birth(NOW))
        will = speaker.send("death", {"v": 1, "b": speaker.b, "reason": "lost"}, NOW + MINUTE)
        speaker.restart()
        take(speaker.birth(NOW + MINUTE), will)
        assert state(speaker).online == "online"

    def test_ignores_a_death_of_a_session_that_never_was(self, speaker: Speaker) -> None:
        take(speaker.birth(NOW))
        take(speaker.send("death", {"v": 1, "b": speaker.b + 7, "reason": "lost"}, NOW))
        assert state(speaker).online == "online"


class TestGaps:
    def test_ask_for_what_stays_missing_once_in_a_while(self, speaker: Speaker) -> None:
        take(speaker.birth(NOW))
        speaker.s += 3  # lost between broker and us
        take(speaker.health(NOW + SECOND), now=NOW + SECOND)
        assert every(speaker, Command) == [], "it may only be late"
        take(speaker.health(NOW + MINUTE), now=NOW + MINUTE)
        take(speaker.health(NOW + 2 * MINUTE), now=NOW + 2 * MINUTE)

        (order,) = every(speaker, Command)
        assert (order.verb, order.args) == ("resend", {"b": speaker.b, "ranges": [[2, 4]]})

    def test_close_when_the_device_says_that_it_is_gone_for_good(self, speaker: Speaker) -> None:
        take(speaker.birth(NOW))
        speaker.s += 3
        take(speaker.health(NOW))
        out = {"b": speaker.b, "sent": 0, "gone": [[2, 4]]}
        result = take(speaker.say("result", NOW, id="cmd_x", st="done", out=out))
        assert receipts(result, speaker) == [{"b": speaker.b, "upto": 6}]


class TestResults:
    def test_move_a_command_and_only_forward(self, cast: Cast, speaker: Speaker) -> None:
        with db.unit_of_work(cast.tenant) as session:
            order = commands.order(
                session,
                cast.tenant,
                device_id=speaker.device_id,
                verb="collect",
                args={"what": ["smart"]},
                now=NOW,
            )
        done = speaker.say("result", NOW, id=order.id, st="done", out={"n": 1})
        received = speaker.say("result", NOW, id=order.id, st="received")
        take(done)
        take(received)
        (found,) = every(speaker, Command)
        assert (found.state, found.output) == ("done", {"n": 1})

    def test_of_another_device_change_nothing(self, cast: Cast, speaker: Speaker) -> None:
        other = enrol_device(cast.tenant)
        with db.unit_of_work(cast.tenant) as session:
            order = commands.order(session, cast.tenant, device_id=speaker.device_id, verb="rebirth", now=NOW)
        take(other.say("result", NOW, id=order.id, st="done"))
        assert every(speaker, Command)[0].state == "queued"

    def test_are_due_again_at_each_birth_until_finished(self, cast: Cast, speaker: Speaker) -> None:
        from haas.tenancy.scope import Platform
        from tests.cast import PEPPER

        with db.unit_of_work(cast.tenant) as session:
            order = commands.order(session, cast.tenant, device_id=speaker.device_id, verb="rebirth", now=NOW)

        def publish(now: datetime) -> list[str]:
            with db.unit_of_work(Platform("relay")) as session:
                found = commands.due(session, secret_key=PEPPER, now=now, limit=1000)
            return [each.command_id for each in found]

        assert order.id in publish(NOW)
        assert order.id not in publish(NOW)
        take(speaker.birth(NOW))
        assert order.id in publish(NOW)
        take(speaker.say("result", NOW, id=order.id, st="done"), speaker.birth(NOW))
        assert order.id not in publish(NOW)


class TestConfiguration:
    def test_is_sent_to_a_device_that_names_an_older_revision(self, cast: Cast, speaker: Speaker) -> None:
        with db.unit_of_work(cast.tenant) as session:
            enrolment.set_intervals(session, cast.tenant, device_id=speaker.device_id, every={"health": 30})
        result = take(speaker.birth(NOW))
        (sent,) = [each for each in result.outgoing if each.topic.endswith("/cfg")]
        assert json.loads(sent.payload)["every"]["health"] == 30
        assert json.loads(sent.payload)["rev"] == 2
        quiet = take(speaker.health(NOW, cfg=2))
        assert [each for each in quiet.outgoing if each.topic.endswith("/cfg")] == []


def corpus(speaker: Speaker) -> list[tuple[str, bytes, str]]:
    """What device_health.md lists, as (kind, payload, reason)."""
    head = f'"v":1,"b":{speaker.b},"t":{ms(NOW)}'
    return [
        ("health", b"", "not_json"),
        ("health", b"{", "not_json"),
        ("health", b" " * (64 * 1024 + 1), "too_large"),
        ("health", b"\xff\xfe{}", "not_json"),
        ("health", b"\xef\xbb\xbf{}", "not_json"),
        ("health", f'{{{head},"s":100,"disks":[{{"id":"a\\u0000b"}}]}}'.encode(), "text"),
        ("health", f'{{{head},"s":101,"m":{{"x":9007199254740993}}}}'.encode(), "number"),
        ("health", f'{{{head},"s":102,"m":{{"x":1e400}}}}'.encode(), "number"),
        ("health", f'{{{head},"s":103,"m":{{"x":NaN}}}}'.encode(), "not_json"),
        ("health", f'{{{head},"s":104,"x":{"[" * 10000}{"]" * 10000}}}'.encode(), "depth"),
        ("health", f'{{{head},"s":0}}'.encode(), "number"),
        ("health", f'{{{head},"s":-1}}'.encode(), "number"),
        ("health", f'{{{head},"s":9223372036854775808}}'.encode(), "number"),
        ("health", f'{{"v":1,"b":{speaker.b + 2**32},"s":1,"t":{ms(NOW)}}}'.encode(), "session"),
        ("health", f'{{{head},"s":105,"device":"d-other"}}'.encode(), "identity"),
        ("health", f'{{"v":7,"b":{speaker.b},"s":106,"t":1}}'.encode(), "version"),
        ("health", f'{{{head},"s":107,"m":[]}}'.encode(), "shape"),
        ("health", f'{{{head},"s":108,"disks":{{}}}}'.encode(), "shape"),
        ("event", f'{{{head},"s":109,"code":5,"sev":"info"}}'.encode(), "shape"),
        ("event", f'{{{head},"s":110,"code":"x","sev":"mad"}}'.encode(), "shape"),
        ("birth", f'{{{head},"s":111,"caps":"all"}}'.encode(), "shape"),
        ("result", f'{{{head},"s":112,"id":"x"}}'.encode(), "shape"),
        ("unknown", f'{{{head},"s":113}}'.encode(), "topic"),
        ("health/" + "x/" * 200, f'{{{head},"s":114}}'.encode(), "topic"),
    ]


class TestQuarantine:
    def test_counts_and_keeps_every_bad_payload_and_lets_the_good_ones_by(self, speaker: Speaker) -> None:
        bad = corpus(speaker)
        arrivals = [speaker.birth(NOW)]
        for kind, payload, _ in bad:
            arrivals += [speaker.send(kind, payload, NOW), speaker.health(NOW)]
        retained = speaker.health(NOW)
        arrivals.append(Arrival(retained.topic, retained.payload, NOW, retained=True))

        result = take(*arrivals)

        assert (result.stored, result.quarantined) == (1 + len(bad), len(bad) + 1)
        expected: dict[str, int] = {"retained": 1}
        for _, _, reason in bad:
            expected[reason] = expected.get(reason, 0) + 1
        counted = {}
        with db.unit_of_work(Tenant(speaker.partner_id)) as session:
            for row in session.scalars(
                sa.select(QuarantineCount).where(QuarantineCount.device_id == speaker.device_id)
            ):
                counted[row.reason] = row.messages
        assert counted == expected
        assert len(every(speaker, QuarantinedMessage)) == 20, "of one batch so many are kept"

    def test_tells_the_device_not_to_send_it_again(self, speaker: Speaker) -> None:
        take(speaker.birth(NOW))
        speaker.s += 1
        bad = {"v": 1, "b": speaker.b, "s": 2, "t": ms(NOW), "m": {"x": "text"}}
        result = take(speaker.send("health", bad, NOW), speaker.health(NOW))
        assert receipts(result, speaker) == [{"b": speaker.b, "upto": 3, "drop": [2]}]

    def test_keeps_the_newest_hundred_of_a_device(self, speaker: Speaker) -> None:
        for _ in range(7):
            take(*(speaker.send("health", b"{", NOW) for _ in range(20)))
        assert len(every(speaker, QuarantinedMessage)) == 100

    def test_tells_people_at_the_third_and_the_hundredth(self, speaker: Speaker) -> None:
        take(*(speaker.send("health", b"{", NOW) for _ in range(2)))
        take(*(speaker.send("health", b"{", NOW) for _ in range(2)))
        take(*(speaker.send("health", b"{", NOW) for _ in range(120)))
        with db.unit_of_work(Tenant(speaker.partner_id)) as session:
            told = session.scalars(
                sa.select(OutboxEvent).where(
                    OutboxEvent.name == "device.quarantined",
                    OutboxEvent.payload["device_id"].astext == speaker.device_id,
                )
            ).all()
        assert len(told) == 2

    def test_stores_text_that_copy_would_trip_over_as_it_is(self, speaker: Speaker) -> None:
        nasty = 'tab\t newline\n return\r back\\slash \\. \\N quote" ünïcode \\u0000 end'
        take(speaker.birth(NOW), speaker.say("event", NOW, code="x", sev="info", data={"text": nasty}))
        assert rows(speaker)[1].body["data"]["text"] == nasty

    def test_takes_the_last_of_a_key_that_stands_twice(self, speaker: Speaker) -> None:
        payload = f'{{"v":1,"b":{speaker.b},"s":9,"s":1,"t":{ms(NOW)},"m":{{"x":1,"x":2}}}}'.encode()
        take(speaker.send("health", payload, NOW))
        assert [(row.s, row.body) for row in rows(speaker)] == [(1, {"m": {"x": 2}})]

    def test_drops_what_is_older_than_is_kept(self, cast: Cast) -> None:
        old = enrol_device(cast.tenant, at=NOW - timedelta(days=200))
        result = take(old.birth(NOW), old.health(NOW - timedelta(days=120)), old.health(NOW))
        assert (result.stored, result.quarantined) == (2, 1)
        assert receipts(result, old) == [{"b": old.b, "upto": 3, "drop": [2]}]

    def test_halves_a_poisoned_batch_until_the_culprit_stands_alone(
        self, cast: Cast, speaker: Speaker
    ) -> None:
        """The database itself refuses one message of many: a check that its row alone breaks."""
        said = [speaker.birth(NOW)] + [speaker.health(NOW) for _ in range(20)]
        speaker.s += 0
        poison = speaker.say("event", NOW, code="poison.for.test", sev="info")
        others = [speaker.health(NOW) for _ in range(20)]
        with _refusing("poison.for.test"):
            result = take(*said, poison, *others)
        assert (result.stored, result.quarantined) == (41, 1)
        (kept,) = every(speaker, QuarantinedMessage)
        assert kept.reason == "refused"


class _refusing:  # noqa: N801 - reads as a phrase
    """A constraint on today's partition that refuses one event code."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __enter__(self) -> None:
        self._run(
            "alter table telemetry add constraint refuse_for_test"
            f" check (body->>'code' is distinct from '{self.code}') not valid"
        )

    def __exit__(self, *_: object) -> None:
        self._run("alter table telemetry drop constraint refuse_for_test")

    def _run(self, statement: str) -> None:
        engine = sa.create_engine(_owner_url[0])
        with engine.begin() as connection:
            connection.execute(sa.text(statement))
        engine.dispose()


_owner_url: list[str] = []


@pytest.fixture(autouse=True)
def _owner(database: Any) -> None:
    _owner_url[:] = [database.owner_url]


class TestSessions:
    def test_of_a_clone_are_noticed_by_their_hardware(self, speaker: Speaker) -> None:
        take(speaker.birth(NOW))
        clone = Speaker(speaker.device_id, speaker.asset_id, speaker.partner_id, "", speaker.epoch)
        take(clone.birth(NOW, hw="another machine"))
        with db.unit_of_work(Tenant(speaker.partner_id)) as session:
            codes = session.scalars(
                sa.select(OutboxEvent.payload["code"].astext).where(
                    OutboxEvent.name == "device.event_reported"
                )
            ).all()
        assert "clone" in codes

    def test_of_an_older_enrolment_are_still_taken(self, cast: Cast, speaker: Speaker) -> None:
        take(speaker.birth(NOW))
        left_over = speaker.health(NOW)
        speaker.epoch = 2
        with db.unit_of_work(cast.tenant) as session:
            from devices.telemetry_models import Device

            session.execute(
                sa.update(Device)
                .where(Device.id == speaker.device_id)
                .values(epoch=2, enrolled_at=NOW + MINUTE)
            )
        speaker.restart()
        result = take(speaker.birth(NOW + MINUTE), left_over, now=NOW + MINUTE)
        assert result.stored == 2
        with db.unit_of_work(cast.tenant) as session:
            count = session.scalar(
                sa.select(sa.func.count())
                .select_from(DeviceSession)
                .where(DeviceSession.device_id == speaker.device_id)
            )
        assert count == 2
