"""The online state machine, alone and in rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from devices import partitions, presence, sweeps, telemetry
from devices.models import Asset
from devices.online import (
    ASLEEP,
    MAINTENANCE,
    NEVER_SEEN,
    OFFLINE,
    ONLINE,
    SUSPECT,
    Presence,
    died,
    heard,
    is_blind,
    look,
)
from devices.telemetry_models import DeviceState, OnlineTransition, SubscriberHeartbeat
from haas import clock, db
from haas.outbox import OutboxEvent
from haas.settings import Settings
from haas.tenancy.scope import Platform, Tenant
from tests.cast import Cast
from tests.devices.signals import NOW, Speaker, enrol_device

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HERE = Presence(ONLINE, NOW + 90 * SECOND)


class TestSilence:
    def test_makes_suspect_then_offline(self) -> None:
        at: dict[str, Any] = {"seen_at": NOW, "interval_seconds": 60}
        assert look(HERE, **at, now=NOW + 89 * SECOND) is HERE
        suspect = look(HERE, **at, now=NOW + 90 * SECOND)
        assert (suspect.state, suspect.look_at) == (SUSPECT, NOW + 180 * SECOND)
        assert look(suspect, **at, now=NOW + 179 * SECOND) is suspect
        assert look(suspect, **at, now=NOW + 180 * SECOND).state == OFFLINE

    def test_is_counted_in_the_devices_own_intervals(self) -> None:
        slow: dict[str, Any] = {"seen_at": NOW, "interval_seconds": 300}
        assert look(HERE, **slow, now=NOW + 449 * SECOND) is HERE
        assert look(HERE, **slow, now=NOW + 450 * SECOND).state == SUSPECT
        assert look(HERE, **slow, now=NOW + 900 * SECOND).state == OFFLINE

    def test_of_a_sleeping_device_means_nothing(self) -> None:
        asleep = Presence(ASLEEP)
        assert look(asleep, seen_at=NOW, interval_seconds=60, now=NOW + timedelta(days=9)) is asleep

    def test_of_an_update_that_does_not_end_is_offline(self) -> None:
        updating = Presence(MAINTENANCE, NOW + 10 * MINUTE)
        at: dict[str, Any] = {"seen_at": NOW, "interval_seconds": 60}
        assert look(updating, **at, now=NOW + 9 * MINUTE) is updating
        assert look(updating, **at, now=NOW + 10 * MINUTE).state == OFFLINE


class TestDeath:
    def test_counts_for_the_newest_session_only(self) -> None:
        at: dict[str, Any] = {"newest_b": 8, "reason": "lost", "at": NOW}
        assert died(HERE, b=7, **at) is HERE
        assert died(HERE, b=9, **at) is HERE
        assert died(HERE, b=8, **at).state == OFFLINE

    def test_leads_where_its_reason_says(self) -> None:
        led = {
            reason: died(HERE, b=8, newest_b=8, reason=reason, at=NOW).state
            for reason in ("lost", "stop", "sleep", "shutdown", "update")
        }
        assert led == {
            "lost": OFFLINE,
            "stop": OFFLINE,
            "sleep": ASLEEP,
            "shutdown": ASLEEP,
            "update": MAINTENANCE,
        }

    def test_of_a_device_that_was_never_seen_changes_nothing(self) -> None:
        never = Presence(NEVER_SEEN)
        assert died(never, b=0, newest_b=0, reason="lost", at=NOW) is never

    def test_is_undone_by_any_word(self) -> None:
        assert heard(at=NOW, interval_seconds=60).state == ONLINE


class TestDeafServer:
    def test_takes_silence_for_its_own_for_five_minutes(self) -> None:
        beat = NOW
        assert is_blind(now=NOW, listening_since=None, beat_at=None)
        assert is_blind(now=NOW, listening_since=NOW - 299 * SECOND, beat_at=beat)
        assert not is_blind(now=NOW, listening_since=NOW - 300 * SECOND, beat_at=beat)

    def test_is_deaf_again_a_minute_after_its_last_sign_of_life(self) -> None:
        since = NOW - timedelta(days=1)
        assert not is_blind(now=NOW, listening_since=since, beat_at=NOW - 60 * SECOND)
        assert is_blind(now=NOW, listening_since=since, beat_at=NOW - 61 * SECOND)


def listen(*, since: datetime, beat: datetime) -> None:
    with db.unit_of_work(Platform("relay")) as session:
        session.merge(SubscriberHeartbeat(id="subscriber", listening_since=since, beat_at=beat))


def shift(speaker: Speaker, by: timedelta) -> None:
    """Make everything known of a device older."""
    with db.unit_of_work(Tenant(speaker.partner_id)) as session:
        state = session.scalars(sa.select(DeviceState).where(DeviceState.id == speaker.device_id)).one()
        for name in ("seen_at", "silent_after", "online_since"):
            if (value := getattr(state, name)) is not None:
                setattr(state, name, value - by)


def told(speaker: Speaker, name: str) -> int:
    with db.unit_of_work(Tenant(speaker.partner_id)) as session:
        found = session.scalar(
            sa.select(sa.func.count())
            .select_from(OutboxEvent)
            .where(
                OutboxEvent.name == name,
                OutboxEvent.payload["device_id"].astext == speaker.device_id,
            )
        )
    return found or 0


def online(speaker: Speaker) -> str:
    with db.unit_of_work(Tenant(speaker.partner_id)) as session:
        return session.scalars(sa.select(DeviceState.online).where(DeviceState.id == speaker.device_id)).one()


class TestSweep:
    @pytest.fixture
    def cast(self, alone: Cast) -> Cast:
        partitions.make_days([clock.now().date() + timedelta(days=days) for days in range(-2, 3)])
        return alone

    def device(self, cast: Cast, now: datetime) -> Speaker:
        speaker = enrol_device(cast.tenant, at=now - timedelta(days=1))
        with db.unit_of_work(cast.tenant) as session:
            session.execute(sa.update(Asset).where(Asset.id == speaker.asset_id).values(state="in_service"))
        telemetry.take_in([speaker.birth(now), speaker.health(now)], now=now)
        return speaker

    def test_moves_a_silent_device_tells_once_and_tells_when_it_is_back(
        self, cast: Cast, settings: Settings
    ) -> None:
        now = clock.now()
        speaker = self.device(cast, now)
        listen(since=now - timedelta(hours=1), beat=now)
        shift(speaker, 2 * MINUTE)
        sweeps.sweep_silence(settings, now)
        assert online(speaker) == SUSPECT
        shift(speaker, 2 * MINUTE)
        sweeps.sweep_silence(settings, now)
        assert (online(speaker), told(speaker, "device.went_offline")) == (OFFLINE, 0)
        shift(speaker, 11 * MINUTE)
        sweeps.sweep_silence(settings, now)
        sweeps.sweep_silence(settings, now)
        assert told(speaker, "device.went_offline") == 1

        later = clock.now()
        telemetry.take_in([speaker.birth(later)], now=later)
        assert (online(speaker), told(speaker, "device.came_online")) == (ONLINE, 1)
        with db.unit_of_work(cast.tenant) as session:
            rows = session.scalars(
                sa.select(OnlineTransition.to_state)
                .where(OnlineTransition.device_id == speaker.device_id)
                .order_by(OnlineTransition.at, OnlineTransition.id)
            ).all()
        assert rows == [ONLINE, SUSPECT, OFFLINE, ONLINE]

    def test_moves_nobody_while_the_server_does_not_listen(self, cast: Cast, settings: Settings) -> None:
        now = clock.now()
        speaker = self.device(cast, now)
        shift(speaker, timedelta(hours=3))
        for since, beat in [(now - 2 * MINUTE, now), (now - timedelta(days=1), now - 2 * MINUTE)]:
            listen(since=since, beat=beat)
            sweeps.sweep_silence(settings, now)
            assert online(speaker) == ONLINE

    def test_does_not_tell_of_hardware_in_stock(self, cast: Cast, settings: Settings) -> None:
        now = clock.now()
        speaker = self.device(cast, now)
        with db.unit_of_work(cast.tenant) as session:
            session.execute(sa.update(Asset).where(Asset.id == speaker.asset_id).values(state="ready"))
        listen(since=now - timedelta(hours=1), beat=now)
        shift(speaker, timedelta(hours=3))
        for _ in range(3):
            sweeps.sweep_silence(settings, now)
            shift(speaker, timedelta(hours=1))
        assert (online(speaker), told(speaker, "device.went_offline")) == (OFFLINE, 0)

    def test_follows_an_asset_to_its_new_holder(self, cast: Cast) -> None:
        speaker = enrol_device(cast.tenant, client_id=cast.acme.id)
        with db.unit_of_work(cast.tenant) as session:
            session.execute(
                sa.update(Asset).where(Asset.id == speaker.asset_id).values(client_id=cast.globex.id)
            )
            presence.follow_asset(session, cast.tenant, asset_id=speaker.asset_id)
        for client, seen in ((cast.acme, 0), (cast.globex, 1)):
            with db.unit_of_work(Tenant(cast.northwind.id, client_id=client.id)) as session:
                assert session.scalar(sa.select(sa.func.count()).select_from(DeviceState)) == seen


class TestRetention:
    def test_makes_the_coming_days_and_drops_the_past_ones(self, cast: Cast, settings: Settings) -> None:
        now = clock.now()
        old = now.date() - timedelta(days=partitions.RETENTION_DAYS + 1)
        partitions.make_days([old])
        sweeps.keep_partitions(settings, now)
        with db.unit_of_work(Platform("relay")) as session:
            days = partitions.existing_days(session)
        assert old not in days
        assert {now.date() + timedelta(days=n) for n in range(3)} <= set(days)
        telemetry._days_made.discard(old)
