"""How many depreciation charges a second: post a month of a fleet's books, and value the fleet.

A charge is one month of one book of one asset, posted: its row, its share of a balanced entry, committed.
Each asset has three books. Tryton's figure is for assets of one book, in its best configuration found.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from statistics import median
from typing import Any, NamedTuple

import psutil
import sqlalchemy as sa

from haas import db
from haas.settings import Settings
from haas.tenancy.scope import Tenant, scoped
from invoicing.ledger import depreciation, posting
from invoicing.ledger.models import DepreciationPosting
from leases import books
from leases.book_plans import refresh_plans
from leases.contract import book_terms
from leases.depreciation import depreciation_schedule
from leases.models import DepreciationBook
from tests.benchmarks.portfolio import make_portfolio

SIZES = (1_000, 10_000, 50_000)
MONTHS = tuple(date(2026, month, 1) for month in range(1, 5))
NOW = datetime(2026, 8, 1, 6, 0, tzinfo=UTC)
TRYTON_POSTED_PER_SECOND = 107.0  # posting one month of an asset of one book; 85 at 2,000 assets
BOOKS = 4_000
REFERENCE_BOOKS = 300
AS_OF = date(2027, 6, 30)
TRYTON_PER_SECOND = 62.0  # creating the 36 lines of an asset, which its reports then read


def run(settings: Settings, *, sizes: Sequence[int] = SIZES, size: int = BOOKS) -> Iterator[dict[str, Any]]:
    """Post fleets of growing size, four months each, the median of the later three; then value one fleet.

    What one charge costs must not depend on how many there are.
    """
    db.configure(settings.database_url)
    for assets in sizes:
        yield _posting(settings, assets)
    yield _valuing(size)


def _posting(settings: Settings, assets: int) -> dict[str, Any]:
    tenant = make_portfolio(leases=assets // 2, lines=2, name=f"Fleet{assets}")
    _open_books(tenant)
    _analyse(settings)
    taken = []
    for month in MONTHS:
        taken.append(_post(tenant, month))
        _analyse(settings)
    later = taken[1:]  # the first month finds empty tables
    seconds = median(each.seconds for each in later)
    again = _post(tenant, MONTHS[-1]).seconds
    with db.unit_of_work(tenant) as session:
        posted = session.scalar(
            sa.select(sa.func.count())
            .select_from(DepreciationPosting)
            .where(DepreciationPosting.partner_id == tenant.partner_id)
        )
    if posted != 3 * assets * len(MONTHS):
        raise RuntimeError(f"{posted} charges for {assets} assets in {len(MONTHS)} months")
    rate = 3 * assets / seconds
    return {
        "bench": "depreciation",
        "what": "post a month of three books an asset",
        "size": assets,
        "seconds": round(seconds, 3),
        "items_per_second": round(rate, 1),  # a book's month is an item
        "assets_per_second": round(rate / 3, 1),  # with all three books
        "us_per_item": round(1e6 / rate, 1),
        # Of the database's process: of all the figures the one that a busy machine changes least.
        "database_cpu_us": round(median(each.processor for each in later) / (3 * assets) * 1e6, 1),
        "second_run_seconds": round(again, 3),
        "tryton_per_second": TRYTON_POSTED_PER_SECOND,
        "tryton_ratio": round(rate / TRYTON_POSTED_PER_SECOND, 1),
    }


class Taken(NamedTuple):
    """Seconds on the clock, and of the database process's processor time."""

    seconds: float
    processor: float


def _post(tenant: Tenant, month: date) -> Taken:
    """The depreciation chunks of a run as its jobs do them, one after the other; the other steps apart."""
    with db.unit_of_work(tenant) as session:
        run = posting.start_run(session, tenant, month=month, today=NOW.date(), at=NOW)
        chunks = [(chunk.id, chunk.step) for chunk in posting.chunks_of(session, tenant, run_id=run.id)]
    seconds = processor = 0.0
    for chunk_id, step in chunks:
        started = time.perf_counter()
        with db.unit_of_work(tenant) as session:
            server = psutil.Process(session.scalar(sa.select(sa.func.pg_backend_pid())))
            before = sum(server.cpu_times()[:2])
            posting.post_chunk(session, tenant, chunk_id=chunk_id, at=NOW)
        if step == depreciation.STEP:
            processor += sum(server.cpu_times()[:2]) - before
        with db.unit_of_work(tenant) as session:
            posting.note_progress(session, tenant, chunk_id=chunk_id, at=NOW)
        seconds += time.perf_counter() - started if step == depreciation.STEP else 0
    return Taken(seconds, processor)


