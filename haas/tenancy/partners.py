"""The partners' own rows: one locked for a change, and all that sweeps go round."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant


def lock_partner(session: Session, tenant: Tenant) -> Partner:
    """The tenant's partner, locked until the transaction ends, as the last change has left it."""
    # A request has read its partner before. Without reading it anew, whoever waited for the lock would write
    # its policies back as they were, and what the rival has set would be gone.
    return session.scalars(
        sa.select(Partner)
        .where(Partner.id == tenant.partner_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def working_partners(*, actor: str) -> Sequence[Partner]:
    """All partners that are not suspended, in a unit of work of its own: what a sweep goes round."""
    with db.unit_of_work(Platform("operator", actor=actor)) as session:
        return session.scalars(
            sa.select(Partner).where(Partner.suspended_at.is_(None)).order_by(Partner.id)
        ).all()
