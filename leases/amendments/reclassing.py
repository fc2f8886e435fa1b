"""What an amendment does to the class of its lease: decided anew where term, price or scope changed."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from haas.calendar import local_day
from haas.tenancy.scope import Tenant
from leases.amendment_models import Amendment
from leases.classifying import NotClassifiable, classify_lease
from leases.models import Lease

_TERM = frozenset({"ends_on", "term_months"})
_LINE = frozenset({"quantity", "unit_price", "ends_on"})


def classify_anew(session: Session, tenant: Tenant, *, amendment: Amendment, at: datetime) -> None:
    """Decide the class by what is left from the day of the amendment (ASC 842-10-25-1, IFRS 16.79-80).

    An amendment that ends the lease counts from the day on which it is made: from then on the term is
    another. Outside of the term, and for services alone, there is nothing to decide.
    """
    if not is_modification(amendment):
        return
    session.flush()
    # Whoever amends has locked it: it is at hand.
    lease = session.get_one(Lease, (tenant.partner_id, amendment.lease_id))
    on = _day_of(lease, amendment.effective_on, local_day(at, lease.time_zone))
    if on is None:
        return
    try:
        classify_lease(session, tenant, lease_id=lease.id, at=at, as_of=on, by=amendment.number)
    except NotClassifiable:
        return


def is_modification(amendment: Amendment) -> bool:
    """Whether it changes the term, a price or what is leased."""
    if amendment.kind == "substitute":
        return True
    return any(
        bool((_TERM if name == "lease" else _LINE) & set(fields)) for name, fields in amendment.after.items()
    )


def _day_of(lease: Lease, *days: date) -> date | None:
    if lease.commences_on is None or lease.ends_on is None:
        return None
    return next((day for day in days if lease.commences_on <= day < lease.ends_on), None)
