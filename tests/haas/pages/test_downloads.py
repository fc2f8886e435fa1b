"""Tables without live formulas, and names that cannot leave their header."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import openpyxl
import pytest
from flask import Flask

from haas.pages.downloads import Cell, content_disposition, csv_bytes, download, table_download, xlsx_bytes

HEADER = ["Tag", "Cost", "Since"]
ATTACKS = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"]


class TestCsv:
    @pytest.mark.parametrize("text", ATTACKS)
    def test_lets_no_text_start_a_formula(self, text):
        content = csv_bytes(header=["Note"], rows=[[text]]).decode("utf-8-sig")
        assert content.splitlines()[1].lstrip('"').startswith("'")

    def test_writes_plain_numbers_dates_and_umlauts(self):
        rows: list[list[Cell]] = [["Gerät, 1", Decimal("-1234.50"), date(2026, 6, 15)], ["x", None, True]]
        assert csv_bytes(header=HEADER, rows=rows).decode("utf-8-sig") == (
            'Tag,Cost,Since\r\n"Gerät, 1",-1234.50,2026-06-15\r\nx,,true\r\n'
        )


class TestXlsx:
    @pytest.mark.parametrize("text", [*ATTACKS, "{=1}", "https://example.com", "007"])
    def test_writes_texts_as_texts(self, text):
        sheet = openpyxl.load_workbook(
            io.BytesIO(xlsx_bytes(title="a", header=["Note"], rows=[[text]]))
        ).active
        assert sheet is not None
        assert sheet["A2"].data_type == "s"
        assert sheet["A2"].hyperlink is None

    def test_writes_numbers_and_dates_as_such(self):
        moment = datetime(2026, 6, 15, 9, 30, tzinfo=UTC)
        rows: list[list[Cell]] = [["NW-1", Decimal("1234.50"), date(2026, 6, 15)], ["NW-2", 3, moment]]
        sheet = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(title="a/b", header=HEADER, rows=rows))).active
        assert sheet is not None
        assert sheet["B2"].value == 1234.5
        assert sheet["C2"].value == datetime(2026, 6, 15)  # noqa: DTZ001 - a sheet knows no zones
        assert sheet["C3"].value == datetime(2026, 6, 15, 9, 30)  # noqa: DTZ001
        assert sheet.freeze_panes == "A2"


class TestDownload:
    @pytest.fixture(autouse=True)
    def request_context(self):
        with Flask("downloads").test_request_context("/"):
            yield

    @pytest.mark.parametrize(
        ("name", "header"),
        [
            ("invoice.pdf", "attachment; filename=\"invoice.pdf\"; filename*=UTF-8''invoice.pdf"),
            ("Übersicht.csv", "attachment; filename=\"Ubersicht.csv\"; filename*=UTF-8''%C3%9Cbersicht.csv"),
            ("../../etc/passwd", "attachment; filename=\"etc-passwd\"; filename*=UTF-8''etc-passwd"),
            ('a"; x=\r\ny', "attachment; filename=\"a- x=y\"; filename*=UTF-8''a-%20x%3Dy"),
            ("\u202egpj.exe", "attachment; filename=\"gpj.exe\"; filename*=UTF-8''gpj.exe"),
            ("", "attachment; filename=\"file\"; filename*=UTF-8''file"),
        ],
    )
    def test_names_the_file_safely(self, name, header):
        assert content_disposition(name) == header

    def test_shows_only_what_cannot_act_in_the_portals_name(self):
        shown = download(b"%PDF", name="a.pdf", media_type="application/pdf", inline=True)
        assert shown.headers["Content-Disposition"].startswith("inline")
        for media_type in ("text/html", "image/svg+xml", "application/xml"):
            saved = download(b"<svg/>", name="a", media_type=media_type, inline=True)
            assert saved.headers["Content-Disposition"].startswith("attachment")
            assert "sandbox" in saved.headers["Content-Security-Policy"]

    def test_answers_a_table_in_either_form(self):
        answer = table_download("csv", name="assets", header=["Tag"], rows=[["NW-1"]])
        assert 'filename="assets.csv"' in answer.headers["Content-Disposition"]
        answer = table_download("xlsx", name="assets", header=["Tag"], rows=[["NW-1"]])
        assert answer.get_data()[:2] == b"PK"
