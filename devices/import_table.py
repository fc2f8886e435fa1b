"""An uploaded table -> rows of text: encodings, byte-order marks, separators, quotes, headings."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from devices.identifiers import name_key
from haas.errors import InvalidInput, TooLarge

BYTES_MAX = 8 * 1024 * 1024
ROWS_MAX = 20_000
CELL_MAX = 5_000
SEPARATORS = (",", ";", "\t", "|")

# Column of ours -> the headings it is known by, as `name_key` writes them.
HEADINGS: dict[str, tuple[str, ...]] = {
    "tag": ("tag", "asset tag", "asset no", "asset no.", "asset number", "inventory number", "inventarnummer",
            "inventar-nr.", "número de inventario", "etiqueta"),
    "serial": ("serial", "serial number", "serial no", "serial no.", "s/n", "sn", "service tag",
               "seriennummer", "serien-nr.", "número de serie", "nº de serie"),
    "manufacturer": ("manufacturer", "maker", "make", "vendor", "brand", "hersteller", "marke", "fabricante",
                     "marca"),
    "model": ("model", "model name", "hardware model", "product", "modell", "produkt", "modelo", "producto"),
    "category": ("category", "type", "device type", "kategorie", "typ", "categoría", "tipo"),
    "state": ("state", "status", "zustand", "estado"),
    "cost": ("cost", "price", "purchase price", "purchase cost", "unit cost", "preis", "kaufpreis",
             "einkaufspreis", "coste", "precio", "precio de compra"),
    "currency": ("currency", "währung", "moneda", "divisa"),
    "supplier": ("supplier", "reseller", "seller", "lieferant", "händler", "proveedor"),
    "purchase_reference": ("purchase reference", "purchase_reference", "po", "po number", "po no.",
                           "purchase order", "order number", "invoice number", "bestellnummer",
                           "rechnungsnummer", "pedido", "número de pedido"),
    "purchased_on": ("purchased on", "purchased_on", "purchase date", "date purchased", "bought on",
                     "kaufdatum", "gekauft am", "fecha de compra"),
    "warranty_until": ("warranty until", "warranty_until", "warranty end", "warranty expires", "warranty",
                       "garantie bis", "garantieende", "garantía hasta", "fin de garantía"),
    "client": ("client", "customer", "company", "client number", "customer number", "kunde", "kundennummer",
               "cliente"),
    "site": ("site", "location", "branch", "standort", "sede", "ubicación"),
    "custodian": ("custodian", "user", "assigned to", "holder", "nutzer", "benutzer", "usuario",
                  "responsable"),
    "notes": ("notes", "note", "comment", "comments", "notizen", "bemerkung", "notas", "comentarios"),
}  # fmt: skip
COLUMNS = tuple(HEADINGS)
REQUIRED = ("model", "cost")


class UnreadableTable(InvalidInput):
    """The file as a whole cannot be read; nothing is known of its rows."""

    code = "unreadable_table"


@dataclass(frozen=True, slots=True)
class Table:
    """What was read: rows by their number in the spreadsheet (its head is row 1), cells by our columns."""

    rows: list[tuple[int, dict[str, str]]]
    columns: tuple[str, ...]
    ignored: tuple[str, ...]  # headings that mean nothing here
    encoding: str
    separator: str


def read_table(
    content: bytes,
    *,
    headings: Mapping[str, Sequence[str]] = HEADINGS,
    required: Sequence[str] = REQUIRED,
) -> Table:
    """Read a CSV file, however a spreadsheet program has written it.

    :param headings: column -> the headings it is known by, as `name_key` writes them.
    :raises TooLarge: for more bytes or rows than are taken at once.
    :raises UnreadableTable: if it is no table, or lacks a column that is needed.
    """
    if len(content) > BYTES_MAX:
        raise TooLarge(f"The file is larger than {BYTES_MAX // 1024 // 1024} MB: split it.", field="file")
    text, encoding = decode(content)
    text, separator = _separator(text)
    table = records(text, separator)
    head = next(table, None)
    if head is None:
        raise UnreadableTable("The file is empty.", field="file")
    columns, ignored = _columns(head[1], headings, required)
    rows: list[tuple[int, dict[str, str]]] = []
    for number, cells in table:
        if not any(cell.strip() for cell in cells):
            continue  # spreadsheets leave empty lines behind
        if len(rows) == ROWS_MAX:
            raise TooLarge(f"The file has more than {ROWS_MAX} rows: split it.", field="file")
        extra = [cell for cell in cells[len(columns) :] if cell.strip()]
        row = {
            column: cell.strip() for column, cell in zip(columns, cells, strict=False) if column is not None
        }
        if extra or len(cells) < len(columns):
            row[""] = str(len(cells))  # the row's own fault, reported with the others
        rows.append((number, row))
    if not rows:
        raise UnreadableTable("The file has a heading, but no rows.", field="file")
    return Table(rows, tuple(filter(None, columns)), ignored, encoding, separator)


def template() -> bytes:
    """An empty table with every heading, as Excel opens it without a question."""
    return codecs.BOM_UTF8 + (",".join(COLUMNS) + "\r\n").encode()


def decode(content: bytes) -> tuple[str, str]:
    """The file's text and its encoding.

    :raises UnreadableTable: if it is a workbook or no text.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return _strictly(content, encoding), encoding
    if content.startswith(b"PK\x03\x04"):
        raise UnreadableTable("This is an Excel workbook: save it as CSV first.", field="file")
    try:
        text, encoding = content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        # What Excel on Windows writes as "CSV"; bytes that mean nothing there are refused below.
        text, encoding = _strictly(content, "cp1252"), "cp1252"
    if "\0" in text:
        raise UnreadableTable("This is not a text file: save it as CSV.", field="file")
    return text, encoding


