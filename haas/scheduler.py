"""The scheduler process: relays the outbox and runs the timetable; two of them do no harm."""

from __future__ import annotations

import logging
import signal
import threading
from datetime import datetime, timedelta

import sqlalchemy as sa
from redis import Redis, RedisError
from rq import Queue
from rq.registry import clean_registries
from sqlalchemy.exc import SQLAlchemyError

from haas import clock, db, models, relay
from haas.reactions import QUEUES
from haas.settings import Settings
from haas.settings import use as use_settings
from haas.timetable import TIMETABLE, Entry

log = logging.getLogger(__name__)

REST_SECONDS = 0.2
_CLEAN_EVERY_SECONDS = 5


def run(settings: Settings, stop: threading.Event | None = None) -> None:
    """Relay and tick until SIGTERM or SIGINT (or `stop`); outlives restarts of PostgreSQL and Valkey."""
    stop = stop or _stop_on_signal()
    use_settings(settings)
    engine = db.configure(settings.database_url, pool_size=4)
    with engine.connect() as connection:
        db.assert_safe_role(connection)
    if not models.EVERY_TABLE:
        raise RuntimeError("no models were loaded")
    ticker = threading.Thread(target=_tick_until, args=(settings, stop), name="timetable", daemon=True)
    ticker.start()
    _relay_until(settings, stop)
    ticker.join(timeout=10)


def _relay_until(settings: Settings, stop: threading.Event) -> None:
    valkey = Redis.from_url(settings.redis_url)
    lease = timedelta(seconds=settings.outbox_lease_seconds)
    while not stop.is_set():
        try:
            moved = relay.step(valkey, now=clock.now(), lease=lease)
        except (SQLAlchemyError, RedisError):
            log.exception("relay: trying again")
            moved = 0
            stop.wait(1)
        if not moved:
            stop.wait(REST_SECONDS)


def _tick_until(settings: Settings, stop: threading.Event) -> None:
    done: dict[str, datetime] = {}
    valkey = Redis.from_url(settings.redis_url)
    while not stop.is_set():
        now = clock.now()
        for entry in TIMETABLE:
            slot = entry.due_slot(now)
            if done.get(entry.name) != slot and _run_once(settings, entry, slot):
                done[entry.name] = slot
        try:
            for name in QUEUES:
                clean_registries(Queue(name, connection=valkey))
        except RedisError:
            log.warning("valkey is away")
        stop.wait(_CLEAN_EVERY_SECONDS)


def _run_once(settings: Settings, entry: Entry, now: datetime) -> bool:
    # A session-level advisory lock keeps a second scheduler from running the same entry at the same time;
    # it ends with the connection, so a killed scheduler leaves nothing behind.
    try:
        with db.engine().connect() as connection:
            locked = connection.scalar(
                sa.text("select pg_try_advisory_xact_lock(hashtext(:name))"),
                {"name": f"timetable:{entry.name}"},
            )
            if locked:
                entry.call(settings, now)
            connection.rollback()
    except Exception:  # outermost loop: one broken sweep must not stop the others
        log.exception("timetable: %s failed", entry.name)
    return True


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
