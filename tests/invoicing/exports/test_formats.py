"""Formats: each judged by a reader nobody here wrote, and each judge refuses a file that is 0.01 off."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from shutil import which
from typing import Any

import openpyxl
import pytest

from invoicing.exports.bookings import bookings
from invoicing.exports.contents import Batch, Paper
from invoicing.exports.formats import FORMATS, quickbooks_desktop, quickbooks_online, sage50, xero
from invoicing.exports.formats.spec import as_typed, encoded, survives
from invoicing.exports.mapping import ContactRule, MapKind, Names, Unmapped
from tests.invoicing.exports.batches import ACME, CODES, CREDIT, INVOICE, PAYMENT, TREE, a_batch


def written(name: str, batch: Batch) -> dict[str, bytes]:
    """The files of a format by their part."""
    return {each.part: each.content for each in FORMATS[name].write(batch)}


def rows_of(content: bytes, *, encoding: str = "utf-8", delimiter: str = ",") -> list[dict[str, str]]:
    """A CSV as the standard library reads it."""
    return list(csv.DictReader(io.StringIO(content.decode(encoding), newline=""), delimiter=delimiter))


def is_accepted(command: list[str], content: bytes, target: Path) -> bool:
    """Whether a program reads the file without complaint."""
    target.write_bytes(content)
    return subprocess.run([*command, str(target)], check=False, capture_output=True).returncode == 0


def zero_sums(content: bytes) -> list[Decimal]:
    """What each transaction of an IIF file adds up to, read by its header rows alone."""
    heads: dict[str, list[str]] = {}
    sums: list[Decimal] = []
    for line in content.decode("cp1252").split("\r\n"):
        kind, *cells = line.split("\t")
        if kind.startswith("!"):
            heads[kind[1:]] = cells
        elif kind == "TRNS":
            sums.append(Decimal(cells[heads["TRNS"].index("AMOUNT")]))
        elif kind == "SPL":
            sums[-1] += Decimal(cells[heads["SPL"].index("AMOUNT")])
    return sums


def products(content: bytes) -> dict[str, Decimal]:
    """What Xero makes of each document before tax: quantity times unit amount, line by line."""
    nets: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows_of(content):
        nets[row["*InvoiceNumber"]] += Decimal(row["*Quantity"]) * Decimal(row["*UnitAmount"])
    return dict(nets)


def balances(content: bytes) -> set[Decimal]:
    """What the entries of a journal add up to: zero, or something is wrong."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows_of(content):
        sums[row["entry"]] += Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
    return set(sums.values())


def column_sum(sheet: Any, column: int) -> Decimal:
    """What a column of a sheet adds up to; each cell is a number."""
    return sum(
        (Decimal(str(row[column])) for row in sheet.iter_rows(min_row=2, values_only=True)), Decimal(0)
    )


def is_multiplied(rows: list[dict[str, str]]) -> bool:
    """Whether quantity times rate is the amount in each row, as QuickBooks Online reckons it."""
    return all(
        Decimal(row["*ItemQuantity"]) * Decimal(row["*ItemRate"]) == Decimal(row["*ItemAmount"])
        for row in rows
    )


