"""Draft, quote, accept, activate, end: the life of a lease up to its return."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.queries import get_model
from devices.tax_classes import TaxClass
from haas import outbox
from haas.calendar import local_day
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.series import take_number
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.agreements import create_agreement as create_agreement  # noqa: PLC0414 - it is known here
from leases.amendments.closed_books import require_open
from leases.amendments.record import record as record_amendment
from leases.amendments.record import snapshot
from leases.credit import demand_credit
from leases.errors import LeaseNotEditable
from leases.lifecycle import LEASE_LIFECYCLE, LeaseState
from leases.lifespan import commence, move, record
from leases.models import Agreement, Lease, Line
from leases.terms import (
    MONEY_MAX,
    CommercialModel,
    Component,
    LineKind,
    check_amount,
    check_offer,
    component_of,
    months_on,
)


def draft_lease(
    session: Session,
    tenant: Tenant,
    *,
    agreement_id: str,
    term_months: int,
    at: datetime,
    site_id: str | None = None,
    title: str = "",
    timing: str = "advance",
    anchor_day: int = 1,
    interval_months: int = 1,
    interim_rent: bool = True,
    end_option: str = "return",
    commercial_model: str = CommercialModel.TERM.value,
    number: str | None = None,
) -> Lease:
    """A new lease schedule under an agreement, empty and not yet offered."""
    agreement = queries.get_agreement(session, tenant, agreement_id=agreement_id)
    if site_id is not None:
        queries.check_site(session, tenant, site_id=site_id, client_id=agreement.client_id)
    check_offer(
        term_months=term_months,
        timing=timing,
        anchor_day=anchor_day,
        interval_months=interval_months,
        end_option=end_option,
        commercial_model=commercial_model,
    )
    lease = Lease(
        partner_id=tenant.partner_id,
        id=new_id("lse"),
        agreement_id=agreement.id,
        client_id=agreement.client_id,
        site_id=site_id,
        number=number or take_number(session, tenant, series="lease", pattern="L-{:05d}"),
        title=title,
        state=LeaseState.DRAFT,
        commercial_model=commercial_model,
        currency=agreement.currency,
        time_zone=agreement.time_zone,
        term_months=term_months,
        timing=timing,
        anchor_day=anchor_day,
        interval_months=interval_months,
        interim_rent=interim_rent,
        day_count=agreement.day_count,
        proration=agreement.proration,
        end_option=end_option,
        created_at=at,
    )
    session.add(lease)
    session.flush()
    drafted_on = local_day(at, lease.time_zone)
    record(session, tenant, lease, verb="draft", from_state=None, effective_on=drafted_on, at=at)
    return lease


def add_line(
    session: Session,
    tenant: Tenant,
    *,
    lease_id: str,
    at: datetime,
    description: str,
    unit_price: Decimal,
    kind: str = "asset",
    model_id: str | None = None,
    quantity: Decimal = Decimal(1),
    residual_value: Decimal | None = None,
    component: str | None = None,
    standalone_price: Decimal | None = None,
    flexible: bool = False,
    tax_category: str = "S",
    tax_class: str | None = None,
) -> Line:
    """Add a rent to a draft. An asset line is the place of one asset: its quantity is 1.

    A pooled line is a quantity of devices, none of which has a place of its own on the lease.

    :param component: hardware or service; none: what a line of this kind usually is.
    :param flexible: it scales to the day without penalty; a pooled line always does.
    :param tax_class: whose rate of the place holds; the model's if left out.
    :raises LeaseNotEditable: once the lease was quoted.
    """
    lease = lock_draft(session, tenant, lease_id)
    return make_line(
        session,
        tenant,
        lease=lease,
        at=at,
        description=description,
        unit_price=unit_price,
        kind=kind,
        model_id=model_id,
        quantity=quantity,
        residual_value=residual_value,
        component=component,
        standalone_price=standalone_price,
        flexible=flexible,
        tax_category=tax_category,
        tax_class=tax_class,
    )


def make_line(
    session: Session,
    tenant: Tenant,
    *,
    lease: Lease,
    at: datetime,
    description: str,
    unit_price: Decimal,
    kind: str = "asset",
    model_id: str | None = None,
    quantity: Decimal = Decimal(1),
    residual_value: Decimal | None = None,
    component: str | None = None,
    standalone_price: Decimal | None = None,
    flexible: bool = False,
    tax_category: str = "S",
    tax_class: str | None = None,
) -> Line:
    """A line of a locked lease that may be written on: a draft, or one that is amended."""
    if kind == "asset":
        if quantity != 1:
            raise InvalidInput("An asset line holds one asset; add a line for each.", field="quantity")
        if model_id is None:
            raise InvalidInput("Choose the hardware model of this line.", field="model_id")
    if not 0 <= unit_price < MONEY_MAX:
        raise InvalidInput("The rent cannot be negative.", field="unit_price")
    if standalone_price is not None and not 0 <= standalone_price < MONEY_MAX:
        raise InvalidInput("The stand-alone price cannot be negative.", field="standalone_price")
    if component is not None and component not in tuple(Component):
        raise InvalidInput("A line is hardware or a service.", field="component")
    if tax_class is not None and tax_class not in tuple(TaxClass):
        raise InvalidInput(f"Use one of {', '.join(TaxClass)}.", field="tax_class")
    check_amount(quantity=quantity, unit_price=unit_price)
    if not description.strip():
        raise InvalidInput("Say what this line is for; the invoice prints it.", field="description")
    model = get_model(session, tenant, model_id=model_id) if model_id is not None else None
    line = Line(
        partner_id=tenant.partner_id,
        id=new_id("lin"),
        lease_id=lease.id,
        client_id=lease.client_id,
        kind=kind,
        component=component or component_of(kind).value,
        standalone_price=standalone_price,
        flexible=flexible or kind == LineKind.POOLED,
        description=description.strip(),
        model_id=model_id,
        quantity=quantity,
        unit_price=unit_price,
        residual_value=residual_value,
        tax_category=tax_category,
        tax_class=tax_class or (model.tax_class if model else TaxClass.STANDARD.value),
        created_at=at,
    )
    session.add(line)
    session.flush()
    return line


def remove_line(session: Session, tenant: Tenant, *, lease_id: str, line_id: str) -> None:
    """Take a line off a draft."""
    lock_draft(session, tenant, lease_id)
    session.delete(queries.get_line(session, tenant, lease_id=lease_id, line_id=line_id))
    session.flush()


def quote(session: Session, tenant: Tenant, *, lease_id: str, valid_until: date, at: datetime) -> Lease:
    """Offer the draft to the client until a day."""
    lease = queries.lock_lease(session, tenant, lease_id)
    if not session.scalar(sa.select(scoped(Line, tenant).where(Line.lease_id == lease.id).exists())):
        raise Conflict("Add at least one line before you quote this lease.")
    move(session, tenant, lease, "quote", at=at, effective_on=local_day(at, lease.time_zone))
    lease.quote_valid_until = valid_until
    return lease


def revise(session: Session, tenant: Tenant, *, lease_id: str, at: datetime) -> Lease:
    """Take a quote back to be changed."""
    lease = queries.lock_lease(session, tenant, lease_id)
    move(session, tenant, lease, "revise", at=at, effective_on=local_day(at, lease.time_zone))
    lease.quote_valid_until = None
    return lease


def accept(
    session: Session,
    tenant: Tenant,
    *,
    lease_id: str,
    signer: str,
    accepted_on: date,
    at: datetime,
    over_limit_reason: str = "",
) -> Lease:
    """The client agrees to the quote. Rent begins when hardware is accepted on site, not here.

    :param over_limit_reason: why the client may go beyond its credit limit, as `demand_credit` takes it.
    :raises Conflict: if the quote has run out.
    :raises OverCreditLimit: if the client may not owe that much more.
    """
    lease = queries.lock_lease(session, tenant, lease_id)
    if not signer.strip():
        raise InvalidInput("Name who accepted.", field="signer")
    if lease.quote_valid_until is not None and accepted_on > lease.quote_valid_until:
        raise Conflict(f"The quote ran out on {lease.quote_valid_until}; revise it first.")
    move(session, tenant, lease, "accept", at=at, effective_on=accepted_on, reason=signer.strip())
    lease.accepted_on = accepted_on
    outbox.publish(session, tenant, "lease.accepted", lease_id=lease.id)
    demand_credit(session, tenant, client_id=lease.client_id, at=at, reason=over_limit_reason)
    return lease


def activate(session: Session, tenant: Tenant, *, lease_id: str, first_day: date, at: datetime) -> Lease:
    """Start a lease that has no asset lines.

    :raises Conflict: if it has some: they start it when the first is accepted.
    """
    lease = queries.lock_lease(session, tenant, lease_id)
    if session.scalar(
        sa.select(scoped(Line, tenant).where(Line.lease_id == lease.id, Line.kind == "asset").exists())
    ):
        raise Conflict("This lease starts when its first asset is accepted at the client.")
    LEASE_LIFECYCLE.after(LeaseState(lease.state), "activate")
    commence(session, tenant, lease, first_day=first_day, at=at)
    return lease


def earliest_end(lease: Lease, agreement: Agreement, *, noticed_on: date) -> date:
    """When notice given that day can end the lease: after the notice days, but not before the term."""
    after_notice = noticed_on + timedelta(days=agreement.notice_days)
    return max(after_notice, lease.ends_on) if lease.ends_on else after_notice


def give_notice(
    session: Session, tenant: Tenant, *, lease_id: str, noticed_on: date, at: datetime, reason: str = ""
) -> Lease:
    """End the lease at the first day its terms allow; the term grows by a late notice."""
    lease = queries.lock_lease(session, tenant, lease_id)
    agreement = queries.get_agreement(session, tenant, agreement_id=lease.agreement_id)
    before = snapshot(lease, (), on=noticed_on)
    move(session, tenant, lease, "give_notice", at=at, effective_on=noticed_on, reason=reason)
    lease.notice_given_on = noticed_on
    lease.ends_on = earliest_end(lease, agreement, noticed_on=noticed_on)
    require_open(session, tenant, effective_on=lease.ends_on)
    record_amendment(
        session,
        tenant,
        lease=lease,
        kind="terminate",
        effective_on=lease.ends_on,
        at=at,
        before=before,
        after=snapshot(lease, (), on=noticed_on),
        wanted={"noticed_on": noticed_on.isoformat()},
        reason=reason,
    )
    outbox.publish(
        session, tenant, "lease.notice_given", lease_id=lease.id, ends_on=lease.ends_on.isoformat()
    )
    return lease


def withdraw_notice(session: Session, tenant: Tenant, *, lease_id: str, at: datetime) -> Lease:
    """The client stays after all. What the notice added to the term stays added."""
    lease = queries.lock_lease(session, tenant, lease_id)
    today = local_day(at, lease.time_zone)
    before = snapshot(lease, (), on=today)
    move(session, tenant, lease, "withdraw_notice", at=at, effective_on=today)
    lease.notice_given_on = None
    record_amendment(
        session,
        tenant,
        lease=lease,
        kind="terminate",
        effective_on=today,
        at=at,
        before=before,
        after=snapshot(lease, (), on=today),
        wanted={"withdrawn": True},
    )
    return lease


def renew(session: Session, tenant: Tenant, *, lease_id: str, months: int, at: datetime) -> Lease:
    """Go on for `months` more from where the term ended, at the same rent."""
    lease = queries.lock_lease(session, tenant, lease_id)
    ended_on, before = lease.ends_on, snapshot(lease, (), on=at.date())
    extend(session, tenant, lease=lease, months=months, at=at)
    record_amendment(
        session,
        tenant,
        lease=lease,
        kind="renew",
        effective_on=ended_on or at.date(),
        at=at,
        before=before,
        after=snapshot(lease, (), on=at.date()),
        wanted={"months": months},
    )
    return lease


def extend(session: Session, tenant: Tenant, *, lease: Lease, months: int, at: datetime) -> None:
    """Add months to the term of a locked lease, and take a notice back."""
    if not 1 <= months <= 120:
        raise InvalidInput("Renew for 1 to 120 months.", field="months")
    if lease.ends_on is None:
        raise Conflict("This lease has not commenced.")
    move(session, tenant, lease, "renew", at=at, effective_on=lease.ends_on)
    lease.ends_on = months_on(lease.ends_on, months, anchor_day=lease.anchor_day)
    lease.term_months += months
    lease.notice_given_on = None
    outbox.publish(session, tenant, "lease.renewed", lease_id=lease.id)


def cancel(session: Session, tenant: Tenant, *, lease_id: str, reason: str, at: datetime) -> Lease:
    """Drop a lease that never started.

    :raises Conflict: while assets are reserved or on their way for it.
    """
    lease = queries.lock_lease(session, tenant, lease_id)
    lines = [line.id for line in queries.get_lease(session, tenant, lease_id=lease_id).lines]
    open_ones = queries.assignments_by_line(session, tenant, line_ids=lines)
    if any(row.during.upper is None for rows in open_ones.values() for row in rows):
        raise Conflict("Release the assets reserved for this lease first.")
    move(session, tenant, lease, "cancel", at=at, effective_on=local_day(at, lease.time_zone), reason=reason)
    return lease


def hold_over(session: Session, tenant: Tenant, *, lease_id: str, today: date, at: datetime) -> Lease:
    """The term has run out and hardware is still there: month to month at the holdover rate."""
    lease = queries.lock_lease(session, tenant, lease_id)
    if lease.ends_on is None or lease.ends_on > today:
        raise Conflict("The term has not run out.")
    move(session, tenant, lease, "hold_over", at=at, effective_on=lease.ends_on)
    outbox.publish(session, tenant, "lease.held_over", lease_id=lease.id)
    return lease


def lock_draft(session: Session, tenant: Tenant, lease_id: str) -> Lease:
    """The lease, locked, as long as it may still be written on.

    :raises LeaseNotEditable: once it was quoted.
    """
    lease = queries.lock_lease(session, tenant, lease_id)
    if lease.state != LeaseState.DRAFT:
        raise LeaseNotEditable(
            f"Lease {lease.number} is {lease.state}: take the quote back to a draft to change it."
        )
    return lease
