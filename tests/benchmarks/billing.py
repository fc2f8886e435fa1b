"""How many leases a second go from due to a numbered, frozen, committed and posted invoice; PDF apart.

Posted: the journal lines of each paper, in the partner's financial book. Once by one process, once by as many
workers as there are cores, which share the run's chunks as the product's workers do.

The reference, in the same run and on the same database, bills one client in a transaction of its own, as a
program does that goes through its subscriptions one by one. Tryton's figure is from a run of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import Any, NamedTuple

import sqlalchemy as sa

from haas import db, worker
from haas.calendar import add_months
from haas.settings import Settings
from haas.settings import use as use_settings
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing import billing, jobs, queries
from invoicing.ledger import accounts, facts, journal
from invoicing.ledger.chart import Book
from invoicing.ledger.models import JournalLine
from invoicing.models import Invoice
from tests.benchmarks.portfolio import make_portfolio

SIZES = (1_000, 5_000, 20_000)
REFERENCE_LEASES = 200
AS_OF = date(2026, 6, 1)
MONTHS = (AS_OF, date(2026, 7, 1), date(2026, 8, 1))
SHARED_MONTHS = (date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1))  # billed by all cores
AT = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
PORTAL = "https://portal.example"
TRYTON_PER_SECOND = 11.8  # a whole month, 2,000 subscriptions of one to three lines


class Taken(NamedTuple):
    """Seconds on the clock, and of this process's processor time."""

    seconds: float
    processor: float


def run(settings: Settings, *, sizes: Sequence[int] = SIZES) -> Iterator[dict[str, Any]]:
    """Bill portfolios of two laptops a client, three months one after the other; the median month counts.

    What one lease costs must not depend on how many there are. `cpu_us` is our processor time for one, the
    database's apart: of all the figures the one that a busy machine changes least.
    """
    db.configure(settings.database_url)
    worker.settle()
    reference_tenant = make_portfolio(leases=REFERENCE_LEASES, name="Reference")
    _bill(reference_tenant, as_of=date(2026, 5, 1))  # what a year's run has behind it
    _analyse(settings)
    reference = REFERENCE_LEASES / _timed(partial(_one_by_one, reference_tenant)).seconds
    workers = os.cpu_count() or 1
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_begin_worker, initargs=(settings,)
    ) as pool:
        list(pool.map(abs, range(workers)))  # they start at the first call
        for leases in sizes:
            yield _of_size(settings, leases, reference, pool) | {"workers": workers}


def _of_size(settings: Settings, leases: int, reference: float, pool: Executor) -> dict[str, Any]:
    tenant = make_portfolio(leases=leases, name=f"Portfolio{leases}")
    with db.unit_of_work(tenant) as session:
        accounts.ensure_chart(session, tenant)
    _bill(tenant, as_of=date(2026, 5, 1))
    _post(tenant, month=date(2026, 5, 1))
    _analyse(settings)
    with _counted() as statements:
        taken = [_timed(partial(_bill, tenant, as_of=month)) for month in MONTHS]
    issued = _count(tenant)
    if issued != leases * len(MONTHS):
        raise RuntimeError(f"{issued} invoices for {leases} leases in {len(MONTHS)} months")
    again = _timed(partial(_bill, tenant, as_of=MONTHS[-1]))
    if _count(tenant) != issued:
        raise RuntimeError("a second run billed something")
    posting, lines = _timed(partial(_post, tenant, month=MONTHS[-1])), _lines(tenant)
    shared = [_timed(partial(_bill, tenant, as_of=month, pool=pool)) for month in SHARED_MONTHS]
    _post(tenant, month=SHARED_MONTHS[-1])
    if _count(tenant) != issued + leases * len(SHARED_MONTHS):
        raise RuntimeError("the workers billed something twice, or not at all")
    # The machine may be busy with other things for a while: the median month counts.
    post_seconds = posting.seconds / len(MONTHS)
    seconds = median(each.seconds for each in taken) + post_seconds
    shared_seconds = median(each.seconds for each in shared) + post_seconds
    return {
        "bench": "billing",
        "size": leases,
        "seconds": round(seconds, 3),
        "items_per_second": round(leases / seconds, 1),
        "all_cores_per_second": round(leases / shared_seconds, 1),
        "reference": "the same bill, one client a transaction, not posted",
        "reference_per_second": round(reference, 1),
        "ratio": round(leases / seconds / reference, 2),
        "cpu_us": round(median(each.processor for each in taken) / leases * 1e6, 1),
        "posting_us": round(post_seconds / leases * 1e6, 1),
        "journal_lines_per_item": round(lines / leases / (len(MONTHS) + 1), 2),
        "tryton_per_second": TRYTON_PER_SECOND,
        "tryton_ratio": round(leases / seconds / TRYTON_PER_SECOND, 1),
        "tryton_ratio_all_cores": round(leases / shared_seconds / TRYTON_PER_SECOND, 1),
        "statements_per_item": round(statements[0] / issued, 3),
        "second_run_seconds": round(again.seconds, 3),
    }


