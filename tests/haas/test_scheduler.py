"""The timetable runs each entry once a slot, whatever one sweep does and however many schedulers run."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from importlib import import_module
from inspect import signature

import pytest
import sqlalchemy as sa

from haas import db, scheduler
from haas.settings import Settings
from haas.timetable import TIMETABLE, Entry
from tests.cast import Cast

pytestmark = pytest.mark.usefixtures("own_database")

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CALLS: list[datetime] = []
INSIDE = threading.Event()
GO_ON = threading.Event()


def note(_settings: Settings, now: datetime) -> None:
    """A sweep."""
    CALLS.append(now)


def linger(_settings: Settings, now: datetime) -> None:
    """A sweep that takes its time."""
    CALLS.append(now)
    INSIDE.set()
    GO_ON.wait(20)


def fail(_settings: Settings, _now: datetime) -> None:
    """A sweep with a bug."""
    raise ZeroDivisionError


@pytest.fixture(autouse=True)
def _fresh() -> None:
    CALLS.clear()
    INSIDE.clear()
    GO_ON.clear()


def entry(function: str, every: timedelta = timedelta(hours=1)) -> Entry:
    return Entry(f"test_{function}", every, f"{__name__}:{function}")


class TestDueSlot:
    @pytest.mark.parametrize(
        ("every", "now", "slot"),
        [
            (timedelta(hours=1), NOON + timedelta(minutes=59, seconds=59), NOON),
            (timedelta(hours=1), NOON + timedelta(hours=1), NOON + timedelta(hours=1)),
            (timedelta(seconds=15), NOON + timedelta(seconds=44), NOON + timedelta(seconds=30)),
            (timedelta(days=1), NOON, NOON.replace(hour=0)),
        ],
    )
    def test_begins_where_every_other_process_says_it_does(
        self, every: timedelta, now: datetime, slot: datetime
    ) -> None:
        assert entry("note", every).due_slot(now) == slot


@pytest.mark.usefixtures("cast")
class TestRunOnce:
    def test_hands_the_slot_to_the_sweep(self, settings: Settings) -> None:
        assert scheduler._run_once(settings, entry("note"), NOON)
        assert CALLS == [NOON]

    def test_leaves_an_entry_that_another_scheduler_is_at(self, settings: Settings) -> None:
        first = threading.Thread(target=scheduler._run_once, args=(settings, entry("linger"), NOON))
        first.start()
        assert INSIDE.wait(20)
        scheduler._run_once(settings, entry("linger"), NOON)
        GO_ON.set()
        first.join()
        assert CALLS == [NOON]

    def test_goes_on_after_a_sweep_that_broke(
        self, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert scheduler._run_once(settings, entry("fail"), NOON)
        assert "test_fail failed" in caplog.text
        assert scheduler._run_once(settings, entry("note"), NOON)

    def test_leaves_no_lock_behind(self, settings: Settings) -> None:
        scheduler._run_once(settings, entry("fail"), NOON)
        with db.engine().connect() as connection:
            locks = sa.text(
                "select count(*) from pg_locks where locktype = 'advisory' and database ="
                " (select oid from pg_database where datname = current_database())"
            )
            assert connection.scalar(locks) == 0


class TestTheTimetable:
    def test_names_functions_of_settings_and_now(self) -> None:
        assert len({each.name for each in TIMETABLE}) == len(TIMETABLE)
        for each in TIMETABLE:
            module, _, function = each.function.partition(":")
            sweep = getattr(import_module(module), function)
            assert len(signature(sweep).parameters) == 2, each.function

    @pytest.mark.parametrize("each", TIMETABLE, ids=lambda each: each.name)
    def test_may_be_run_twice(self, cast: Cast, settings: Settings, each: Entry) -> None:
        now = datetime.now(UTC)
        each.call(settings, now)
        each.call(settings, now)
