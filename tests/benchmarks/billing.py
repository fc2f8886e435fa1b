"""How many leases a second go from due to a numbered, frozen, committed and posted invoice; PDF apart.

Posted: the journal lines of each paper, in the partner's financial book. By as many workers as there are
cores, which share the run's chunks as the product's workers do, and by one process alone.

The reference, in the same run, on the same database and by as many processes, bills one client in a
transaction of its own, as a program does that goes through its subscriptions one by one. Tryton's figure is
from a run of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import Any, NamedTuple

import psutil
import sqlalchemy as sa

from haas import db, worker
from haas.calendar import add_months
from haas.settings import Settings
from haas.settings import use as use_settings
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing import billing, book, bulk, document, drafts, freezing, proposals, queries
from invoicing.ledger import accounts, facts, journal, posting
from invoicing.ledger.chart import Book
from invoicing.ledger.models import JournalLine
from invoicing.models import Invoice
from tests.benchmarks.portfolio import make_portfolio
from tests.benchmarks.stages import Watch

SIZES = (1_000, 5_000, 20_000)
REFERENCE_LEASES = 200
AS_OF = date(2026, 6, 1)
MONTHS = (AS_OF, date(2026, 7, 1), date(2026, 8, 1))
SHARED_MONTHS = (date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1))  # billed by all cores
AT = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
PORTAL = "https://portal.example"
TRYTON_PER_SECOND = 11.8  # a whole month, 2,000 subscriptions of one to three lines

Runs = Callable[..., Iterable[Any]]  # a function and what it is done for: `map`, or that of a pool


# By the innermost of these functions that is at work.
STAGES: dict[Callable[..., Any], str] = {
    book.load: "reading contracts and what was billed",
    proposals.propose: "due less billed",
    drafts.draft_within_orders: "tax and papers",
    freezing.document_of: "freezing",
    freezing.give_number: "freezing",
    document.InvoiceDocument.to_json: "freezing",
    bulk.insert_rows: "storing",
    journal.post: "posting",
    db.unit_of_work.__wrapped__: "beginning and committing",  # type: ignore[attr-defined]
}


class Taken(NamedTuple):
    """Seconds on the clock, and of processor time: of this process, and of the database's for it."""

    seconds: float
    ours: float
    database: float

    @property
    def processor(self) -> float:
        """Of both."""
        return self.ours + self.database


def sizes_up_to(leases: int) -> tuple[int, ...]:
    """The smaller sizes, against which flatness is told, and this one."""
    return (*(size for size in SIZES if size < leases), leases)


def run(settings: Settings, *, sizes: Sequence[int] = SIZES) -> Iterator[dict[str, Any]]:
    """Bill portfolios of two laptops a client, three months one after the other; the median month counts.

    What one lease costs must not depend on how many there are: `flatness` is the processor time for one
    against that in the smallest portfolio. Processor times are what a busy machine changes least.
    """
    db.configure(settings.database_url)
    worker.settle()
    reference_tenant = make_portfolio(leases=REFERENCE_LEASES, name="Reference")
    _bill(reference_tenant, as_of=date(2026, 5, 1))  # what a year's run has behind it
    _analyse(settings)
    workers = os.cpu_count() or 1
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_begin_worker, initargs=(settings,)
    ) as pool:
        list(pool.map(abs, range(workers)))  # they start at the first call
        alone, together = (
            REFERENCE_LEASES / _timed(partial(_one_by_one, reference_tenant, month, runs)).seconds
            for month, runs in ((MONTHS[0], map), (MONTHS[1], pool.map))
        )
        smallest: float | None = None
        for leases in sizes:
            result = _of_size(settings, leases, pool)
            smallest = smallest or result["processor_us"]
            yield result | {
                "workers": workers,
                "reference": "the same bill by as many processes, one client a transaction, not posted",
                "reference_per_second": round(together, 1),
                "ratio": round(result["items_per_second"] / together, 2),
                "one_process_reference_per_second": round(alone, 1),
                "one_process_ratio": round(result["one_process_per_second"] / alone, 2),
                "flatness": round(result["processor_us"] / smallest, 2),
            }


