"""The words of tax classes, as pages show them."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

TAX_CLASSES: dict[str, Any] = {
    "standard": _l("Standard"),
    "reduced": _l("Reduced"),
    "super_reduced": _l("Super-reduced"),
    "zero": _l("Zero"),
    "exempt": _l("Exempt"),
}
