"""Many ids as one parameter, many rows as one statement: what a run of thousands of invoices needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSON, insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from haas.db import Base


def among(column: InstrumentedAttribute[Any], ids: Iterable[str]) -> sa.ColumnElement[bool]:
    """`column = any(ids)`: one parameter and one plan, however many ids there are."""
    return column == sa.func.any(sa.literal(list(ids), ARRAY(sa.Text)))


def insert_rows(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of one shape by one statement: the database unfolds them from one JSON text.

    Row-level security forbids COPY, and a parameter for each value costs more than the insert itself.
    Columns that a row leaves out are null: defaults of the model are the caller's to write. A JSON column
    may be given as `msgspec.Raw`, encoded already.
    """
    if not rows:
        return
    table = cast(sa.Table, model.__table__)
    columns = [table.columns[name] for name in rows[0]]
    given = sa.func.json_to_recordset(sa.cast(sa.bindparam("rows", type_=sa.Text), JSON))
    unfolded = given.table_valued(*(sa.column(each.name, each.type) for each in columns))
    unfolded = unfolded.render_derived(name="given", with_types=True)
    statement = insert(table).from_select(
        [each.name for each in columns],
        sa.select(*(unfolded.columns[each.name] for each in columns)),
        include_defaults=False,
    )
    session.execute(statement, {"rows": msgspec.json.encode(rows).decode()})
