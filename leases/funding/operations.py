"""Register a funder, fund a lease, record what was paid, pay back early; each figure is shown before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import outbox
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.money import exponent
from haas.series import take_number
from haas.tenancy.scope import Tenant
from leases import queries as lease_queries
from leases.finance.funding import (
    FundingTerms,
    Recourse,
    Settlement,
    SettlementBasis,
    TitleHolder,
    deal_of,
    funding_schedule,
    payment_for,
    rate_of,
    settle,
)
from leases.finance.numbers import NoRate
from leases.finance.rates import Compounding
from leases.funding import queries
from leases.funding.lifecycle import FUNDING_LIFECYCLE, FundingState
from leases.funding.models import Funder, Funding, FundingPayment
from leases.funding.queries import FundingView
from leases.lifecycle import BILLABLE
from leases.models import Lease
from leases.terms import CommercialModel, Timing

RATE_PLACES = Decimal("1e-12")
# What a client may hand back at any time has no rents that somebody could lend on.
FUNDABLE = (CommercialModel.TERM, CommercialModel.PASS_THROUGH)


class AlreadyFunded(Conflict):
    """The rents of this lease are promised to a funder already."""

    code = "already_funded"


class NotFundable(Conflict):
    """There are no rents to be funded, or none that are certain."""

    code = "not_fundable"


class AlreadyPaid(Conflict):
    """That payment was recorded with other figures."""

    code = "already_paid"


def register_funder(
    session: Session,
    tenant: Tenant,
    *,
    name: str,
    at: datetime,
    email: str = "",
    account: str = "",
    notes: str = "",
) -> Funder:
    """A new finance house.

    :raises InvalidInput: without a name, or by one that is taken.
    """
    funder = Funder(
        partner_id=tenant.partner_id,
        id=new_id("fdr"),
        name=_name(name),
        email=email.strip(),
        account=account.strip(),
        notes=notes.strip(),
        created_at=at,
    )
    _save(session, funder)
    return funder


def change_funder(
    session: Session,
    tenant: Tenant,
    *,
    funder_id: str,
    at: datetime,
    name: str,
    email: str = "",
    account: str = "",
    notes: str = "",
    archived: bool = False,
) -> Funder:
    """Change who a funder is; an archived one funds no further lease."""
    funder = queries.get_funder(session, tenant, funder_id=funder_id)
    funder.name, funder.email = _name(name), email.strip()
    funder.account, funder.notes = account.strip(), notes.strip()
    funder.archived_at = (funder.archived_at or at) if archived else None
    _save(session, funder)
    return funder


def _name(name: str) -> str:
    if not name.strip():
        raise InvalidInput("Name the funder.", field="name")
    return name.strip()


def _save(session: Session, funder: Funder) -> None:
    try:
        with session.begin_nested():
            session.add(funder)
            session.flush()
    except IntegrityError as clash:
        if "uq_funder_name" in str(clash.orig):
            raise InvalidInput("There is a funder of that name already.", field="name") from clash
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What is agreed with a funder. Of `annual_rate_pct` and `payment` one is given; the other follows.

    `payments`, `interval_months` and `timing` are the lease's own where they are left out, and so is the
    first day.
    """

    amount: Decimal
    annual_rate_pct: Decimal | None = None
    payment: Decimal | None = None
    compounding: str = Compounding.NOMINAL.value
    payments: int | None = None
    interval_months: int | None = None
    timing: str | None = None
    starts_on: date | None = None
    balloon: Decimal = Decimal(0)
    settlement_basis: str = SettlementBasis.BALANCE.value
    settlement_fee_pct: Decimal = Decimal(0)