def sage_sums(rows: list[dict[str, str]]) -> dict[str, Decimal]:
    """Net and tax of each type."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["Type"]] += Decimal(row["Net Amount"]) + Decimal(row["Tax Amount"])
    return dict(sums)


def lines_that_do_not_add_up(content: bytes) -> set[str]:
    """The documents of a workbook whose lines are not their net."""
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in book["lines"].iter_rows(min_row=2, values_only=True):
        sums[str(row[0])] += Decimal(str(row[6]))
    documents = book["documents"].iter_rows(min_row=2, values_only=True)
    return {str(row[0]) for row in documents if sums[str(row[0])] != Decimal(str(row[8]))}


def with_a_cent_more(content: bytes) -> bytes:
    """The same workbook, but for the net of its first line."""
    book, out = openpyxl.load_workbook(io.BytesIO(content)), io.BytesIO()
    cell: Any = book["lines"].cell(row=2, column=7)
    cell.value = float(cell.value) + 0.01  # as a spreadsheet holds it
    book.save(out)
    return out.getvalue()


class TestPlainText:
    @pytest.mark.parametrize("rows", [TREE, CODES])
    def test_is_read_by_bean_check_which_refuses_a_cent(self, tmp_path: Path, rows) -> None:
        command = [sys.executable, "-m", "beancount.scripts.check"]
        # Codes alone are no accounts of Beancount: of papers the mapping is refused, the journal has kinds.
        batch = a_batch(rows) if rows is TREE else a_batch(rows, papers=(), money=())
        (content,) = written("beancount", batch).values()
        assert is_accepted(command, content, tmp_path / "good.beancount")
        wrong = content.replace(b"168.48 USD", b"168.49 USD", 1)
        assert wrong != content
        assert not is_accepted(command, wrong, tmp_path / "bad.beancount")

    @pytest.mark.skipif(which("hledger") is None, reason="hledger is not installed")
    def test_is_read_by_hledger_which_refuses_a_cent(self, tmp_path: Path) -> None:
        command = [str(which("hledger")), "check", "--strict", "-f"]
        (content,) = written("hledger", a_batch(TREE)).values()
        assert is_accepted(command, content, tmp_path / "good.journal")
        wrong = content.replace(b"168.48 USD", b"168.49 USD", 1)
        assert not is_accepted(command, wrong, tmp_path / "bad.journal")


class TestJournalCsv:
    def test_balances_by_entry(self) -> None:
        content = written("journal_csv", a_batch())[""]
        assert len(rows_of(content)) == 4 + 3 + 2 + 3  # invoice, credit note, payment, entry
        assert balances(content) == {0}
        assert balances(content.replace(b",168.48,", b",168.49,", 1)) == {0, Decimal("0.01")}

    def test_keeps_texts_from_being_formulas_and_numbers_numbers(self) -> None:
        rows = rows_of(written("journal_csv", a_batch())[""])
        assert [row["text"] for row in rows if "HYPERLINK" in row["text"]] == [
            '\'=HYPERLINK("x") Interim, "March" second line'
        ]
        assert rows[0]["debit"] == "168.48"


class TestXero:
    def test_has_a_row_a_line_whose_products_are_the_net_of_each_document(self) -> None:
        content = written("xero", a_batch())["invoices"]
        rows = rows_of(content)
        assert tuple(rows[0]) == xero.HEADER
        assert products(content) == {"INV-2026-00001": Decimal("156.00"), "CN-2026-00001": Decimal("-46.50")}
        assert products(content.replace(b",46.50,", b",46.51,", 1)) != products(content)
        assert (rows[0]["*AccountCode"], rows[0]["*TaxType"], rows[0]["*InvoiceDate"]) == (
            "4000",
            "T1",
            "01/04/2026",
        )

    def test_brings_money_as_bank_lines(self) -> None:
        (row,) = rows_of(written("xero", a_batch())["bank"])
        assert (row["*Date"], row["*Amount"], row["Description"]) == ("10/04/2026", "50.00", "INV-2026-00001")

    def test_cuts_a_batch_into_files_that_it_takes(self) -> None:
        many = written("xero", a_batch(papers=[INVOICE] * 501, money=()))
        assert list(many) == ["invoices-1", "invoices-2"]


class TestQuickBooksOnline:
    def test_gives_credit_notes_a_file_of_their_own_with_positive_amounts(self) -> None:
        files = written("quickbooks_online", a_batch())
        assert set(files) == {"invoices", "credit-notes", "bank"}
        charged, credited = rows_of(files["invoices"]), rows_of(files["credit-notes"])
        assert tuple(charged[0]) == quickbooks_online.HEADER
        assert tuple(credited[0]) == quickbooks_online.CREDIT_HEADER
        assert sum(Decimal(row["*ItemAmount"]) for row in charged) == Decimal("156.00")
        assert sum(Decimal(row["TaxAmount"]) for row in charged) == Decimal("12.48")
        assert [Decimal(row["*ItemAmount"]) for row in credited] == [Decimal("46.50")]
        assert is_multiplied(charged + credited)
        assert "Return of goods" in credited[0]["Memo"]
        assert not is_multiplied(rows_of(files["invoices"].replace(b",93.00,", b",93.01,", 1)))

    def test_shortens_a_number_at_its_front(self) -> None:
        assert quickbooks_online.short_number("NORTHWIND-SALES-INV-2026-00001") == "SALES-INV-2026-00001"


class TestANumberThatNamesItsBatch:
    """What is taken back is told by its own number and the batch's, which do not fit in one together."""

    @pytest.mark.parametrize(
        ("short", "most"), [(quickbooks_online.short_number, 21), (quickbooks_desktop.short_number, 11)]
    )
    def test_is_no_other_document_s_and_no_other_batch_s(
        self, short: Callable[[str], str], most: int
    ) -> None:
        numbers = [
            f"{series}-{year}-{serial:05}/EXP-2026-{batch:05}"
            for series in ("INV", "CRN") for year in (2025, 2026)
            for serial in range(1, 200) for batch in (1, 2)
        ]  # fmt: skip
        found = {short(number) for number in numbers}
        assert len(found) == len(numbers)
        assert max(map(len, found)) <= most

    def test_keeps_what_people_look_for(self) -> None:
        assert quickbooks_online.short_number("INV-2026-00001/EXP-2026-00004").startswith("INV-2026-00001-R")
        assert quickbooks_desktop.short_number("INV-2026-00001/EXP-2026-00004").startswith("00001R")


