"""The words of depreciation that pages share: books, methods, conventions, events, later costs."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

BOOKS: dict[str, Any] = {
    "book": _l("Financial book"),
    "tax": _l("Tax book"),
    "margin": _l("Margin book"),
}

METHODS: dict[str, Any] = {
    "straight_line": _l("Straight line"),
    "declining_balance": _l("Declining balance"),
    "reducing_balance": _l("Reducing balance by a yearly rate"),
    "sum_of_years_digits": _l("Sum of the years' digits"),
    "units": _l("Units of use"),
    "macrs": _l("MACRS (United States)"),
}

FIRST_MONTHS: dict[str, Any] = {
    "full": _l("Whole, whatever the day"),
    "half": _l("Half"),
    "daily": _l("By its days in use"),
    "next": _l("Begins with the next month"),
    "half_year": _l("Half a year's charge in the first year"),
    "mid_quarter": _l("From the middle of its quarter"),
}

LAST_MONTHS: dict[str, Any] = {
    "none": _l("No charge"),
    "full": _l("Whole"),
    "half": _l("Half"),
    "daily_inclusive": _l("By its days, the last included"),
    "daily_exclusive": _l("By its days before the last"),
    "half_year": _l("Half of the year's charge in all"),
    "mid_quarter": _l("The year's charge up to the middle of the quarter"),
}

DAY_BASES: dict[str, Any] = {
    "months": _l("Months weigh the same"),
    "life_days": _l("Months weigh by their days"),
}

RECOVERY_YEARS: dict[str, Any] = {
    "3": _l("3 years"),
    "5": _l("5 years (computers)"),
    "7": _l("7 years (office furniture)"),
    "10": _l("10 years"),
    "15": _l("15 years"),
    "20": _l("20 years"),
}

# What happened: how it is named, how the page is called on which it is recorded, and what it does.
EVENTS: dict[str, tuple[Any, Any, str]] = {
    "capitalise": (
        _l("Added to the cost"),
        _l("It adds to the cost and is written off over what is left of the life."),
        "plus",
    ),
    "revalue": (_l("Revalued"), _l("The book stands at another value from this day on."), "adjustments"),
    "impair": (_l("Impaired"), _l("It is worth less than the book says."), "alert-triangle"),
    "reverse_impairment": (
        _l("Impairment reversed"),
        _l("At most up to the value that the book would have without any impairment."),
        "refresh",
    ),
    "estimate": (
        _l("Estimate changed"),
        _l("Another life or residual value; what was charged before stays."),
        "edit",
    ),
    "dispose": (
        _l("Disposed of"),
        _l("Closes this book alone. An asset that is disposed of closes all its books by itself."),
        "archive",
    ),
    "reinstate": (_l("Reinstated"), _l("What was gone is there again, and is written off on."), "refresh"),
    "split": (_l("Split"), _l("Part of the cost became another asset's."), "arrows-exchange"),
    "restate": (_l("Conventions changed"), _l("From the first day."), "edit"),
    "reverse": (_l("Taken back"), _l("As if it had never been."), "x"),
}

COUNTS_FROM: dict[str, Any] = {
    "same_month": _l("The month of that day"),
    "next_month": _l("The month after it"),
}

COST_KINDS: dict[str, Any] = {
    "repair": _l("Repair"),
    "accessory": _l("Accessory"),
    "upgrade": _l("Upgrade"),
    "freight": _l("Freight"),
}

CAPITALISE: dict[str, Any] = {
    "1": _l("Add it to the cost"),
    "0": _l("An expense"),
}
