"""The row of an amendment, and what a lease looks like on a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from haas import outbox
from haas.ids import new_id
from haas.series import take_number
from haas.tenancy.scope import Tenant
from leases.amendment_models import Amendment
from leases.amendments.reclassing import classify_anew
from leases.amendments.wanted import Snapshot, difference
from leases.contract import terms_on
from leases.models import Lease, Line

NOTHING = Decimal(0)


def snapshot(lease: Lease, lines: Iterable[Line], *, on: date) -> Snapshot:
    """What amendments change, as it is on that day."""
    found: Snapshot = {
        "lease": {
            "ends_on": _day(lease.ends_on),
            "term_months": lease.term_months,
            "state": str(lease.state),
            "site_id": lease.site_id,
        }
    }
    for line in lines:
        quantity, unit_price = terms_on(line, on)
        found[line.id] = {
            "description": line.description,
            "quantity": _plain(quantity),
            "unit_price": _plain(unit_price),
            "starts_on": _day(line.starts_on),
            "ends_on": _day(line.ends_on),
            "abated_days": sum((row.ends_on - row.starts_on).days for row in line.abatements),
        }
    return found


def add(
    session: Session,
    tenant: Tenant,
    *,
    lease: Lease,
    kind: str,
    state: str,
    effective_on: date,
    at: datetime,
    line_ids: Sequence[str] = (),
    wanted: Mapping[str, Any] | None = None,
    reason: str = "",
    idempotency_key: str | None = None,
    flush: bool = True,
) -> Amendment:
    """A new amendment with its number; the figures come later.

    :param flush: whether to write it at once; not where the figures follow on the spot.
    """
    applied = state == "applied"
    amendment = Amendment(
        partner_id=tenant.partner_id,
        id=new_id("amd"),
        number=take_number(session, tenant, series="amendment", pattern="AM-{:05d}"),
        lease_id=lease.id,
        client_id=lease.client_id,
        kind=kind,
        state=state,
        effective_on=effective_on,
        line_ids=list(line_ids),
        wanted=dict(wanted or {}),
        charge=NOTHING,
        reason=reason,
        requested_by=tenant.actor,
        requested_at=at,
        decided_by=tenant.actor if applied else "",
        decided_at=at if applied else None,
        applied_at=at if applied else None,
        idempotency_key=idempotency_key,
    )
    session.add(amendment)
    if flush:
        session.flush()
    return amendment


def record(
    session: Session,
    tenant: Tenant,
    *,
    lease: Lease,
    kind: str,
    effective_on: date,
    at: datetime,
    before: Snapshot,
    after: Snapshot,
    line_ids: Sequence[str] = (),
    wanted: Mapping[str, Any] | None = None,
    reason: str = "",
    charge: Decimal = NOTHING,
    charge_kind: str | None = None,
    covered_lines: int = 0,
    shown: Mapping[str, Any] | None = None,
) -> Amendment:
    """The amendment that an operation of its own has just made: notice, renewal, swap, receipt, purchase.

    A charge of kind `early_return` is billed by the next run; that of a purchase by the purchase itself.
    """
    amendment = add(
        session,
        tenant,
        lease=lease,
        kind=kind,
        state="applied",
        effective_on=effective_on,
        at=at,
        line_ids=line_ids,
        wanted=wanted,
        reason=reason,
        flush=False,
    )
    amendment.before, amendment.after = difference(before, after)
    amendment.charge, amendment.charge_kind = charge, charge_kind if charge else None
    amendment.covered_lines, amendment.shown = covered_lines, dict(shown or {})
    session.flush()
    tell(session, tenant, amendment, at=at)
    return amendment


def tell(session: Session, tenant: Tenant, amendment: Amendment, *, at: datetime) -> None:
    """It is applied: the lease's class is decided anew where it bears on it, and its paper is printed."""
    classify_anew(session, tenant, amendment=amendment, at=at)
    outbox.publish(session, tenant, "lease.amended", amendment_id=amendment.id, lease_id=amendment.lease_id)


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
