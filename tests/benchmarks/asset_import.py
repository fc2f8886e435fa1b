"""How fast a table of assets comes in, against bare `executemany` of the same rows on the same database."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import sqlalchemy as sa

from devices import imports
from devices.import_rows import read_rows
from devices.import_table import read_table
from devices.imports import ImportOptions
from devices.models import Asset
from haas import clock, db
from haas.settings import Settings
from tests.cast import make_cast

SIZE = 10_000


def run(settings: Settings, *, size: int = SIZE) -> dict[str, Any]:
    """Bring in `size` assets by the job's own function; the reference inserts bare asset rows one by one."""
    db.configure(settings.database_url)
    cast = make_cast()
    today = date(2026, 6, 15)
    content = _table(size)
    with db.unit_of_work(cast.tenant) as session:
        stored = imports.upload(session, cast.tenant, name="fleet.csv", content=content)
        started = time.perf_counter()
        job = imports.commit(
            session,
            cast.tenant,
            file_id=stored.id,
            options=ImportOptions(create_models=True),
            today=today,
        )
    imports.run_import(cast.tenant, job_id=job.id)
    seconds = time.perf_counter() - started
    reference = _reference(size)
    return {
        "bench": "asset_import",
        "size": size,
        "seconds": round(seconds, 3),
        "items_per_second": round(size / seconds, 1),
        "reference": "executemany of the asset rows alone: no report, moves, places, labels or progress",
        "reference_per_second": round(reference, 1),
        "ratio": round(size / seconds / reference, 3),
    }


def _reference(size: int) -> float:
    cast = make_cast()
    with db.unit_of_work(cast.tenant) as session:
        outcome = read_rows(
            read_table(_table(size)),
            imports._known(session, cast.tenant, today=date(2026, 6, 15)),
            create_models=True,
        )
        models = imports._make_models(session, cast.tenant, outcome.new_models, at=clock.now())
        for number, draft in enumerate(outcome.drafts):
            draft.values["tag"] = f"REF-{number}"
        rows = [imports._asset_row(cast.tenant, draft, models, clock.now()) for draft in outcome.drafts]
        started = time.perf_counter()
        statement = sa.insert(Asset).compile(dialect=session.get_bind().dialect, column_keys=list(rows[0]))
        cursor = session.connection().connection.cursor()
        processors: Any = statement._bind_processors
        cursor.executemany(
            str(statement),
            [
                {key: processors[key](value) if key in processors else value for key, value in row.items()}
                for row in rows
            ],
        )
    return size / (time.perf_counter() - started)


def _table(size: int) -> bytes:
    lines = ["serial,manufacturer,model,category,cost,client,site"]
    lines += [
        f"IMP-{number:06d},Lenovo,ThinkPad T{number % 20},laptop,1200.00,C-0001,Main Street"
        for number in range(size)
    ]
    return "\n".join(lines).encode()
