"""Whether an answer agrees with what a case expects, within the case's tolerance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from haas.calendar import add_months

Tolerance = int | Decimal | dict[str, Any]


@dataclass(frozen=True)
class Leading:
    """Rows of which a case may quote only the first ones (a source that prints the first years)."""

    rows: Sequence[Any]


@dataclass(frozen=True)
class Quoted:
    """Rows of which a case may quote only some, in their order; each is found by its first value."""

    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Keyed:
    """Rows without an order of their own: they pair up by what they hold under `keys`."""

    rows: Sequence[dict[str, Any]]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Dated:
    """Rows whose first column counts periods of so many months from the start.

    A source may print dates there although its inputs do not say when the start was. Then its dates must
    lie as far apart as ours count; every other column is compared as it is.
    """

    rows: Sequence[Sequence[Any]]
    months: int


@dataclass(frozen=True)
class Optional:
    """An amount that a document may leave out when it is zero."""

    amount: Decimal


def disagreeing_fields(expected: dict[str, Any], got: dict[str, Any], tolerance: Tolerance) -> list[str]:
    """The names of the expected fields that the answer lacks or has otherwise; empty if all agree."""
    return [
        field
        for field, value in expected.items()
        if field not in got or not agrees(value, got[field], _tolerance_of(field, tolerance))
    ]


def _tolerance_of(field: str, tolerance: Tolerance) -> Fraction:
    if isinstance(tolerance, dict):
        return Fraction(tolerance[field] if field in tolerance else tolerance.get("*") or 0)
    return Fraction(tolerance)


def agrees(expected: Any, got: Any, tolerance: Fraction) -> bool:
    """Compare two values of any shape: numbers within the tolerance, everything else exactly."""
    if isinstance(got, Optional):
        return got.amount == 0 if expected is None else agrees(expected, got.amount, tolerance)
    if isinstance(expected, dict):
        return isinstance(got, dict) and all(
            key in got and agrees(value, got[key], tolerance) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return _rows_agree(expected, got, tolerance)
    if isinstance(expected, bool) or isinstance(got, bool) or expected is None or got is None:
        return expected is got
    if isinstance(got, date) and not isinstance(got, datetime):
        return bool(expected == got.isoformat())
    if isinstance(got, int | Decimal | Fraction):
        wanted = as_number(expected)
        return wanted is not None and abs(wanted - Fraction(got)) <= tolerance
    return bool(expected == got)


def _rows_agree(expected: list[Any], got: Any, tolerance: Fraction) -> bool:
    if isinstance(got, Keyed):
        if len(expected) != len(got.rows):
            return False
        left = list(got.rows)
        for row in expected:
            pair = next((each for each in left if _same_keys(row, each, got.keys)), None)
            if pair is None or not agrees(row, pair, tolerance):
                return False
            left.remove(pair)
        return True
    if isinstance(got, Quoted):
        by_name = {plain(row[0]): row for row in got.rows}
        names = [row[0] for row in expected]
        in_order = [name for name in by_name if name in names]
        return in_order == names and all(agrees(row, by_name[row[0]], tolerance) for row in expected)
    if isinstance(got, Dated):
        return _rows_agree(expected, _labelled_from(expected, got), tolerance)
    rows = got.rows if isinstance(got, Leading) else got
    if not isinstance(rows, list | tuple):
        return False
    if len(expected) > len(rows) or (len(expected) < len(rows) and not isinstance(got, Leading)):
        return False
    return all(agrees(want, row, tolerance) for want, row in zip(expected, rows, strict=False))


def _labelled_from(expected: list[Any], got: Dated) -> list[list[Any]]:
    """Our rows with the periods' numbers as dates, if that is how the source labels its rows."""
    rows = [list(row) for row in got.rows]
    first = expected[0][0] if expected and isinstance(expected[0], list) and expected[0] else None
    if rows and isinstance(first, str) and isinstance(rows[0][0], int):
        start = add_months(date.fromisoformat(first), -got.months * rows[0][0])
        for row in rows:
            row[0] = add_months(start, got.months * row[0])
    return rows


def _same_keys(expected: dict[str, Any], got: dict[str, Any], keys: tuple[str, ...]) -> bool:
    return all(agrees(expected.get(key), got.get(key), Fraction(0)) for key in keys)


def as_number(value: Any) -> Fraction | None:
    """A JSON number, a decimal in a string or a fraction like "45/31"; None if it is no number."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Fraction(value)
    if not isinstance(value, str):
        return None
    if re.fullmatch(r"-?\d+/[1-9]\d*", value):
        return Fraction(value)
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return Fraction(number) if number.is_finite() else None


def plain(value: Any) -> Any:
    """An answer as JSON can print it."""
    if isinstance(value, Leading | Quoted | Keyed | Dated):
        return plain(value.rows)
    if isinstance(value, Optional):
        return plain(value.amount)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Fraction | Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value
