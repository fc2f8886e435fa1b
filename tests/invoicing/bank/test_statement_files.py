"""One statement in six files: the same movements whatever the bank sends; and files that mean harm."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haas.errors import TooLarge
from invoicing.bank import reader
from invoicing.bank.files import BYTES_MAX, read_file
from invoicing.bank.layouts import fits, sniff
from invoicing.bank.statement import (
    KnownLine,
    Statement,
    StatementLine,
    UnreadableStatement,
    check,
    line_keys,
    new_lines,
)

FILES = Path(__file__).parent / "files"
NAMES = sorted(path.name for path in FILES.iterdir())

# What every one of the files tells, in its own words.
MOVEMENTS = [
    (date(2026, 6, 2), Decimal("119.00"), "Contoso Handels GmbH"),
    (date(2026, 6, 3), Decimal("70.00"), "Fabrikam SL"),
    (date(2026, 6, 3), Decimal("200.00"), "Fabrikam SL"),
    (date(2026, 6, 4), Decimal("-122.50"), "Contoso Handels GmbH"),
    (date(2026, 6, 4), Decimal("-5.50"), ""),
]


def read(name: str) -> Statement:
    content = (FILES / name).read_bytes()
    layout = sniff(content).layout if name.endswith(".csv") else None
    (found,) = read_file(content, layout=layout, currency="EUR")
    return found


class TestReadFile:
    @pytest.mark.parametrize("name", NAMES)
    def test_reads_the_same_movements_from_every_kind_of_file(self, name):
        found = read(name)
        assert [
            (line.booked_on, line.amount, line.counterparty_name if line.amount != Decimal("-5.50") else "")
            for line in found.lines
        ] == MOVEMENTS
        assert found.closing == Decimal("1261.00")  # 1000 + 119 + 70 + 200 - 122.50 - 5.50

    @pytest.mark.parametrize("name", [name for name in NAMES if "camt" in name or "mt940" in name])
    def test_tells_a_debit_that_came_back_with_its_reason_and_what_the_bank_took(self, name):
        returned = read(name).lines[3]
        assert (returned.is_return, returned.return_reason, returned.charges) == (
            True,
            "AM04",
            Decimal("3.50"),
        )
        assert (returned.end_to_end_id, returned.mandate) == ("COL-2026-00001-1", "M-7")
        assert returned.counterparty_iban == "DE02120300000000202051"  # the debtor's, though money went out

    @pytest.mark.parametrize("version", ["02", "04", "08"])
    def test_leaves_out_what_is_pending_and_splits_what_is_booked_as_a_sum(self, version):
        found = read(f"camt.053.001.{version}.xml")
        assert found.left_out == 1
        assert [line.entry for line in found.lines] == [1, 2, 2, 3, 4]

    def test_refuses_a_statement_that_does_not_add_up(self):
        content = (FILES / "camt.053.001.08.xml").read_bytes().replace(b">1261.00<", b">1260.00<")
        with pytest.raises(UnreadableStatement, match=r"are 1261.00, but it closes at 1260.00 EUR"):
            read_file(content)

    def test_names_the_entry_whose_amount_is_no_number(self):
        content = (FILES / "camt.053.001.08.xml").read_bytes().replace(b">270.00<", b">NaN<")
        with pytest.raises(UnreadableStatement, match="Entry 2 has an amount that is no number"):
            read_file(content)


class TestCsv:
    def test_shows_what_it_guessed(self):
        found = sniff((FILES / "german.csv").read_bytes())
        assert found.doubts == ()
        assert found.layout.encoding == "cp1252"
        assert (found.layout.separator, found.layout.heading_row) == (";", 4)
        assert (found.layout.date_format, found.layout.decimal_sign) == ("DD.MM.YYYY", ",")

    def test_says_that_day_and_month_could_be_swapped(self):
        found = sniff(b"Date,Amount,Name\n03/04/2026,10.00,Ann\n05/06/2026,11.00,Ben\n")
        assert found.doubts == ("date_format",)

    def test_reads_two_columns_for_what_came_and_what_went(self):
        layout = sniff(
            b"Date,Description,Paid out,Paid in\n2026-06-02,Fee,5.50,\n2026-06-02,Pay,,7.00\n"
        ).layout
        (found,) = read_file(
            b"Date,Description,Paid out,Paid in\n2026-06-02,Fee,5.50,\n2026-06-02,Pay,,7.00\n",
            layout=layout, currency="GBP",
        )  # fmt: skip
        assert [line.amount for line in found.lines] == [Decimal("-5.50"), Decimal("7.00")]

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            (b"2026-06-31,1.00,5.00", "Row 3: '2026-06-31' is no date"),
            (b"2026-06-03,=1+1,5.00", "Row 3: '=1[+]1' is no amount"),
            (b"2026-06-03,,5.00", "Row 3 has no amount"),
            (b"2026-06-03,1.00,9.00", "Row 3: the balance does not follow"),  # 4 + 1 is 5
        ],
    )
    def test_names_the_row_that_is_wrong(self, row, words):
        content = b"Date,Amount,Balance\n2026-06-02,4.00,4.00\n" + row + b"\n"
        layout = sniff(b"Date,Amount,Balance\n2026-06-02,4.00,4.00\n").layout
        with pytest.raises(UnreadableStatement, match=words):
            read_file(content, layout=layout, currency="EUR")

    def test_knows_a_bank_again_by_its_headings(self):
        before = sniff(b"Date,Amount,Name\n2026-06-02,4.00,A\n").layout
        assert fits(before, sniff(b"Account 1\n\nName,Date,Amount\nA,2026-06-03,4.00\n"))
        assert not fits(before, sniff(b"Day,Amount,Name\n2026-06-03,4.00,A\n"))


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "'
    + b"&a;" * 100
    + b'">]><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">&b;</Document>'
)
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">&a;</Document>'
)


class TestHostileFiles:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (LAUGHS, "document type definition"),
            (OUTSIDE, "document type definition"),
            (b"<!DOCTYPE OFX><OFX></OFX>", "document type definition"),
            (b"<a><b></a>", "XML cannot be read"),
            (b"<html></html>", "no bank statement"),
            (b'<D xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.99"/>', "Version 99"),
            (b'<D xmlns="urn:iso:std:iso:20022:tech:xsd:camt.052.001.08"/>', "a day under way"),
            (b"PK\x03\x04" + b"\0" * 100, "archive"),
            (b"\x1f\x8b" + b"\0" * 100, "archive"),
            (b"%PDF-1.7", "PDF"),
            (b"a,b\n\0\0", "no text"),
            (b":20:X\n:25:1\n:60F:rubbish\n", "cannot be read as MT940"),
            (b"OFXHEADER:100\n\n<OFX>", "OFX"),
            (b"<OFX><STMTTRN>\xff\xff", "OFX"),
        ],
    )
    def test_are_refused_with_words(self, content, words):
        with pytest.raises(UnreadableStatement, match=words):
            read_file(content)

    def test_are_not_even_looked_at_when_they_are_too_large(self):
        with pytest.raises(TooLarge, match="12 MB"):
            read_file(b"<" + b" " * BYTES_MAX)

    def test_are_refused_when_they_ask_for_too_many_lines(self):
        rows = b"2026-06-02,1.00\n" * 20_100
        with pytest.raises(UnreadableStatement, match="more than 20000 rows"):
            sniff(b"Date,Amount\n" + rows)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"Date,Amount" + b",x" * 1_000_000, "Row 1 has more than 200 columns"),
            (b"a" * 11_000_000, "Row 1 cannot be read"),
            (b'Date,Amount\n"' + b"x" * 11_000_000, "Row 2 cannot be read"),  # a quote that never ends
        ],
        ids=["columns", "line", "quote"],
    )
    def test_are_refused_when_a_row_of_them_never_ends(self, content, words):
        with pytest.raises(UnreadableStatement, match=words):
            sniff(content)


class TestReadLimited:
    def test_reads_in_a_process_of_its_own(self):
        content = (FILES / "camt.053.001.08.xml").read_bytes()
        assert reader.read_limited(content) == read_file(content)

    def test_tells_the_refusal_of_the_process(self):
        with pytest.raises(UnreadableStatement, match="document type definition"):
            reader.read_limited(LAUGHS)

    def test_says_so_when_the_process_is_stopped(self, monkeypatch):
        monkeypatch.setattr(reader, "SECONDS", 0)
        with pytest.raises(UnreadableStatement, match="download it from your bank again"):
            reader.read_limited((FILES / "mt940.sta").read_bytes())


def known(statement: Statement) -> list[KnownLine]:
    return [
        KnownLine(key, statement.kind, line.booked_on, line.amount)
        for line, key in zip(statement.lines, line_keys(statement), strict=True)
    ]


LINES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-3, 3).filter(bool), st.sampled_from(["", "a", "b"])),
    max_size=12,
)


def statement_of(moves, kind: str, *, bank_ids: bool) -> Statement:
    lines = tuple(
        StatementLine(
            entry=at, booked_on=date(2026, 6, 1) + timedelta(days=day), value_on=date(2026, 6, 1),
            amount=Decimal(amount), currency="EUR", text=text, bank_id=f"{kind}{at}" if bank_ids else "",
        )
        for at, (day, amount, text) in enumerate(moves, start=1)
    )  # fmt: skip
    moved = sum((line.amount for line in lines), Decimal(0))
    return Statement(
        kind=kind, account="X", currency="EUR", opening=Decimal(7), closing=7 + moved, lines=lines
    )


class TestNewLines:
    @pytest.mark.parametrize("first", NAMES)
    @pytest.mark.parametrize("again", NAMES)
    def test_are_none_of_a_statement_that_came_in_another_kind_of_file(self, first, again):
        assert new_lines(read(again), known=known(read(first))) == []

    @settings(max_examples=50, deadline=None)
    @given(LINES, st.booleans())
    def test_are_all_of_them_once_and_none_again(self, moves, bank_ids):
        statement = check(statement_of(moves, "camt", bank_ids=bank_ids))
        assert [line for line, _ in new_lines(statement, known=[])] == list(statement.lines)
        assert new_lines(statement, known=known(statement)) == []
        assert new_lines(statement_of(moves, "ofx", bank_ids=True), known=known(statement)) == []

    def test_are_what_came_since_a_file_of_half_the_day(self):
        noon = statement_of([(0, 1, "a")], "csv", bank_ids=False)
        night = statement_of([(0, 1, "a"), (0, 1, "a"), (0, 2, "b")], "csv", bank_ids=False)
        assert [line.amount for line, _ in new_lines(night, known=known(noon))] == [Decimal(1), Decimal(2)]
