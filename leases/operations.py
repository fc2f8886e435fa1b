"""Draft, quote, accept, activate, end: the life of a lease up to its return."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import HardwareModel
from haas import outbox
from haas.calendar import add_months
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.series import take_number
from haas.tenancy.models import Client, Site
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.errors import LeaseNotEditable
from leases.lifecycle import LEASE_LIFECYCLE, LeaseState
from leases.models import Agreement, Lease, LeaseMove, Line
from leases.terms import commencement

MONEY_MAX = Decimal("1e11")


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
    flex_down_pct: Decimal = Decimal(0),
    holdover_rate_pct: Decimal = Decimal(100),
) -> Agreement:
    """A master agreement: the conventions that all leases under it follow.

    :raises NotFound: if the client is not this partner's.
    """
    client = session.scalar(scoped(Client, tenant).where(Client.id == client_id))
    if client is None:
        raise NotFound(f"There is no client {client_id}.")
    if notice_days < 0 or payment_terms_days < 0:
        raise InvalidInput("Days cannot be negative.", field="notice_days")
    if not 0 <= holdover_rate_pct <= 500:
        raise InvalidInput("The holdover rate is 0 to 500 percent of the rent.", field="holdover_rate_pct")
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
        flex_down_pct=flex_down_pct,
        holdover_rate_pct=holdover_rate_pct,
        created_at=at,
    )
    session.add(agreement)
    session.flush()
    return agreement


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
    number: str | None = None,
) -> Lease:
    """A new lease schedule under an agreement, empty and not yet offered."""
    agreement = queries.get_agreement(session, tenant, agreement_id=agreement_id)
    if site_id is not None:
        _site_of_client(session, tenant, site_id=site_id, client_id=agreement.client_id)
    if not 1 <= term_months <= 120:
        raise InvalidInput("The term is 1 to 120 months.", field="term_months")
    if not 1 <= anchor_day <= 31:
        raise InvalidInput("The billing day is 1 to 31.", field="anchor_day")
    if interval_months not in (1, 3, 6, 12):
        raise InvalidInput("Rent is billed every 1, 3, 6 or 12 months.", field="interval_months")
    if timing not in ("advance", "arrears"):
        raise InvalidInput("Rent is due in advance or in arrears.", field="timing")
    lease = Lease(
        partner_id=tenant.partner_id,
        id=new_id("lse"),
        agreement_id=agreement.id,
        client_id=agreement.client_id,
        site_id=site_id,
        number=number or take_number(session, tenant, series="lease", pattern="L-{:05d}"),
        title=title,
        state=LeaseState.DRAFT,
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
    _record(session, tenant, lease, verb="draft", from_state=None, effective_on=at.date(), at=at)
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
    tax_category: str = "S",
) -> Line:
    """Add a rent to a draft. An asset line is the place of one asset: its quantity is 1.

    :raises LeaseNotEditable: once the lease was quoted.
    """
    lease = _lock_draft(session, tenant, lease_id)
    if kind == "asset":
        if quantity != 1:
            raise InvalidInput("An asset line holds one asset; add a line for each.", field="quantity")
        if model_id is None:
            raise InvalidInput("Choose the hardware model of this line.", field="model_id")
    if not 0 <= unit_price < MONEY_MAX:
        raise InvalidInput("The rent cannot be negative.", field="unit_price")
    if quantity <= 0:
        raise InvalidInput("The quantity is more than 0.", field="quantity")
    if not description.strip():
        raise InvalidInput("Say what this line is for; the invoice prints it.", field="description")
    if model_id is not None and not session.scalar(
        sa.select(scoped(HardwareModel, tenant).where(HardwareModel.id == model_id).exists())
    ):
        raise NotFound(f"There is no hardware model {model_id}.")
    line = Line(
        partner_id=tenant.partner_id,
        id=new_id("lin"),
        lease_id=lease.id,
        client_id=lease.client_id,
        kind=kind,
        description=description.strip(),
        model_id=model_id,
        quantity=quantity,
        unit_price=unit_price,
        residual_value=residual_value,
        tax_category=tax_category,
        created_at=at,
    )
    session.add(line)
    session.flush()
    return line


def remove_line(session: Session, tenant: Tenant, *, lease_id: str, line_id: str) -> None:
    """Take a line off a draft."""
    _lock_draft(session, tenant, lease_id)
    session.delete(queries.get_line(session, tenant, lease_id=lease_id, line_id=line_id))
    session.flush()


def quote(session: Session, tenant: Tenant, *, lease_id: str, valid_until: date, at: datetime) -> Lease:
    """Offer the draft to the client until a day."""
    lease = queries.lock_lease(session, tenant, lease_id)
    if not session.scalar(sa.select(scoped(Line, tenant).where(Line.lease_id == lease.id).exists())):
        raise Conflict("Add at least one line before you quote this lease.")
    move(session, tenant, lease, "quote", at=at, effective_on=at.date())
    lease.quote_valid_until = valid_until
    return lease


def revise(session: Session, tenant: Tenant, *, lease_id: str, at: datetime) -> Lease:
    """Take a quote back to be changed."""
    lease = queries.lock_lease(session, tenant, lease_id)
    move(session, tenant, lease, "revise", at=at, effective_on=at.date())
    lease.quote_valid_until = None
    return lease


def accept(
    session: Session, tenant: Tenant, *, lease_id: str, signer: str, accepted_on: date, at: datetime
) -> Lease:
    """The client agrees to the quote. Rent begins when hardware is accepted on site, not here.

    :raises Conflict: if the quote has run out.
    """
    lease = queries.lock_lease(session, tenant, lease_id)
    if not signer.strip():
        raise InvalidInput("Name who accepted.", field="signer")
    if lease.quote_valid_until is not None and accepted_on > lease.quote_valid_until:
        raise Conflict(f"The quote ran out on {lease.quote_valid_until}; revise it first.")
    move(session, tenant, lease, "accept", at=at, effective_on=accepted_on, reason=signer.strip())
    lease.accepted_on = accepted_on
    outbox.publish(session, tenant, "lease.accepted", lease_id=lease.id)
    return lease


def commence(session: Session, tenant: Tenant, lease: Lease, *, first_day: date, at: datetime) -> None:
    """The first asset was accepted: fix the base term, and start lines that need no asset.

    Called by the acceptance of an asset; a lease of services alone commences by `activate`.
    """
    if lease.state != LeaseState.ACCEPTED:
        return
    lease.commences_on = commencement(
        accepted_on=first_day, anchor_day=lease.anchor_day, interim_rent=lease.interim_rent
    )
    lease.ends_on = add_months(lease.commences_on, lease.term_months)
    move(session, tenant, lease, "activate", at=at, effective_on=first_day)
    session.execute(
        sa.update(Line)
        .where(
            Line.partner_id == tenant.partner_id,
            Line.lease_id == lease.id,
            Line.kind != "asset",
            Line.starts_on.is_(None),
        )
        .values(starts_on=first_day)
    )
    outbox.publish(session, tenant, "lease.activated", lease_id=lease.id)


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
    move(session, tenant, lease, "give_notice", at=at, effective_on=noticed_on, reason=reason)
    lease.notice_given_on = noticed_on
    lease.ends_on = earliest_end(lease, agreement, noticed_on=noticed_on)
    outbox.publish(
        session, tenant, "lease.notice_given", lease_id=lease.id, ends_on=lease.ends_on.isoformat()
    )
    return lease


def withdraw_notice(session: Session, tenant: Tenant, *, lease_id: str, at: datetime) -> Lease:
    """The client stays after all. What the notice added to the term stays added."""
    lease = queries.lock_lease(session, tenant, lease_id)
    move(session, tenant, lease, "withdraw_notice", at=at, effective_on=at.date())
    lease.notice_given_on = None
    return lease


def renew(session: Session, tenant: Tenant, *, lease_id: str, months: int, at: datetime) -> Lease:
    """Go on for `months` more from where the term ended, at the same rent."""
    lease = queries.lock_lease(session, tenant, lease_id)
    if not 1 <= months <= 120:
        raise InvalidInput("Renew for 1 to 120 months.", field="months")
    if lease.ends_on is None:
        raise Conflict("This lease has not commenced.")
    move(session, tenant, lease, "renew", at=at, effective_on=lease.ends_on)
    lease.ends_on = add_months(lease.ends_on, months)
    lease.term_months += months
    lease.notice_given_on = None
    outbox.publish(session, tenant, "lease.renewed", lease_id=lease.id)
    return lease


def cancel(session: Session, tenant: Tenant, *, lease_id: str, reason: str, at: datetime) -> Lease:
    """Drop a lease that never started.

    :raises Conflict: while assets are reserved or on their way for it.
    """
    lease = queries.lock_lease(session, tenant, lease_id)
    lines = [line.id for line in queries.get_lease(session, tenant, lease_id=lease_id).lines]
    open_ones = queries.assignments_by_line(session, tenant, line_ids=lines)
    if any(row.during.upper is None for rows in open_ones.values() for row in rows):
        raise Conflict("Release the assets reserved for this lease first.")
    move(session, tenant, lease, "cancel", at=at, effective_on=at.date(), reason=reason)
    return lease


def hold_over(session: Session, tenant: Tenant, *, lease_id: str, today: date, at: datetime) -> Lease:
    """The term has run out and hardware is still there: month to month at the holdover rate."""
    lease = queries.lock_lease(session, tenant, lease_id)
    if lease.ends_on is None or lease.ends_on > today:
        raise Conflict("The term has not run out.")
    move(session, tenant, lease, "hold_over", at=at, effective_on=lease.ends_on)
    outbox.publish(session, tenant, "lease.held_over", lease_id=lease.id)
    return lease


def close_if_done(session: Session, tenant: Tenant, lease: Lease, *, on: date, at: datetime) -> bool:
    """Close a lease whose asset lines have all ended; services on it end with it."""
    open_assets = session.scalar(
        sa.select(sa.func.count())
        .select_from(Line)
        .where(
            Line.partner_id == tenant.partner_id,
            Line.lease_id == lease.id,
            Line.kind == "asset",
            Line.ends_on.is_(None),
        )
    )
    if open_assets or lease.state not in (LeaseState.ACTIVE, LeaseState.ENDING, LeaseState.HOLDOVER):
        return False
    session.execute(
        sa.update(Line)
        .where(Line.partner_id == tenant.partner_id, Line.lease_id == lease.id, Line.ends_on.is_(None))
        .values(ends_on=sa.func.greatest(on, sa.func.coalesce(Line.starts_on, on)))
    )
    move(session, tenant, lease, "close", at=at, effective_on=on)
    lease.closed_on = on
    outbox.publish(session, tenant, "lease.closed", lease_id=lease.id)
    return True


def move(
    session: Session,
    tenant: Tenant,
    lease: Lease,
    verb: str,
    *,
    at: datetime,
    effective_on: date,
    reason: str = "",
) -> None:
    """Change the state of a locked lease by the table, and leave the row that says so.

    :raises IllegalMove: if the table has no such move.
    """
    before = LeaseState(lease.state)
    lease.state = LEASE_LIFECYCLE.after(before, verb)
    session.flush()
    _record(
        session, tenant, lease, verb=verb, from_state=before, effective_on=effective_on, at=at, reason=reason
    )


def _record(
    session: Session,
    tenant: Tenant,
    lease: Lease,
    *,
    verb: str,
    from_state: LeaseState | None,
    effective_on: date,
    at: datetime,
    reason: str = "",
) -> None:
    session.add(
        LeaseMove(
            partner_id=tenant.partner_id,
            id=new_id("lmv"),
            lease_id=lease.id,
            verb=verb,
            from_state=from_state,
            to_state=lease.state,
            effective_on=effective_on,
            moved_at=at,
            actor=tenant.actor,
            reason=reason,
        )
    )
    session.flush()


def _lock_draft(session: Session, tenant: Tenant, lease_id: str) -> Lease:
    lease = queries.lock_lease(session, tenant, lease_id)
    if lease.state != LeaseState.DRAFT:
        raise LeaseNotEditable(
            f"Lease {lease.number} is {lease.state}: take the quote back to a draft to change it."
        )
    return lease


def _site_of_client(session: Session, tenant: Tenant, *, site_id: str, client_id: str) -> None:
    if session.scalar(scoped(Site, tenant).where(Site.id == site_id, Site.client_id == client_id)) is None:
        raise NotFound(f"There is no site {site_id} of this client.")
