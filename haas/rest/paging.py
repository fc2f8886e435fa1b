"""Keyset paging: parse `cursor` and `limit`, apply, link to the next page."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from haas.errors import InvalidInput

Row = TypeVar("Row")
LIMIT_DEFAULT, LIMIT_MAX = 50, 200


@dataclass(frozen=True, slots=True)
class Sort:
    """A column to order by, which way, and the unique column that settles ties.

    An expression names with `value` how a row that was read gives what it was ordered by.
    """

    column: InstrumentedAttribute[Any] | sa.ColumnElement[Any]
    tie: InstrumentedAttribute[Any]
    descending: bool = False
    value: Callable[[Any], Any] | None = None

    def value_of(self, row: Any) -> Any:
        """What `row` is ordered by."""
        return self.value(row) if self.value is not None else getattr(row, str(self.column.key))


def known_first(column: InstrumentedAttribute[Any], tie: InstrumentedAttribute[Any], *, last: Any) -> Sort:
    """Order by a column that may be null: what is not known comes last, as `last`, which no row has."""
    return Sort(
        # Written into the statement: an index holds the same expression, and no parameter.
        sa.func.coalesce(column, sa.literal(last, column.type, literal_execute=True)),
        tie,
        value=lambda row: last if (known := getattr(row, column.key)) is None else known,
    )


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows of one page, and the cursors of its neighbours (none at the ends)."""

    rows: Sequence[Row]
    older: str | None
    newer: str | None


def read_limit(text: str | None) -> int:
    """`?limit=`: 1 to 200, 50 if absent.

    :raises InvalidInput: for anything else.
    """
    if not text:
        return LIMIT_DEFAULT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LIMIT_MAX:
        raise InvalidInput(f"limit must be a number from 1 to {LIMIT_MAX}.", field="limit")
    return int(text)


def fetch_page(
    session: Session,
    statement: Select[Any],
    *,
    sort: Sort,
    cursor: str | None,
    limit: int = LIMIT_DEFAULT,
) -> Page[Any]:
    """One page of `statement` (of one entity), by keyset: the cost does not grow with the page number.

    Sort columns must not be null. A cursor says from which row and in which direction.
    """
    forward, place = _decode(cursor)
    ascending = sort.descending is not forward
    if place is not None:
        # A text that PostgreSQL reads: bound as the column's own type, it would have to be one here already.
        key, tie = sa.cast(sa.literal(place[0], sa.Text()), sort.column.type), place[1]
        row, edge = sa.tuple_(sort.column, sort.tie), sa.tuple_(key, sa.literal(tie))
        statement = statement.where(row > edge if ascending else row < edge)
    order = [sort.column.asc(), sort.tie.asc()] if ascending else [sort.column.desc(), sort.tie.desc()]
    try:
        rows = list(session.scalars(statement.order_by(*order).limit(limit + 1)))
    except sa.exc.DataError as wrong_type:
        raise _bad_cursor() from wrong_type
    more = len(rows) > limit
    rows = rows[:limit] if forward else rows[:limit][::-1]
    has_older = more if forward else bool(place)
    has_newer = bool(place) if forward else more
    return Page(
        rows,
        older=_encode(rows[-1], sort, forward=True) if rows and has_older else None,
        newer=_encode(rows[0], sort, forward=False) if rows and has_newer else None,
    )


def slice_page(
    rows: Sequence[Row],
    *,
    value: Callable[[Row], Decimal | str | None],
    tie: Callable[[Row], str],
    descending: bool,
    cursor: str | None,
    limit: int = LIMIT_DEFAULT,
) -> Page[Row]:
    """The same for rows that were computed: by a value, what has none last, ties by a unique text.

    The cursor says from which value on, not from which row: a row that comes or goes moves no other's page.
    """
    forward, place = _decode(cursor)
    known = sorted((row for row in rows if value(row) is not None), key=lambda row: (value(row), tie(row)))
    unknown = sorted((row for row in rows if value(row) is None), key=tie)
    ordered = [*(reversed(known) if descending else known), *unknown]
    first, last = 0, min(limit, len(ordered))
    if place is not None:
        edge = _edge(place, numbers=bool(known) and isinstance(value(known[0]), Decimal))
        before, after = _sides_of(edge, ordered, value=value, tie=tie, descending=descending)
        first, last = (after, after + limit) if forward else (max(before - limit, 0), before)
    page = ordered[first:last]
    return Page(
        page,
        older=_text_of("o", value(page[-1]), tie(page[-1])) if page and last < len(ordered) else None,
        newer=_text_of("n", value(page[0]), tie(page[0])) if page and first > 0 else None,
    )


_Edge = tuple[Decimal | str | None, str]


def _edge(place: tuple[str, str], *, numbers: bool) -> _Edge:
    if not place[0]:
        return None, place[1]
    if not numbers:
        return place[0][1:], place[1]
    try:
        number = Decimal(place[0][1:])
    except ArithmeticError as broken:
        raise _bad_cursor() from broken
    if not number.is_finite():
        raise _bad_cursor()
    return number, place[1]


def _sides_of(
    edge: _Edge,
    ordered: Sequence[Row],
    *,
    value: Callable[[Row], Any],
    tie: Callable[[Row], str],
    descending: bool,
) -> tuple[int, int]:
    """How many rows lie before the edge, and how many up to and including it."""
    wanted, own = edge

    def side(row: Row) -> int:
        here = value(row)
        if here is None or wanted is None:
            if (here is None) != (wanted is None):
                return 1 if here is None else -1
            return (tie(row) > own) - (tie(row) < own)
        order = ((here, tie(row)) > (wanted, own)) - ((here, tie(row)) < (wanted, own))
        return -order if descending else order

    sides = [side(row) for row in ordered]
    return sum(1 for each in sides if each < 0), sum(1 for each in sides if each <= 0)


def _text_of(way: str, value: Decimal | str | None, tie: str) -> str:
    return _packed(way, "" if value is None else f"={value}", tie)


def _encode(row: Any, sort: Sort, *, forward: bool) -> str:
    return _packed("o" if forward else "n", str(sort.value_of(row)), getattr(row, sort.tie.key))


def _packed(*place: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _decode(cursor: str | None) -> tuple[bool, tuple[str, str] | None]:
    if not cursor:
        return True, None
    try:
        way, key, tie = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if way not in ("o", "n") or not isinstance(key, str) or not isinstance(tie, str) or "\0" in key + tie:
            raise ValueError(way)
    except (ValueError, TypeError, binascii.Error) as broken:
        raise _bad_cursor() from broken
    return way == "o", (key, tie)


def _bad_cursor() -> InvalidInput:
    return InvalidInput("cursor is not one that a page gave; start without it.", field="cursor")
