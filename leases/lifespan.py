"""How a lease moves by itself: the first asset accepted starts it, the last one returned closes it."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import outbox
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from leases.amendments.record import record as record_amendment
from leases.amendments.record import snapshot
from leases.classifying import classify_at_commencement
from leases.lifecycle import LEASE_LIFECYCLE, RUNNING, LeaseState
from leases.models import Assignment, Lease, LeaseMove, Line
from leases.terms import LineKind, commencement, months_on


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
    record(
        session, tenant, lease, verb=verb, from_state=before, effective_on=effective_on, at=at, reason=reason
    )


def commence(session: Session, tenant: Tenant, lease: Lease, *, first_day: date, at: datetime) -> None:
    """The first asset was accepted: fix the base term, and start lines that need no asset.

    Called by the acceptance of an asset; a lease of services alone commences by `activate`.
    """
    if lease.state != LeaseState.ACCEPTED:
        return
    lease.commences_on = commencement(
        accepted_on=first_day, anchor_day=lease.anchor_day, interim_rent=lease.interim_rent
    )
    lease.ends_on = months_on(lease.commences_on, lease.term_months, anchor_day=lease.anchor_day)
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
    classify_at_commencement(session, tenant, lease=lease, at=at)
    outbox.publish(session, tenant, "lease.activated", lease_id=lease.id)


def close_if_done(session: Session, tenant: Tenant, lease: Lease, *, on: date, at: datetime) -> bool:
    """Close a lease whose hardware is all back; services on it end with it.

    A place that an amendment has ended is open as long as its device still stands there.
    """
    standing = (
        sa.select(Assignment.id)
        .where(
            Assignment.partner_id == Line.partner_id,
            Assignment.line_id == Line.id,
            sa.func.upper_inf(Assignment.during),
        )
        .exists()
    )
    is_open = session.scalar(
        sa.select(
            scoped(Line, tenant)
            .where(
                Line.lease_id == lease.id,
                Line.kind.in_((LineKind.ASSET, LineKind.POOLED)),
                sa.or_(Line.ends_on.is_(None), standing),
            )
            .exists()
        )
    )
    if is_open or lease.state not in RUNNING:
        return False
    move(session, tenant, lease, "close", at=at, effective_on=on)
    lease.closed_on = on
    _end_with_it(session, tenant, lease, on=on, at=at)
    outbox.publish(session, tenant, "lease.closed", lease_id=lease.id)
    return True


def _end_with_it(session: Session, tenant: Tenant, lease: Lease, *, on: date, at: datetime) -> None:
    lines = session.scalars(
        scoped(Line, tenant).where(Line.lease_id == lease.id, Line.ends_on.is_(None)).order_by(Line.id)
    ).all()
    # What is charged once has no rent that could end.
    rents = [line for line in lines if line.kind != LineKind.ONE_OFF]
    before = snapshot(lease, rents, on=on)
    for line in lines:
        line.ends_on = max(on, line.starts_on or on)
    session.flush()
    if rents:
        record_amendment(
            session,
            tenant,
            lease=lease,
            kind="terminate",
            effective_on=on,
            at=at,
            line_ids=[line.id for line in rents],
            before=before,
            after=snapshot(lease, rents, on=on),
            reason="all hardware is back",
        )


def record(
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
    """Leave the row of a move that was made."""
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
