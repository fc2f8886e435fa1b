"""The words of quotes beside those of leases: what a classification asked and found."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from devices.tax_words import TAX_CLASSES
from leases.portal.words import (
    COMMERCIAL_MODELS,
    END_OPTIONS,
    INTERVALS,
    LINE_KINDS,
    TIMINGS,
    options,
)

__all__ = [
    "CAUTIONS",
    "CLASSES",
    "COMMERCIAL_MODELS",
    "COMPONENTS",
    "END_OPTIONS",
    "FRAMEWORKS",
    "INTERVALS",
    "LINE_KINDS",
    "TAX_CLASSES",
    "TESTS",
    "TIMINGS",
    "VIA",
    "options",
]

COMPONENTS: dict[str, Any] = {"hardware": _l("Hardware"), "service": _l("Service")}

FRAMEWORKS: dict[str, Any] = {"asc842": _l("ASC 842"), "ifrs16": _l("IFRS 16")}

CLASSES: dict[str, Any] = {
    "sales_type": _l("Sales-type lease"),
    "direct_financing": _l("Direct financing lease"),
    "operating": _l("Operating lease"),
    "finance": _l("Finance lease"),
}

TESTS: dict[str, Any] = {
    "transfer_of_title": _l("Title passes at the end"),
    "option_reasonably_certain": _l("Price at the end that is sure to be paid"),
    "term_major_part_of_life": _l("Term, share of the useful life"),
    "payments_substantially_all_of_value": _l("Rents today, share of the value"),
    "specialised_asset": _l("Of no use to anybody else"),
    "third_party_guarantee_lifts_value": _l("With what a third party guarantees"),
    "collection_probable": _l("Payment is probable"),
}

CAUTIONS: dict[str, Any] = {
    "not_a_true_lease": _l(
        "The price at the end is nominal: in the law of many places this is a sale with security, no lease."
    ),
    "near_end_of_life": _l("Near the end of its life: the test of the term is not asked."),
    "collection_doubtful": _l("While payment is doubtful, what comes in is a deposit."),
}

VIA: dict[str, Any] = {
    "link": _l("by the link that was mailed"),
    "portal": _l("signed in to the portal"),
    "partner": _l("recorded from a signed paper"),
}
