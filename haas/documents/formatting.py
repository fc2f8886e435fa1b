"""Money, numbers and dates as people of a language write them; for paper, portal and mail alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval, format_time
from babel.numbers import format_currency, format_decimal, get_currency_symbol

from haas.money import exponent

MOST_PLACES = 6  # what a unit price may carry


@lru_cache(maxsize=64)
def locale_of(language: str) -> Locale:
    """The Babel locale of "de" or "en-GB"; English where the language is not known."""
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en")


def money(amount: Decimal, currency: str, *, language: str) -> str:
    """An amount with its currency and the currency's own digits: "1.234,50 €", "¥1,235"."""
    return format_currency(
        amount,
        currency,
        format=_money_pattern(language, currency),
        locale=locale_of(language),
        currency_digits=False,
    )


def figure(amount: Decimal, currency: str, *, language: str) -> str:
    """The same digits without the currency, for a column whose head names it."""
    return number(amount, language=language, places=exponent(currency))


def number(value: Decimal | int, *, language: str, places: int | None = None) -> str:
    """A number with exactly `places` decimals, or as many as it has."""
    if places is None:
        places = places_of(Decimal(value))
    return format_decimal(value, format=_number_pattern(places), locale=locale_of(language))


def places_of(value: Decimal, *, least: int = 0) -> int:
    """How many decimals this value needs, trailing zeros aside; at least `least`, at most six."""
    exponent_of_ten = value.normalize().as_tuple().exponent
    needed = -exponent_of_ten if isinstance(exponent_of_ten, int) else 0
    return min(max(needed, least, 0), MOST_PLACES)


def percent(rate_pct: Decimal, *, language: str) -> str:
    """A rate already in percent: 19 → "19 %" in German, "19%" in English."""
    digits = number(rate_pct, language=language)
    spaced = locale_of(language).language in {"de", "es", "fr"}
    return f"{digits}\u00a0%" if spaced else f"{digits}%"


def day(value: date, *, language: str) -> str:
    """A date nobody can misread: "Nov 23, 2026", "23.11.2026", "23 nov 2026"."""
    return format_date(value, format="medium", locale=locale_of(language))


def moment(value: datetime, zone: str, *, language: str) -> str:
    """An aware moment as the clock on the wall of `zone` showed it, with the zone's offset named."""
    local = value.astimezone(ZoneInfo(zone))
    time = format_time(local.time(), format="short", locale=locale_of(language))
    return f"{day(local.date(), language=language)}, {time} {_offset(local)}"


def period(start: date, until: date, *, language: str) -> str:
    """A half-open period as people write it, with its last day: "Nov 1 – 30, 2026"."""
    last = until - timedelta(days=1)
    if last <= start:
        return day(start, language=language)
    return format_interval(start, last, "yMMMd", locale=locale_of(language))


def _offset(local: datetime) -> str:
    offset = local.utcoffset()
    if not offset or local.tzinfo is UTC:
        return "UTC"
    minutes = int(offset.total_seconds()) // 60
    sign = "+" if minutes > 0 else "−"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")


@lru_cache(maxsize=256)
def _money_pattern(language: str, currency: str) -> str:
    """The locale's pattern with the currency's own digits, and a gap after a sign made of letters."""
    locale = locale_of(language)
    places = exponent(currency)
    pattern: str = locale.currency_formats["standard"].pattern
    pattern = pattern.replace(".00", "." + "0" * places if places else "")
    if get_currency_symbol(currency, locale=locale)[-1].isalpha():
        pattern = pattern.replace("¤#", "¤\u00a0#")
    return pattern


@lru_cache(maxsize=16)
def _number_pattern(places: int) -> str:
    return "#,##0" + ("." + "0" * places if places else "")
