"""Why a credit note is issued: a fixed table of codes, each with the name that the paper prints. Data."""

from __future__ import annotations

from collections.abc import Mapping

EARLY_DISCOUNT = "early_payment_discount"  # an invoice has one credit note for it

# In English, as `haas.documents.words` looks them up; `invoicing.portal.words` has them for the pages.
CREDIT_REASONS: Mapping[str, str] = {
    "return_of_goods": "Return of goods",
    "price_error": "Price error",
    "service_not_rendered": "Service not rendered",
    "goodwill": "Goodwill",
    EARLY_DISCOUNT: "Early payment discount",
    "wrong_recipient": "Wrong recipient",
    "cancelled": "Cancelled",
}
