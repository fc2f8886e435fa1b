"""A partner's rules for its contracts: who approves changes, notice and delivery, where classes are drawn."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from haas.errors import InvalidInput
from haas.tenancy.models import Partner
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant
from leases.amendments.operations import FOUR_EYES
from leases.finance.classification import Thresholds

NOTICE_DAYS = 90  # of an agreement that is yet to be made; `policies["notice_days"]` says otherwise
LEAD_DAYS = 14  # from acceptance to delivery; `policies["purchase_lead_days"]` says otherwise
DAYS_MAX = 730
THRESHOLDS = tuple(each.name for each in fields(Thresholds))


@dataclass(frozen=True, slots=True)
class ContractPolicy:
    """The rules as people read them; thresholds in percent."""

    amendment_four_eyes: bool
    notice_days: int
    purchase_lead_days: int
    thresholds: dict[str, Decimal]


def notice_days_of(partner: Partner) -> int:
    """The notice that a new agreement asks for."""
    return int(partner.policies.get("notice_days", NOTICE_DAYS))


def lead_days_of(partner: Partner) -> int:
    """How long a delivery may take from the acceptance on."""
    return int(partner.policies.get("purchase_lead_days", LEAD_DAYS))


def contract_policy(partner: Partner) -> ContractPolicy:
    """What the partner has set, and ours for the rest."""
    thresholds = Thresholds.of_policies(partner.policies)
    return ContractPolicy(
        amendment_four_eyes=bool(partner.policies.get(FOUR_EYES)),
        notice_days=notice_days_of(partner),
        purchase_lead_days=lead_days_of(partner),
        thresholds={name: getattr(thresholds, name) * 100 for name in THRESHOLDS},
    )


def change_contract_policy(session: Session, tenant: Tenant, *, changes: dict[str, Any]) -> ContractPolicy:
    """Set all of them; what was agreed or decided before stays as it was.

    :raises InvalidInput: naming the field.
    """
    for name in ("notice_days", "purchase_lead_days"):
        if not 0 <= changes[name] <= DAYS_MAX:
            raise InvalidInput(f"Choose 0 to {DAYS_MAX} days.", field=name)
    for name in THRESHOLDS:
        if not 0 <= changes[name] <= 100:
            raise InvalidInput("A share is between 0 and 100 percent.", field=name)
    partner = lock_partner(session, tenant)
    partner.policies = {
        **partner.policies,
        FOUR_EYES: bool(changes["amendment_four_eyes"]),
        "notice_days": changes["notice_days"],
        "purchase_lead_days": changes["purchase_lead_days"],
        "classification": {name: f"{changes[name] / 100:f}" for name in THRESHOLDS},
    }
    session.flush()
    return contract_policy(partner)
