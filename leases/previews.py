"""What would happen: a swap, a hand-over, a notice or a charge, with exact figures and nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from devices.models import Asset
from haas import db
from haas.calendar import ONE_DAY, local_day
from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.contract import stays_of, terms_of
from leases.models import Lease, Line
from leases.operations import earliest_end
from leases.rent import current_period
from leases.returns import damage_charge
from leases.schedule import RentKind, RentPayment, SerialShare, rent_due, split_by_serial
from leases.swaps import swap_asset
from leases.terms import commencement, rent_start


@dataclass(frozen=True, slots=True)
class SwapPreview:
    """Two assets before and after a swap, and how the running period's days and rent would be split."""

    lease: Lease
    line: Line
    outgoing: Asset
    incoming: Asset
    reason: str
    at: datetime
    day: date  # of the swap, where the client is: it belongs to the incoming asset
    payment: RentPayment | None  # of the period that runs
    shares: Sequence[SerialShare]


def preview_swap(
    session: Session, tenant: Tenant, *, outgoing_id: str, incoming_id: str, reason: str, at: datetime
) -> SwapPreview:
    """Do the swap and take it back: what refuses the swap refuses the preview, with the same words.

    :raises HaasError: whatever `swap_asset` raises.
    """
    with db.taken_back(session):
        swap = swap_asset(
            session, tenant, outgoing_id=outgoing_id, incoming_id=incoming_id, reason=reason, at=at
        )
        lease_id, line_id = swap.lease_id, swap.line_id
        rows = queries.assignments_by_line(session, tenant, line_ids=[line_id])[line_id]
        lease = queries.get_lease(session, tenant, lease_id=lease_id)
        stays = stays_of(rows, time_zone=lease.time_zone)
    lease = queries.get_lease(session, tenant, lease_id=lease_id)
    line = next(row for row in lease.lines if row.id == line_id)
    agreement = queries.get_agreement(session, tenant, agreement_id=lease.agreement_id)
    assets = queries.assets_by_id(session, tenant, asset_ids=[outgoing_id, incoming_id])
    day = local_day(at, lease.time_zone)
    payment = current_period(lease, line, agreement, day=day)
    shares = (
        split_by_serial(payment.amount, payment.period, stays, currency=lease.currency) if payment else []
    )
    return SwapPreview(
        lease, line, assets[outgoing_id], assets[incoming_id], reason, at, day, payment, shares
    )


@dataclass(frozen=True, slots=True)
class AcceptancePreview:
    """What a client's signature now would start."""

    first_day: date  # the first rent day, where the client is
    commences_on: date  # the base term's first day
    ends_on: date  # exclusive
    interim: Decimal  # rent of the days before the base term
    interim_days: int
    rent: Decimal  # of a full period
    starts_lease: bool  # whether it is the lease's first asset


def preview_acceptance(
    session: Session, tenant: Tenant, *, lease: Lease, line: Line, at: datetime
) -> AcceptancePreview:
    """The dates and the interim rent of one line if its asset is accepted at that moment."""
    agreement = queries.get_agreement(session, tenant, agreement_id=lease.agreement_id)
    first_day = rent_start(at, lease.time_zone)
    commences_on = lease.commences_on or commencement(
        accepted_on=first_day, anchor_day=lease.anchor_day, interim_rent=lease.interim_rent
    )
    terms = terms_of(lease, line, agreement, if_commenced_on=commences_on)
    starts_on = line.starts_on or first_day
    interim = [
        payment
        for payment in rent_due(terms, starts_on, max(starts_on, commences_on), commences_on)
        if payment.kind is RentKind.INTERIM
    ]
    return AcceptancePreview(
        first_day=first_day,
        commences_on=commences_on,
        ends_on=terms.base_end,
        interim=sum((payment.amount for payment in interim), Decimal(0)),
        interim_days=sum(payment.days for payment in interim),
        rent=terms.rent,
        starts_lease=lease.commences_on is None,
    )


@dataclass(frozen=True, slots=True)
class NoticePreview:
    """When a notice given that day would end the lease."""

    noticed_on: date
    last_day: date
    ends_on: date  # exclusive
    extends_by_days: int  # how far a late notice moves the end


def preview_notice(session: Session, tenant: Tenant, *, lease: Lease, noticed_on: date) -> NoticePreview:
    """What `give_notice` would set."""
    agreement = queries.get_agreement(session, tenant, agreement_id=lease.agreement_id)
    ends_on = earliest_end(lease, agreement, noticed_on=noticed_on)
    moved = (ends_on - lease.ends_on).days if lease.ends_on else 0
    return NoticePreview(noticed_on, ends_on - ONE_DAY, ends_on, moved)


@dataclass(frozen=True, slots=True)
class ChargePreview:
    """What an inspection would charge, and how long the client may object."""

    repair_cost: Decimal
    fair_market_value: Decimal
    charge: Decimal
    is_capped: bool


def preview_charge(*, repair_cost: Decimal, fair_market_value: Decimal) -> ChargePreview:
    """The smaller of the two.

    :raises InvalidInput: for negative figures.
    """
    charge = damage_charge(repair_cost=repair_cost, fair_market_value=fair_market_value)
    return ChargePreview(repair_cost, fair_market_value, charge, is_capped=charge < repair_cost)


def rent_stop(
    session: Session, tenant: Tenant, *, lease_id: str | None, line_id: str | None, at: datetime
) -> date | None:
    """The last rent day if the asset is received at that moment; none if its line goes on without it."""
    if lease_id is None or line_id is None:
        return None
    lease = session.scalar(scoped(Lease, tenant).where(Lease.id == lease_id))
    if lease is None:
        raise NotFound(f"There is no lease {lease_id}.")
    return local_day(at, lease.time_zone)
