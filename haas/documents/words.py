"""The words printed on paper: gettext catalogues, read from their .po files on first use.

Nothing is compiled at set-up: `documents.po` is the one file of each language, and a process
that prints turns it into a catalogue in memory once (a few milliseconds).
"""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from haas.documents.formatting import locale_of

CATALOGUES = Path(__file__).parent.parent / "translations"
DOMAIN = "documents"


@lru_cache(maxsize=16)
def words(language: str) -> NullTranslations:
    """The catalogue of a language; English words where there is none."""
    source = CATALOGUES / locale_of(language).language / "LC_MESSAGES" / f"{DOMAIN}.po"
    if not source.exists():
        return NullTranslations()
    with source.open("rb") as file:
        catalogue = read_po(file, locale=locale_of(language).language, domain=DOMAIN)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled, domain=DOMAIN)
