"""Templates of paper filled from frozen values: every value escaped, every figure in the paper's language."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from haas.documents import contrast, formatting, qr
from haas.documents.scripts import tongue
from haas.documents.words import words
from haas.tenancy.branding import Branding

TEMPLATES = Path(__file__).parent.parent.parent / "templates" / "documents"

_IN_LANGUAGE: tuple[Callable[..., str], ...] = (
    formatting.money,
    formatting.figure,
    formatting.number,
    formatting.percent,
    formatting.day,
    formatting.moment,
    formatting.period,
)

# A word that may be wider than the narrowest column of text.
_LONG_WORD = re.compile(r">[^<]*[^\s<]{24}")

# What XML 1.0 cannot hold; a control character in a partner's text must not stop a print run.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def fill(template: str, *, branding: Branding, language: str, **values: Any) -> str:
    """One document as well-formed XHTML, ready for the renderer."""
    logo = branding.logo
    html = (
        _environment(language)
        .get_template(template)
        .render(
            branding=branding,
            language=language,
            accent=contrast.corrected(branding.accent_colour, background="#ffffff"),
            logo_uri=qr.png_data_uri(logo.png) if logo and logo.png else None,
            **values,
        )
    )
    return html.replace("<body>", '<body class="wrap">', 1) if _LONG_WORD.search(html) else html


@lru_cache(maxsize=8)
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    environment.install_gettext_translations(words(language), newstyle=True)  # type: ignore[attr-defined]
    for function in _IN_LANGUAGE:
        environment.filters[function.__name__] = partial(function, language=language)
    environment.filters["qr"] = qr.data_uri
    environment.filters["tongue"] = tongue
    environment.filters["css_string"] = _css_string
    return environment


def printable(text: str) -> str:
    """The text with a mark for each character that XML cannot hold."""
    return _UNPRINTABLE.sub("\ufffd", text)


def _printable(value: Any) -> Any:
    if isinstance(value, str) and _UNPRINTABLE.search(value):
        clean = printable(value)
        return Markup(clean) if isinstance(value, Markup) else clean  # noqa: S704 # nosec B704 # it was
    return value


def _css_string(text: str) -> Markup:
    """Our own words as a CSS string; anything but letters, digits and spaces by its number."""
    escaped = "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in text)
    return Markup(f'"{escaped}"')  # noqa: S704 # nosec B704 # nothing that could end the string is left
