"""Files of exchange rates -> rates: what the European Central Bank publishes, or rows of one's own. Pure.

Taken are the ECB's XML, its tables (`eurofxref.csv`, `eurofxref-hist.csv`: a column for each currency), the
archives with one of them (`eurofxref-hist.zip`), and a CSV with a row for each rate: day, base, quote, rate.
"""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO, StringIO

import msgspec
from lxml import etree

from haas.errors import InvalidInput
from invoicing.money.rate_rules import ACROSS, DayRate, checked

BYTES_MAX, UNPACKED_MAX = 5 * 1024 * 1024, 16 * 1024 * 1024
ROWS_MAX = 20_000  # about two and a half years of all that the ECB quotes
_CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"
_NO_RATE = ("", "N/A")  # as the ECB leaves out a currency of a day
_HEADINGS = ("day", "date")
_POINT = re.compile(r"\d+(\.\d+)?|\d{1,3}(,\d{3})+\.\d+")  # 1234.56 or 1,234.56
_COMMA = re.compile(r"\d+,\d+|\d{1,3}(\.\d{3})+,\d+")  # 1234,56 or 1.234,56
_EITHER = re.compile(r"[1-9]\d{0,2},\d{3}")  # 1,234 is a thousand or one and a bit


class RateFile(msgspec.Struct, frozen=True):
    """Where a file's rates come from (`ecb`, `import`), and the rates in its order."""

    source: str
    rows: list[DayRate]


def read_rates(content: bytes, *, since: date | None = None) -> RateFile:
    """The rates of a file, each of them checked.

    :param since: the first day to take; earlier rows are passed over, though they must be readable.
    :raises InvalidInput: naming the row that cannot be read, or is ambiguous.
    """
    if len(content) > BYTES_MAX:
        raise _refused(f"The file has more than {BYTES_MAX >> 20} MB.")
    if content.startswith(b"PK\x03\x04"):
        content = _unpacked(content)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        source, rows = "ecb", _of_xml(content)
    else:
        source, rows = _of_text(content)
    if not rows:
        raise _refused("The file holds no rate.")
    taken = [row for row in rows if since is None or row.day >= since]
    if not taken:
        raise _refused(f"The file holds no rate from {since:%d %B %Y} on.")
    if len(taken) > ROWS_MAX:
        raise _refused(
            f"The file has {len(taken):,} rates, and no more than {ROWS_MAX:,} are taken at once:"
            " give a later first day."
        )
    return RateFile(source, [checked(row) for row in taken])


