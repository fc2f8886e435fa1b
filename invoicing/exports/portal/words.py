"""What formats, contents, rules and keys of a mapping are called on pages."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from invoicing.exports.contents import Content
from invoicing.exports.formats import FORMATS
from invoicing.exports.mapping import ContactRule, MapKind
from invoicing.exports.schedule import Cut, Rhythm


def format_words() -> dict[str, str]:
    """Formats as the trade calls them."""
    return {name: each.title for name, each in FORMATS.items()}


def content_words() -> dict[str, str]:
    """What a batch takes."""
    return {
        Content.SALES: _("Invoices, credit notes and payments"),
        Content.INVOICES: _("Invoices and credit notes"),
        Content.PAYMENTS: _("Payments"),
        Content.JOURNAL: _("Journal entries as posted"),
    }


def rule_words() -> dict[str, str]:
    """What a client is called."""
    return {
        ContactRule.NAME: _("Its name"),
        ContactRule.LEGAL_NAME: _("Its legal name"),
        ContactRule.NUMBER: _("Its number"),
        ContactRule.NUMBER_AND_NAME: _("Its number and name"),
    }


def rhythm_words() -> dict[str, str]:
    """How often."""
    return {
        Rhythm.NEVER: _("Only when asked"),
        Rhythm.DAILY: _("Every day"),
        Rhythm.WEEKLY: _("Every week"),
        Rhythm.MONTHLY: _("Every month"),
    }


def cut_words() -> dict[str, str]:
    """Up to when."""
    return {
        Cut.EVERYTHING: _("Everything that waits"),
        Cut.ENDED_MONTHS: _("Only months that have ended"),
    }


def map_kind_words() -> dict[str, str]:
    """Kinds of rows of a mapping."""
    return {
        MapKind.ACCOUNT: _("Account"),
        MapKind.TAX: _("Tax code"),
        MapKind.CONTACT: _("Client"),
        MapKind.TRACKING: _("Cost centre"),
    }


def channel_words() -> dict[str, str]:
    """Where files go."""
    return {"none": _("Nowhere: they are kept for download"), "mail": _("By mail"), "sftp": _("By SFTP")}


def weekday_words() -> list[tuple[int, str]]:
    """The days of a week."""
    names: list[Any] = [
        _("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"),
    ]  # fmt: skip
    return list(enumerate(names))
