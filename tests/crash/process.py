"""A process that is forked to do the product's work, and dies by SIGKILL where it is told to."""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from redis import Redis
from rq import Queue

from haas import clock, crash, db, relay, worker
from haas.documents import renderer, rendering
from haas.outbox import OutboxDelivery
from haas.reactions import QUEUES
from haas.settings import Settings
from haas.settings import use as use_settings
from haas.tenancy.scope import Platform
from invoicing.bank import importing
from invoicing.bank.files import read_file
from invoicing.bank.layouts import Layout
from invoicing.bank.statement import Statement

# What somebody asks for, or a timetable starts: does nothing where it is done already.
Act = Callable[[Settings], None]

LEASE = timedelta(seconds=1)
_EVERYONE = Platform("relay", actor="job:test")
_PASSES = 200  # a story is told in some ten; more means that something is done over and over


def fork(
    settings: Settings, acts: Sequence[Act], *, seed: int, die_at: str | None = None, nth: int = 1
) -> int:
    """Do the acts and all that follows them in a process of its own; answers how it ended (-9: killed)."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    try:
        gc.disable()  # it would touch, and so copy, all that the parent holds
        if die_at is not None:
            crash.arm(die_at, nth=nth)
        work(settings, acts, seed=seed)
        os._exit(0)
    # The copy of a test must never go on as a second test run.
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        os._exit(1)


def work(settings: Settings, acts: Sequence[Act], *, seed: int) -> None:
    """Scheduler and workers as one process: each act, then every delivery in an order that the seed draws.

    It works by the engine of the parent, whose statements are compiled: half of a short life's time.
    """
    use_settings(settings)
    db.engine().dispose(close=False)  # the connections are the parent's
    draw = random.Random(seed)  # noqa: S311 - it must draw the same each time
    connection = Redis.from_url(settings.redis_url)
    _forgive()
    _drain(connection, draw)
    for act in acts:
        act(settings)
        _drain(connection, draw)


def _drain(connection: Redis, draw: random.Random) -> None:
    queues = [Queue(name, connection=connection) for name in QUEUES]
    for _ in range(_PASSES):
        moved = relay.step(connection, now=clock.now(), lease=LEASE)
        jobs = [job for queue in queues for job in queue.get_jobs()]
        draw.shuffle(jobs)
        for job in jobs:
            job.delete()  # as a worker takes it from its queue: it is gone from there before it is done
            worker.perform(**job.kwargs)
        if not moved and not jobs:
            return
    raise AssertionError("the work has no end")


def _forgive() -> None:
    """What was leased to the dead is due at once: in life the lease runs out."""
    with db.unit_of_work(_EVERYONE) as session:
        session.execute(
            sa.update(OutboxDelivery)
            .where(OutboxDelivery.state == "pending")
            .values(due_at=clock.now() - timedelta(seconds=1))
        )


class InThisProcess:
    """In the renderer's place: a process that lives for a second does not start another for each paper."""

    def render(self, *arguments: object, **options: object) -> bytes:
        """As the child would answer."""
        return rendering.render_pdf(*arguments, **options)  # type: ignore[arg-type]


def _read_here(content: bytes, *, layout: Layout | None = None, currency: str = "") -> list[Statement]:
    return read_file(content, layout=layout, currency=currency)


@contextmanager
def without_children() -> Iterator[None]:
    """Every process that is forked within renders papers and reads statements by itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(renderer, "shared_renderer", InThisProcess)
        patch.setattr(importing, "read_limited", _read_here)
        yield


def was_killed(code: int) -> bool:
    """Whether a process ended as a crash point ends one."""
    return code == -signal.SIGKILL
