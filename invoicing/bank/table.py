"""CSV as banks write it, as a statement: rows in order, with running balances that follow each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from invoicing.bank.layouts import HEADING_WITHIN, Layout, cell_of, date_of, rows_of
from invoicing.bank.statement import Statement, StatementLine, UnreadableStatement, given

_DEBIT_MARKS = frozenset({"s", "d", "dr", "dbit", "soll", "debit", "af", "-", "cargo"})
_NOISE = re.compile(r"[\s'’€$£]|EUR|USD|CHF|GBP")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def read_csv(content: bytes, *, layout: Layout, currency: str) -> Statement:
    """The table as a statement, oldest line first. A column of running balances is checked row by row.

    :param currency: of the account, where no column tells it.
    :raises UnreadableStatement: naming the row whose cell cannot be read, or whose balance does not tie.
    """
    _, _, rows = rows_of(content, separator=layout.separator)
    place = _place(rows, layout)
    heading = dict(rows).get(place) or []
    names = [cell.strip() for cell in heading]
    missing = [name for name in layout.columns.values() if name not in names]
    if missing:
        raise UnreadableStatement(
            f"These columns are missing: {', '.join(missing)}. Check how the file is read."
        )
    if "booked_on" not in layout.columns or not {"amount", "credit", "debit"} & set(layout.columns):
        raise UnreadableStatement("Say which column holds the date, and which the amount.")
    read = [
        _row(number, {field: cell_of(cells, heading, name) for field, name in layout.columns.items()}, layout,
             currency)
        for number, cells in rows
        if number > place and any(cell.strip() for cell in cells)
    ]  # fmt: skip
    if not read:
        raise UnreadableStatement("The file has a heading, but no rows.")
    opening, closing, ordered = _chain(read)
    return Statement(
        kind="csv", account="", currency=ordered[0].currency, opening=opening, closing=closing,
        opening_on=ordered[0].booked_on, closing_on=ordered[-1].booked_on, lines=tuple(ordered),
    )  # fmt: skip


def _place(rows: Sequence[tuple[int, list[str]]], layout: Layout) -> int:
    """The row of the heading: where it was, or wherever it has moved to among the first rows."""
    wanted = set(layout.columns.values())
    for number, cells in rows:
        if number <= HEADING_WITHIN and wanted <= {cell.strip() for cell in cells}:
            return number
    return layout.heading_row


@dataclass(frozen=True, slots=True)
class _Row:
    line: StatementLine
    balance: Decimal | None


def _row(number: int, cells: Mapping[str, str], layout: Layout, currency: str) -> _Row:
    booked_on = _day(number, cells["booked_on"], layout)
    value = cells.get("value_on", "")
    balance = cells.get("balance", "")
    line = StatementLine(
        entry=number,
        booked_on=booked_on,
        value_on=_day(number, value, layout) if value else booked_on,
        amount=_moved(number, cells, layout),
        currency=(cells.get("currency") or currency).upper(),
        counterparty_name=cells.get("counterparty_name", ""),
        counterparty_iban=cells.get("counterparty_iban", "").replace(" ", ""),
        reference=given(cells.get("reference")),
        end_to_end_id=given(cells.get("end_to_end_id")),
        mandate=given(cells.get("mandate")),
        text=" ".join(cells.get("text", "").split()),
        bank_id=given(cells.get("bank_id")),
    )
    return _Row(line, _number(number, balance, layout) if balance else None)


def _moved(number: int, cells: Mapping[str, str], layout: Layout) -> Decimal:
    if cells.get("amount"):
        amount = _number(number, cells["amount"], layout)
        return -abs(amount) if cells.get("sign", "").casefold() in _DEBIT_MARKS else amount
    credit, debit = cells.get("credit", ""), cells.get("debit", "")
    if not credit and not debit:
        raise UnreadableStatement(f"Row {number} has no amount.")
    came = _number(number, credit, layout) if credit else Decimal(0)
    went = abs(_number(number, debit, layout)) if debit else Decimal(0)
    return came - went


def _day(number: int, text: str, layout: Layout) -> date:
    found = date_of(text, layout.date_format)
    if found is None:
        raise UnreadableStatement(f"Row {number}: {text[:40]!r} is no date as {layout.date_format}.")
    return found


def _number(number: int, text: str, layout: Layout) -> Decimal:
    tidy = _NOISE.sub("", text).replace("\N{MINUS SIGN}", "-")
    if tidy.startswith("(") and tidy.endswith(")"):
        tidy = f"-{tidy[1:-1]}"
    if tidy.endswith(("-", "+")):
        tidy = f"{tidy[-1]}{tidy[:-1]}"
    thousands = "." if layout.decimal_sign == "," else ","
    tidy = tidy.replace(thousands, "").replace(layout.decimal_sign, ".")
    if not _NUMBER.fullmatch(tidy) or len(tidy) > 20:
        raise UnreadableStatement(
            f"Row {number}: {text[:40]!r} is no amount with {layout.decimal_sign!r} before the cents."
        )
    return Decimal(tidy)


def _chain(rows: Sequence[_Row]) -> tuple[Decimal | None, Decimal | None, list[StatementLine]]:
    """Opening and closing balance and the lines oldest first, if each balance follows from the one before."""
    newest_first = rows[0].line.booked_on > rows[-1].line.booked_on
    if any(row.balance is None for row in rows):
        ordered = [row.line for row in (reversed(rows) if newest_first else rows)]
        return None, None, ordered
    for way in _ways(rows, newest_first=newest_first):
        if _break(way) is None:
            first, last = way[0], way[-1]
            return _of(first) - first.line.amount, _of(last), [row.line for row in way]
    broken = _break(next(_ways(rows, newest_first=newest_first)))
    raise UnreadableStatement(
        f"Row {broken.line.entry if broken else '?'}: the balance does not follow from the row before:"
        " a row is missing, or the amounts are read wrongly."
    )


def _ways(rows: Sequence[_Row], *, newest_first: bool) -> Iterator[list[_Row]]:
    yield list(reversed(rows)) if newest_first else list(rows)
    if rows[0].line.booked_on == rows[-1].line.booked_on:  # one day: only the balances tell the order
        yield list(reversed(rows))


def _break(way: Sequence[_Row]) -> _Row | None:
    for before, after in pairwise(way):
        if _of(before) + after.line.amount != _of(after):
            return after
    return None


def _of(row: _Row) -> Decimal:
    return row.balance if row.balance is not None else Decimal(0)
