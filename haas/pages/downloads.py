"""Tables as CSV or XLSX without live formulas, and any bytes as a download with a safe name."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote

import xlsxwriter
from flask import Response

Cell = str | int | Decimal | date | datetime | bool | None
Format = Literal["csv", "xlsx"]

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# Programs that open a table run a cell that begins with one of these as a formula (CSV injection), also
# behind blanks, and in their full-width forms; | and % begin commands of old ones.
_FORMULA_STARTS = frozenset("=+-@|%\uff1d\uff0b\uff0d\uff20")
# What a browser may show inside the portal's own origin; everything else is only ever saved.
_SHOWN_TYPES = {"application/pdf", "image/png", "image/jpeg", "text/plain; charset=utf-8"}
_WIDEST = 48


def csv_bytes(*, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """RFC 4180 with a byte-order mark, which Excel needs to read UTF-8; texts never start a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([tame(title) for title in header])
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def xlsx_bytes(*, title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """One sheet with a frozen, filterable head; texts are written as texts, whatever they begin with."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "remove_timezone": True,
        },
    )
    sheet = book.add_worksheet(_sheet_name(title))
    bold = book.add_format({"bold": True, "bottom": 1})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    widths = [len(text) for text in header]
    for column, text in enumerate(header):
        sheet.write_string(0, column, text, bold)
    last = 0
    for last, row in enumerate(rows, start=1):
        for column, cell in enumerate(row):
            _write_cell(sheet, last, column, cell, day=day, moment=moment)
            widths[column] = max(widths[column], len(str(cell if cell is not None else "")))
    for column, width in enumerate(widths):
        sheet.set_column(column, column, min(max(width + 2, 8), _WIDEST))
    sheet.freeze_panes(1, 0)
    if header:
        sheet.autofilter(0, 0, last, len(header) - 1)
    book.close()
    return out.getvalue()


def table_download(
    file_format: Format, *, name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> Response:
    """The rows as an answer: `name` without an ending, such as "assets-2026-11-23"."""
    if file_format == "xlsx":
        content = xlsx_bytes(title=name, header=header, rows=rows)
        return download(content, name=f"{name}.xlsx", media_type=XLSX_TYPE)
    return download(csv_bytes(header=header, rows=rows), name=f"{name}.csv", media_type=CSV_TYPE)


def download(content: bytes, *, name: str, media_type: str, inline: bool = False) -> Response:
    """Bytes to save, or with `inline` to show, if it is a type that cannot act in the portal's name."""
    shown = inline and media_type in _SHOWN_TYPES
    answer = Response(content, mimetype=media_type.partition(";")[0])
    answer.headers["Content-Type"] = media_type
    answer.headers["Content-Disposition"] = content_disposition(name, inline=shown)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    if not shown:
        answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def content_disposition(name: str, *, inline: bool = False) -> str:
    """The header of RFC 6266: an ASCII name for old programs and the real one in UTF-8."""
    clean = _clean_name(name)
    ascii_name = unicodedata.normalize("NFKD", clean).encode("ascii", "ignore").decode().strip(" .") or "file"
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(clean, safe='')}"


def _clean_name(name: str) -> str:
    printable = "".join(letter for letter in name if unicodedata.category(letter)[0] != "C")
    return re.sub(r'[\\/:*?"<>|;%]+', "-", printable).strip(" .-")[:150] or "file"


def _sheet_name(title: str) -> str:
    return re.sub(r"[\[\]:*?/\\']", " ", title)[:31].strip() or "Sheet1"


def tame(text: str) -> str:
    """A text that no program runs: behind an apostrophe if its first sign could begin a formula."""
    seen = text.lstrip()
    if not seen:
        return text
    hidden = any(unicodedata.category(sign)[0] == "C" for sign in (text[0], seen[0]))
    return f"'{text}" if hidden or seen[0] in _FORMULA_STARTS else text


def _csv_cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case str():
            return tame(cell)
        case Decimal():
            return f"{cell:f}"
        case datetime() | date():
            return cell.isoformat()
        case _:
            return str(cell)


def _write_cell(sheet: Any, row: int, column: int, cell: Cell, *, day: Any, moment: Any) -> None:
    match cell:
        case None:
            return
        case bool():
            sheet.write_boolean(row, column, cell)
        case int() | Decimal():
            sheet.write_number(row, column, cell)  # a sheet knows only doubles: exact to 15 digits
        case datetime():
            sheet.write_datetime(row, column, cell, moment)
        case date():
            sheet.write_datetime(row, column, cell, day)
        case _:
            sheet.write_string(row, column, str(cell))
