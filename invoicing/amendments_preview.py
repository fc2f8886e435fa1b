"""What an amendment does, by doing it and taking it back: charge, term, next papers before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from haas import db
from haas.calendar import ONE_DAY, local_day
from haas.tenancy.scope import Tenant
from invoicing.previews import ClientPreview, preview_client
from leases import queries
from leases.amendments import operations
from leases.amendments.wanted import Wanted
from leases.classifying import NotClassifiable, classifications_of, classify_lease
from leases.models import Agreement, Lease
from leases.terms import LeaseTerms


@dataclass(frozen=True, slots=True)
class AmendmentPreview:
    """Everything that is shown before an amendment is confirmed. What is shown is what is then billed."""

    kind: str
    effective_on: date
    charge: Decimal
    covered_lines: int
    shown: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    ends_on_before: date | None
    ends_on_after: date | None
    bill_on: date  # the next day on which rent of the lease falls due
    bill_before: ClientPreview
    bill_after: ClientPreview
    currency: str
    class_before: Mapping[str, str]  # by framework; the lessor's own affair
    class_after: Mapping[str, str]

    @property
    def difference(self) -> Decimal:
        """How much more (or less) the next papers come to, tax included."""
        return self.bill_after.total - self.bill_before.total


def preview_amendment(
    session: Session,
    tenant: Tenant,
    *,
    lease_id: str,
    kind: str,
    effective_on: date,
    wanted: Wanted,
    at: datetime,
    reason: str = "",
) -> AmendmentPreview:
    """Bill the client's next papers, amend, bill them again, and leave no trace.

    :raises HaasError: whatever refuses the amendment, with the same words.
    """
    lease = queries.get_lease(session, tenant, lease_id=lease_id)
    agreement = queries.get_agreement(session, tenant, agreement_id=lease.agreement_id)
    client_id, ends_on, currency = lease.client_id, lease.ends_on, lease.currency
    bill_on = next_bill_day(lease, agreement, after=max(local_day(at, lease.time_zone), effective_on))
    class_before = _classes(session, tenant, lease_id=lease_id, at=at)
    bill_before = preview_client(session, tenant, client_id=client_id, as_of=bill_on)
    with db.taken_back(session, forget=True):
        done = operations.carry_out(
            session,
            tenant,
            lease_id=lease_id,
            kind=kind,
            effective_on=effective_on,
            wanted=wanted,
            at=at,
            reason=reason,
        )
        bill_after = preview_client(session, tenant, client_id=client_id, as_of=bill_on)
        return AmendmentPreview(
            kind=kind,
            effective_on=effective_on,
            charge=done.charge,
            covered_lines=done.covered_lines,
            shown=dict(done.shown),
            before=dict(done.before),
            after=dict(done.after),
            ends_on_before=ends_on,
            ends_on_after=queries.get_lease(session, tenant, lease_id=lease_id).ends_on,
            bill_on=bill_on,
            bill_before=bill_before,
            bill_after=bill_after,
            currency=currency,
            class_before=class_before,
            class_after=_classes(session, tenant, lease_id=lease_id, at=at),
        )


def _classes(session: Session, tenant: Tenant, *, lease_id: str, at: datetime) -> dict[str, str]:
    """What it was decided to be, or what it would be; nothing where that cannot be said."""
    if held := classifications_of(session, tenant, lease_id=lease_id):
        return {row.framework: row.result for row in held}
    try:
        with db.taken_back(session):
            rows = classify_lease(session, tenant, lease_id=lease_id, at=at)
            return {row.framework: row.result for row in rows}
    except NotClassifiable:
        return {}


def next_bill_day(lease: Lease, agreement: Agreement, *, after: date) -> date:
    """The first day from then on on which rent of the lease falls due; without a term, that day itself."""
    if lease.commences_on is None:
        return after
    grid = LeaseTerms(
        commences_on=lease.commences_on,
        term_months=lease.term_months,
        rent=Decimal(0),
        currency=agreement.currency,
        anchor_day=lease.anchor_day,
        interval_months=lease.interval_months,
    ).cycle
    return grid.next_boundary(after - ONE_DAY)
