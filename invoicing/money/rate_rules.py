"""Exchange rates: files of them read, and one found directly, turned round, or across the euro. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from io import StringIO
from typing import Any

from lxml import etree

from haas.errors import InvalidInput
from haas.money import exponent, round_places

ACROSS = "EUR"  # what the European Central Bank quotes all others against
PLACES, DIGITS = 8, 12  # decimals of a rate on file, significant digits of one that is computed
ROWS_MAX, BYTES_MAX = 20_000, 5 * 1024 * 1024
RATE_MAX = Decimal(10) ** 9
_ECB = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"


@dataclass(frozen=True, slots=True)
class DayRate:
    """What one unit of `base` was worth in `quote` on a day; `row` is where it stands in a file, from 1."""

    base: str
    quote: str
    day: date
    rate: Decimal
    row: int = 1


def checked(row: DayRate) -> DayRate:
    """The same rate.

    :raises InvalidInput: naming its row, if it cannot be one.
    """
    where = f"Row {row.row}: "
    for code in (row.base, row.quote):
        try:
            exponent(code)
        except ValueError as unknown:
            raise InvalidInput(f"{where}{code[:10]!r} is no currency.", field="rows") from unknown
    if row.base == row.quote:
        raise InvalidInput(f"{where}give two different currencies.", field="rows")
    if not row.rate.is_finite() or not 0 < row.rate < RATE_MAX:
        raise InvalidInput(f"{where}the rate is more than 0 and less than {RATE_MAX:,}.", field="rows")
    if round(row.rate, PLACES) != row.rate:
        raise InvalidInput(f"{where}the rate has at most {PLACES} decimals.", field="rows")
    return row


def read_rates(content: bytes) -> tuple[str, list[DayRate]]:
    """Where a file's rates come from (`ecb`, `import`), and the rates: the ECB's XML, or a CSV.

    The CSV has a row for each rate: day (2026-06-30), base, quote, rate; a first row of headings may stand.
    :raises InvalidInput: naming the row that cannot be read.
    """
    if len(content) > BYTES_MAX:
        raise InvalidInput(f"The file has more than {BYTES_MAX // 1024**2} MB.", field="file")
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        source, rows = "ecb", _of_xml(content)
    else:
        source, rows = "import", _of_csv(content)
    if not rows:
        raise InvalidInput("The file holds no rate.", field="file")
    if len(rows) > ROWS_MAX:
        raise InvalidInput(f"The file has more than {ROWS_MAX:,} rates.", field="file")
    return source, [checked(row) for row in rows]


def _of_xml(content: bytes) -> list[DayRate]:
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as broken:
        raise InvalidInput(f"The XML cannot be read: {broken.msg}.", field="file") from broken
    if str(root.getroottree().docinfo.doctype):  # type: ignore[union-attr]
        raise InvalidInput(
            "The file has a document type definition, which no list of rates needs.", field="file"
        )
    rows: list[DayRate] = []
    for of_day in root.iter(_ECB):
        if (day := of_day.get("time")) is None:
            continue
        for cube in of_day.iterchildren(_ECB):
            row = len(rows) + 1
            rows.append(
                DayRate(ACROSS, cube.get("currency", ""), _day(day, row), _rate(cube.get("rate"), row), row)
            )
    return rows


def _of_csv(content: bytes) -> list[DayRate]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as other:
        raise InvalidInput("The file is neither the ECB's XML nor text in UTF-8.", field="file") from other
    separator = ";" if text.partition("\n")[0].count(";") else ","
    rows = []
    for number, cells in enumerate(_cells(text, separator), start=1):
        given = [cell.strip() for cell in cells]
        if not any(given) or (number == 1 and given[0].lower() in ("day", "date")):
            continue
        if len(given) != 4:
            raise InvalidInput(f"Row {number}: give day, base, quote and rate.", field="file")
        day, base, quote, rate = given
        rows.append(DayRate(base.upper(), quote.upper(), _day(day, number), _rate(rate, number), number))
    return rows


def _cells(text: str, separator: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(StringIO(text), delimiter=separator)
    except csv.Error as broken:
        raise InvalidInput(f"The rows cannot be read: {broken}.", field="file") from broken


def _day(text: str, row: int) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise InvalidInput(f"Row {row}: write the day as 2026-06-30.", field="file") from wrong


def _rate(text: Any, row: int) -> Decimal:
    try:
        return Decimal(str(text).replace(",", "."))
    except InvalidOperation as wrong:
        raise InvalidInput(f"Row {row}: write the rate as 1.0825.", field="file") from wrong


@dataclass(frozen=True, slots=True)
class FoundRate:
    """A rate with the day that it is of: the older one where two were needed."""

    rate: Decimal
    day: date
    source: str


def resolve(base: str, quote: str, known: Mapping[tuple[str, str], FoundRate]) -> FoundRate | None:
    """One unit of `base` in `quote`: the newest of what is on file as it is, turned round, across the euro.

    Of one day, what is on file itself comes first. What is computed has twelve significant digits, a half
    away from zero: eight decimals would be few for a currency of which thousands make one of another.
    """
    first, second = _either_way(base, ACROSS, known), _either_way(ACROSS, quote, known)
    ways = [_as_it_is(base, quote, known), _either_way(base, quote, known)]
    if first is not None and second is not None:
        older = min(first[1], second[1], key=lambda found: found.day)
        ways.append((first[0] * second[0], older))
    found = [way for way in ways if way is not None]
    if not found:
        return None
    exact, told = max(found, key=lambda way: way[1].day)  # of equals the first
    return FoundRate(_significant(exact), told.day, told.source)


def _as_it_is(
    base: str, quote: str, known: Mapping[tuple[str, str], FoundRate]
) -> tuple[Fraction, FoundRate] | None:
    found = known.get((base, quote))
    return None if found is None else (Fraction(found.rate), found)


def _either_way(
    base: str, quote: str, known: Mapping[tuple[str, str], FoundRate]
) -> tuple[Fraction, FoundRate] | None:
    turned = known.get((quote, base))
    ways = [_as_it_is(base, quote, known), None if turned is None else (1 / Fraction(turned.rate), turned)]
    return max((way for way in ways if way is not None), key=lambda way: way[1].day, default=None)


def _significant(exact: Fraction) -> Decimal:
    size = (Decimal(exact.numerator) / Decimal(exact.denominator)).adjusted()
    return round_places(exact, max(DIGITS - 1 - size, 0))
