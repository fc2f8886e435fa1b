"""Kill -9 of real processes and of every server: nothing is lost and nothing is billed twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from haas import clock, db
from haas.embedded.process import wait_until
from haas.embedded.stack import Stack
from haas.migrations import upgrade
from haas.outbox import OutboxDelivery
from haas.progress import LongJob
from invoicing import billing
from invoicing.models import BillingChunk, Invoice, InvoiceLine
from tests import cast as casting
from tests.cast import Cast
from tests.invoicing.test_billing import a_rate
from tests.leases.fleet import lease_in_service

# Processes start, die and start again here, beside other tests on few cores.
pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 90
# One point of each kind of process, with real ones; tests/crash tries every point by forks.
SCHEDULER_POINTS = ("relay.leased",)
WORKER_POINTS = ("billing.after_lines",)


@dataclass(frozen=True, slots=True)
class Servers:
    """What the processes are told."""

    app_url: str
    owner_url: str
    redis_url: str


def environment(servers: Servers, **more: str) -> dict[str, str]:
    """The product's settings, and a short lease so that recovery is quick."""
    return {
        **os.environ,
        "HAAS_DATABASE_URL": servers.app_url,
        "HAAS_REDIS_URL": servers.redis_url,
        "HAAS_SECRET_KEY": casting.PEPPER,
        "HAAS_OUTBOX_LEASE_SECONDS": "1.5",
        "HAAS_MAIL_URL": "",
        **more,
    }


class Kept:
    """A process that is started again whenever it dies, as a supervisor would."""

    def __init__(self, arguments: list[str], env: dict[str, str]) -> None:
        self._command = [sys.executable, "-m", "haas.cli", *arguments]
        self._env = env
        self.starts = 0
        self._start()

    def _start(self) -> None:
        self.starts += 1
        self.process = subprocess.Popen(
            self._command, cwd=ROOT, env=self._env, start_new_session=True, stdout=subprocess.DEVNULL
        )

    def tend(self) -> None:
        """Start it again if it has died."""
        if self.process.poll() is not None:
            self._start()

    def kill(self) -> None:
        """SIGKILL to it and its work-horse at once."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """End it for good."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)


@contextmanager
def running(*processes: Kept) -> Iterator[None]:
    """End the processes after the test, however it ends."""
    try:
        yield
    finally:
        for each in processes:
            each.stop()


def two_clients_due(cast: Cast) -> str:
    """Northwind has five leases at two clients, and a run that wants to bill them in two chunks."""
    today = clock.today(cast.northwind.time_zone)
    accepted = datetime.combine(today - timedelta(days=75), datetime.min.time(), UTC)
    with db.unit_of_work(cast.tenant) as session:
        a_rate(session, cast.tenant)
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=accepted)
        for client in (cast.acme, cast.globex, cast.globex, cast.globex):
            lease_in_service(
                session, cast.tenant, client_id=client.id, accepted_at=accepted, model=made.model
            )
        run = billing.start_run(session, cast.tenant, as_of=today, at=clock.now(), chunk_leases=2)
        return run.id


def is_done(cast: Cast) -> bool:
    """Whether every chunk is billed and every delivery of the run is marked."""
    with suppress(sa.exc.SQLAlchemyError), db.unit_of_work(cast.tenant) as session:
        chunks = session.scalars(sa.select(BillingChunk.done_at)).all()
        job = session.scalars(sa.select(LongJob.state).where(LongJob.kind == "billing_run")).all()
        states = session.scalars(
            sa.select(OutboxDelivery.state).where(OutboxDelivery.reaction == "invoicing.jobs:bill_chunk")
        ).all()
        return bool(chunks) and all(chunks) and job == ["done"] and set(states) == {"done"}
    return False


def wait_until_done(cast: Cast, *processes: Kept, also: Callable[[], None] | None = None) -> None:
    """Tend the processes until the run is done."""

    def tended_and_done() -> bool:
        for each in processes:
            each.tend()
        if also is not None:
            also()
        return is_done(cast)

    assert wait_until(tended_and_done, seconds=DEADLINE_SECONDS), "the run was not finished in time"


