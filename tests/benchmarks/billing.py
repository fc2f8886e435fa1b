"""How many leases a second go from due to a numbered, frozen and committed invoice; PDF apart.

The reference, in the same run and on the same database, bills one client in a transaction of its own, as a
program does that goes through its subscriptions one by one. Tryton's figure is from a run of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import sqlalchemy as sa

from haas import db
from haas.settings import Settings
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing import billing, queries
from invoicing.models import Invoice
from tests.benchmarks.portfolio import make_portfolio

SIZES = (1_000, 5_000, 20_000)
REFERENCE_LEASES = 200
AS_OF = date(2026, 6, 1)
MONTHS = (AS_OF, date(2026, 7, 1), date(2026, 8, 1))
AT = datetime(2026, 8, 1, 6, 0, tzinfo=UTC)
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
    reference_tenant = make_portfolio(leases=REFERENCE_LEASES, name="Reference")
    _bill(reference_tenant, as_of=date(2026, 5, 1))  # what a year's run has behind it
    _analyse(settings)
    reference = REFERENCE_LEASES / _timed(partial(_one_by_one, reference_tenant)).seconds
    for leases in sizes:
        yield _of_size(settings, leases, reference)


def _of_size(settings: Settings, leases: int, reference: float) -> dict[str, Any]:
    tenant = make_portfolio(leases=leases, name=f"Portfolio{leases}")
    _bill(tenant, as_of=date(2026, 5, 1))
    _analyse(settings)
    with _counted() as statements:
        taken = [_timed(partial(_bill, tenant, as_of=month)) for month in MONTHS]
    seconds = median(each.seconds for each in taken)  # the machine may be busy with other things for a while
    issued = _count(tenant)
    if issued != leases * len(MONTHS):
        raise RuntimeError(f"{issued} invoices for {leases} leases in {len(MONTHS)} months")
    again = _timed(partial(_bill, tenant, as_of=MONTHS[-1]))
    if _count(tenant) != issued:
        raise RuntimeError("a second run billed something")
    return {
        "bench": "billing",
        "size": leases,
        "seconds": round(seconds, 3),
        "items_per_second": round(leases / seconds, 1),
        "reference": "the same bill, one client a transaction",
        "reference_per_second": round(reference, 1),
        "ratio": round(leases / seconds / reference, 2),
        "cpu_us": round(median(each.processor for each in taken) / leases * 1e6, 1),
        "tryton_per_second": TRYTON_PER_SECOND,
        "tryton_ratio": round(leases / seconds / TRYTON_PER_SECOND, 1),
        "statements_per_item": round(statements[0] / issued, 3),
        "second_run_seconds": round(again.seconds, 3),
    }


def _bill(tenant: Tenant, *, as_of: date) -> None:
    """The run as its jobs do it, one after the other in this process."""
    with db.unit_of_work(tenant) as session:
        run = billing.start_run(session, tenant, as_of=as_of, at=AT)
        chunks = [chunk.id for chunk in queries.chunks_of(session, tenant, run_id=run.id)]
    for chunk_id in chunks:
        with db.unit_of_work(tenant) as session:
            billing.bill_chunk(session, tenant, chunk_id=chunk_id, at=AT, portal_url=PORTAL)
        with db.unit_of_work(tenant) as session:
            billing.note_progress(session, tenant, chunk_id=chunk_id, at=AT)


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
