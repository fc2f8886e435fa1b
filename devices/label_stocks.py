"""Label stocks as a table: sheets by their grid, rolls and tapes by one label and the printer's dots."""

from __future__ import annotations

from dataclasses import dataclass

from haas.errors import InvalidInput

A4 = (210.0, 297.0)
LETTER = (215.9, 279.4)
INCH_MM = 25.4

LEAST_MM, MOST_MM = 10.0, 300.0


@dataclass(frozen=True, slots=True)
class LabelStock:
    """Sizes in millimetres. A roll or tape is a page of one label."""

    key: str
    name: str
    width: float
    height: float
    page: tuple[float, float]
    columns: int = 1
    rows: int = 1
    left: float = 0.0  # of the first column
    top: float = 0.0  # of the first row
    pitch_x: float = 0.0  # from one label's left edge to the next one's
    pitch_y: float = 0.0
    dpi: int = 600

    @property
    def per_page(self) -> int:
        """How many labels one sheet holds; 1 for a roll."""
        return self.columns * self.rows

    @property
    def is_sheet(self) -> bool:
        """Whether several labels share a page."""
        return self.per_page > 1


def _sheet(
    key: str,
    name: str,
    page: tuple[float, float],
    *,
    size: tuple[float, float],
    grid: tuple[int, int],
    corner: tuple[float, float],
    pitch: tuple[float, float],
) -> LabelStock:
    return LabelStock(key, name, *size, page, *grid, *corner, *pitch)


def _roll(key: str, name: str, width: float, height: float, dpi: int) -> LabelStock:
    return LabelStock(key, name, width, height, (width, height), dpi=dpi)


# Sheets: size (width, height), grid (columns, rows), corner of the first label (left, top), pitch (x, y).
# Where makers round, the grid is centred on the page, so both margins are equal.
# fmt: off
_STOCKS = (
    _sheet("avery-l7160", "Avery L7160 (21 a sheet)", A4,
           size=(63.5, 38.1), grid=(3, 7), corner=(7.21, 15.15), pitch=(66.04, 38.1)),
    _sheet("avery-l7651", "Avery L7651 (65 a sheet)", A4,
           size=(38.1, 21.2), grid=(5, 13), corner=(4.67, 10.7), pitch=(40.64, 21.2)),
    _sheet("avery-l7162", "Avery L7162 (16 a sheet)", A4,
           size=(99.1, 33.9), grid=(2, 8), corner=(4.65, 12.9), pitch=(101.6, 33.9)),
    _sheet("avery-l7163", "Avery L7163 (14 a sheet)", A4,
           size=(99.1, 38.1), grid=(2, 7), corner=(4.65, 15.15), pitch=(101.6, 38.1)),
    _sheet("avery-l4736", "Avery L4736 (48 a sheet)", A4,
           size=(45.7, 21.2), grid=(4, 12), corner=(9.76, 21.3), pitch=(48.26, 21.2)),
    _sheet("avery-l6009", "Avery L6009 polyester (48 a sheet)", A4,
           size=(45.7, 21.2), grid=(4, 12), corner=(9.76, 21.3), pitch=(48.26, 21.2)),
    _sheet("avery-3490", "Avery Zweckform 3490 (24 a sheet)", A4,
           size=(70.0, 36.0), grid=(3, 8), corner=(0.0, 4.5), pitch=(70.0, 36.0)),
    _sheet("avery-5160", "Avery 5160 (30 a sheet)", LETTER,
           size=(66.675, 25.4), grid=(3, 10), corner=(4.76, 12.7), pitch=(69.85, 25.4)),
    _sheet("avery-5520", "Avery 5520 weatherproof (30 a sheet)", LETTER,
           size=(66.675, 25.4), grid=(3, 10), corner=(4.76, 12.7), pitch=(69.85, 25.4)),
    _sheet("avery-5267", "Avery 5267 (80 a sheet)", LETTER,
           size=(44.45, 12.7), grid=(4, 20), corner=(7.62, 12.7), pitch=(52.07, 12.7)),
    _roll("dymo-11354",   "DYMO 11354 (57 × 32 mm)",          57.0, 32.0, 300),
    _roll("dymo-30336",   "DYMO 30336 (54 × 25 mm)",          54.0, 25.0, 300),
    _roll("dymo-2112283", "DYMO 2112283 durable (54 × 25 mm)", 54.0, 25.0, 300),
    _roll("dymo-1933081", "DYMO 1933081 durable (89 × 25 mm)", 89.0, 25.0, 300),
    _roll("dymo-30252",   "DYMO 30252 (89 × 28 mm)",          89.0, 28.0, 300),
    _roll("brother-dk-11209", "Brother DK-11209 (62 × 29 mm)", 62.0, 29.0, 300),
    _roll("brother-dk-11221", "Brother DK-11221 (23 × 23 mm)", 23.0, 23.0, 300),
    _roll("brother-dk-22205", "Brother DK-22205 continuous, cut at 29 mm", 62.0, 29.0, 300),
    _roll("brother-tze-12", "Brother TZe 12 mm tape, 45 mm long", 45.0, 12.0, 180),
    _roll("brother-tze-18", "Brother TZe 18 mm tape, 55 mm long", 55.0, 18.0, 180),
    _roll("brother-tze-24", "Brother TZe 24 mm tape, 65 mm long", 65.0, 24.0, 180),
    _roll("brother-tze-36", "Brother TZe 36 mm tape, 80 mm long", 80.0, 36.0, 180),
    _roll("zebra-51x25", "Zebra 2 × 1 inch",    50.8, 25.4, 203),
    _roll("zebra-57x32", "Zebra 2¼ × 1¼ inch",  57.2, 31.8, 203),
    _roll("zebra-76x25", "Zebra 3 × 1 inch (18939)", 76.2, 25.4, 203),
)
# fmt: on

STOCKS: dict[str, LabelStock] = {stock.key: stock for stock in _STOCKS}


def get_stock(key: str) -> LabelStock:
    """The stock of this key.

    :raises InvalidInput: if there is none.
    """
    stock = STOCKS.get(key)
    if stock is None:
        raise InvalidInput("Choose one of the label stocks listed.", field="stock")
    return stock


def free_form(*, width_mm: float, height_mm: float, dpi: int = 203) -> LabelStock:
    """A roll of any size, for a printer of `dpi` dots an inch.

    :raises InvalidInput: for a size that no label has.
    """
    for name, size in (("width_mm", width_mm), ("height_mm", height_mm)):
        if not LEAST_MM <= size <= MOST_MM:
            raise InvalidInput(f"Give {LEAST_MM:g} to {MOST_MM:g} millimetres.", field=name)
    if not 150 <= dpi <= 1200:
        raise InvalidInput("Give 150 to 1200 dots an inch.", field="dpi")
    return _roll(
        f"free-{width_mm:g}x{height_mm:g}", f"{width_mm:g} × {height_mm:g} mm", width_mm, height_mm, dpi
    )
