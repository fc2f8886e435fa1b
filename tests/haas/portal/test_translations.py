"""German and Spanish words for the shell, and catalogues that compile."""

from __future__ import annotations

import re

import pytest

from haas.portal import translations

SHELL = (
    "haas/portal/",
    "haas/pages/",
    "templates/errors/",
    *(f"templates/portal/{part}" for part in ("layout.html", "fragments/", "overview/", "jobs/")),
)
LANGUAGES = pytest.mark.parametrize("language", translations.LANGUAGES)


@LANGUAGES
class TestCatalogue:
    def test_has_words_for_the_whole_shell(self, language):
        assert translations.untranslated(language, within=SHELL) == []

    def test_keeps_every_place_for_a_value(self, language):
        def places(text):
            return sorted(re.findall(r"%\(\w+\)[sd]", text))

        for message in translations.read_catalogue(language):
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            words = message.string if isinstance(message.string, tuple) else (message.string,)
            for text in words:
                assert not text or not message.id or places(text) == places(ids[-1]), message.id


class TestCompile:
    def test_compiles_only_what_is_newer(self):
        translations.compile_catalogues()
        assert translations.compile_catalogues() == []
        assert all(
            (translations.CATALOGUES / each / "LC_MESSAGES" / "messages.mo").exists() for each in ("de", "es")
        )
