"""Logos: what a partner uploads becomes a small PNG of our own making, or is refused with the remedy."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator

from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from haas.errors import InvalidInput

MOST_BYTES = 2 * 1024 * 1024
MOST_PIXELS = 16_000_000
LEAST_SIDE = 16
MOST_WIDTH, MOST_HEIGHT = (
    720,
    360,
)  # 60 mm at 300 dpi; paper and portal show it no larger

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_SIXTEEN_BITS = 257  # 65535 is as white as 255


class LogoRefused(InvalidInput):
    """The file is not a logo we can print; the words say what to send instead."""

    code = "logo_refused"

    def __init__(self, message: str) -> None:
        super().__init__(message, field="logo")


def accept_logo(data: bytes) -> bytes:
    """Re-encode an uploaded PNG, JPEG, WebP or GIF as a plain PNG (sRGB, with or without alpha, one frame).

    PDF/A-3b takes no CMYK beside our sRGB (6.2.4.3-3), and nothing later can mend a picture that has it.
    The same upload always gives the same bytes.
    :raises LogoRefused: for any other format, a damaged file, or one that is too large.
    """
    if len(data) > MOST_BYTES:
        raise LogoRefused(f"The file is larger than {MOST_BYTES // 1024 // 1024} MB; send a smaller one.")
    if _looks_like_markup(data):
        raise LogoRefused(
            "SVG is not taken, because it can carry scripts and links. "
            "Export the logo as PNG, about 700 pixels wide."
        )
    logo = on_fresh_pixels(decoded(data), within=(MOST_WIDTH, MOST_HEIGHT))
    encoded = io.BytesIO()
    logo.save(encoded, format="PNG", optimize=True)
    return encoded.getvalue()


def decoded(
    data: bytes, *, formats: tuple[str, ...] = _FORMATS, most_pixels: int = MOST_PIXELS
) -> Image.Image:
    """The picture, turned the right way up, if it is whole and of one of the formats.

    :raises LogoRefused: with the remedy.
    """
    named = ", ".join(formats[:-1]) + f" or {formats[-1]}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Opening reads the header only, so the size is known before a pixel is unpacked.
            picture = Image.open(io.BytesIO(data), formats=formats)
            _check_size(*picture.size, most_pixels=most_pixels)
            with _whole_files_only():
                picture.load()
    except UnidentifiedImageError as unknown:
        raise LogoRefused(f"The file is not a {named.replace('WEBP', 'WebP')} picture.") from unknown
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise LogoRefused(f"The picture has more than {most_pixels:,} pixels.") from bomb
    except (OSError, SyntaxError, ValueError, EOFError) as damage:
        raise LogoRefused("The picture is damaged; export it again.") from damage
    return ImageOps.exif_transpose(picture)


@contextlib.contextmanager
def _whole_files_only() -> Iterator[None]:
    """Half a file is damage, even in a process where the renderer told Pillow to put up with it."""
    patient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = patient


def _check_size(width: int, height: int, *, most_pixels: int) -> None:
    if width * height > most_pixels:
        raise LogoRefused(
            f"The picture has {width} × {height} pixels; at most {most_pixels:,} in all are taken."
        )
    if min(width, height) < LEAST_SIDE:
        raise LogoRefused(f"The picture is smaller than {LEAST_SIDE} pixels; nobody could read it.")


def on_fresh_pixels(picture: Image.Image, *, within: tuple[int, int]) -> Image.Image:
    """The first frame as RGB or RGBA, on fresh pixels so that no metadata comes along."""
    see_through = "A" in picture.mode or "transparency" in picture.info
    plain = _of_eight_bits(_as_seen_on_screens(picture)).convert("RGBA" if see_through else "RGB")
    plain.thumbnail(within, Image.Resampling.LANCZOS)
    fresh = Image.new(plain.mode, plain.size)
    fresh.paste(plain)
    return fresh


def _as_seen_on_screens(picture: Image.Image) -> Image.Image:
    """The colours that the picture's own profile means, in sRGB; a profile that is no good is left out."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in {"RGB", "CMYK"}:
        return picture
    try:
        meant = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        shown = ImageCms.profileToProfile(picture, meant, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture
    return shown or picture


def _of_eight_bits(picture: Image.Image) -> Image.Image:
    """Sixteen bits a pixel are scaled: Pillow would cut them off, and nearly all of it would be white."""
    if picture.mode.startswith("I"):
        return picture.convert("I").point(lambda value: value * (1 / _SIXTEEN_BITS)).convert("L")
    return picture


def _looks_like_markup(data: bytes) -> bool:
    head = data[:4096].decode("utf-8", errors="ignore").lstrip("\ufeff \t\r\n").lower()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = data[:4096].decode("utf-16", errors="ignore").lstrip("\ufeff \t\r\n").lower()
    return head.startswith("<") or data[:2] == b"\x1f\x8b"
