"""The words of fundings and of classifications."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

RECOURSE: dict[str, Any] = {
    "none": _l("None: the funder bears it if the client does not pay"),
    "limited": _l("Limited"),
    "full": _l("Full: we pay whether the client pays or not"),
}

TITLE_HOLDERS: dict[str, Any] = {"funder": _l("The funder"), "partner": _l("We ourselves")}

COMPOUNDINGS: dict[str, Any] = {
    "nominal": _l("Nominal: its share of the year each period"),
    "effective": _l("Effective: what a year brings"),
}

SETTLEMENT_BASES: dict[str, Any] = {
    "balance": _l("What is outstanding, with interest to the day"),
    "remaining": _l("All payments that are left"),
}

FRAMEWORKS: dict[str, Any] = {"asc842": "ASC 842", "ifrs16": "IFRS 16"}

CLASSES: dict[str, Any] = {
    "sales_type": _l("Sales-type lease"),
    "direct_financing": _l("Direct financing lease"),
    "operating": _l("Operating lease"),
    "finance": _l("Finance lease"),
}

TESTS: dict[str, Any] = {
    "transfer_of_title": _l("Title passes to the client"),
    "option_reasonably_certain": _l("The client is reasonably certain to buy"),
    "term_major_part_of_life": _l("The term is the major part of the life that is left"),
    "payments_substantially_all_of_value": _l("Rents are substantially all of the value"),
    "specialised_asset": _l("Nobody else has a use for it"),
    "third_party_guarantee_lifts_value": _l("A third party's guarantee lifts the value"),
    "collection_probable": _l("The rents will probably be paid"),
}

CAUTIONS: dict[str, Any] = {
    "not_a_true_lease": _l(
        "The price at the end is nominal: under UCC 1-203 this is a security interest, not a true lease."
    ),
    "near_end_of_life": _l("The hardware is in the last part of its life: the term is not asked."),
    "collection_doubtful": _l(
        "The rents may not be paid: what comes in is a deposit until that is probable."
    ),
}
