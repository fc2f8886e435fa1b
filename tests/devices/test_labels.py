"""Labels: every stock fits its page, every code is read at 203 dots an inch, nothing escapes into ZPL."""

from __future__ import annotations

import re

import pypdfium2
import pytest

from devices.label_stocks import STOCKS, LabelStock, free_form, get_stock
from devices.labels import Label, label_sheet_pdf, label_zpl
from haas.errors import InvalidInput
from tests import paper


def labels(count: int) -> list[Label]:
    return [
        Label(
            url=f"https://portal.northwind.example/q/7Q2MZ4K9T1XB{number:04}",
            tag=f"NW-{1000 + number}",
            second_line="HP EliteBook 840 G11 · 5CG4391ABC",
        )
        for number in range(count)
    ]


@pytest.fixture(params=list(STOCKS.values()), ids=lambda stock: stock.key)
def stock(request: pytest.FixtureRequest) -> LabelStock:
    found: LabelStock = request.param
    return found


class TestStocks:
    def test_fit_their_page(self, stock: LabelStock):
        right = stock.left + (stock.columns - 1) * stock.pitch_x + stock.width
        bottom = stock.top + (stock.rows - 1) * stock.pitch_y + stock.height

        assert right <= stock.page[0] + 0.01
        assert bottom <= stock.page[1] + 0.01
        if stock.columns > 1:
            assert stock.pitch_x >= stock.width
        if stock.rows > 1:
            assert stock.pitch_y >= stock.height

    @pytest.mark.parametrize(
        ("key", "per_page"),
        [("avery-l7160", 21), ("avery-5160", 30), ("avery-l7651", 65), ("avery-5267", 80), ("dymo-11354", 1)],
    )
    def test_hold_as_many_as_the_maker_says(self, key, per_page):
        assert get_stock(key).per_page == per_page

    def test_refuse_a_stock_that_is_not_listed(self):
        with pytest.raises(InvalidInput):
            get_stock("avery-0000")

    @pytest.mark.parametrize("size", [(5, 20), (20, 500), (float("nan"), 20)])
    def test_refuse_sizes_no_label_has(self, size):
        with pytest.raises(InvalidInput):
            free_form(width_mm=size[0], height_mm=size[1])


