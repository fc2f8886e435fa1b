"""The portal's words: collected into messages.po, compiled when they are first used.

`python -m haas.portal.translations` brings every messages.po up to date and says what is still untranslated;
`python -m haas.portal.translations compile` is what the set-up runs. The .mo files are not kept in the
repository. The words on paper have a catalogue of their own (`haas.documents.words`).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent.parent
CATALOGUES = ROOT / "haas" / "translations"
DOMAIN = "messages"
LANGUAGES = ("de", "es")

_PACKAGES = ("haas", "devices", "leases", "invoicing")
_TEMPLATES = ("portal", "errors", "email")  # not documents: what is printed has its own catalogue
_KEYWORDS: dict[str, Any] = {
    "_": None,
    "_l": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}


def compile_catalogues() -> list[Path]:
    """Compile each messages.po that is newer than its messages.mo; the ones that were."""
    compiled = []
    for source in sorted(CATALOGUES.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        catalogue = read_catalogue(source.parent.parent.name)
        # Several processes start at once: each writes a file of its own, and the last rename wins.
        handle, draft = tempfile.mkstemp(dir=source.parent, prefix=".mo-")
        with os.fdopen(handle, "wb") as file:
            write_mo(file, catalogue)
        Path(draft).chmod(0o644)
        Path(draft).replace(target)
        compiled.append(target)
    return compiled


def read_catalogue(language: str) -> Catalog:
    """The messages of a language as they are kept."""
    with (CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def collect() -> Catalog:
    """Every message that the code and the templates of the portal show, with the files it stands in."""
    catalogue = Catalog(project="haas", domain=DOMAIN, copyright_holder="haas", charset="utf-8")
    for path, method in _sources():
        options = {"trimmed": "true", "silent": "false"} if method == "jinja2" else None
        found = extract_from_file(method, path, keywords=_KEYWORDS, options=options)
        for _line, message, _comments, context in found:
            name = path.relative_to(ROOT).as_posix()
            catalogue.add(message, None, [(name, 0)], context=context)
    return catalogue


def untranslated(language: str, *, within: tuple[str, ...] = ("",)) -> list[str]:
    """Messages without words in `language`, of files whose path begins with one of `within`."""
    kept, missing = read_catalogue(language), []
    for message in collect():
        places = [name for name, _line in message.locations]
        if not message.id or not any(name.startswith(within) for name in places):
            continue
        translated = kept.get(message.id, context=message.context)
        if translated is None or translated.fuzzy or not _is_filled(translated):
            missing.append(message.id if isinstance(message.id, str) else message.id[0])
    return missing


def update() -> dict[str, int]:
    """Bring each messages.po up to date with the code; how many messages still lack words, by language."""
    template, lacking = collect(), {}
    for language in LANGUAGES:
        kept = read_catalogue(language)
        kept.update(template, no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
        target = CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.po"
        with target.open("wb") as file:
            write_po(file, kept, width=110, ignore_obsolete=True, sort_output=True, include_lineno=False)
        lacking[language] = len(untranslated(language))
    return lacking


def _sources() -> Iterator[tuple[Path, str]]:
    for package in _PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, "python"
    for folder in _TEMPLATES:
        for path in sorted((ROOT / "templates" / folder).rglob("*.*")):
            if path.suffix in (".html", ".txt"):
                yield path, "jinja2"


def _is_filled(message: Message) -> bool:
    words = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    return bool(words) and all(words)


def main(arguments: list[str]) -> int:
    """Compile, or bring up to date and report."""
    if arguments == ["compile"]:
        compile_catalogues()
        return 0
    for language, count in update().items():
        sys.stdout.write(f"{language}: {count} messages without words\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
