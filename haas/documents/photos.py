"""Photos: what is uploaded becomes a picture of our own making, or is refused with the remedy."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from haas.documents import logos
from haas.errors import InvalidInput

MOST_BYTES = 8 * 1024 * 1024  # what a phone's camera writes
MOST_PIXELS = 24_000_000
MOST_SIDE = 1200
FORMATS = ("PNG", "JPEG")


class PictureRefused(InvalidInput):
    """The file is not a picture that we show; the words say what to send instead."""

    code = "picture_refused"

    def __init__(self, message: str) -> None:
        super().__init__(message, field="picture")


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes of our own encoder: no metadata, so no place where it was taken."""

    content: bytes
    media_type: str

    @property
    def ending(self) -> str:
        """Of a file name."""
        return "png" if self.media_type == "image/png" else "jpg"


def accept_photo(data: bytes) -> Picture:
    """Re-encode an uploaded JPEG or PNG, 1,200 pixels wide at most; a JPEG unless one sees through it.

    The same upload always gives the same bytes.
    :raises PictureRefused: for any other format, a damaged file, or one that is too large.
    """
    if len(data) > MOST_BYTES:
        raise PictureRefused(f"The file is larger than {MOST_BYTES // 1024 // 1024} MB; send a smaller one.")
    try:
        decoded = logos.decoded(data, formats=FORMATS, most_pixels=MOST_PIXELS)
    except logos.LogoRefused as refused:
        raise PictureRefused(refused.message) from refused
    fresh = logos.on_fresh_pixels(decoded, within=(MOST_SIDE, MOST_SIDE))
    encoded = io.BytesIO()
    if _is_opaque(fresh):
        fresh.convert("RGB").save(encoded, format="JPEG", quality=85, optimize=True)
        return Picture(encoded.getvalue(), "image/jpeg")
    fresh.save(encoded, format="PNG", optimize=True)
    return Picture(encoded.getvalue(), "image/png")


def _is_opaque(picture: Image.Image) -> bool:
    return picture.mode == "RGB" or picture.getchannel("A").getextrema() == (255, 255)
