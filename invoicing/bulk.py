"""Many ids as one parameter, many rows as one statement: what a run of thousands of invoices needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from haas.db import Base

_PLACE = "place_"  # where among the encoded texts of a column a row's is, counted from 1
_BETWEEN = "\x1e"  # between those texts: JSON has no control characters (RFC 8259), so it is in none of them


def among(column: InstrumentedAttribute[Any], ids: Iterable[str]) -> sa.ColumnElement[bool]:
    """`column = any(ids)`: one parameter and one plan, however many ids there are.

    As one text: the driver looks through each member of an array for what it must quote.
    """
    joined = sa.literal(_BETWEEN.join(ids), sa.Text)
    return column == sa.func.any(sa.func.string_to_array(joined, _BETWEEN, type_=ARRAY(sa.Text)))


def insert_rows(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of one shape by one statement: the database unfolds them from one JSON text.

    Row-level security forbids COPY, and a parameter for each value costs more than the insert itself.
    Columns that a row leaves out are null: defaults of the model are the caller's to write. A JSON column
    may be given as `msgspec.Raw`, encoded already, by all rows: those texts go apart, each read once.
    """
    if not rows:
        return
    table = cast(sa.Table, model.__table__)
    columns = [table.columns[name] for name in rows[0]]
    encoded = [name for name, value in rows[0].items() if isinstance(value, msgspec.Raw)]
    shown = [sa.column(each.name, each.type) for each in columns if each.name not in encoded]
    given = sa.func.json_to_recordset(sa.cast(sa.bindparam("rows", type_=sa.Text), JSON))
    unfolded = given.table_valued(*shown, sa.column(_PLACE, sa.Integer))
    unfolded = unfolded.render_derived(name="given", with_types=True)
    values: dict[str, Any] = {each.name: unfolded.columns[each.name] for each in shown}
    for name in encoded:
        joined = sa.func.string_to_array(sa.bindparam(name, type_=sa.Text), _BETWEEN, type_=ARRAY(sa.Text))
        texts = sa.select(joined).scalar_subquery()
        values[name] = sa.cast(texts[unfolded.columns[_PLACE]], JSONB)
    statement = insert(table).from_select(
        [each.name for each in columns],
        sa.select(*(values[each.name] for each in columns)),
        include_defaults=False,
    )
    parameters: dict[str, Any] = {
        name: _BETWEEN.join(bytes(row[name]).decode() for row in rows) for name in encoded
    }
    if encoded:
        rows = [_without(row, encoded) | {_PLACE: place} for place, row in enumerate(rows, start=1)]
    session.execute(statement, {"rows": msgspec.json.encode(rows).decode()} | parameters)


def _without(row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