def _unpacked(content: bytes) -> bytes:
    """The one file of an archive; no more of it is unpacked than is taken, whatever it says of itself."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) != 1 or not parts[0].filename.lower().endswith((".csv", ".xml")):
                raise _refused("An archive of rates holds one CSV or one XML, and nothing else.")
            if parts[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile("packed in a way that the ECB does not")
            with archive.open(parts[0]) as packed:
                found = packed.read(UNPACKED_MAX + 1)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError) as broken:
        raise _refused("The archive cannot be unpacked: give the CSV or XML in it.") from broken
    if len(found) > UNPACKED_MAX:
        raise _refused(f"Unpacked, the file has more than {UNPACKED_MAX >> 20} MB.")
    return found


def _of_xml(content: bytes) -> list[DayRate]:
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as broken:
        raise _refused(f"The XML cannot be read: {broken.msg}.") from broken
    if str(root.getroottree().docinfo.doctype):  # type: ignore[union-attr]
        raise _refused("The file has a document type definition, which no list of rates needs.")
    rows: list[DayRate] = []
    for of_day in root.iter(_CUBE):
        if (day := of_day.get("time")) is None:
            continue
        for cube in of_day.iterchildren(_CUBE):
            row = len(rows) + 1
            rate = _Numbers(separator=",").read(cube.get("rate", ""), row)
            rows.append(DayRate(ACROSS, cube.get("currency", ""), _day(day, row), rate, row))
    return rows


def _of_text(content: bytes) -> tuple[str, list[DayRate]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as other:
        raise _refused("The file is neither of the ECB nor text in UTF-8.") from other
    head = text.partition("\n")[0]
    separator = ";" if ";" in head else ","
    rows = [
        (number, [cell.strip() for cell in cells])
        for number, cells in enumerate(_cells(text, separator), start=1)
    ]
    rows = [(number, cells) for number, cells in rows if any(cells)]
    numbers = _Numbers(separator=separator)
    if rows and _is_table(rows[0][1]):
        return "ecb", list(_of_table(rows[0][1], rows[1:], numbers))
    return "import", list(_of_rows(rows, numbers))


def _is_table(headings: Sequence[str]) -> bool:
    """Whether each column but the day's is a currency, as in the ECB's."""
    codes = [code for code in headings[1:] if code]
    return headings[0].lower() in _HEADINGS and bool(codes) and all(_is_code(code) for code in codes)


def _is_code(heading: str) -> bool:
    return len(heading) == 3 and heading.isascii() and heading.isalpha() and heading.isupper()


def _of_table(
    headings: Sequence[str], rows: Sequence[tuple[int, list[str]]], numbers: _Numbers
) -> Iterator[DayRate]:
    for number, cells in rows:
        if len(cells) != len(headings):
            raise _refused(f"Row {number} has {len(cells)} columns, and the first {len(headings)}.")
        day = _day(cells[0], number)
        for code, cell in zip(headings[1:], cells[1:], strict=True):
            if code and cell not in _NO_RATE:
                yield DayRate(ACROSS, code, day, numbers.read(cell, number), number)


def _of_rows(rows: Sequence[tuple[int, list[str]]], numbers: _Numbers) -> Iterator[DayRate]:
    for number, cells in rows:
        if number == 1 and cells[0].lower() in _HEADINGS:
            continue
        if len(cells) != 4:
            raise _refused(f"Row {number}: give day, base, quote and rate.")
        day, base, quote, rate = cells
        yield DayRate(base.upper(), quote.upper(), _day(day, number), numbers.read(rate, number), number)


def _cells(text: str, separator: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(StringIO(text), delimiter=separator)
    except csv.Error as broken:
        raise _refused(f"The rows cannot be read: {broken}.") from broken


def _day(text: str, row: int) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        try:
            return datetime.strptime(text, "%d %B %Y").date()  # noqa: DTZ007 - a day has no zone
        except ValueError as wrong:
            raise _refused(f"Row {row}: write the day as 2026-06-30.") from wrong


class _Numbers:
    """The numbers of one file, which all have the same decimal sign: a point, or a comma.

    Only where semicolons part the columns may 1,125 be one and an eighth: elsewhere it could as well be a
    thousand, and is refused.
    """

    def __init__(self, *, separator: str) -> None:
        self._may_be_comma = separator == ";"
        self._sign = ""

    def read(self, text: str, row: int) -> Decimal:
        """The number.

        :raises InvalidInput: naming the row, for what is no number or could be two.
        """
        if _EITHER.fullmatch(text) and (not self._may_be_comma or self._sign == "."):
            raise _refused(f"Row {row}: {text} could be two numbers: write the rate as 1234.0 or 1.2340.")
        if _POINT.fullmatch(text):
            sign = "." if "." in text else ""
        elif _COMMA.fullmatch(text):
            sign = ","
        else:
            raise _refused(f"Row {row}: write the rate as 1.0825.")
        if sign and self._sign not in ("", sign):
            raise _refused(f"Row {row}: {text} has another decimal sign than the rows before it.")
        self._sign = sign or self._sign
        grouping = "," if sign == "." else "."
        plain = text.replace(grouping, "") if sign else text
        return Decimal(plain.replace(",", "."))


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, field="file")
