"""How many depreciation schedules a second: read the books, compute every month, value the fleet."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

from haas import db
from haas.settings import Settings
from haas.tenancy.scope import scoped
from leases import books
from leases.contract import book_terms
from leases.depreciation import depreciation_schedule
from leases.models import DepreciationBook
from tests.benchmarks.portfolio import make_portfolio

BOOKS = 4_000
REFERENCE_BOOKS = 300
AS_OF = date(2027, 6, 30)
TRYTON_PER_SECOND = 62.0  # creating the 36 lines of an asset, which its reports then read


def run(settings: Settings, *, size: int = BOOKS) -> dict[str, Any]:
    """Value `size` assets in service, each by its whole schedule of 36 months; one query.

    The reference reads and computes one asset at a time, as the page of an asset does.
    """
    db.configure(settings.database_url)
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
