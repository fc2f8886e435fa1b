"""XLSX: documents, lines, taxes, payments and entries, a sheet each; texts as texts, amounts as numbers.

The titles of columns are in the partner's language; the sheets' own names are not, for what reads them.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import xlsxwriter

from haas.documents.words import words
from haas.pages.downloads import XLSX_TYPE, Cell
from invoicing.exports.contents import Batch, Content, File
from invoicing.exports.formats.spec import Format

_DOCUMENTS = (
    "number", "kind", "issued on", "due on", "client number", "client", "site", "currency", "net", "tax",
    "total", "credits number", "reason",
)  # fmt: skip
_LINES = (
    "number", "position", "charge", "description", "quantity", "unit price", "net", "tax category",
    "tax rate %", "tax", "currency",
)  # fmt: skip
_TAXES = ("number", "tax category", "tax rate %", "taxable", "tax", "currency")
_PAYMENTS = (
    "reference", "received on", "client number", "client", "invoice", "method", "amount", "currency",
)  # fmt: skip
_ENTRIES = ("entry", "date", "source", "reference", "account", "name", "debit", "credit", "currency")

Rows = Iterable[Sequence[Cell]]


def write(batch: Batch) -> list[File]:
    """One workbook with the sheets that the batch fills. The same batch gives the same bytes."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    made = batch.made_at.replace(tzinfo=None, microsecond=0)
    book.set_properties({"title": batch.number, "author": batch.seller, "created": made})
    formats: dict[str, Any] = {
        "words": words(batch.language).gettext,
        "head": book.add_format({"bold": True, "bottom": 1}),
        "day": book.add_format({"num_format": "yyyy-mm-dd"}),
        "amount": book.add_format({"num_format": "#,##0.00"}),
    }
    _sheet(book, "batch", ("name", "value"), _about(batch), formats)
    if batch.papers:
        _sheet(book, "documents", _DOCUMENTS, _documents(batch), formats)
        _sheet(book, "lines", _LINES, _lines(batch), formats)
        _sheet(book, "taxes", _TAXES, _taxes(batch), formats)
    if batch.money:
        _sheet(book, "payments", _PAYMENTS, _payments(batch), formats)
    if batch.entries:
        _sheet(book, "entries", _ENTRIES, _entries(batch), formats)
    book.close()
    return [File("", "xlsx", XLSX_TYPE, out.getvalue())]


def _about(batch: Batch) -> Rows:
    return [("batch", batch.number), ("made by", batch.seller), ("takes back", batch.reverses)]


def _documents(batch: Batch) -> Rows:
    for paper in batch.papers:
        yield (
            paper.number,
            "credit_note" if paper.is_credit else "invoice",
            paper.issued_on,
            paper.due_on,
            paper.party.number,
            paper.party.name,
            paper.site,
            paper.currency,
            paper.net,
            paper.tax,
            paper.total,
            paper.credits_number,
            paper.reason,
        )


def _lines(batch: Batch) -> Rows:
    for paper in batch.papers:
        for position, line in enumerate(paper.lines, start=1):
            yield (
                paper.number,
                position,
                line.kind,
                line.description,
                line.quantity,
                line.unit_price,
                line.net,
                line.tax_category,
                line.tax_rate_pct,
                line.tax,
                paper.currency,
            )


def _taxes(batch: Batch) -> Rows:
    for paper in batch.papers:
        groups: dict[tuple[str, Decimal], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for line in paper.lines:
            group = groups[line.tax_category, line.tax_rate_pct]
            group[0] += line.net
            group[1] += line.tax
        for (category, rate), (taxable, tax) in groups.items():
            yield paper.number, category, rate, taxable, tax, paper.currency


def _payments(batch: Batch) -> Rows:
    for each in batch.money:
        yield (
            each.reference,
            each.received_on,
            each.party.number,
            each.party.name,
            each.invoice_number,
            each.method,
            each.amount,
            each.currency,
        )


def _entries(batch: Batch) -> Rows:
    for entry in batch.entries:
        for side in entry.sides:
            yield (
                entry.item_id,
                entry.dated_on,
                entry.source_kind,
                entry.reference,
                side.code,
                side.name,
                side.amount if side.amount > 0 else None,
                -side.amount if side.amount < 0 else None,
                entry.currency,
            )


def _sheet(book: Any, name: str, header: Sequence[str], rows: Rows, formats: dict[str, Any]) -> None:
    sheet = book.add_worksheet(name)
    for column, text in enumerate(header):
        sheet.write_string(0, column, formats["words"](text), formats["head"])
        sheet.set_column(column, column, 40 if text == "description" else 16)
    sheet.freeze_panes(1, 1)
    last = 0
    for last, row in enumerate(rows, start=1):
        for column, cell in enumerate(row):
            _write(sheet, last, column, cell, formats)
    sheet.autofilter(0, 0, last, len(header) - 1)


def _write(sheet: Any, row: int, column: int, cell: Cell, formats: dict[str, Any]) -> None:
    match cell:
        case None | "":
            return
        case int():
            sheet.write_number(row, column, cell)
        case Decimal():
            sheet.write_number(row, column, cell, formats["amount"])
        case date():
            sheet.write_datetime(row, column, cell, formats["day"])
        case _:
            sheet.write_string(row, column, str(cell))


FORMAT = Format(
    name="xlsx",
    title="Excel workbook (XLSX)",
    contents=(Content.SALES, Content.INVOICES, Content.PAYMENTS, Content.JOURNAL),
    write=write,
    reversal="A workbook with the same rows and the other sign.",
)
