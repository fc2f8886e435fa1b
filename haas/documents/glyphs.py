"""No box instead of a letter: a character that no font can draw fails its document, named and found."""

from __future__ import annotations

import contextlib
import logging
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from weasyprint.text.ffi import ffi, fontconfig

from haas.documents.errors import RenderFailed

MOST_NAMED = 5
_AROUND = 30  # characters of its text shown before and after a missing one

NO_FONTS = (
    "no fonts are installed, so nothing can be printed; apt-get install fonts-liberation fonts-dejavu-core"
)


@lru_cache(maxsize=1)
def require_fonts() -> None:
    """Refuse before Pango does, which ends the whole process.

    :raises RenderFailed: if fontconfig knows no font at all.
    """
    if not count_fonts():
        raise RenderFailed(NO_FONTS)


def count_fonts() -> int:
    """How many font faces this machine has."""
    config = fontconfig.FcInitLoadConfigAndFonts()
    if config == ffi.NULL:
        return 0
    try:
        found = fontconfig.FcConfigGetFonts(config, fontconfig.FcSetSystem)
        return 0 if found == ffi.NULL else int(found.nfont)
    finally:
        fontconfig.FcConfigDestroy(config)


@contextlib.contextmanager
def none_missing(root: Any) -> Iterator[None]:
    """Draw a document inside of this: a character without a glyph is an error, not a warning in a log.

    `root` is the document's element tree, in which the character is looked up for the message.
    :raises RenderFailed: naming the characters and the texts they stand in.
    """
    log = logging.getLogger("weasyprint")
    missing = _Missing()
    before = log.level
    log.addFilter(missing)
    log.setLevel(logging.WARNING)  # it tells of a missing glyph as a warning
    try:
        yield
    finally:
        log.setLevel(before)
        log.removeFilter(missing)
    if missing.characters:
        raise RenderFailed(_told(list(missing.characters), root))


class _Missing(logging.Filter):
    """Keeps the characters of WeasyPrint's warnings, and lets no warning through to a log."""

    def __init__(self) -> None:
        super().__init__()
        self.characters: dict[str, None] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(".notdef glyph") and isinstance(record.args, tuple):
            self.characters[str(record.args[0])] = None
        return record.levelno >= logging.ERROR


def _told(characters: list[str], root: Any) -> str:
    named = "; ".join(_named(each, root) for each in characters[:MOST_NAMED])
    more = f" and {len(characters) - MOST_NAMED} more" if len(characters) > MOST_NAMED else ""
    return (
        f"no font can draw {named}{more}. Write it otherwise, or install a font that has it"
        " (`haas doctor` names the packages)"
    )


def _named(character: str, root: Any) -> str:
    name = unicodedata.name(character, "a character without a name")
    where = next((text for text in _texts(root) if character in text), "")
    at = where.find(character)
    shown = " ".join(where[max(at - _AROUND, 0) : at + _AROUND].split())
    return f"U+{ord(character):04X} {name}" + (f" in “{shown}”" if shown else "")


def _texts(root: Any) -> Iterator[str]:
    for element in root.iter():
        yield element.text or ""
        yield element.tail or ""
        yield from element.attrib.values()
