"""Taking in: exactly once, in the right place, whatever arrives in whatever order."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from devices import commands, enrolment, operations
from devices.arrivals import Arrival
from devices.telemetry_models import (
    Command,
    DeviceSession,
    HealthChange,
    Inventory,
    OnlineTransition,
    Telemetry,
)
from haas import db
from haas.outbox import OutboxEvent
from haas.tenancy.scope import Tenant
from tests.cast import Cast
from tests.devices.intake import every, receipts, rows, state, take
from tests.devices.signals import GOOD_DISK, HEALTHY, NOW, Speaker, enrol_device

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def speaker(cast: Cast) -> Speaker:
    return enrol_device(cast.tenant, at=NOW - timedelta(days=30), client_id=cast.acme.id)


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