class TestMoneyInTwoCurrencies:
    @pytest.mark.parametrize(
        ("name", "part"), [("xero", "bank"), ("quickbooks_online", "bank"), ("quickbooks_desktop", "")]
    )
    def test_is_in_a_file_for_each_where_no_column_tells_them_apart(self, name: str, part: str) -> None:
        euros = replace(PAYMENT, item_id="pay_2", reference="BANK-2", currency="EUR")
        alone = written(name, a_batch(papers=(), entries=(), money=(PAYMENT,)))
        both = written(name, a_batch(papers=(), entries=(), money=(PAYMENT, euros)))
        assert list(alone) == [part]
        assert list(both) == [f"{part}-{code}".strip("-") for code in ("USD", "EUR")]
        assert [content.count(b"50.00") > 0 for content in both.values()] == [True, True]


class TestMoneyGivenBackBefore:
    def test_is_a_loss_and_no_claim(self) -> None:
        back = replace(PAYMENT, amount=Decimal("-50.00"), lost=Decimal("-20.00"))
        names = Names({**CODES, (MapKind.ACCOUNT, "bad_debt"): "6700"})
        (row,) = bookings(a_batch(papers=(), entries=(), money=(back,), names=names))
        assert [(side.account, side.amount) for side in row.sides] == [
            ("1000", Decimal("-50.00")), ("1100", Decimal("30.00")), ("6700", Decimal("20.00")),
        ]  # fmt: skip


class TestQuickBooksDesktop:
    def test_sums_to_zero_and_a_cent_shows(self) -> None:
        content = written("quickbooks_desktop", a_batch())[""]
        assert zero_sums(content) == [0, 0, 0, 0]
        assert zero_sums(content.replace(b"\t168.48\t", b"\t168.49\t", 1)) == [Decimal("0.01"), 0, 0, 0]

    def test_knows_its_types(self) -> None:
        rows = [
            line.split("\t") for line in written("quickbooks_desktop", a_batch())[""].decode().split("\r\n")
        ]
        kinds = [row[1] for row in rows if row[0] == "TRNS"]
        assert kinds == ["INVOICE", "CREDIT MEMO", "PAYMENT", "GENERAL JOURNAL"]
        (tax,) = [row for row in rows if row[0] == "SPL" and row[-1] == "AUTOSTAX" and row[1] == "INVOICE"]
        assert (tax[3], tax[4], tax[6]) == ("2200", "Sales Tax Agency", "-12.48")

    def test_keeps_the_end_of_a_number(self) -> None:
        assert quickbooks_desktop.short_number("INV-2026-00001") == "NV202600001"

    def test_writes_what_its_letters_allow(self) -> None:
        assert encoded("Zoë 中 Łódź – 5 €", "cp1252") == "Zoë ? ?ódz – 5 €".encode("cp1252")

    @pytest.mark.parametrize(
        ("name", "does"),
        [("Zoë & Co – 5 €", True), ("Nový", True), ("北京公司", False), ("Łódź", False), ("Who?", True)],
    )
    def test_knows_which_names_lose_a_letter(self, name: str, *, does: bool) -> None:
        assert survives(name, "cp1252") == does
        assert survives(name, "utf-8")


class TestSage50:
    def test_has_positive_amounts_whose_type_says_which_way(self) -> None:
        rows = rows_of(written("sage50", a_batch())[""], encoding="cp1252")
        assert tuple(rows[0]) == sage50.HEADER
        assert sage_sums(rows) == {
            "SI": Decimal("168.48"),
            "SC": Decimal("50.22"),
            "SA": Decimal("50.00"),
            "JD": Decimal("168.48"),
            "JC": Decimal("168.48"),
        }
        assert rows[0]["Department Code"] == "12"
        assert rows[2]["Details"] == "Return of goods: Laptop, April"

    def test_shows_a_cent(self) -> None:
        content = written("sage50", a_batch())[""]
        wrong = rows_of(content.replace(b",93.00,", b",93.01,", 1), encoding="cp1252")
        assert sage_sums(wrong)["SI"] == Decimal("168.49")

    def test_takes_the_rate_that_was_frozen_with_the_document(self) -> None:
        papers = [replace(INVOICE, currency="USD", exchange_rate=rate) for rate in (Decimal("0.8"), None)]
        rows = rows_of(
            written("sage50", a_batch(papers=papers, entries=(), currency="GBP"))[""], encoding="cp1252"
        )
        # 1 USD is 0.80 GBP: 1 GBP is 1.25 USD. Where no rate is known, Sage takes its own.
        assert [row["Exchange Rate"] for row in rows] == ["1.25", "1.25", "", "", ""]


