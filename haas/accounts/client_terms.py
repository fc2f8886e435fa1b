"""On what terms a client buys: days to pay, how much credit it has, its order number, its statements."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from haas.accounts import checks
from haas.errors import InvalidInput
from haas.money import exponent, round_places
from haas.tenancy.models import Client

TERMS = ("payment_terms_days", "credit_limit", "purchase_order", "wants_statements")
TERMS_DAYS_MAX = 365


def fill_terms(client: Client, facts: dict[str, Any]) -> None:
    """Change those of the terms that `facts` has. None takes back what was the client's own.

    :raises InvalidInput: for days beyond a year, or a limit below nothing or finer than the currency.
    """
    if "payment_terms_days" in facts:
        days: int | None = facts["payment_terms_days"]
        if days is not None and not 0 <= days <= TERMS_DAYS_MAX:
            raise InvalidInput(f"Choose 0 to {TERMS_DAYS_MAX} days.", field="payment_terms_days")
        client.payment_terms_days = days
    if "credit_limit" in facts:
        client.credit_limit = _limit(facts["credit_limit"], client.currency)
    if "purchase_order" in facts:
        client.purchase_order = checks.check_text(
            facts["purchase_order"], field="purchase_order", most=60, required=False
        )
    if "wants_statements" in facts:
        client.wants_statements = facts["wants_statements"]


def _limit(limit: Decimal | None, currency: str) -> Decimal | None:
    if limit is None:
        return None
    if limit < 0:
        raise InvalidInput("A limit is 0 or more.", field="credit_limit")
    if round_places(limit, exponent(currency)) != limit:
        raise InvalidInput(f"{currency} has {exponent(currency)} decimals.", field="credit_limit")
    return limit
