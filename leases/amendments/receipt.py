"""A device came back: its line ends, or ends later than was agreed, and the amendment that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session, joinedload

from haas.calendar import ONE_DAY, local_day
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.amendments.charges import Charges, Going, charges_for
from leases.amendments.record import NOTHING, record, snapshot
from leases.contract import terms_of
from leases.models import Lease, Line


@dataclass(frozen=True, slots=True)
class ReturnCost:
    """What leaving costs if a device is back on a day, by the same figures as its amendment then."""

    back_on: date
    charge: Decimal
    currency: str
    shown: Mapping[str, Any]


def stop_rent(
    session: Session,
    tenant: Tenant,
    *,
    lease: Lease,
    line: Line,
    return_number: str,
    notice_on: date,
    at: datetime,
) -> date:
    """The day of receipt, where the client is, is the last rent day. Answers the day after it.

    A line that was to end sooner is paid for up to then; one that was to end later, by an amendment, keeps
    its end. A line that no amendment had ended leaves early, and costs what the agreement says.
    """
    ends_on = max(local_day(at, lease.time_zone) + ONE_DAY, line.starts_on or date.min)
    if line.ends_on is not None and line.ends_on >= ends_on:
        return line.ends_on
    charges = None
    if line.ends_on is None:
        charges = cost_of_leaving(session, tenant, lease=lease, line=line, on=ends_on, asked_on=notice_on)
    before = snapshot(lease, [line], on=ends_on)
    line.ends_on = ends_on
    session.flush()
    record(
        session,
        tenant,
        lease=lease,
        kind="scale_down",
        effective_on=ends_on,
        at=at,
        line_ids=[line.id],
        before=before,
        after=snapshot(lease, [line], on=ends_on),
        reason=return_number,
        charge=charges.total if charges else NOTHING,
        charge_kind="early_return",
        covered_lines=charges.covered if charges else 0,
        shown=charges.shown() if charges else {},
    )
    return ends_on


def cost_of_leaving(
    session: Session, tenant: Tenant, *, lease: Lease, line: Line, on: date, asked_on: date
) -> Charges | None:
    """What the line costs if its device is back by that day; none if it has not begun to owe."""
    if line.starts_on is None or lease.commences_on is None:
        return None
    agreement = queries.get_agreement(session, tenant, agreement_id=lease.agreement_id)
    terms = terms_of(lease, line, agreement)
    lines = list(queries.get_lease(session, tenant, lease_id=lease.id).lines)
    return charges_for(
        session,
        tenant,
        lease=lease,
        agreement=agreement,
        lines=lines,
        going=[Going(line, terms, terms, line.ends_on)],
        on=on,
        asked_on=asked_on,
    )


def cost_of_return(
    session: Session, tenant: Tenant, *, asset_id: str, due_on: date, asked_on: date, at: datetime
) -> ReturnCost | None:
    """What its receipt on that day would charge; none for a device that stands on no line in service."""
    standing = queries.find_standing(session, tenant, asset_id=asset_id, at=at)
    if standing is None:
        return None
    line = (
        session.scalars(
            scoped(Line, tenant)
            .where(Line.id == standing.line_id)
            .options(joinedload(Line.terms_over_time), joinedload(Line.abatements))
        )
        .unique()
        .one()
    )
    lease = session.scalars(scoped(Lease, tenant).where(Lease.id == line.lease_id)).one()
    if line.starts_on is None or lease.commences_on is None:
        return None
    # One that an amendment has ended was charged by that.
    charges = None
    if line.ends_on is None:
        ends_on = max(due_on + ONE_DAY, line.starts_on)
        charges = cost_of_leaving(session, tenant, lease=lease, line=line, on=ends_on, asked_on=asked_on)
    return ReturnCost(
        due_on,
        charges.total if charges else Decimal(0),
        lease.currency,
        charges.shown() if charges else {},
    )
