"""Labels: an opaque address as QR code with the tag beside it, on any stock, as PDF or ZPL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from devices.label_stocks import INCH_MM, LabelStock
from haas.documents import qr
from haas.documents.pages import fill
from haas.documents.renderer import render_in_own_process
from haas.errors import InvalidInput
from haas.tenancy.branding import Branding

MOST_OFFSET_MM = 20.0
MOST_LABELS = 2000

_MONO_ADVANCE = 0.61  # of the font size, for each character of the tag


@dataclass(frozen=True, slots=True)
class Label:
    """What one label shows: the token's address and nothing of the asset's data in it."""

    url: str
    tag: str
    second_line: str = ""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A label with every measure it is drawn by, in millimetres."""

    label: Label
    left: float
    top: float
    width: float
    height: float
    code: str
    code_size: float
    code_left: float
    code_top: float
    text_left: float
    text_top: float
    text_width: float
    text_height: float
    tag_size: float
    line_size: float
    stacked: bool
    with_owner: bool
    with_contact: bool
    with_logo: bool
    two_lines: bool


def label_sheet_pdf(
    labels: Sequence[Label],
    stock: LabelStock,
    *,
    branding: Branding,
    start_at: int = 1,
    offset_x_mm: float = 0.0,
    offset_y_mm: float = 0.0,
    render: Callable[[str], bytes] | None = None,
) -> bytes:
    """Print labels onto a stock, from the label numbered `start_at` of a part-used sheet on.

    The offsets move everything right and down, to calibrate a printer.
    :raises InvalidInput: for an offset or a start outside the sheet, no labels, or an address too
        long for the stock.
    """
    html = label_sheet_html(
        labels, stock, branding=branding, start_at=start_at,
        offset_x_mm=offset_x_mm, offset_y_mm=offset_y_mm,
    )  # fmt: skip
    return (render or partial(render_in_own_process, sheet="labels.css"))(html)


def label_sheet_html(
    labels: Sequence[Label],
    stock: LabelStock,
    *,
    branding: Branding,
    start_at: int = 1,
    offset_x_mm: float = 0.0,
    offset_y_mm: float = 0.0,
) -> str:
    """The sheets as the XHTML that is rendered with `labels.css`."""
    if not 1 <= len(labels) <= MOST_LABELS:
        raise InvalidInput(f"Choose 1 to {MOST_LABELS} labels.", field="labels")
    if not 1 <= start_at <= stock.per_page:
        raise InvalidInput(f"Start at 1 to {stock.per_page} on this stock.", field="start_at")
    for name, offset in (("offset_x_mm", offset_x_mm), ("offset_y_mm", offset_y_mm)):
        if not abs(offset) <= MOST_OFFSET_MM:  # so that nan is refused too
            raise InvalidInput(f"Move by at most {MOST_OFFSET_MM:g} millimetres.", field=name)
    return fill(
        "label_sheet.html",
        branding=branding,
        language=branding.language,
        stock=stock,
        sheets=list(_sheets(labels, stock, start_at, offset_x_mm, offset_y_mm)),
    )


def label_zpl(
    labels: Sequence[Label], stock: LabelStock, *, branding: Branding, dpi: int | None = None
) -> str:
    """The labels in Zebra's language, one `^XA…^XZ` each; the printer draws the QR code itself.

    :raises InvalidInput: if an address is too long for the stock.
    """
    dots_a_mm = (dpi or stock.dpi) / INCH_MM
    return "".join(_zpl(label, stock, branding, dots_a_mm) for label in labels)


def _sheets(
    labels: Sequence[Label], stock: LabelStock, start_at: int, offset_x: float, offset_y: float
) -> Iterator[list[_Placed]]:
    sheet: list[_Placed] = []
    for position, label in enumerate(labels, start=start_at - 1):
        row, column = divmod(position % stock.per_page, stock.columns)
        left = stock.left + column * stock.pitch_x + offset_x
        top = stock.top + row * stock.pitch_y + offset_y
        sheet.append(_placed(label, stock, left, top))
        if position % stock.per_page == stock.per_page - 1:
            yield sheet
            sheet = []
    if sheet:
        yield sheet


