"""Rows -> an Excel file: texts as texts, amounts as numbers, dates as dates; a row at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

import xlsxwriter

from haas.pages.downloads import Cell

ROWS_MAX = 1_048_575  # what a sheet holds beneath its head
_WIDTHS = {"description": 40, "client": 28, "reason": 28, "serials": 28, "id": 32, "number": 18}


def write_xlsx(
    target: IO[bytes], *, title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> int:
    """One sheet with a frozen, filterable head into `target`; how many rows it has beneath.

    Nothing becomes a formula or a link, whatever a text begins with. A row is flushed before the next is
    read, so a long export needs little memory; it waits in the machine's folder for temporary files.
    """
    book = xlsxwriter.Workbook(
        target,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "remove_timezone": True,
        },
    )
    sheet = book.add_worksheet(title[:31])
    formats = {
        "head": book.add_format({"bold": True, "bottom": 1}),
        "day": book.add_format({"num_format": "yyyy-mm-dd"}),
        "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        "amount": book.add_format({"num_format": "#,##0.00"}),
        "plain": book.add_format({"num_format": "General"}),
    }
    for column, text in enumerate(header):
        sheet.set_column(column, column, _WIDTHS.get(text, 13))
    sheet.freeze_panes(1, 1)
    for column, text in enumerate(header):
        sheet.write_string(0, column, text, formats["head"])
    last = 0
    for last, row in enumerate(rows, start=1):
        for column, cell in enumerate(row):
            _write(sheet, last, column, cell, formats)
    sheet.autofilter(0, 0, last, len(header) - 1)
    book.close()
    return last


def _write(sheet: Any, row: int, column: int, cell: Cell, formats: dict[str, Any]) -> None:
    match cell:
        case None | "":
            return
        case bool():
            sheet.write_boolean(row, column, cell)
        case Decimal():
            places = cell.as_tuple().exponent
            whole_cents = isinstance(places, int) and places <= -2
            # A sheet knows only doubles: exact to 15 digits, which no amount of ours exceeds.
            sheet.write_number(row, column, cell, formats["amount" if whole_cents else "plain"])
        case int():
            sheet.write_number(row, column, cell)
        case datetime():
            sheet.write_datetime(row, column, cell, formats["moment"])
        case date():
            sheet.write_datetime(row, column, cell, formats["day"])
        case _:
            sheet.write_string(row, column, str(cell))
