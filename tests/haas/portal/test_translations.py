"""German and Spanish words for the shell, and catalogues that compile."""

from __future__ import annotations

import re

import pytest
from babel.messages.catalog import Message

from haas.portal import translations

SHELL = (
    "haas/portal/",
    "haas/pages/",
    "templates/errors/",
    *(f"templates/portal/{part}" for part in ("layout.html", "fragments/", "overview/", "jobs/")),
)
LANGUAGES = pytest.mark.parametrize("language", translations.LANGUAGES)
# Languages in which nothing is left in English: a new message needs its words in these at once.
COMPLETE = ("de", "es")


# What a translation carries over as it is: values, a percent sign that formatting halves, tags and entities.
KEPT = re.compile(r"%\(\w+\)[a-z]|%%|\{\w*\}|</?[a-zA-Z][^>]*>|&#?\w+;")


def kept(text: str) -> list[str]:
    """The parts of a text that no language may change, in no particular order."""
    return sorted(KEPT.findall(text))


def faults(message: Message, plurals: int) -> list[str]:
    """What is wrong with the words of a message; one that has none yet is not at fault."""
    ids = [message.id] if isinstance(message.id, str) else list(message.id)
    words = [message.string] if isinstance(message.string, str) else list(message.string or ())
    if not any(words):
        return []
    found = ["fuzzy"] if message.fuzzy else []
    if len(words) != (plurals if len(ids) > 1 else 1) or not all(words):
        found.append("forms")
    if any(kept(text) != kept(ids[-1]) for text in words if text):
        found.append("places")
    return found


@LANGUAGES
class TestCatalogue:
    def test_has_words_for_the_whole_shell(self, language):
        assert translations.untranslated(language, within=SHELL) == []

    def test_has_no_words_that_lost_a_place_a_tag_or_a_form(self, language):
        catalogue = translations.read_catalogue(language)
        found = {message.id: faults(message, catalogue.num_plurals) for message in catalogue if message.id}
        assert {key: wrong for key, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("language", COMPLETE)
class TestCompleteCatalogue:
    def test_has_words_for_every_message(self, language):
        assert translations.untranslated(language) == []


class TestFaults:
    @pytest.mark.parametrize(
        ("message", "expected"),
        [
            (Message("%(num)s of <b>%(all)s</b>", "<b>%(all)s</b>: %(num)s"), []),
            (Message("by %(name)s", ""), []),
            (Message("by %(name)s", "von %(Name)s"), ["places"]),
            (Message("by {name}", "von name"), ["places"]),
            (Message("at 100 %%", "mit 100 %"), ["places"]),
            (Message("<b>now</b>", "<b>jetzt<b>"), ["places"]),
            (Message("you &amp; us", "Sie & wir"), ["places"]),
            (Message("now", "jetzt", flags=["fuzzy"]), ["fuzzy"]),
            (Message(("%(num)d day", "%(num)d days"), ("%(num)d Tag", "")), ["forms"]),
            (Message(("%(num)d day", "%(num)d days"), ("%(num)d Tag",)), ["forms"]),
        ],
    )
    def test_are_found(self, message, expected):
        assert faults(message, plurals=2) == expected


class TestCompile:
    def test_compiles_only_what_is_newer(self):
        translations.compile_catalogues()
        assert translations.compile_catalogues() == []
        assert all(
            (translations.CATALOGUES / each / "LC_MESSAGES" / "messages.mo").exists() for each in ("de", "es")
        )