class TestLabelSheetPdf:
    def test_is_read_at_203_dots_an_inch_on_every_stock(self, stock: LabelStock):
        wanted = labels(min(stock.per_page, 24) if stock.is_sheet else 3)

        pdf = label_sheet_pdf(wanted, stock, branding=paper.branding())

        assert sorted(paper.codes_of(pdf)) == sorted(label.url for label in wanted)
        text = paper.text_of(pdf)
        assert all(label.tag in text for label in wanted)

    @pytest.mark.parametrize("size", [(40, 15), (30, 30), (100, 50), (20, 60)])
    def test_is_read_on_a_stock_of_any_size(self, size):
        wanted = labels(2)
        free = free_form(width_mm=size[0], height_mm=size[1])

        assert sorted(paper.codes_of(label_sheet_pdf(wanted, free, branding=paper.branding()))) == sorted(
            label.url for label in wanted
        )

    def test_prints_one_label_a_page_on_a_roll_and_fills_sheets(self):
        roll = label_sheet_pdf(labels(3), get_stock("dymo-11354"), branding=paper.branding())
        sheets = label_sheet_pdf(labels(22), get_stock("avery-l7160"), branding=paper.branding())

        assert len(paper.pages_of(roll)) == 3
        assert len(paper.pages_of(sheets)) == 2

    def test_starts_at_the_label_that_is_left_on_a_used_sheet(self):
        l7160 = get_stock("avery-l7160")

        pages = paper.pages_of(label_sheet_pdf(labels(2), l7160, branding=paper.branding(), start_at=21))

        assert ["NW-1000" in pages[0], "NW-1001" in pages[0], "NW-1001" in pages[1]] == [True, False, True]

    def test_moves_by_the_offset(self):
        l7160 = get_stock("avery-l7160")

        def first_ink(x_mm: float = 0, y_mm: float = 0) -> tuple[int, int]:
            pdf = label_sheet_pdf(
                labels(1), l7160, branding=paper.branding(), offset_x_mm=x_mm, offset_y_mm=y_mm
            )
            document = pypdfium2.PdfDocument(pdf)
            try:
                picture = document[0].render(scale=254 / 72).to_pil().convert("L")  # ten dots a millimetre
            finally:
                document.close()
            box = picture.point(lambda shade: 255 if shade < 128 else 0).getbbox()
            assert box is not None
            return box[0], box[1]

        x, y = first_ink()
        moved_x, moved_y = first_ink(3, -2)

        assert moved_x - x == pytest.approx(30, abs=1)
        assert moved_y - y == pytest.approx(-20, abs=1)

    def test_gives_the_same_bytes_twice(self):
        l7160 = get_stock("avery-l7160")

        assert label_sheet_pdf(labels(21), l7160, branding=paper.branding()) == label_sheet_pdf(
            labels(21), l7160, branding=paper.branding()
        )

    @pytest.mark.parametrize(
        "options",
        [{"start_at": 0}, {"start_at": 22}, {"offset_x_mm": 50.0}, {"offset_y_mm": float("nan")}],
    )
    def test_refuses_what_is_off_the_sheet(self, options):
        with pytest.raises(InvalidInput):
            label_sheet_pdf(labels(1), get_stock("avery-l7160"), branding=paper.branding(), **options)

    def test_refuses_an_address_too_long_to_be_read_on_the_stock(self):
        long = [Label(url="https://portal.example/q/" + "x" * 300, tag="NW-1")]

        with pytest.raises(InvalidInput, match="too long"):
            label_sheet_pdf(long, get_stock("brother-tze-12"), branding=paper.branding())

    def test_keeps_hostile_text_text(self):
        hostile = [
            Label(url="https://a.example/q/1", tag="</div><h1>x", second_line='<img src="file:///x"/>')
        ]

        pdf = label_sheet_pdf(
            hostile, get_stock("avery-l7162"), branding=paper.branding(logo=None, display_name="<b>&")
        )

        assert "<h1>x" in paper.text_of(pdf)


class TestLabelZpl:
    def test_lets_the_printer_draw_the_code_and_names_the_tag(self):
        zpl = label_zpl(labels(2), get_stock("zebra-51x25"), branding=paper.branding())

        assert zpl.count("^XA") == zpl.count("^XZ") == 2
        assert "^PW406^LL203" in zpl  # 50.8 × 25.4 mm at 203 dots an inch
        assert "^FDMA,https://portal.northwind.example/q/7Q2MZ4K9T1XB0000^FS" in zpl
        assert "^FDNW-1001^FS" in zpl

    def test_cannot_be_told_other_commands_by_a_text(self):
        hostile = [Label(url="https://a.example/q/a_b", tag="^XZ~JR", second_line="ä_\n^FX")]

        zpl = label_zpl(hostile, get_stock("zebra-76x25"), branding=paper.branding(display_name="^XA"))

        assert zpl.count("^XA") == zpl.count("^XZ") == 1
        assert "~" not in zpl
        assert "_5EXZ_7EJR" in zpl
        assert "a_5Fb" in zpl
        assert re.search(r"_C3_A4_5F_0A_5EFX", zpl)

    def test_keeps_everything_on_the_label(self, stock: LabelStock):
        zpl = label_zpl(labels(1), stock, branding=paper.branding(), dpi=203)
        width, height = (round(side / 25.4 * 203) for side in (stock.width, stock.height))

        for x, y in re.findall(r"\^FO(\d+),(\d+)", zpl):
            assert int(x) < width
            assert int(y) < height
