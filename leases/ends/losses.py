"""A device is lost or stolen: its stipulated loss value is owed, and given back when it is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from devices.lifecycle import AssetState
from devices.operations import move_asset
from devices.queries import get_asset
from haas import outbox
from haas.calendar import ONE_DAY
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from leases import books, queries
from leases.amendments.record import record, snapshot
from leases.ends.models import LossCharge
from leases.ends.notices import policy_of
from leases.ends.places import EndPlace, insured, place_of, places_on
from leases.ends.stipulated import LossValue, loss_table, loss_value
from leases.lifespan import close_if_done
from leases.models import Lease

_GONE = (AssetState.LOST, AssetState.STOLEN)


@dataclass(frozen=True, slots=True)
class LeaseLossTable:
    """What losing a lease's devices would cost, month by month; `of` has the rows of each."""

    currency: str
    places: Sequence[EndPlace]
    of: Sequence[Sequence[LossValue]]
    totals: Sequence[tuple[int, date, Decimal]]  # month, first day, all devices together


def table_of_lease(session: Session, tenant: Tenant, *, lease: Lease) -> LeaseLossTable:
    """The stipulated loss values of a lease that runs, for its paper; a fixed number of queries."""
    places = places_on(session, tenant, lease_ids=[lease.id])
    return table_of_places(session, tenant, lease=lease, places=places)


def table_of_places(
    session: Session, tenant: Tenant, *, lease: Lease, places: Sequence[EndPlace]
) -> LeaseLossTable:
    """The same for whoever has read where its devices stand.

    A device that was bought in another currency than the lease is billed in has none.
    """
    policy = policy_of(session, tenant)
    places = [place for place in places if place.asset.currency == lease.currency]
    tables = [loss_table(insured(place), policy=policy) for place in places]
    totals: dict[tuple[int, date], Decimal] = {}
    for rows in tables:
        for row in rows:
            totals[row.month, row.start] = totals.get((row.month, row.start), Decimal(0)) + row.amount
    return LeaseLossTable(
        lease.currency,
        places,
        tables,
        [(month, on, amount) for (month, on), amount in sorted(totals.items())],
    )


def preview_loss(session: Session, tenant: Tenant, *, asset_id: str, lost_on: date) -> LossValue:
    """What the loss would cost, before anything is recorded.

    :raises AssetNotOnLease: if the device stands on no line.
    """
    place = place_of(session, tenant, asset_id=asset_id)
    return loss_value(insured(place), lost_on=lost_on, policy=policy_of(session, tenant))


def confirm_loss(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    cause: str,
    lost_on: date,
    at: datetime,
    reference: str = "",
) -> LossCharge:
    """The device will not come back: bill its loss value, end its line, close its book against that value.

    :raises InvalidInput: for a theft without the police's reference, or a day that lies ahead.
    :raises AssetNotOnLease: if it stands on no line.
    """
    if cause == "stolen" and not reference.strip():
        raise InvalidInput("Give the reference of the report to the police.", field="reference")
    if lost_on > at.date() + ONE_DAY:
        raise InvalidInput("This day lies ahead.", field="lost_on")
    place = place_of(session, tenant, asset_id=asset_id)
    lease = queries.lock_lease(session, tenant, place.lease.id)
    order = queries.find_open_return(session, tenant, asset_id=asset_id)
    if order is not None and order.state != "requested":
        raise Conflict(f"The device is on its way back: return {order.number} is {order.state}.")
    if place.asset.currency != lease.currency:
        raise Conflict(f"It was bought in {place.asset.currency}: agree on a figure and bill it by hand.")
    row = loss_value(insured(place), lost_on=lost_on, policy=policy_of(session, tenant))
    if order is not None:
        order.state = "cancelled"
    if place.asset.state not in _GONE:
        verb = "report_stolen" if cause == "stolen" else "report_lost"
        move_asset(session, tenant, asset_id=asset_id, verb=verb, at=at, reason=reference.strip())
    charge = LossCharge(
        partner_id=tenant.partner_id,
        id=new_id("los"),
        lease_id=lease.id,
        line_id=place.line.id,
        asset_id=asset_id,
        client_id=place.line.client_id,
        serial=place.standing.serial,
        description=f"{place.asset.model.manufacturer} {place.asset.model.name}",
        cause=cause,
        reference=reference.strip(),
        lost_on=lost_on,
        month=row.month,
        amount=row.amount,
        currency=lease.currency,
        tax_category=place.line.tax_category,
        tax_class=place.line.tax_class,
        payment_terms_days=place.agreement.payment_terms_days,
        confirmed_at=at,
        confirmed_by=tenant.actor,
    )
    session.add(charge)
    place.standing.during = Range(place.standing.during.lower, at, bounds="[)")
    place.standing.reason = cause
    ends_on = max(row.rent_until or lost_on + ONE_DAY, place.line.starts_on or lost_on)
    before = snapshot(lease, [place.line], on=ends_on)
    place.line.ends_on = ends_on
    session.flush()
    record(
        session,
        tenant,
        lease=lease,
        kind="scale_down",
        effective_on=ends_on,
        at=at,
        line_ids=[place.line.id],
        before=before,
        after=snapshot(lease, [place.line], on=ends_on),
        reason=f"{cause}: {charge.serial}",
    )
    books.close_book(session, tenant, asset_id=asset_id, disposed_on=lost_on, proceeds=row.amount)
    close_if_done(session, tenant, lease, on=ends_on, at=at)
    outbox.publish(session, tenant, "loss.confirmed", loss_id=charge.id)
    return charge


def reverse_if_found(session: Session, tenant: Tenant, *, asset_id: str, on: date) -> LossCharge | None:
    """A device that was given up is found: what was billed for it goes back with the next run.

    None if nothing is owed for it, or it is still gone. A second call finds it done.
    """
    charge = session.scalar(
        scoped(LossCharge, tenant)
        .where(LossCharge.asset_id == asset_id, LossCharge.state == "owed")
        .with_for_update()
    )
    if charge is None or get_asset(session, tenant, asset_id=asset_id).state in _GONE:
        return None
    charge.state, charge.reversed_on = "reversed", on
    session.flush()
    books.reopen_book(session, tenant, asset_id=asset_id, on=on)
    outbox.publish(session, tenant, "loss.reversed", loss_id=charge.id)
    return charge


def list_losses(
    tenant: Tenant, *, client_id: str | None = None, asset_id: str | None = None
) -> sa.Select[LossCharge]:
    """Losses, to be paged by the caller."""
    statement = scoped(LossCharge, tenant)
    if client_id:
        statement = statement.where(LossCharge.client_id == client_id)
    return statement.where(LossCharge.asset_id == asset_id) if asset_id else statement


def get_loss(session: Session, tenant: Tenant, *, loss_id: str) -> LossCharge:
    """The loss.

    :raises NotFound: if this tenant has none by that id.
    """
    found = session.scalar(scoped(LossCharge, tenant).where(LossCharge.id == loss_id))
    if found is None:
        raise NotFound(f"There is no loss {loss_id}.")
    return found
