"""Countries, currencies, languages and time zones: known ones only."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from babel import Locale

from haas.errors import InvalidInput
from haas.money import exponent
from haas.tenancy.branding import LANGUAGES

ADDRESS_LINES_MAX = 8
LINE_LENGTH_MAX = 120


def check_country(code: str, *, field: str = "country") -> str:
    """An ISO 3166 code of two capitals."""
    if code not in countries("en"):
        raise InvalidInput("Choose a country by its two letters, such as DE or US.", field=field)
    return code


def check_currency(code: str, *, field: str = "currency") -> str:
    """An ISO 4217 code of three capitals."""
    try:
        exponent(code)
    except ValueError as unknown:
        raise InvalidInput(
            "Choose a currency by its three letters, such as EUR or USD.", field=field
        ) from unknown
    return code


def check_language(code: str, *, field: str = "language") -> str:
    """A language the product speaks."""
    if code not in LANGUAGES:
        raise InvalidInput(f"Choose one of these languages: {', '.join(LANGUAGES)}.", field=field)
    return code


def check_zone(name: str, *, field: str = "time_zone") -> str:
    """An IANA time zone."""
    if name not in zones():
        raise InvalidInput("Choose a time zone such as Europe/Berlin.", field=field)
    return name


def check_text(text: str, *, field: str, most: int, required: bool = True) -> str:
    """One line of text without control characters, blanks put in order."""
    tidy = " ".join(text.split())
    if required and not tidy:
        raise InvalidInput("Fill this in.", field=field)
    if len(tidy) > most:
        raise InvalidInput(f"Use at most {most} characters.", field=field)
    if not tidy.isprintable():
        raise InvalidInput("Leave out characters that cannot be printed.", field=field)
    return tidy


def check_lines(lines: list[str], *, field: str) -> list[str]:
    """The lines of an address as printed; empty ones are left out."""
    tidy = [check_text(line, field=field, most=LINE_LENGTH_MAX, required=False) for line in lines]
    tidy = [line for line in tidy if line]
    if len(tidy) > ADDRESS_LINES_MAX:
        raise InvalidInput(f"Use at most {ADDRESS_LINES_MAX} lines.", field=field)
    return tidy


@cache
def countries(language: str) -> dict[str, str]:
    """Code -> name in `language`, by name."""
    names = Locale.parse(language).territories
    found = {
        code: name for code, name in names.items() if len(code) == 2 and code.isalpha() and code not in _NOT
    }
    return dict(sorted(found.items(), key=lambda item: item[1].casefold()))


@cache
def zones() -> list[str]:
    """Every IANA zone that names a place, and UTC."""
    areas = (
        "Africa/",
        "America/",
        "Antarctica/",
        "Asia/",
        "Atlantic/",
        "Australia/",
        "Europe/",
        "Indian/",
        "Pacific/",
    )
    return ["UTC", *sorted(name for name in available_timezones() if name.startswith(areas))]


# Unions, private and test codes that Unicode lists beside the countries.
_NOT = frozenset({"EU", "EZ", "UN", "ZZ", "QO", "XA", "XB", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"})
