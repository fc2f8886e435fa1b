"""What a spreadsheet may have done to a number, a date or a text, and what is made of it."""

from __future__ import annotations

import codecs
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from devices.import_rows import Draft, Known, read_amount, read_date, read_rows
from devices.import_table import UnreadableTable, read_table, template
from haas.errors import TooLarge

KNOWN = Known(
    models={("lenovo", "thinkpad t14"): "hwm_t14", ("dell", "u2723"): "hwm_dell", ("hp", "u2723"): "hwm_hp"},
    clients={"acme dental": "cli_acme", "c-0001": "cli_acme", "twins": ""},
    sites={("cli_acme", "main street"): "sit_main"},
    currency="USD",
    today=date(2026, 6, 15),
)


def errors_of(text: str, **options: Any) -> list[tuple[int, str]]:
    outcome = read_rows(read_table(text.encode()), KNOWN, **options)
    return [(error.row, error.column) for error in outcome.errors]


def one(text: str, **options: Any) -> Draft:
    outcome = read_rows(read_table(text.encode()), KNOWN, **options)
    assert outcome.errors == []
    [draft] = outcome.drafts
    return draft


class TestReadAmount:
    @pytest.mark.parametrize(
        ("text", "comma", "amount"),
        [
            ("1234.50", False, "1234.50"),
            ("1,234.50", False, "1234.50"),
            ("1.234,50", True, "1234.50"),
            ("1.234,50", False, "1234.50"),  # two marks: the last one is the decimal's
            ("1234,5", False, "1234.5"),  # one mark, one digit behind it: no thousands
            ("1,234", False, "1234"),  # an English file: thousands
            ("1.234", True, "1234"),  # a German one: thousands
            ("0,500", False, "0.500"),
            ("1,234,567", False, "1234567"),
            ("1 234,50", True, "1234.50"),
            ("1'234.50", False, "1234.50"),
            ("$1,200.00", False, "1200.00"),
            ("1.200,00 €", True, "1200.00"),
            ("EUR 99", False, "99"),
            ("-5", False, "-5"),
        ],
    )
    def test_reads_what_people_write(self, text, comma, amount):
        assert read_amount(text, comma=comma) == Decimal(amount)

    @pytest.mark.parametrize("text", ["", "=1+1", "12abcd", "1.2.3,4,5", "1e5", "--5", "nan", "twelve"])
    def test_refuses_what_is_no_number(self, text):
        with pytest.raises(ValueError, match=r".*"):
            read_amount(text, comma=False)


class TestReadDate:
    @pytest.mark.parametrize(
        ("text", "order", "day"),
        [
            ("2026-11-23", "day", date(2026, 11, 23)),
            ("2026-11-23T08:00:00", "day", date(2026, 11, 23)),
            ("23.11.2026", "month", date(2026, 11, 23)),  # points: always the day first
            ("03/04/2026", "day", date(2026, 4, 3)),
            ("03/04/2026", "month", date(2026, 3, 4)),
            ("3/4/2026 12:30", "month", date(2026, 3, 4)),
        ],
    )
    def test_reads_the_order_it_is_told(self, text, order, day):
        assert read_date(text, order=order) == day

    @pytest.mark.parametrize("text", ["03/04/26", "2026-02-30", "31/31/2026", "tomorrow", "45981"])
    def test_refuses_what_is_no_date(self, text):
        with pytest.raises(ValueError, match=r".*"):
            read_date(text, order="day")