def terms_for(lease: Lease, agreed: Agreed) -> FundingTerms:
    """The whole terms of what was agreed, checked.

    :raises InvalidInput: naming the field.
    """
    places = exponent(lease.currency)
    for name in ("amount", "balloon", "payment"):
        value = getattr(agreed, name)
        if value is not None and value != round(value, places):
            raise InvalidInput(f"{lease.currency} has {places} decimal places.", field=name)
    if agreed.amount <= 0:
        raise InvalidInput("The funder advances more than 0.", field="amount")
    if not 0 <= agreed.balloon < agreed.amount:
        raise InvalidInput("The balloon is less than what the funder advances.", field="balloon")
    if (agreed.annual_rate_pct is None) == (agreed.payment is None):
        raise InvalidInput("Give the funder's rate or its payment, one of the two.", field="annual_rate_pct")
    starts_on = agreed.starts_on or lease.commences_on
    if starts_on is None:
        raise InvalidInput("This lease has not commenced: say when the funding begins.", field="starts_on")
    interval = agreed.interval_months or lease.interval_months
    payments = agreed.payments or max(1, lease.term_months // interval)
    timing, compounding = Timing(agreed.timing or lease.timing), Compounding(agreed.compounding)
    deal = deal_of(
        amount=agreed.amount,
        balloon=agreed.balloon,
        payments=payments,
        interval_months=interval,
        timing=timing,
        currency=lease.currency,
    )
    if agreed.payment is not None:
        payment, rate = agreed.payment, _rate_in(deal, agreed.payment, compounding)
    else:
        rate = (agreed.annual_rate_pct or Decimal(0)) / 100
        payment = payment_for(deal, annual_rate=rate, compounding=compounding)
    if payment <= 0:
        raise InvalidInput("The payment is more than 0.", field="payment")
    return FundingTerms(
        amount=agreed.amount,
        payment=payment,
        payments=payments,
        annual_rate=rate,
        starts_on=starts_on,
        currency=lease.currency,
        compounding=compounding,
        timing=timing,
        interval_months=interval,
        balloon=agreed.balloon,
        settlement_basis=SettlementBasis(agreed.settlement_basis),
        settlement_fee_pct=agreed.settlement_fee_pct,
    )


def _rate_in(deal: Any, payment: Decimal, compounding: Compounding) -> Decimal:
    too_little = "These payments do not bring back what the funder advances."
    try:
        rate = rate_of(deal, payment=payment, compounding=compounding)
    except NoRate as none:
        raise InvalidInput(too_little, field="payment") from none
    if rate < 0:
        raise InvalidInput(too_little, field="payment")
    return rate.quantize(RATE_PLACES)


def preview_funding(
    session: Session, tenant: Tenant, *, lease_id: str, agreed: Agreed, as_of: date
) -> FundingView:
    """Both schedules and the margin as they would be; nothing is written.

    :raises NotFundable, AlreadyFunded, InvalidInput: as `fund_lease` does.
    """
    lease = lease_queries.get_lease(session, tenant, lease_id=lease_id)
    _require_fundable(session, tenant, lease)
    return queries.view_terms(session, tenant, lease=lease, terms=terms_for(lease, agreed), as_of=as_of)


def fund_lease(
    session: Session,
    tenant: Tenant,
    *,
    lease_id: str,
    funder_id: str,
    agreed: Agreed,
    at: datetime,
    recourse: str = Recourse.FULL.value,
    title_holder: str = TitleHolder.FUNDER.value,
    residual_share_pct: Decimal = Decimal(0),
    reference: str = "",
) -> Funding:
    """A funder pays for the hardware of a lease, and is paid back from its rents.

    :raises NotFundable: for a lease that owes no certain rents.
    :raises AlreadyFunded: while another funding of it runs; the constraint settles the race.
    """
    lease = lease_queries.lock_lease(session, tenant, lease_id)
    _require_fundable(session, tenant, lease)
    funder = queries.get_funder(session, tenant, funder_id=funder_id)
    if funder.archived_at is not None:
        raise InvalidInput(f"{funder.name} is archived.", field="funder_id")
    terms = terms_for(lease, agreed)
    funding = Funding(
        partner_id=tenant.partner_id,
        id=new_id("fnd"),
        lease_id=lease.id,
        funder_id=funder.id,
        number=take_number(session, tenant, series="funding", pattern="F-{:05d}"),
        state=FundingState.ACTIVE,
        currency=terms.currency,
        amount=terms.amount,
        annual_rate=terms.annual_rate,
        compounding=terms.compounding.value,
        payment=terms.payment,
        payments=terms.payments,
        interval_months=terms.interval_months,
        timing=terms.timing.value,
        starts_on=terms.starts_on,
        balloon=terms.balloon,
        residual_share_pct=residual_share_pct,
        recourse=Recourse(recourse).value,
        title_holder=TitleHolder(title_holder).value,
        settlement_basis=terms.settlement_basis.value,
        settlement_fee_pct=terms.settlement_fee_pct,
        reference=reference.strip(),
        created_at=at,
    )
    try:
        with session.begin_nested():
            session.add(funding)
            session.flush()
    except IntegrityError as clash:
        if "uq_funding_open" in str(clash.orig):
            raise _already(lease) from clash
        raise
    outbox.publish(session, tenant, "lease.funded", lease_id=lease.id, funding_id=funding.id)
    return funding


def _require_fundable(session: Session, tenant: Tenant, lease: Lease) -> None:
    if lease.state not in BILLABLE:
        raise NotFundable(f"Lease {lease.number} is {lease.state}: a funder pays for what a client accepted.")
    if lease.commercial_model not in FUNDABLE:
        raise NotFundable(f"Lease {lease.number} may be ended at any time: no rents of it are certain.")
    running = queries.find_funding(session, tenant, lease_id=lease.id)
    if running is not None and running.state == FundingState.ACTIVE:
        raise _already(lease)


def _already(lease: Lease) -> AlreadyFunded:
    return AlreadyFunded(f"Lease {lease.number} is funded already: settle that funding first.")


def record_payment(
    session: Session,
    tenant: Tenant,
    *,
    funding_id: str,
    number: int,
    paid_on: date,
    at: datetime,
    amount: Decimal | None = None,
    reference: str = "",
) -> FundingPayment:
    """A payment of the schedule was made to the funder; the same said twice is said once.

    :param amount: as scheduled, if left out.
    :raises AlreadyPaid: if that payment was recorded with other figures.
    :raises InvalidInput: if the schedule has no such payment.
    """
    funding = queries.get_funding(session, tenant, funding_id=funding_id, lock=True)
    rows = {row.number: row for row in funding_schedule(queries.terms_of_funding(funding))}
    if number not in rows:
        raise InvalidInput(f"The schedule has the payments 1 to {len(rows)}.", field="number")
    paid = rows[number].payment if amount is None else amount
    made = queries.payments_of(session, tenant, funding_id=funding.id)
    if number in made:
        before = made[number]
        if (before.amount, before.paid_on) == (paid, paid_on):
            return before
        raise AlreadyPaid(f"Payment {number} was recorded on {before.paid_on}.")
    if funding.state != FundingState.ACTIVE:
        raise Conflict(f"Funding {funding.number} is {funding.state}.")
    if paid <= 0 or paid != round(paid, exponent(funding.currency)):
        raise InvalidInput("The payment is more than 0, in whole minor units.", field="amount")
    payment = FundingPayment(
        partner_id=tenant.partner_id,
        id=new_id("fpy"),
        funding_id=funding.id,
        number=number,
        amount=paid,
        paid_on=paid_on,
        reference=reference.strip(),
        created_at=at,
    )
    session.add(payment)
    if len(made) + 1 == len(rows):
        funding.state = FUNDING_LIFECYCLE.after(FundingState(funding.state), "complete")
    session.flush()
    outbox.publish(session, tenant, "funding.payment_made", funding_id=funding.id, number=number)
    return payment


def preview_settlement(session: Session, tenant: Tenant, *, funding_id: str, on: date) -> Settlement:
    """What it takes to be quit with the funder on a day; nothing is written."""
    funding = queries.get_funding(session, tenant, funding_id=funding_id)
    return _settlement(session, tenant, funding, on=on)


def settle_early(
    session: Session,
    tenant: Tenant,
    *,
    funding_id: str,
    on: date,
    amount: Decimal | None = None,
) -> Funding:
    """Pay the funder back before the term. The lease goes on; its rents are the partner's own.

    :param amount: what the funder asked for, if it is not what the terms say.
    :raises IllegalMove: if nothing is outstanding any more.
    """
    funding = queries.get_funding(session, tenant, funding_id=funding_id, lock=True)
    state = FUNDING_LIFECYCLE.after(FundingState(funding.state), "settle")
    owed = _settlement(session, tenant, funding, on=on)
    total = owed.total if amount is None else amount
    if total < 0 or total != round(total, exponent(funding.currency)):
        raise InvalidInput("The settlement is not negative, in whole minor units.", field="amount")
    funding.state, funding.settled_on, funding.settlement = state, on, total
    session.flush()
    outbox.publish(session, tenant, "funding.settled", funding_id=funding.id, lease_id=funding.lease_id)
    return funding


def _settlement(session: Session, tenant: Tenant, funding: Funding, *, on: date) -> Settlement:
    paid = queries.payments_of(session, tenant, funding_id=funding.id)
    try:
        return settle(queries.terms_of_funding(funding), on=on, paid=frozenset(paid))
    except ValueError as early:
        raise InvalidInput(
            f"The funding begins on {funding.starts_on}: choose a later day.", field="on"
        ) from early
