"""XHTML to PDF/A-3b, the only module that renders: it fetches nothing and repeats itself byte for byte.

What makes it quick in a warm process: parsed stylesheets and fonts are kept, the page comes through the
C parser, and a short user-agent stylesheet knows only the elements our templates use.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET  # nosec B405 # only reads what our own templates wrote

import cssselect2  # type: ignore[import-untyped]
from weasyprint import CSS, HTML
from weasyprint import Attachment as EmbeddedFile
from weasyprint.css import ColorProfile
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import (
    FatalURLFetchingError,
    URLFetcher,
)

from haas.documents import archive, glyphs
from haas.documents.attachments import Attachment
from haas.documents.errors import RenderFailed

_RGB = "srgb-of-every-paper"
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


def render_pdf(html: str, *, sheet: str = "print.css", attachment: Attachment | None = None) -> bytes:
    """Turn one well-formed XHTML document into a PDF/A-3b; the same input gives the same bytes.

    `sheet` names a stylesheet beside the templates, `attachment` a file that says the same as the page.
    Dates come from the document's own `dcterms.created` and `dcterms.modified`, the PDF identifier
    from a hash of the input.
    :raises RenderFailed: if the document is not well formed, asks for anything but data: addresses,
        or has a character that no font can draw.
    """
    glyphs.require_fonts()
    try:
        page = _Page(html)
        document = page.render(
            stylesheets=[_sheet(sheet)],
            font_config=_fonts(),
            color_profiles={_RGB: _screen_colours()},
            output_intent=_RGB,
            pdf_variant=archive.VARIANT,
        )
        if attachment is not None:
            _embed(document, attachment)
        with glyphs.none_missing(page.etree_element):
            pdf: bytes = document.write_pdf(
                output_intent=_RGB,
                pdf_variant=archive.VARIANT,
                pdf_identifier=_identifier(html, sheet, attachment),
                finisher=archive.finish,
            )
    except ET.ParseError as mistake:
        raise RenderFailed(f"the document is not well formed: {mistake}") from mistake
    except FatalURLFetchingError as asked:
        raise RenderFailed(f"the document asks for something outside itself: {asked}") from asked
    return pdf


class _ScreenColours(ColorProfile):  # type: ignore[misc]
    """What our red, green and blue mean: WeasyPrint's own file, as its bytes are.

    It would open and read it for each document, and writes a profile it kept not always alike.
    """

    def __init__(self) -> None:
        self._bytes = (files("weasyprint.pdf") / "sRGB2014.icc").read_bytes()
        super().__init__(
            io.BytesIO(self._bytes), "sRGB2014.icc", "relative-colorimetric", (["r"], ["g"], ["b"])
        )

    @property
    def content(self) -> bytes:
        return self._bytes


@lru_cache(maxsize=1)
def _screen_colours() -> ColorProfile:
    return _ScreenColours()


def _embed(document: Any, attachment: Attachment) -> None:
    metadata = document.metadata
    printed_on = datetime.fromisoformat(metadata.created).replace(tzinfo=UTC)
    metadata.attachments = [
        EmbeddedFile(
            string=attachment.content,
            name=attachment.name,
            description=attachment.description,
            relationship="Alternative",
            created=printed_on,
            modified=printed_on,
            url_fetcher=_fetcher(),
        )
    ]
    metadata.generate_rdf_metadata = partial(_described, metadata.generate_rdf_metadata, attachment)


def _described(theirs: Callable[..., bytes], attachment: Attachment, *how: Any) -> bytes:
    return archive.with_schema(theirs(*how), attachment.schema)


class _Page(HTML):  # type: ignore[misc]
    """WeasyPrint's document, built by the C parser and styled by our short user-agent sheet."""

    def __init__(self, html: str) -> None:
        if "<!DOCTYPE" in html or "<!ENTITY" in html:
            # Nothing of ours declares entities; nested ones could unfold to gigabytes.
            raise RenderFailed("the document declares a document type")
        root = ET.fromstring(html)  # noqa: S314 # nosec B314 # no entities can be declared
        self.base_url = None
        self.url_fetcher = _fetcher()
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
        url_fetcher=_fetcher(),
    )


def _fetcher() -> URLFetcher:
    return URLFetcher(allowed_protocols=("data",), fail_on_errors=True)


@lru_cache(maxsize=1)
def _fonts() -> FontConfiguration:
    # fontTools, which makes an emoji font fit for embedding, would stamp it with the present second.
    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    return FontConfiguration()


def _identifier(html: str, sheet: str, attachment: Attachment | None) -> bytes:
    source = (SHEETS / Path(sheet).name).read_bytes()
    embedded = attachment.content if attachment else b""
    return hashlib.sha256(b"\0".join((html.encode(), source, embedded))).digest()[:16]
