"""How long the profit of a whole fleet takes: every asset's rent, book and costs, added up by client."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

from haas import db
from haas.settings import Settings
from haas.tenancy.scope import scoped
from leases.models import Assignment
from leases.profit.league import Dimension
from leases.profit.queries import view_asset_profit, view_league
from tests.benchmarks.portfolio import make_portfolio

ASSETS = 20_000
REFERENCE_ASSETS = 100
AS_OF = date(2028, 6, 30)


def run(settings: Settings, *, size: int = ASSETS) -> dict[str, Any]:
    """Add up `size` assets in service on half as many leases, in their thirtieth month.

    The reference reads one asset at a time, as the page of an asset does.
    """
    db.configure(settings.database_url)
    tenant = make_portfolio(leases=size // 2, lines=2, name="Profit")
    with db.unit_of_work(tenant) as session:
        asset_ids = session.scalars(
            scoped(Assignment, tenant).with_only_columns(Assignment.asset_id).limit(REFERENCE_ASSETS)
        ).all()
        started = time.perf_counter()
        for asset_id in asset_ids:
            view_asset_profit(session, tenant, asset_id=asset_id, as_of=AS_OF)
        reference = len(asset_ids) / (time.perf_counter() - started)
    with db.unit_of_work(tenant) as session:
        started, processor = time.perf_counter(), time.process_time()
        found = view_league(session, tenant, by=Dimension.CLIENT, since=None, as_of=AS_OF)
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
    if found.totals[0].assets != size or found.count != size // 2:
        raise RuntimeError(f"{found.totals[0].assets} assets of {size} in {found.count} rows")
    return {
        "bench": "profit",
        "size": size,
        "seconds": round(seconds, 3),
        "items_per_second": round(size / seconds, 1),
        "reference": "the same sums, one asset a time",
        "reference_per_second": round(reference, 1),
        "ratio": round(size / seconds / reference, 2),
        "cpu_us": round(processor / size * 1e6, 1),  # what a busy machine changes least
    }
