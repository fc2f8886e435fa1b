"""On what terms a client buys: when it pays, discounts for paying early, credit, order number, statements."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from haas.accounts import checks
from haas.errors import InvalidInput
from haas.money import exponent, round_places
from haas.tenancy.models import Client
from haas.tenancy.payment_terms import (
    DISCOUNT_FIELDS,
    OffersDiscounts,
    PaymentTerms,
    TermsKind,
    check_discounts,
)

TERMS = (
    "payment_terms_kind",
    "payment_terms_days",
    *(name for step in DISCOUNT_FIELDS for name in step),
    "credit_limit",
    "purchase_order",
    "wants_statements",
)


def fill_terms(client: Client, facts: dict[str, Any]) -> None:
    """Change those of the terms that `facts` has. None takes back what was the client's own.

    :raises InvalidInput: for days that the kind of terms has not, discounts that are none, or a limit below
        nothing or finer than the currency.
    """
    if "payment_terms_kind" in facts:
        client.payment_terms_kind = facts["payment_terms_kind"] or None
    if "payment_terms_days" in facts:
        client.payment_terms_days = facts["payment_terms_days"]
    if client.payment_terms_days is None:
        client.payment_terms_kind = None  # a kind without its number says nothing
    else:
        check_terms(client.payment_terms_kind or TermsKind.DAYS, client.payment_terms_days)
    fill_discounts(client, facts)
    if "credit_limit" in facts:
        client.credit_limit = _limit(facts["credit_limit"], client.currency)
    if "purchase_order" in facts:
        client.purchase_order = checks.check_text(
            facts["purchase_order"], field="purchase_order", most=60, required=False
        )
    if "wants_statements" in facts:
        client.wants_statements = facts["wants_statements"]


def check_terms(kind: str, days: int) -> None:
    """Refuse a number that the kind of terms has not.

    :raises InvalidInput: for that, or an unknown kind.
    """
    if kind not in tuple(TermsKind):
        raise InvalidInput(f"Choose one of {', '.join(TermsKind)}.", field="payment_terms_kind")
    PaymentTerms(TermsKind(kind), days).check()


def fill_discounts(holder: OffersDiscounts, facts: dict[str, Any]) -> None:
    """Change those of the discounts for early payment that `facts` has, of a client or of the partner.

    :raises InvalidInput: for steps that are no offer.
    """
    named = [name for step in DISCOUNT_FIELDS for name in step]
    told = {name: facts.get(name, getattr(holder, name)) for name in named}
    # Before anything is set: a page that shows the refusal reads on, and would write what is refused.
    check_discounts([(told[days], told[pct]) for days, pct in DISCOUNT_FIELDS])
    for name, value in told.items():
        setattr(holder, name, value)


def _limit(limit: Decimal | None, currency: str) -> Decimal | None:
    if limit is None:
        return None
    if limit < 0:
        raise InvalidInput("A limit is 0 or more.", field="credit_limit")
    if round_places(limit, exponent(currency)) != limit:
        raise InvalidInput(f"{currency} has {exponent(currency)} decimals.", field="credit_limit")
    return limit
