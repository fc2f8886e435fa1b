"""What a partner sets for itself: names, terms, zone, language, and the currency of its clients."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.accounts import checks
from haas.accounts.client_terms import check_terms, fill_discounts
from haas.errors import Conflict, InvalidInput
from haas.tenancy.models import Client, Partner
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant

ONE_CURRENCY, PER_CLIENT = "one", "per_client"
CURRENCY_POLICIES = (PER_CLIENT, ONE_CURRENCY)
_POLICY = "currency"
TERMS_DAYS_MAX = 180


def currency_policy(partner: Partner) -> str:
    """`one`: every client is billed in the partner's currency; `per_client`: each in its own."""
    return str(partner.policies.get(_POLICY, PER_CLIENT))


def edit_settings(session: Session, tenant: Tenant, *, changes: dict[str, Any]) -> Partner:
    """Change some of the partner's own settings; leases and papers made before keep theirs.

    :raises InvalidInput: for an unknown zone, language or currency, or terms beyond 180 days.
    :raises Conflict: if one currency is to rule while a client has another.
    """
    partner = lock_partner(session, tenant)
    if "name" in changes:
        partner.name = checks.check_text(changes["name"], field="name", most=120)
    if "legal_name" in changes:
        partner.legal_name = checks.check_text(changes["legal_name"], field="legal_name", most=160)
    if "time_zone" in changes:
        partner.time_zone = checks.check_zone(changes["time_zone"])
    if "language" in changes:
        partner.language = checks.check_language(changes["language"])
    if "currency" in changes:
        partner.currency = checks.check_currency(changes["currency"])
    if "payment_terms_days" in changes:
        days = int(changes["payment_terms_days"])
        if not 0 <= days <= TERMS_DAYS_MAX:
            raise InvalidInput(f"Choose 0 to {TERMS_DAYS_MAX} days.", field="payment_terms_days")
        partner.payment_terms_days = days
    if "payment_terms_kind" in changes:
        partner.payment_terms_kind = changes["payment_terms_kind"]
    check_terms(partner.payment_terms_kind, partner.payment_terms_days)
    fill_discounts(partner, changes)
    if "currency_policy" in changes:
        if changes["currency_policy"] not in CURRENCY_POLICIES:
            raise InvalidInput("Choose one of the policies shown.", field="currency_policy")
        partner.policies = {**partner.policies, _POLICY: changes["currency_policy"]}
    if currency_policy(partner) == ONE_CURRENCY:
        _demand_one_currency(session, partner)
    session.flush()
    return partner


def _demand_one_currency(session: Session, partner: Partner) -> None:
    others = session.scalars(
        sa.select(Client.name)
        .where(
            Client.partner_id == partner.id,
            Client.currency != partner.currency,
            Client.archived_at.is_(None),
        )
        .order_by(Client.name_norm)
        .limit(3)
    ).all()
    if others:
        raise Conflict(
            f"These clients are billed in another currency: {', '.join(others)}.", field="currency_policy"
        )
