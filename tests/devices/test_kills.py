"""Kill -9 of subscriber, broker and database: nothing that was receipted is lost, nothing is stored twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from devices.telemetry_models import DeviceState
from haas import clock, db
from haas.broker import mosquitto_password_hash
from haas.embedded.broker import Broker
from haas.settings import Settings
from tests.cast import Cast
from tests.devices.signals import Speaker, enrol_device
from tests.devices.wires import (
    Process,
    Wire,
    eventually,
    stored,
)


class TestKills:
    @pytest.mark.parametrize("point", ["ingest.before_commit", "ingest.after_commit"])
    def test_of_the_subscriber_at_a_crash_point_lose_and_double_nothing(
        self,
        wired: Settings,
        device: Callable[[], tuple[Speaker, Wire]],
        start: Callable[..., Process],
        tmp_path: Path,
        point: str,
    ) -> None:
        speaker, wire = device()
        mark = tmp_path / "reached"
        doomed = start(wired, HAAS_CRASH=point, HAAS_CRASH_MARK=str(mark))
        wire.send(speaker.birth(clock.now()), *(speaker.health(clock.now()) for _ in range(200)))
        assert doomed.wait() == -signal.SIGKILL
        assert mark.exists()
        heir = start(wired, HAAS_CRASH=point, HAAS_CRASH_MARK=str(mark))
        wire.receipt_upto(speaker.b, 201)
        assert heir.end() == 0
        assert stored(speaker) == list(range(1, 202))

    def test_of_the_subscriber_at_any_instant_lose_and_double_nothing(
        self,
        wired: Settings,
        device: Callable[[], tuple[Speaker, Wire]],
        start: Callable[..., Process],
    ) -> None:
        speaker, wire = device()
        wire.send(speaker.birth(clock.now()))
        for _ in range(3):
            process = start(wired)
            before = len(stored(speaker))
            wire.send(*(speaker.health(clock.now()) for _ in range(1500)))
            eventually(partial(_holds_more, speaker, before))
            process.end(signal.SIGKILL)
        process = start(wired)
        wire.receipt_upto(speaker.b, 4501)
        assert process.end() == 0
        assert stored(speaker) == list(range(1, 4502))

    # Paho leaves the socket of a connection that breaks in the handshake to the garbage collector.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_of_the_broker_lose_nothing_that_was_receipted(
        self, private_stack: Callable[..., Any], cast: Cast, start: Callable[..., Process]
    ) -> None:
        """Broker and database of its own, both killed; the device sends again what was not receipted."""
        from haas.migrations import upgrade
        from tests import cast as casting

        stack = private_stack()
        upgrade(stack.owner_url)
        own = replace(
            Settings.from_environment({**stack.environment(), "HAAS_SECRET_KEY": casting.PEPPER}),
            testing=True,
        )
        shared = str(db.engine().url.render_as_string(hide_password=False))
        db.configure(own.database_url)
        try:
            self._kill_broker_and_database(stack, own, start)
        finally:
            db.configure(shared)

    def _kill_broker_and_database(self, stack: Any, own: Settings, start: Callable[..., Process]) -> None:
        from tests import cast as casting

        tenant = casting.make_cast().tenant
        speaker = enrol_device(tenant, at=clock.now() - timedelta(days=1))
        stack.broker.write_passwords([(speaker.device_id, mosquitto_password_hash(speaker.secret))])
        said = [speaker.birth(clock.now())] + [speaker.health(clock.now()) for _ in range(300)]
        process = start(own)
        receipted = 0
        for part, victim in enumerate(["broker", "postgres", None]):
            wire = eventually(partial(_try_wire, stack.broker, speaker))
            until = (part + 1) * 100 + 1
            while receipted < until:  # as the agent does: what no receipt covers is sent again
                wire.send(*said[receipted:until])
                receipted = max(receipted, wire.newest_receipt(speaker.b, seconds=3))
            wire.close()
            if victim is not None:
                os.kill(getattr(stack, victim).pid, signal.SIGKILL)
                eventually(getattr(stack, victim).responds)
        assert process.end() == 0

        def all_there() -> bool:
            try:
                return stored(speaker) == list(range(1, 302))
            except sa.exc.OperationalError:
                return False

        eventually(all_there)
        with db.unit_of_work(tenant) as session:
            state = session.scalars(sa.select(DeviceState).where(DeviceState.id == speaker.device_id)).one()
        assert state.s == 301


def _holds_more(speaker: Speaker, before: int) -> bool:
    return len(stored(speaker)) > before


def _try_wire(broker: Broker, speaker: Speaker) -> Wire | None:
    """A connection, once the broker is whole: paho leaves the socket of a handshake that fails behind."""
    if not broker.responds():
        return None
    try:
        return Wire(broker.devices, speaker)
    except (OSError, AssertionError):
        return None
