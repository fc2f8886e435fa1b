"""Roles and ways of taxing in words for people, in the viewer's language."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from haas.auth import permissions

ROLE_WORDS: dict[str, Any] = {
    permissions.OPERATOR: _l("Operator admin"),
    permissions.OWNER: _l("Owner"),
    permissions.SALES: _l("Sales"),
    permissions.FINANCE: _l("Finance"),
    permissions.TECHNICIAN: _l("Technician"),
    permissions.CLIENT_ADMIN: _l("Client admin"),
    permissions.CLIENT_VIEWER: _l("Client viewer"),
}


def treatments() -> dict[str, str]:
    """How a client is taxed, by `TAX_TREATMENTS`."""
    return {
        "": _("By place and tax id"),
        "reverse_charge": _("Reverse charge"),
        "exempt": _("Exempt by certificate"),
        "outside": _("Outside the scope of the tax"),
    }
