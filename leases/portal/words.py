"""The words of the trade that lease pages share: verbs of the time line, reasons, rhythms, end options."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from devices.tax_words import TAX_CLASSES

LEASE_VERBS: dict[str, tuple[Any, str]] = {
    "draft": (_l("Drafted"), "edit"),
    "quote": (_l("Offered to the client"), "send"),
    "revise": (_l("Offer taken back"), "edit"),
    "accept": (_l("Accepted by the client"), "signature"),
    "activate": (_l("Rent began"), "check"),
    "give_notice": (_l("Notice given"), "clock"),
    "withdraw_notice": (_l("Notice withdrawn"), "refresh"),
    "hold_over": (_l("Term over, rent month to month"), "alert-triangle"),
    "renew": (_l("Renewed"), "refresh"),
    "close": (_l("Closed"), "archive"),
    "cancel": (_l("Cancelled"), "x"),
}

SWAP_REASONS: dict[str, Any] = {
    "fault": _l("Fault"),
    "refresh": _l("Refresh"),
    "upgrade": _l("Upgrade to another model"),
    "loaner": _l("Loaner while it is repaired"),
}

WITHDRAWN: dict[str, Any] = {
    "cured": _l("The device is well again."),
    "left_service": _l("It is no longer in service there."),
    "identity_gone": _l("The identity of its device was revoked."),
    "swapped": _l("It was swapped some other way."),
}

STANDING_ENDS: dict[str, Any] = {
    "swap_fault": _l("swapped, fault"),
    "swap_refresh": _l("swapped, refresh"),
    "swap_upgrade": _l("swapped, upgrade"),
    "swap_loaner": _l("swapped for a loaner"),
    "returned": _l("returned"),
}

END_OPTIONS: dict[str, Any] = {
    "return": _l("Return"),
    "renew": _l("Renew"),
    "buyout_fmv": _l("Buy at fair market value"),
    "buyout_fixed": _l("Buy at a fixed price"),
}

INTERVALS: dict[int, Any] = {
    1: _l("every month"),
    3: _l("every 3 months"),
    6: _l("every 6 months"),
    12: _l("every year"),
}

TIMINGS: dict[str, Any] = {"advance": _l("in advance"), "arrears": _l("in arrears")}

COMMERCIAL_MODELS: dict[str, Any] = {
    "term": _l("Lease for a term"),
    "rental": _l("Rental, ends by notice"),
    "subscription": _l("Subscription by quantity"),
    "pass_through": _l("A funder's lease, passed on"),
}

AMENDMENTS: dict[str, Any] = {
    "scale_up": _l("Scale up"),
    "scale_down": _l("Scale down"),
    "price_change": _l("Change a price"),
    "co_term": _l("Align the term"),
    "move": _l("Move to another site"),
    "substitute": _l("Device replaced"),
    "renew": _l("Renew"),
    "terminate": _l("End the lease early"),
    "buy_out": _l("Device bought"),
    "abate": _l("Abate rent"),
}

# What an amendment changes, as it stands beside before and after.
AMENDED: dict[str, Any] = {
    "quantity": _l("Quantity"),
    "unit_price": _l("Price each period"),
    "starts_on": _l("First day"),
    "ends_on": _l("Last day"),
    "abated_days": _l("Days abated"),
    "term_months": _l("Term in months"),
    "state": _l("State"),
    "site_id": _l("Site"),
    "device": _l("Device"),
}

EARLY_RETURNS: dict[str, Any] = {
    "none": _l("Leaving early costs nothing"),
    "remaining_rents": _l("A share of the remaining rents"),
    "present_value": _l("Present value of rents and residual, less market value"),
    "declining": _l("A share of the remaining rents that falls by month"),
}

LINE_KINDS: dict[str, Any] = {
    "asset": _l("Device"),
    "pooled": _l("Pool of devices"),
    "service": _l("Service, each period"),
    "one_off": _l("One-off charge"),
}

RENT_KINDS: dict[str, Any] = {
    "interim_rent": _l("Interim rent"),
    "rent": _l("Rent"),
    "holdover": _l("Holdover"),
    "one_off": _l("One-off charge"),
}

PRORATIONS: dict[str, Any] = {
    "actual_period": _l("By the days of the period"),
    "thirty_day": _l("By months of 30 days"),
    "whole": _l("A period begun is owed whole"),
    "none": _l("Only whole periods are owed"),
}

PRICE_LEVELS: dict[str, Any] = {
    "wholesale": _l("Wholesale"),
    "retail": _l("For everybody"),
    "client": _l("For one client"),
}

RATE_CLASSES: dict[str, Any] = {name: word for name, word in TAX_CLASSES.items() if name != "exempt"}
COMPONENTS: dict[str, Any] = {"hardware": _l("Hardware"), "service": _l("Service")}

ITEM_KINDS: dict[str, Any] = {
    "model": _l("Hardware model"),
    "category": _l("Kind of hardware"),
    "service": _l("Service"),
}

PRICE_FINDINGS: dict[str, Any] = {
    "used": _l("This price applies"),
    "not_listed": _l("Not in this book"),
    "outside_tiers": _l("In this book, but not for so many or so long"),
    "no_book": _l("No book in this currency on that day"),
}


def options(words: dict[Any, Any]) -> list[tuple[Any, Any]]:
    """(value, word) for a select."""
    return list(words.items())
