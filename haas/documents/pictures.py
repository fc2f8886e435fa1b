"""What is in our own PDFs: pages as pictures, for where a browser shows no PDF, and the file inside."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import pypdfium2

from haas.errors import NotFound

WIDTH_PX = 1240  # 150 dots an inch on A4: small print is legible
_COLOURS = 64  # paper is text and one accent: a palette is a quarter of the bytes
_one_at_a_time = Lock()  # PDFium knows no threads


def count_pages(pdf: bytes) -> int:
    """How many pages the document has; none if it cannot be read, so that its page still opens."""
    try:
        with _opened(pdf) as document:
            return len(document)
    except NotFound:
        return 0


def page_png(pdf: bytes, *, number: int) -> bytes:
    """Page `number` (from 1) as a PNG of `WIDTH_PX`.

    :raises NotFound: if there is no such page, or the document cannot be read.
    """
    with _opened(pdf) as document:
        if not 1 <= number <= len(document):
            raise NotFound(f"There is no page {number}.")
        page = document[number - 1]
        picture = page.render(scale=WIDTH_PX / page.get_width()).to_pil().convert("RGB")
    packed = io.BytesIO()
    picture.quantize(_COLOURS).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def attached_file(pdf: bytes, *, name: str) -> bytes | None:
    """The bytes of the file of this name inside the document; none if it has no such file."""
    try:
        with _opened(pdf) as document:
            for number in range(document.count_attachments()):
                attachment = document.get_attachment(number)
                if attachment.get_name() == name:
                    return bytes(attachment.get_data())
    except NotFound:
        return None
    return None


@contextmanager
def _opened(pdf: bytes) -> Iterator[pypdfium2.PdfDocument]:
    with _one_at_a_time:
        try:
            document = pypdfium2.PdfDocument(pdf)
        except pypdfium2.PdfiumError as damaged:
            raise NotFound("This document cannot be shown page by page.") from damaged
        try:
            yield document
        finally:
            document.close()
