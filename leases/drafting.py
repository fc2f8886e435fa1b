"""Change what a draft offers: its title, place, length and billing rhythm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant
from leases import operations, queries
from leases.models import Lease
from leases.terms import check_offer

EDITABLE = frozenset(
    {
        "title",
        "site_id",
        "term_months",
        "timing",
        "anchor_day",
        "interval_months",
        "interim_rent",
        "end_option",
        "commercial_model",
    }
)


def edit_draft(session: Session, tenant: Tenant, *, lease_id: str, changes: Mapping[str, Any]) -> Lease:
    """Change some of a draft's terms; what is left out stays.

    :raises LeaseNotEditable: once the lease was quoted.
    :raises InvalidInput: for a term, billing day, rhythm or timing that there is not.
    """
    lease = operations.lock_draft(session, tenant, lease_id)
    wanted = {name: value for name, value in changes.items() if name in EDITABLE}
    terms = {name: wanted.get(name, getattr(lease, name)) for name in EDITABLE}
    if terms["site_id"] is not None:
        queries.check_site(session, tenant, site_id=terms["site_id"], client_id=lease.client_id)
    check_offer(
        term_months=terms["term_months"],
        timing=terms["timing"],
        anchor_day=terms["anchor_day"],
        interval_months=terms["interval_months"],
        end_option=terms["end_option"],
        commercial_model=terms["commercial_model"],
    )
    for name, value in wanted.items():
        setattr(lease, name, value)
    session.flush()
    return lease
