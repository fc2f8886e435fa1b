"""Jinja filters: money, numbers, dates and states as the viewer's language and zone write them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_time, format_timedelta
from flask import Flask
from flask_babel import get_locale, get_timezone
from markupsafe import Markup, escape

from haas import clock
from haas.documents import formatting
from haas.portal.states import word_of

NOTHING = "\u2013"  # an en dash where there is no value: an empty cell looks like a mistake


def install(app: Flask) -> None:
    """Register every filter."""
    app.jinja_env.filters.update(
        money=money,
        figure=figure,
        number=number,
        percent=percent,
        day=day,
        day_text=day_text,
        axis_day=axis_day,
        month_name=month_name,
        weekday_name=weekday_name,
        moment=moment,
        ago=ago,
        bytes=size,
        state_word=word_of,
    )


def month_name(value: date) -> str:
    """A month with its year, as a heading: November 2026."""
    return format_date(value, "LLLL yyyy", locale=get_locale())


def weekday_name(value: date) -> str:
    """The short name of its day of the week, as the head of a column."""
    return format_date(value, "ccc", locale=get_locale())


def money(amount: Decimal | None, currency: str) -> str:
    """An amount with its currency: never a bare number."""
    return NOTHING if amount is None else formatting.money(amount, currency, language=_language())


def figure(amount: Decimal | None, currency: str) -> str:
    """The digits alone, for a column whose head names the currency."""
    return NOTHING if amount is None else formatting.figure(amount, currency, language=_language())


def number(value: Decimal | int | None, places: int | None = None) -> str:
    """A number with the language's separators."""
    return NOTHING if value is None else formatting.number(value, language=_language(), places=places)


def percent(rate_pct: Decimal | None) -> str:
    """A rate that is already in percent."""
    return NOTHING if rate_pct is None else formatting.percent(rate_pct, language=_language())


def day(value: date | datetime | None) -> Markup | str:
    """A calendar date; a moment is shown as its day in the viewer's zone."""
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        value = value.astimezone(get_timezone()).date()
    text = formatting.day(value, language=_language())
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), text)


def day_text(value: date) -> str:
    """The same without markup, to stand inside a sentence."""
    return formatting.day(value, language=_language())


def axis_day(value: date, steps: str, with_year: bool) -> str:  # noqa: FBT001 - a filter's arguments have no names
    """A mark on a time axis: 5 Mar by days; Mar, and Jan 2026 where the year is named, by months."""
    form = "d MMM" if steps == "days" else "MMM"
    return str(format_date(value, form + (" y" if with_year else ""), locale=get_locale()))


def moment(value: datetime | None) -> Markup | str:
    """A moment, short, in the viewer's zone; on hover with the zone named."""
    if value is None:
        return NOTHING
    local = value.astimezone(get_timezone())
    time = format_time(local.time(), format="short", locale=get_locale())
    return _time(value, f"{formatting.day(local.date(), language=_language())}, {time}")


def ago(value: datetime | None) -> Markup | str:
    """How long ago, or how soon; on hover the exact moment."""
    if value is None:
        return NOTHING
    text = format_timedelta(value - clock.now(), add_direction=True, locale=get_locale())
    return _time(value, text)


def size(count: int | None) -> str:
    """Bytes in steps of 1,000, as disks and browsers count."""
    if count is None:
        return NOTHING
    value = Decimal(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 1000 or unit == "TB":
            break
        value /= 1000
    places = 0 if unit == "B" or value >= 100 else 1
    return f"{formatting.number(round(value, places), language=_language(), places=places)}\u00a0{unit}"


def _time(value: datetime, text: Any) -> Markup:
    full = formatting.moment(value, str(get_timezone()), language=_language())
    return Markup('<time datetime="{}" title="{}">{}</time>').format(value.isoformat(), full, escape(text))


def _language() -> str:
    return str(get_locale() or "en")
