"""A partner's own row, locked for a change."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant


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