def _open_books(tenant: Tenant) -> None:
    """A tax and a margin book beside each, and the plans of all: copies, because all assets are alike."""
    with db.unit_of_work(tenant) as session:
        ids = sorted(session.scalars(scoped(DepreciationBook, tenant).with_only_columns(DepreciationBook.id)))
    for prefix, name in (("bot", "tax"), ("bom", "margin")):
        for first in range(0, len(ids), 1_000):
            with db.unit_of_work(tenant) as session:
                session.execute(
                    sa.text(
                        "insert into depreciation_book select (jsonb_populate_record(b, jsonb_build_object("
                        "'name', cast(:name as text), 'id', cast(:prefix as text) || substr(b.id, 4)))).*"
                        " from depreciation_book b where partner_id = :partner and id = any(:ids)"
                    ),
                    {
                        "name": name,
                        "prefix": prefix,
                        "partner": tenant.partner_id,
                        "ids": ids[first : first + 1_000],
                    },
                )
    with db.unit_of_work(tenant) as session:
        refresh_plans(session, tenant, book_ids=ids[:1])
    with db.unit_of_work(tenant) as session:
        session.execute(
            sa.text(
                "insert into depreciation_plan (partner_id, book_id, first_month, totals, places, movements,"
                " computed_at) select b.partner_id, b.id, p.first_month, p.totals, p.places, p.movements,"
                " p.computed_at from depreciation_book b, depreciation_plan p where b.partner_id = :partner"
                " and p.partner_id = :partner and p.book_id = :book and b.id <> p.book_id"
            ),
            {"partner": tenant.partner_id, "book": ids[0]},
        )


def _analyse(settings: Settings) -> None:
    """What autovacuum does within a minute anyway; only the owner may."""
    engine = sa.create_engine(settings.owner_database_url or settings.database_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("analyze"))
    engine.dispose()


def _valuing(size: int) -> dict[str, Any]:
    """Value `size` assets in service, each by its whole schedule of 36 months; one query.

    The reference reads and computes one asset at a time, as the page of an asset does.
    """
    tenant = make_portfolio(leases=size // 2, lines=2, name="Books")
    with db.unit_of_work(tenant) as session:
        asset_ids = session.scalars(
            scoped(DepreciationBook, tenant)
            .with_only_columns(DepreciationBook.asset_id)
            .limit(REFERENCE_BOOKS)
        ).all()
        started = time.perf_counter()
        for asset_id in asset_ids:
            books.view_book(session, tenant, asset_id=asset_id, as_of=AS_OF)
        reference = len(asset_ids) / (time.perf_counter() - started)
    with db.unit_of_work(tenant) as session:
        started, processor = time.perf_counter(), time.process_time()
        values = books.fleet_value(session, tenant, as_of=AS_OF)
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
        rule = _rule_alone(session.scalars(scoped(DepreciationBook, tenant)).all())
    if len(values) != size:
        raise RuntimeError(f"{len(values)} values for {size} books")
    return {
        "bench": "depreciation",
        "what": "value a fleet",
        "size": size,
        "seconds": round(seconds, 3),
        "items_per_second": round(size / seconds, 1),
        "reference": "the same schedules, one asset a query",
        "reference_per_second": round(reference, 1),
        "ratio": round(size / seconds / reference, 2),
        "cpu_us": round(processor / size * 1e6, 1),  # what a busy machine changes least
        "tryton_per_second": TRYTON_PER_SECOND,
        "tryton_ratio": round(size / seconds / TRYTON_PER_SECOND, 1),
        "rule_alone_per_second": round(rule, 1),
    }


def _rule_alone(rows: Any) -> float:
    """Schedules a second without the database."""
    terms = [book_terms(row) for row in rows]
    started = time.perf_counter()
    for each in terms:
        depreciation_schedule(each)
    return len(terms) / (time.perf_counter() - started)
