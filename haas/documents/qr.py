"""QR codes, made in this one place: error level M, a fixed mask, four light modules around."""

from __future__ import annotations

import base64
import struct
import zlib

import qrcode
from qrcode.constants import ERROR_CORRECT_M

QUIET_MODULES = 4

# Any mask is legal; trying all eight to find the prettiest costs 5 ms a code.
_MASK = 3


def matrix(text: str) -> list[list[bool]]:
    """The dark modules, row by row, without the quiet zone."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, mask_pattern=_MASK, border=0)
    code.add_data(text)
    code.make(fit=True)
    return code.get_matrix()


def modules_across(text: str) -> int:
    """How many modules wide the code is, its quiet zone included."""
    return len(matrix(text)) + 2 * QUIET_MODULES


def png(text: str, *, quiet: int = QUIET_MODULES) -> bytes:
    """A black-and-white PNG of one pixel a module; whoever prints it scales it without smoothing."""
    rows = matrix(text)
    side = len(rows) + 2 * quiet
    empty = [False] * side
    margin = [False] * quiet
    padded = [empty] * quiet + [margin + row + margin for row in rows] + [empty] * quiet
    pixels = b"".join(b"\x00" + _packed(row) for row in padded)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(pixels, 9))
        + _chunk(b"IEND", b"")
    )


def data_uri(text: str, *, quiet: int = QUIET_MODULES) -> str:
    """The PNG as a data: address, for pages and paper that may fetch nothing."""
    return png_data_uri(png(text, quiet=quiet))


def png_data_uri(data: bytes) -> str:
    """Any PNG as a data: address."""
    return "data:image/png;base64," + base64.b64encode(data).decode()


def svg_path(text: str) -> tuple[str, int]:
    """The `d` of an SVG path of the dark modules, and the side of its view box, quiet zone included."""
    rows = matrix(text)
    parts: list[str] = []
    for y, row in enumerate(rows, start=QUIET_MODULES):
        x = 0
        while x < len(row):
            if not row[x]:
                x += 1
                continue
            run = next((i for i in range(x, len(row)) if not row[i]), len(row)) - x
            parts.append(f"M{x + QUIET_MODULES} {y}h{run}v1h-{run}z")
            x += run
    return "".join(parts), len(rows) + 2 * QUIET_MODULES


def _packed(row: list[bool]) -> bytes:
    """Eight pixels a byte, light is 1; the last byte is filled up with light."""
    bits = "".join("0" if dark else "1" for dark in row)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
