"""XHTML to PDF: the only module that knows WeasyPrint; it may fetch nothing and repeats itself byte for byte.

What makes it quick in a warm process: parsed stylesheets and fonts are kept, the page comes through the
C parser, and a short user-agent stylesheet knows only the elements our templates use.
"""

from __future__ import annotations

import hashlib
import logging
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree as ET  # nosec B405 # only reads what our own templates wrote

import cssselect2  # type: ignore[import-untyped]
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import (
    FatalURLFetchingError,
    URLFetcher,
)

from haas.documents.errors import RenderFailed

SHEETS = Path(__file__).parent.parent.parent / "templates" / "documents"

# Our templates use these elements and no others; WeasyPrint's own sheet matches some 250 rules more.
_USER_AGENT = """
head, meta, style, title, script, link { display: none }
html, body, div, p, h1, h2, h3, ul, li { display: block }
table { display: table; table-layout: fixed; border-collapse: collapse; box-sizing: border-box }
thead { display: table-header-group }
tbody { display: table-row-group }
colgroup { display: table-column-group }
col { display: table-column }
tr { display: table-row; vertical-align: top }
td, th { display: table-cell; vertical-align: inherit; padding: 0 }
th { font-weight: 600; text-align: left }
b { font-weight: 600 }
br::before { content: "\\A"; white-space: pre-line }
h1 { bookmark-level: 1; bookmark-label: content(text) }
"""


def render_pdf(html: str, *, sheet: str = "print.css") -> bytes:
    """Turn one well-formed XHTML document into a PDF; the same input gives the same bytes.

    `sheet` names a stylesheet beside the templates. Dates come from the document's own
    `dcterms.created` and `dcterms.modified`, the PDF identifier from a hash of the input.
    :raises RenderFailed: if the document is not well formed or asks for anything but data: addresses.
    """
    try:
        pdf: bytes = _Page(html).write_pdf(
            stylesheets=[_sheet(sheet)],
            font_config=_fonts(),
            pdf_identifier=_identifier(html, sheet),
        )
    except ET.ParseError as mistake:
        raise RenderFailed(f"the document is not well formed: {mistake}") from mistake
    except FatalURLFetchingError as asked:
        raise RenderFailed(f"the document asks for something outside itself: {asked}") from asked
    return pdf


class _Page(HTML):  # type: ignore[misc]
    """WeasyPrint's document, built by the C parser and styled by our short user-agent sheet."""

    def __init__(self, html: str) -> None:
        if "<!DOCTYPE" in html or "<!ENTITY" in html:
            # Nothing of ours declares entities; nested ones could unfold to gigabytes.
            raise RenderFailed("the document declares a document type")
        root = ET.fromstring(html)  # noqa: S314 # nosec B314 # no entities can be declared
        self.base_url = None
        self.url_fetcher = URLFetcher(allowed_protocols=("data",), fail_on_errors=True)
        self.media_type = "print"
        self.wrapper_element = cssselect2.ElementWrapper.from_html_root(root, content_language=None)
        self.etree_element = self.wrapper_element.etree_element

    def _ua_stylesheets(self, forms: bool = False) -> list[CSS]:  # noqa: ARG002, FBT001, FBT002 (theirs)
        return [_user_agent()]


@lru_cache(maxsize=8)
def _sheet(name: str) -> CSS:
    return _parsed((SHEETS / Path(name).name).read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _user_agent() -> CSS:
    return _parsed(_USER_AGENT)


def _parsed(text: str) -> CSS:
    return CSS(
        string=text,
        font_config=_fonts(),
        url_fetcher=URLFetcher(allowed_protocols=("data",), fail_on_errors=True),
    )


@lru_cache(maxsize=1)
def _fonts() -> FontConfiguration:
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    return FontConfiguration()


def _identifier(html: str, sheet: str) -> bytes:
    source = (SHEETS / Path(sheet).name).read_bytes()
    return hashlib.sha256(html.encode() + b"\0" + source).digest()[:16]