def _placed(label: Label, stock: LabelStock, left: float, top: float) -> _Placed:
    stacked = stock.width < 1.3 * stock.height
    tag_strip = min(3.4, 0.16 * stock.height) if stacked else 0.0
    room = min(stock.height - 1.0 - tag_strip, stock.width - 1.0 if stacked else 0.52 * stock.width)
    quiet, size = _code_size(label.url, room, stock.dpi)
    code_left = (stock.width - size) / 2 if stacked else 0.8
    code_top = 0.5 if stacked else (stock.height - size) / 2
    text_left = 0.8 if stacked else code_left + size + 0.4
    text_top = code_top + size - 0.4 if stacked else 0.0
    text_width = stock.width - text_left - 0.8
    tag_most = tag_strip if stacked else min(6.0, 0.23 * stock.height)
    tag_size = min(tag_most, text_width / (_MONO_ADVANCE * max(len(label.tag), 1)))
    return _Placed(
        label=label, left=left, top=top, width=stock.width, height=stock.height,
        code=qr.data_uri(label.url, quiet=quiet), code_size=size,
        code_left=_on_dots(code_left, stock.dpi), code_top=_on_dots(code_top, stock.dpi),
        text_left=text_left, text_top=text_top, text_width=text_width,
        text_height=stock.height - text_top, tag_size=tag_size,
        line_size=min(2.6, max(1.5, 0.095 * stock.height)),
        stacked=stacked, with_owner=not stacked and stock.height >= 17,
        with_contact=not stacked and stock.height >= 20,
        # Roll printers know black only; a logo is for sheets in an office printer.
        with_logo=not stacked and stock.is_sheet and stock.height >= 30,
        two_lines=not stacked and stock.height >= 28,
    )  # fmt: skip


def _code_size(url: str, room_mm: float, dpi: int) -> tuple[int, float]:
    """The quiet zone in modules and the side in millimetres: whole printer dots for each module.

    Four light modules around; two where the label is narrow, because its own rim is light too.
    """
    inner = qr.modules_across(url) - 2 * qr.QUIET_MODULES
    for quiet in (qr.QUIET_MODULES, 2):
        modules = inner + 2 * quiet
        dots = int(room_mm / INCH_MM * dpi / modules)
        if dots >= 2:
            return quiet, modules * dots / dpi * INCH_MM
    raise InvalidInput(
        "The address is too long for labels this small; choose larger ones or a shorter host name.",
        field="stock",
    )


def _on_dots(position_mm: float, dpi: int) -> float:
    return round(position_mm / INCH_MM * dpi) / dpi * INCH_MM


def _zpl(label: Label, stock: LabelStock, branding: Branding, dots_a_mm: float) -> str:
    placed = _placed(label, stock, 0, 0)
    modules = qr.modules_across(label.url) - 2 * qr.QUIET_MODULES
    magnification = min(10, max(2, int(placed.code_size * dots_a_mm / (modules + 4))))
    quiet = (placed.code_size * dots_a_mm - modules * magnification) / 2

    def dots(millimetres: float) -> int:
        return max(0, round(millimetres * dots_a_mm))

    lines = [(placed.tag_size, label.tag)]
    if label.second_line and not placed.stacked:
        lines.append((placed.line_size, label.second_line))
    if placed.with_owner:
        lines.append((placed.line_size, branding.display_name))
    if placed.with_contact and branding.support_contact:
        lines.append((placed.line_size, branding.support_contact))
    height = sum(size * 1.35 for size, _ in lines)
    y = placed.text_top if placed.stacked else (stock.height - height) / 2
    fields: list[str] = []
    for size, text in lines:
        fields.append(
            f"^FO{dots(placed.text_left)},{dots(y)}^A0N,{dots(size * 1.15)},0"
            f"^FB{dots(placed.text_width)},1,0,{'C' if placed.stacked else 'L'}"
            f"^FH_^FD{_zpl_text(text)}^FS"
        )
        y += size * 1.35
    code_x = dots(placed.code_left) + round(quiet)
    code_y = max(0, dots(placed.code_top) + round(quiet) - 10)  # printers set QR codes ten dots lower
    return (
        f"^XA^CI28^PW{dots(stock.width)}^LL{dots(stock.height)}^LH0,0"
        f"^FO{code_x},{code_y}^BQN,2,{magnification},M^FH_^FDMA,{_zpl_text(label.url)}^FS"
        f"{''.join(fields)}^XZ\n"
    )


def _zpl_text(text: str) -> str:
    """Text that cannot become a command: `^`, `~` and control characters by their number."""
    return "".join(
        f"_{byte:02X}" if byte < 0x20 or byte in b"^~_\\" else chr(byte) if byte < 0x80 else f"_{byte:02X}"
        for byte in text.encode()
    )