def assert_billed_once(cast: Cast) -> None:
    """Two invoices, numbered without a gap, no period twice, all sums right."""
    with db.unit_of_work(cast.tenant) as session:
        numbers = session.scalars(sa.select(Invoice.number).order_by(Invoice.number)).all()
        year = clock.today(cast.northwind.time_zone).year
        assert numbers == [f"INV-{year}-00001", f"INV-{year}-00002"]
        twice = session.execute(
            sa.select(InvoiceLine.source_id, InvoiceLine.kind, InvoiceLine.period_start)
            .group_by(InvoiceLine.source_id, InvoiceLine.kind, InvoiceLine.period_start)
            .having(sa.func.count() > 1)
        ).all()
        assert twice == []
        lines = session.scalar(sa.select(sa.func.sum(InvoiceLine.net)))
        assert lines == session.scalar(sa.select(sa.func.sum(Invoice.net_total)))
        assert len(session.scalars(sa.select(InvoiceLine.source_id).distinct()).all()) == 5
        again = billing.preview(session, cast.tenant, as_of=clock.today(cast.northwind.time_zone))
        assert again == {}


@pytest.fixture
def servers(fresh_database: Any) -> Iterator[Servers]:
    """A database of this test's own, and this process connected to it."""
    before = str(db.engine().url.render_as_string(hide_password=False)) if db.is_configured() else None
    db.configure(fresh_database.app_url)
    yield Servers(fresh_database.app_url, fresh_database.owner_url, fresh_database.redis_url)
    db.engine().dispose()
    if before is not None:
        db.configure(before)


class TestKilledAtANamedPoint:
    @pytest.mark.parametrize("point", [*SCHEDULER_POINTS, *WORKER_POINTS])
    def test_bills_each_period_once(self, point: str, servers: Servers, tmp_path: Path) -> None:
        cast = casting.make_cast()
        two_clients_due(cast)
        mark = tmp_path / "reached"
        fatal = {"HAAS_CRASH": point, "HAAS_CRASH_MARK": str(mark)}
        scheduler = Kept(["scheduler"], environment(servers, **(fatal if point in SCHEDULER_POINTS else {})))
        worker = Kept(["worker"], environment(servers, **(fatal if point in WORKER_POINTS else {})))
        with running(scheduler, worker):
            wait_until_done(cast, scheduler, worker)
        assert mark.exists(), f"{point} was never reached"
        assert_billed_once(cast)


class TestKilledServer:
    @pytest.mark.parametrize("victim", ["postgres", "valkey", "worker"])
    def test_that_comes_back_finishes_the_run(self, victim: str, private_stack: Callable[..., Stack]) -> None:
        before = str(db.engine().url.render_as_string(hide_password=False)) if db.is_configured() else None
        stack = private_stack(with_broker=False, durable=True)
        upgrade(stack.owner_url)
        db.configure(stack.app_url)
        cast = casting.make_cast()
        two_clients_due(cast)
        servers = Servers(stack.app_url, stack.owner_url, stack.redis_url)
        scheduler = Kept(["scheduler"], environment(servers))
        worker = Kept(["worker"], environment(servers))
        killed: list[str] = []

        def kill_once() -> None:
            if killed or not _has_started(cast):
                return
            killed.append(victim)
            if victim == "worker":
                worker.kill()
            else:
                pid = stack.postgres.pid if victim == "postgres" else stack.valkey.pid
                assert pid is not None
                os.kill(pid, signal.SIGKILL)

        with running(scheduler, worker):
            wait_until_done(cast, scheduler, worker, also=kill_once)
        assert_billed_once(cast)
        db.engine().dispose()
        if before is not None:
            db.configure(before)


def _has_started(cast: Cast) -> bool:
    """Whether something was handed to the queue."""
    with suppress(sa.exc.SQLAlchemyError), db.unit_of_work(cast.tenant) as session:
        return bool(session.scalar(sa.select(sa.func.count()).select_from(OutboxDelivery)))
    return False
