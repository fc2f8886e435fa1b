"""Figures and dates as people of each language write them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from haas.documents import contrast, formatting, qr
from haas.documents.words import CATALOGUES, words

TEMPLATES = Path(__file__).parents[3] / "templates" / "documents"


def plain(text: str) -> str:
    return " ".join(text.split())


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "currency", "language", "expected"),
        [
            ("1234.5", "EUR", "en", "€1,234.50"),
            ("1234.5", "EUR", "de", "1.234,50 €"),
            ("1234.5", "EUR", "es", "1.234,50 €"),
            ("-1234.5", "USD", "en", "-$1,234.50"),
            ("4980", "JPY", "en", "¥4,980"),
            ("4980", "JPY", "de", "4.980 ¥"),
            ("1234.5", "KWD", "en", "KWD 1,234.500"),
            ("1234.5", "KWD", "de", "1.234,500 KWD"),
            ("1234.5", "CHF", "en", "CHF 1,234.50"),
        ],
    )
    def test_shows_the_currency_with_its_own_digits(self, amount, currency, language, expected):
        assert plain(formatting.money(Decimal(amount), currency, language=language)) == expected

    @pytest.mark.parametrize(("currency", "expected"), [("EUR", "29.90"), ("JPY", "30"), ("KWD", "29.900")])
    def test_leaves_the_currency_out_where_the_column_names_it(self, currency, expected):
        amount = Decimal("29.9") if currency != "JPY" else Decimal(30)

        assert formatting.figure(amount, currency, language="en") == expected


class TestNumber:
    @pytest.mark.parametrize(
        ("value", "least", "places"),
        [("1.000", 0, 0), ("1.250", 0, 2), ("29.9", 2, 2), ("0.033333", 2, 6), ("1E+3", 0, 0), ("0", 3, 3)],
    )
    def test_counts_the_places_a_value_needs(self, value, least, places):
        assert formatting.places_of(Decimal(value), least=least) == places

    def test_writes_rates_as_the_language_does(self):
        assert formatting.percent(Decimal("19.00"), language="en") == "19%"
        assert plain(formatting.percent(Decimal("7.5"), language="de")) == "7,5 %"


class TestDates:
    @pytest.mark.parametrize(
        ("language", "expected"), [("en", "Nov 23, 2026"), ("de", "23.11.2026"), ("es", "23 nov 2026")]
    )
    def test_cannot_be_misread(self, language, expected):
        assert formatting.day(date(2026, 11, 23), language=language) == expected

    @pytest.mark.parametrize(
        ("until", "expected"),
        [
            (date(2026, 12, 1), "Nov 1 – 30, 2026"),
            (date(2026, 11, 2), "Nov 1, 2026"),
            (date(2027, 2, 1), "Nov 1, 2026 – Jan 31, 2027"),
        ],
    )
    def test_name_the_last_day_of_a_half_open_period(self, until, expected):
        assert plain(formatting.period(date(2026, 11, 1), until, language="en")) == expected

    @pytest.mark.parametrize(
        ("zone", "expected"),
        [
            ("Europe/Berlin", "23.11.2026, 10:30 UTC+1"),
            ("UTC", "23.11.2026, 09:30 UTC"),
            ("America/New_York", "23.11.2026, 04:30 UTC−5"),
            ("Asia/Kolkata", "23.11.2026, 15:00 UTC+5:30"),
        ],
    )
    def test_show_the_wall_clock_of_the_zone_and_name_it(self, zone, expected):
        moment = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)

        assert formatting.moment(moment, zone, language="de") == expected

    def test_falls_back_to_english_for_a_language_nobody_knows(self):
        assert formatting.day(date(2026, 11, 23), language="tlh-x-none") == "Nov 23, 2026"


class TestContrast:
    def test_knows_the_ends_of_the_scale(self):
        assert contrast.contrast("#000000", "#ffffff") == pytest.approx(21)
        assert contrast.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # WCAG's own example

    @given(st.integers(0, 0xFFFFFF))
    def test_makes_every_colour_readable_in_light_and_dark(self, colour):
        shades = contrast.accent(f"#{colour:06x}")

        assert contrast.contrast(shades.light, contrast.LIGHT_PAGE) >= 4.5
        assert contrast.contrast(shades.dark, contrast.DARK_PAGE) >= 4.5
        assert contrast.contrast(shades.on_light, shades.light) >= 4.5
        assert contrast.contrast(shades.on_dark, shades.dark) >= 4.5

    def test_leaves_a_readable_colour_alone(self):
        assert contrast.corrected("#1f4e79", background="#ffffff") == "#1f4e79"


class TestQr:
    def test_gives_the_same_code_every_time_as_png_and_as_path(self):
        assert qr.png("https://a.example/q/1") == qr.png("https://a.example/q/1")
        path, side = qr.svg_path("https://a.example/q/1")
        assert side == qr.modules_across("https://a.example/q/1")
        dark = sum(sum(row) for row in qr.matrix("https://a.example/q/1"))
        assert sum(int(run.split("v")[0]) for run in path.split("h")[1::2]) == dark


class TestWords:
    @pytest.mark.parametrize("language", ["de", "es"])
    def test_has_every_word_in_every_language(self, language):
        with (CATALOGUES / language / "LC_MESSAGES" / "documents.po").open("rb") as file:
            missing = [message.id for message in read_po(file) if message.id and not message.string]

        assert missing == []

    @pytest.mark.parametrize("language", ["de", "es"])
    def test_has_words_for_all_that_is_printed(self, language):
        with (CATALOGUES / language / "LC_MESSAGES" / "documents.po").open("rb") as file:
            catalogue = read_po(file)
        printed = {
            message
            for template in TEMPLATES.rglob("*.html")
            for _line, message, _comments, _context in extract_from_file(
                "jinja2", template, keywords={"_": None, "ngettext": (1, 2)}
            )
        }

        assert {message for message in printed if message not in catalogue} == set()

    def test_leaves_english_as_it_is(self):
        assert words("en").gettext("Invoice") == "Invoice"
        assert words("de").gettext("Invoice") == "Rechnung"
        assert words("es").ngettext("%(num)d\u00a0day", "%(num)d\u00a0days", 2) == "%(num)d\u00a0días"
