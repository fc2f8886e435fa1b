"""A partner's accent colour made readable: WCAG 2 contrast, checked and corrected for light and dark."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

TEXT_RATIO = 4.5  # WCAG 2.2 AA, 1.4.3
LIGHT_PAGE = "#ffffff"
DARK_PAGE = "#151f2c"

_STEPS = 100


@dataclass(frozen=True, slots=True)
class Accent:
    """One accent for each background, and the text colour that reads upon it."""

    light: str
    on_light: str
    dark: str
    on_dark: str


def accent(colour: str, *, light_page: str = LIGHT_PAGE, dark_page: str = DARK_PAGE) -> Accent:
    """The nearest shades of a colour that can be read as text on a light and on a dark page."""
    light = corrected(colour, background=light_page)
    dark = corrected(colour, background=dark_page)
    return Accent(light, text_on(light), dark, text_on(dark))


def corrected(colour: str, *, background: str, ratio: float = TEXT_RATIO) -> str:
    """The colour itself if it reads on the background, else its nearest lighter or darker shade.

    Hue and saturation stay; only the lightness moves, away from the background.
    """
    if contrast(colour, background) >= ratio:
        return colour
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    goal = 0.0 if luminance(background) > 0.18 else 1.0
    for step in range(1, _STEPS + 1):
        shade = lightness + (goal - lightness) * step / _STEPS
        candidate = _hex(colorsys.hls_to_rgb(hue, shade, saturation))
        if contrast(candidate, background) >= ratio:
            return candidate
    return text_on(background)


def text_on(colour: str) -> str:
    """Black or white, whichever reads better upon this colour."""
    return max(("#ffffff", "#000000"), key=lambda text: contrast(text, colour))


def contrast(one: str, other: str) -> float:
    """The WCAG contrast ratio, 1 (the same) to 21 (black on white)."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2), 0 to 1."""
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red / 255, green / 255, blue / 255


def _hex(channels: tuple[float, float, float]) -> str:
    return "#" + bytes(round(channel * 255) for channel in channels).hex()