class TestReadTable:
    @pytest.mark.parametrize(
        "content",
        [
            "Seriennummer;Modell;Hersteller;Kaufpreis\nÄ1;ThinkPad T14;Lenovo;1.200,00\n".encode("cp1252"),
            "Seriennummer;Modell;Hersteller;Kaufpreis\nÄ1;ThinkPad T14;Lenovo;1.200,00\n".encode(),
            codecs.BOM_UTF8 + "Serial,Model,Maker,Cost\nÄ1,ThinkPad T14,Lenovo,1200.00\n".encode(),
            "Serial\tModel\tMaker\tCost\r\nÄ1\tThinkPad T14\tLenovo\t1200\r\n".encode("utf-16"),
            'sep=|\n"S/N"|"Model"|"Brand"|"Price"\n"Ä1"|"ThinkPad T14"|"Lenovo"|"$1,200"\n'.encode(),
            "serial,model,manufacturer,cost,,\nÄ1,ThinkPad T14,Lenovo,1200,,\n,,,,,\n".encode(),
        ],
        ids=["cp1252", "utf-8", "bom", "utf-16 tabs", "sep line", "empty columns"],
    )
    def test_reads_however_a_spreadsheet_wrote_it(self, content):
        outcome = read_rows(read_table(content), KNOWN)

        assert outcome.errors == []
        assert outcome.drafts[0].values["serial"] == "Ä1"
        assert outcome.drafts[0].values["cost"] == Decimal("1200.00")
        assert outcome.drafts[0].model == "hwm_t14"

    def test_counts_rows_as_the_spreadsheet_does(self):
        text = 'serial,model,maker,cost,notes\nA,ThinkPad T14,Lenovo,1,"two\nlines"\n\nB,nothing,Lenovo,1,\n'

        assert errors_of(text) == [(4, "model")]

    def test_says_which_headings_mean_nothing(self):
        assert read_table(b"model,cost,colour\nx,1,red\n").ignored == ("colour",)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "empty"),
            (b"model,cost\n", "no rows"),
            (b"serial,colour\nA,red\n", "missing: model, cost"),
            (b"model,cost,price\nx,1,2\n", "twice: cost"),
            (b"PK\x03\x04rest", "Excel workbook"),
            (b"model,cost\n\x00,1\n", "not a text file"),
            (b'model,cost\n"open,1\n', "cannot be read"),
            (b"model,cost\n" + b"x" * 6000 + b",1\n", "more than 5000 characters"),
            (b"\xff\xfeodd", "cannot be read"),
        ],
    )
    def test_refuses_what_is_no_table(self, content, words):
        with pytest.raises(UnreadableTable, match=words):
            read_table(content)

    @pytest.mark.parametrize("content", [b"x" * (8 * 1024 * 1024 + 1), b"model,cost\n" + b"x,1\n" * 20_001])
    def test_refuses_more_than_is_taken_at_once(self, content):
        with pytest.raises(TooLarge):
            read_table(content)

    def test_understands_its_own_template(self):
        filled = template() + b"T-1,S1,Lenovo,ThinkPad T14,,ready,10,USD,,,,,,,,\r\n"

        assert read_rows(read_table(filled), KNOWN).errors == []


class TestReadRows:
    def test_names_every_error_with_its_row_and_column(self):
        text = (
            "serial,tag,manufacturer,model,cost,currency,state,purchased_on,client,site\n"
            "A1,,Lenovo,ThinkPad T14,1200,USD,,2026-01-05,C-0001,Main Street\n"
            ",,Lenovo,ThinkPad T14,1200,USD,ready,,,\n"
            "A3,,Lenovo,Nonesuch,x,USD,,,,\n"
            "A4,,Lenovo,ThinkPad T14,1200,QQQ,broken,2027-01-01,Nobody,\n"
            "a 1,,Lenovo,ThinkPad T14,10.005,USD,,,,Main Street\n"
            "A6,,,U2723,10,USD,,,twins,\n"
            "A7,,Lenovo,ThinkPad T14,,USD,,,Acme Dental,Tower\n"
        )

        assert errors_of(text) == [
            (3, "serial"),
            (4, "cost"),
            (4, "model"),
            (5, "currency"),
            (5, "state"),
            (5, "purchased_on"),
            (5, "client"),
            (6, "cost"),
            (6, "client"),
            (6, "serial"),
            (7, "model"),
            (7, "client"),
            (8, "cost"),
            (8, "site"),
        ]

    @pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "@SUM(A1)", "+evil()", "-evil()", "＝1+1"])
    def test_refuses_formulas(self, cell):
        text = f'serial,manufacturer,model,cost,supplier\nA,Lenovo,ThinkPad T14,1,"{cell}"\n'

        assert errors_of(text) == [(2, "supplier")]

    def test_reads_what_an_export_tamed(self):
        draft = one("serial,manufacturer,model,cost,notes\nA,Lenovo,ThinkPad T14,1,'=1+1\n")

        assert draft.values["notes"] == "=1+1"

    def test_keeps_leading_zeros_that_excel_was_told_to_keep(self):
        draft = one('serial,manufacturer,model,cost\n"=""00042""",Lenovo,ThinkPad T14,1\n')

        assert draft.values["serial"] == "00042"

    def test_refuses_a_serial_that_excel_has_shortened(self):
        assert errors_of("serial,manufacturer,model,cost\n1.23457E+12,Lenovo,ThinkPad T14,1\n") == [
            (2, "serial")
        ]

    def test_refuses_rows_that_do_not_fit_the_heading(self):
        assert errors_of("serial,manufacturer,model,cost\nA,Lenovo,ThinkPad T14,1,more\n") == [(2, "")]

    def test_finds_a_model_by_its_whole_name(self):
        assert one("serial,model,cost\nA,Lenovo ThinkPad T14,1\n").model == "hwm_t14"

    def test_takes_an_unknown_model_only_when_told_to(self):
        text = "serial,maker,model,category,cost\nA,Apple,MacBook Air,laptop,999\nB,apple,macbook air,,999\n"

        assert errors_of(text) == [(2, "model"), (3, "model")]
        outcome = read_rows(read_table(text.encode()), KNOWN, create_models=True)
        assert [model.name for model in outcome.new_models.values()] == ["MacBook Air"]
        assert len(outcome.drafts) == 2

    def test_takes_what_has_no_serial_as_ordered(self):
        assert one("manufacturer,model,cost\nLenovo,ThinkPad T14,1\n").values["state"] == "ordered"