def _strictly(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as broken:
        raise UnreadableTable(
            "The file's text cannot be read: save it as CSV UTF-8.", field="file"
        ) from broken
    if "\0" in text:
        raise UnreadableTable("This is not a text file: save it as CSV.", field="file")
    return text


def _separator(text: str) -> tuple[str, str]:
    """The separator of the heading's line; Excel's own `sep=;` line says it outright."""
    first, _, rest = text.partition("\n")
    said = first.strip().strip('"').casefold()
    if said.startswith("sep=") and len(said) == 5:
        return rest, said[4]
    outside_quotes = "".join(first.split('"')[::2])
    return text, max(SEPARATORS, key=outside_quotes.count)


def records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with its number, the heading being 1.

    :raises UnreadableTable: naming the row that cannot be read.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if any(len(cell) > CELL_MAX for cell in cells):
                raise UnreadableTable(
                    f"Row {number} has a cell of more than {CELL_MAX} characters: a quote may be missing.",
                    field="file",
                )
            yield number, cells
    except csv.Error as broken:
        raise UnreadableTable(f"Row {number + 1} cannot be read: {broken}.", field="file") from broken


def _columns(
    head: list[str], headings: Mapping[str, Sequence[str]], required: Sequence[str]
) -> tuple[list[str | None], tuple[str, ...]]:
    field_of = {heading: field for field, names in headings.items() for heading in names}
    columns = [field_of.get(name_key(heading.strip().strip("*:").replace("_", " "))) for heading in head]
    known = [column for column in columns if column]
    twice = sorted({column for column in known if known.count(column) > 1})
    if twice:
        raise UnreadableTable(f"These columns are there twice: {', '.join(twice)}.", field="file")
    missing = [column for column in required if column not in known]
    if missing:
        raise UnreadableTable(
            f"These columns are missing: {', '.join(missing)}. The first row holds the headings.",
            field="file",
        )
    ignored = tuple(
        heading.strip()
        for heading, column in zip(head, columns, strict=True)
        if column is None and heading.strip()
    )
    return columns, ignored