class TestWorkbook:
    def test_is_read_back_by_openpyxl_with_the_sums_of_its_documents(self) -> None:
        (content,) = written("xlsx", a_batch()).values()
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
        assert book.sheetnames == ["batch", "documents", "lines", "taxes", "payments", "entries"]
        assert column_sum(book["documents"], 10) == Decimal("118.26")  # 168.48 - 50.22
        assert column_sum(book["lines"], 6) == Decimal("109.50")  # 156.00 - 46.50
        assert column_sum(book["taxes"], 4) == Decimal("8.76")  # 12.48 - 3.72
        assert column_sum(book["payments"], 6) == Decimal(50)
        assert lines_that_do_not_add_up(content) == set()
        assert lines_that_do_not_add_up(with_a_cent_more(content)) == {"INV-2026-00001"}

    @pytest.mark.parametrize(("language", "first"), [("de", "Nummer"), ("es", "número")])
    def test_names_its_columns_in_the_partners_language(self, language: str, first: str) -> None:
        (content,) = written("xlsx", a_batch(language=language)).values()
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
        titles = next(book["documents"].iter_rows(values_only=True))
        assert titles[0] == first
        assert not {"issued on", "due on", "client number", "tax"} & set(titles)

    def test_has_no_formula(self) -> None:
        (content,) = written("xlsx", a_batch()).values()
        book = openpyxl.load_workbook(io.BytesIO(content))
        cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
        assert {cell.data_type for cell in cells} <= {"s", "n", "d"}


class TestEveryFormat:
    @pytest.mark.parametrize("name", sorted(FORMATS))
    def test_gives_the_same_bytes_for_the_same_batch(self, name: str) -> None:
        rows = TREE if name == "beancount" else CODES
        assert written(name, a_batch(rows)) == written(name, a_batch(rows))

    @pytest.mark.parametrize("name", sorted(FORMATS))
    def test_says_how_a_batch_is_taken_back(self, name: str) -> None:
        assert FORMATS[name].reversal


class TestNames:
    NAMES = Names(
        {
            (MapKind.TAX, "S/19/DE"): "domestic",
            (MapKind.TAX, "S/19/*"): "nineteen",
            (MapKind.TAX, "S/*/*"): "standard",
            (MapKind.ACCOUNT, "bank"): "1000",
            (MapKind.ACCOUNT, "bank:card"): "1010",
        }
    )

    @pytest.mark.parametrize(
        ("rate", "country", "code"),
        [("19.000", "DE", "domestic"), ("19", "AT", "nineteen"), ("7", "DE", "standard")],
    )
    def test_finds_the_tax_that_is_named_most_exactly(self, rate, country, code) -> None:
        assert self.NAMES.tax_code("S", Decimal(rate), country) == code

    def test_falls_back_to_the_bank_for_a_method_without_an_account(self) -> None:
        assert (self.NAMES.account("bank:card"), self.NAMES.account("bank:cheque")) == ("1010", "1000")

    def test_names_every_key_that_is_missing(self) -> None:
        wanted = [(MapKind.ACCOUNT, "line:rent"), (MapKind.TAX, "AE/0/FR"), (MapKind.ACCOUNT, "bank:card")]
        assert self.NAMES.missing(wanted) == [(MapKind.ACCOUNT, "line:rent"), (MapKind.TAX, "AE/0/FR")]
        with pytest.raises(Unmapped, match="account line:rent"):
            self.NAMES.account("line:rent")

    @pytest.mark.parametrize(
        ("rule", "name"),
        [("name", "Acme Dental"), ("number", "C-0001"), ("number_and_name", "C-0001 Acme Dental")],
    )
    def test_calls_a_client_by_the_rule_unless_it_has_a_name_of_its_own(self, rule, name) -> None:
        known = {"client_id": ACME.client_id, "number": ACME.number, "name": ACME.name, "legal_name": ""}
        assert Names({}, ContactRule(rule)).contact(**known) == name
        own = Names({(MapKind.CONTACT, "cli_acme"): "Acme (old)"}, ContactRule(rule))
        assert own.contact(**known) == "Acme (old)"


def test_a_date_is_written_by_its_pattern() -> None:
    assert as_typed(INVOICE.issued_on, "MM/DD/YY") == "04/01/26"


def test_the_hand_made_batch_adds_up() -> None:
    papers: tuple[Paper, ...] = (INVOICE, CREDIT)
    for paper in papers:
        assert sum(line.net for line in paper.lines) == paper.net
        assert paper.net + paper.tax == paper.total
    assert PAYMENT.amount < INVOICE.total
