"""Nothing that is agreed changes days whose books are closed."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from haas.errors import InvalidInput
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant

LOCKED_UNTIL = "books_locked_until"  # a partner's policy: the last closed day, written by whoever locks


def require_open(session: Session, tenant: Tenant, *, effective_on: date) -> None:
    """Refuse a day in books that are closed.

    For what people agree on, which they can date as they like. What simply happened, as a device that came
    back or was lost, keeps its day: the first open month bears it.

    :raises InvalidInput: naming the last closed day.
    """
    locked = session.get_one(Partner, tenant.partner_id).policies.get(LOCKED_UNTIL)
    if locked and effective_on <= date.fromisoformat(str(locked)):
        raise InvalidInput(f"The books are closed up to {locked}: choose a later day.", field="effective_on")