def _of_size(settings: Settings, leases: int, pool: Executor) -> dict[str, Any]:
    tenant = make_portfolio(leases=leases, name=f"Portfolio{leases}")
    with db.unit_of_work(tenant) as session:
        accounts.ensure_chart(session, tenant)
    _bill(tenant, as_of=date(2026, 5, 1))
    _post(tenant, month=date(2026, 5, 1))
    _analyse(settings)
    watch = Watch(STAGES)
    with _counted() as statements, watch.look():
        taken = [_timed(partial(_bill, tenant, as_of=month)) for month in MONTHS]
    issued = _count(tenant)
    if issued != leases * len(MONTHS):
        raise RuntimeError(f"{issued} invoices for {leases} leases in {len(MONTHS)} months")
    again = _timed(partial(_bill, tenant, as_of=MONTHS[-1]))
    if _count(tenant) != issued:
        raise RuntimeError("a second run billed something")
    with watch.look():
        posting = _timed(partial(_post, tenant, month=MONTHS[-1]))
    lines = _lines(tenant)
    shared = [_timed(partial(_bill, tenant, as_of=month, runs=pool.map)) for month in SHARED_MONTHS]
    shared_posting = _timed(partial(_post, tenant, month=SHARED_MONTHS[-1], runs=pool.map))
    if _count(tenant) != issued + leases * len(SHARED_MONTHS):
        raise RuntimeError("the workers billed something twice, or not at all")
    if _lines(tenant) * (len(MONTHS) + 1) != lines * (len(MONTHS) + 1 + len(SHARED_MONTHS)):
        raise RuntimeError("the workers posted something twice, or not at all")
    # The machine may be busy with other things for a while: the median month counts.
    seconds = median(each.seconds for each in taken) + posting.seconds / len(MONTHS)
    together = median(each.seconds for each in shared) + shared_posting.seconds / len(SHARED_MONTHS)
    billing_us = median(each.processor for each in taken) / leases * 1e6
    posting_us = posting.processor / len(MONTHS) / leases * 1e6
    return {
        "bench": "billing",
        "size": leases,
        "seconds": round(together, 3),
        "items_per_second": round(leases / together, 1),
        "one_process_per_second": round(leases / seconds, 1),
        "tryton_per_second": TRYTON_PER_SECOND,
        "tryton_ratio": round(leases / together / TRYTON_PER_SECOND, 1),
        "one_process_tryton_ratio": round(leases / seconds / TRYTON_PER_SECOND, 1),
        "processor_us": round(billing_us + posting_us, 1),
        "ours_us": round(median(each.ours for each in taken) / leases * 1e6, 1),
        "posting_us": round(posting_us, 1),
        "stages": watch.shares(),
        "journal_lines_per_item": round(lines / leases / (len(MONTHS) + 1), 2),
        "statements_per_item": round(statements[0] / issued, 3),
        "second_run_seconds": round(again.seconds, 3),
    }


def _bill(tenant: Tenant, *, as_of: date, runs: Runs = map) -> None:
    """The run as its jobs do it: one after the other in this process, or shared by the pool's."""
    with db.unit_of_work(tenant) as session:
        run = billing.start_run(session, tenant, as_of=as_of, at=AT)
        chunks = [chunk.id for chunk in queries.chunks_of(session, tenant, run_id=run.id)]
    for _ in runs(partial(_bill_chunk, tenant), chunks):
        pass


def _bill_chunk(tenant: Tenant, chunk_id: str) -> None:
    with db.unit_of_work(tenant) as session:
        billing.bill_chunk(session, tenant, chunk_id=chunk_id, at=AT, portal_url=PORTAL)
    with db.unit_of_work(tenant) as session:
        billing.note_progress(session, tenant, chunk_id=chunk_id, at=AT)


def _post(tenant: Tenant, *, month: date, runs: Runs = map) -> None:
    """What a posting run does for papers: a share of all that are not in the book by one statement."""
    until = add_months(month, 1)
    with db.unit_of_work(tenant) as session:
        shares = journal.shares_of(
            session,
            tenant,
            source=facts.INVOICES,
            book=Book.FINANCIAL,
            until=until,
            size=posting.CHUNK_PAPERS,
        )
    for _ in runs(partial(_post_share, tenant, until), shares):
        pass


def _post_share(tenant: Tenant, until: date, share: tuple[str, str, int]) -> None:
    after_id, last_id, _ = share
    with db.unit_of_work(tenant) as session:
        journal.post(
            session,
            tenant,
            source=facts.INVOICES,
            book=Book.FINANCIAL,
            until=until,
            run_id=None,
            at=AT,
            after_id=after_id,
            last_id=last_id,
        )


def _begin_worker(settings: Settings) -> None:
    use_settings(settings)
    db.configure(settings.database_url, pool_size=2)
    worker.settle()


def _lines(tenant: Tenant) -> int:
    with db.unit_of_work(tenant) as session:
        statement = sa.select(sa.func.count()).where(JournalLine.partner_id == tenant.partner_id)
        return session.scalar(statement) or 0


def _one_by_one(tenant: Tenant, as_of: date, runs: Runs) -> None:
    with db.unit_of_work(tenant) as session:
        client_ids = session.scalars(scoped(Client, tenant).with_only_columns(Client.id)).all()
    for _ in runs(partial(_bill_client, tenant, as_of), client_ids):
        pass


def _bill_client(tenant: Tenant, as_of: date, client_id: str) -> None:
    with db.unit_of_work(tenant) as session:
        billing.bill_clients(
            session,
            tenant,
            first_client_id=client_id,
            last_client_id=client_id,
            as_of=as_of,
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
    with db.engine().connect() as connection:
        backend = psutil.Process(connection.scalar(sa.text("select pg_backend_pid()")))
    started, ours, database = time.perf_counter(), time.process_time(), _seconds_of(backend)
    work()
    # One connection is enough for one process, and its backend works for nobody else.
    return Taken(time.perf_counter() - started, time.process_time() - ours, _seconds_of(backend) - database)


def _seconds_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


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
