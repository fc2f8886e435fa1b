"""Reads: amendments, and leases of which they have left nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from leases.amendment_models import Amendment
from leases.lifecycle import RUNNING
from leases.models import Lease, Line


def get_amendment(
    session: Session, tenant: Tenant, *, amendment_id: str, lease_id: str | None = None, lock: bool = False
) -> Amendment:
    """One amendment.

    :raises NotFound: if this tenant has none by that id (on that lease).
    """
    statement = scoped(Amendment, tenant).where(Amendment.id == amendment_id)
    if lease_id is not None:
        statement = statement.where(Amendment.lease_id == lease_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(statement)
    if found is None:
        raise NotFound(f"There is no amendment {amendment_id}.")
    return found


def find_by_key(session: Session, tenant: Tenant, *, key: str) -> Amendment | None:
    """What was asked for with this key before."""
    return session.scalar(scoped(Amendment, tenant).where(Amendment.idempotency_key == key))


def list_amendments(
    tenant: Tenant, *, lease_id: str | None = None, state: str | None = None
) -> sa.Select[Amendment]:
    """Amendments, to be paged by the caller."""
    statement = scoped(Amendment, tenant)
    if lease_id is not None:
        statement = statement.where(Amendment.lease_id == lease_id)
    return statement if state is None else statement.where(Amendment.state == state)


def ended_leases(session: Session, tenant: Tenant, *, today: date) -> Sequence[Lease]:
    """Leases past their term of which every line that ever began has ended."""
    begun = sa.and_(
        Line.partner_id == Lease.partner_id, Line.lease_id == Lease.id, Line.starts_on.is_not(None)
    )
    return session.scalars(
        scoped(Lease, tenant)
        .where(
            Lease.state.in_(sorted(RUNNING)),
            Lease.ends_on <= today,
            sa.exists().where(begun),
            ~sa.exists().where(begun, sa.or_(Line.ends_on.is_(None), Line.ends_on > today)),
        )
        .order_by(Lease.id)
    ).all()


def amendments_of(session: Session, tenant: Tenant, *, lease_id: str) -> Sequence[Amendment]:
    """The latest hundred of a lease, newest first."""
    return session.scalars(
        list_amendments(tenant, lease_id=lease_id).order_by(Amendment.id.desc()).limit(100)
    ).all()
