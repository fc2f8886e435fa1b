"""Master agreements: the conventions that the leases under them follow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypedDict

from sqlalchemy.orm import Session

from haas.errors import InvalidInput, NotFound
from haas.ids import new_id
from haas.series import take_number
from haas.tenancy.models import Client
from haas.tenancy.payment_terms import PaymentTerms, TermsKind
from haas.tenancy.scope import Tenant, scoped
from leases.amendments.early_return import Policy, Rule
from leases.models import Agreement


class EarlyReturnStep(TypedDict):
    """A row of the table by which the charge for leaving falls."""

    from_month: int
    pct: Decimal


def create_agreement(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str,
    at: datetime,
    number: str | None = None,
    terms_version: str = "2026-01",
    signed_on: date | None = None,
    day_count: str = "actual",
    proration: str = "actual_period",
    notice_days: int = 90,
    payment_terms_days: int = 14,
    payment_terms_kind: str = TermsKind.DAYS,
    flex_down_pct: Decimal = Decimal(0),
    flex_down_lines_a_quarter: int = 0,
    flex_down_notice_days: int = 30,
    early_return_policy: str = Policy.NONE.value,
    early_return_pct: Decimal = Decimal(0),
    early_return_discount_pct: Decimal = Decimal(0),
    early_return_steps: Sequence[EarlyReturnStep] = (),
    service_level_days: int | None = None,
    holdover_rate_pct: Decimal = Decimal(100),
    acceptance_silent_days: int = 5,
    damage_dispute_days: int = 14,
) -> Agreement:
    """A master agreement: the conventions that all leases under it follow.

    :param early_return_steps: percent of the remaining rents from a month of the term on.
    :param service_level_days: after which a device in repair abates its rent; none: it never does.
    :param acceptance_silent_days: after which silence counts as acceptance; 0 for never.
    :raises NotFound: if the client is not this partner's.
    """
    client = session.scalar(scoped(Client, tenant).where(Client.id == client_id))
    if client is None:
        raise NotFound(f"There is no client {client_id}.")
    if notice_days < 0:
        raise InvalidInput("Days cannot be negative.", field="notice_days")
    PaymentTerms(TermsKind(payment_terms_kind), payment_terms_days).check()
    if not 0 <= holdover_rate_pct <= 500:
        raise InvalidInput("The holdover rate is 0 to 500 percent of the rent.", field="holdover_rate_pct")
    if early_return_policy not in tuple(Policy):
        raise InvalidInput(f"Leaving early: {', '.join(Policy)}.", field="early_return_policy")
    # Refuses what nobody could reckon with.
    Rule(
        Policy(early_return_policy),
        pct=early_return_pct,
        discount_pct=early_return_discount_pct,
        steps=tuple((step["from_month"], step["pct"]) for step in early_return_steps),
    )
    if flex_down_lines_a_quarter < 0 or flex_down_notice_days < 0:
        raise InvalidInput("Lines and days cannot be negative.", field="flex_down_lines_a_quarter")
    if service_level_days is not None and service_level_days < 0:
        raise InvalidInput("Days cannot be negative.", field="service_level_days")
    agreement = Agreement(
        partner_id=tenant.partner_id,
        id=new_id("agr"),
        client_id=client.id,
        number=number or take_number(session, tenant, series="agreement", pattern="MA-{:04d}"),
        terms_version=terms_version,
        signed_on=signed_on,
        currency=client.currency,
        time_zone=client.time_zone,
        day_count=day_count,
        proration=proration,
        notice_days=notice_days,
        payment_terms_days=payment_terms_days,
        payment_terms_kind=payment_terms_kind,
        flex_down_pct=flex_down_pct,
        flex_down_lines_a_quarter=flex_down_lines_a_quarter,
        flex_down_notice_days=flex_down_notice_days,
        early_return_policy=early_return_policy,
        early_return_pct=early_return_pct,
        early_return_discount_pct=early_return_discount_pct,
        early_return_steps=[[step["from_month"], str(step["pct"])] for step in early_return_steps],
        service_level_days=service_level_days,
        holdover_rate_pct=holdover_rate_pct,
        acceptance_silent_days=acceptance_silent_days,
        damage_dispute_days=damage_dispute_days,
        created_at=at,
    )
    session.add(agreement)
    session.flush()
    return agreement
