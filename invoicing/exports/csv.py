"""Rows -> CSV, a piece at a time: no text begins a formula, numbers and dates stay plain."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from haas.pages.downloads import Cell, tame

_PIECE_BYTES = 64 * 1024


def csv_pieces(
    *, header: Sequence[str], rows: Iterable[Sequence[Cell]], raw: bool = False
) -> Iterator[bytes]:
    """RFC 4180 in UTF-8 with a byte-order mark, which Excel needs to read umlauts.

    With `raw`, for programs alone: texts as they are, and no mark.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if not raw:
        out.write("\ufeff")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_text(cell, raw=raw) for cell in row])
        if out.tell() >= _PIECE_BYTES:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def _text(cell: Cell, *, raw: bool) -> str:
    match cell:
        case None:
            return ""
        case str():
            return cell if raw else tame(cell)
        case bool():
            return "true" if cell else "false"
        case Decimal():
            return f"{cell:f}"  # never 1E+2
        case datetime():
            return cell.isoformat(timespec="seconds")
        case date():
            return cell.isoformat()
        case _:
            return str(cell)
