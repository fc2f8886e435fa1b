"""Roles and ways of taxing in words for people, in the viewer's language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from haas.auth import permissions
from haas.documents.formatting import percent
from haas.tenancy.payment_terms import DiscountStep

ROLE_WORDS: dict[str, Any] = {
    permissions.OPERATOR: _l("Operator admin"),
    permissions.OWNER: _l("Owner"),
    permissions.SALES: _l("Sales"),
    permissions.FINANCE: _l("Finance"),
    permissions.TECHNICIAN: _l("Technician"),
    permissions.CLIENT_ADMIN: _l("Client admin"),
    permissions.CLIENT_VIEWER: _l("Client viewer"),
}


def terms_kinds() -> dict[str, str]:
    """What the days to pay count from, by `TermsKind`."""
    return {
        "days": _("days after the invoice"),
        "end_of_month": _("days after the end of the month"),
        "day_of_next_month": _("as day of the next month"),
    }


def discount_words(steps: Sequence[DiscountStep] | None) -> str | None:
    """Discounts for early payment in a line; nothing where nothing is said."""
    if steps is None:
        return None
    language = str(getattr(get_locale(), "language", "en"))
    told = [
        _(
            "%(percent)s within %(days)s days",
            percent=percent(step.percent, language=language),
            days=step.days,
        )
        for step in steps
    ]
    return ", ".join(told) or _("none")


def treatments() -> dict[str, str]:
    """How a client is taxed, by `TAX_TREATMENTS`."""
    return {
        "": _("By place and tax id"),
        "reverse_charge": _("Reverse charge"),
        "exempt": _("Exempt by certificate"),
        "outside": _("Outside the scope of the tax"),
    }