def _bill(tenant: Tenant, *, as_of: date, pool: Executor | None = None) -> None:
    """The run as its jobs do it: one after the other in this process, or shared by the pool's."""
    with db.unit_of_work(tenant) as session:
        run = billing.start_run(session, tenant, as_of=as_of, at=AT)
        chunks = [chunk.id for chunk in queries.chunks_of(session, tenant, run_id=run.id)]
    if pool is not None:
        list(pool.map(partial(_job, tenant.partner_id), chunks))
        return
    for chunk_id in chunks:
        with db.unit_of_work(tenant) as session:
            billing.bill_chunk(session, tenant, chunk_id=chunk_id, at=AT, portal_url=PORTAL)
        with db.unit_of_work(tenant) as session:
            billing.note_progress(session, tenant, chunk_id=chunk_id, at=AT)


def _begin_worker(settings: Settings) -> None:
    use_settings(settings)
    db.configure(settings.database_url, pool_size=2)
    worker.settle()


def _job(partner_id: str, chunk_id: str) -> None:
    jobs.bill_chunk(partner_id=partner_id, event_id="evt_bench", chunk_id=chunk_id)


def _post(tenant: Tenant, *, month: date) -> None:
    """What a posting run does for papers: one statement for all that are not in the book."""
    with db.unit_of_work(tenant) as session:
        journal.post(
            session,
            tenant,
            source=facts.INVOICES,
            book=Book.FINANCIAL,
            until=add_months(month, 1),
            run_id=None,
            at=AT,
        )


def _lines(tenant: Tenant) -> int:
    with db.unit_of_work(tenant) as session:
        statement = sa.select(sa.func.count()).where(JournalLine.partner_id == tenant.partner_id)
        return session.scalar(statement) or 0


def _one_by_one(tenant: Tenant) -> None:
    with db.unit_of_work(tenant) as session:
        client_ids = session.scalars(scoped(Client, tenant).with_only_columns(Client.id)).all()
    for client_id in client_ids:
        with db.unit_of_work(tenant) as session:
            billing.bill_clients(
                session,
                tenant,
                first_client_id=client_id,
                last_client_id=client_id,
                as_of=AS_OF,
                at=AT,
                portal_url=PORTAL,
            )


def _count(tenant: Tenant) -> int:
    with db.unit_of_work(tenant) as session:
        statement = sa.select(sa.func.count()).where(
            Invoice.partner_id == tenant.partner_id, Invoice.issued_on >= AS_OF
        )
        return session.scalar(statement) or 0


def _timed(work: Callable[[], None]) -> Taken:
    started, processor = time.perf_counter(), time.process_time()
    work()
    return Taken(time.perf_counter() - started, time.process_time() - processor)


def _analyse(settings: Settings) -> None:
    """What autovacuum does within a minute anyway; only the owner may."""
    engine = sa.create_engine(settings.owner_database_url or settings.database_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("analyze"))
    engine.dispose()


@contextmanager
def _counted() -> Iterator[list[int]]:
    counted = [0]

    def count(*_: object) -> None:
        counted[0] += 1

    sa.event.listen(db.engine(), "before_cursor_execute", count)
    try:
        yield counted
    finally:
        sa.event.remove(db.engine(), "before_cursor_execute", count)
