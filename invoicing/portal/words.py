"""The words of charges, groupings and discounts on pages."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

CATEGORIES: dict[str, Any] = {
    "set_up": _l("Set-up fee"),
    "delivery": _l("Delivery"),
    "repair": _l("Repair"),
    "fee": _l("Fee"),
    "other": _l("Other"),
}
STATES: dict[str, Any] = {
    "waiting": _l("Waits for billing"),
    "billed": _l("Billed"),
    "voided": _l("Voided"),
}
GROUPINGS: dict[str, Any] = {
    "client": _l("One invoice for the client"),
    "site": _l("One for each site"),
    "purchase_order": _l("One for each purchase order"),
    "agreement": _l("One for each agreement"),
    "lease": _l("One for each lease"),
}
LINE_KINDS: dict[str, Any] = {
    "rent": _l("Rent"),
    "interim_rent": _l("Rent before the term"),
    "holdover": _l("Rent after the term"),
    "one_off": _l("Single charge of a lease"),
    "charge": _l("Charge by hand"),
    "damage": _l("Damage"),
    "buy_out": _l("Purchase of the device"),
    "loss": _l("Loss of the device"),
    "early_return": _l("Charge for leaving before the end of the term"),
}


CREDIT_REASONS = {
    "return_of_goods": _l("Return of goods"),
    "price_error": _l("Price error"),
    "service_not_rendered": _l("Service not rendered"),
    "goodwill": _l("Goodwill"),
    "early_payment_discount": _l("Early payment discount"),
    "wrong_recipient": _l("Wrong recipient"),
    "cancelled": _l("Cancelled"),
}


def tax_categories() -> dict[str, str]:
    """What a tax category means."""
    return {
        "S": _("Taxed by its class"),
        "Z": _("Zero rated"),
        "E": _("Exempt"),
        "AE": _("Reverse charge"),
        "K": _("Within the EU"),
        "G": _("Export"),
        "O": _("Outside the scope"),
    }
