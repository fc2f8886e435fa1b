"""The way back: notice, collection, receipt, inspection, and damage capped at fair market value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from devices.lifecycle import AssetState
from devices.models import Asset, HardwareModel
from devices.operations import grade_asset, move_asset, place_asset
from devices.queries import lock_asset
from haas import outbox
from haas.calendar import local_day
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.series import take_number
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.amendments.receipt import stop_rent
from leases.errors import AssetNotOnLease, WrongAsset
from leases.lifespan import close_if_done
from leases.models import Assignment, Lease, Line, ReturnOrder

GRADES = ("A", "B", "C", "D", "X")


def damage_charge(*, repair_cost: Decimal, fair_market_value: Decimal) -> Decimal:
    """What the client owes for damage and missing parts: never more than the thing was worth.

    :raises InvalidInput: for negative figures.
    """
    if repair_cost < 0:
        raise InvalidInput("The repair cost cannot be negative.", field="repair_cost")
    if fair_market_value < 0:
        raise InvalidInput("The fair market value cannot be negative.", field="fair_market_value")
    return min(repair_cost, fair_market_value)


def request_return(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    reason: str,
    notice_on: date,
    due_on: date,
    at: datetime,
) -> ReturnOrder:
    """Ask an asset back from its lease. Rent runs on until it is received.

    :raises AssetNotOnLease: if it stands on no line.
    """
    asset = lock_asset(session, tenant, asset_id=asset_id)
    standing = queries.find_standing(session, tenant, asset_id=asset.id, at=at)
    if standing is None:
        raise AssetNotOnLease(f"{asset.tag} does not stand on a lease now.")
    if due_on < notice_on:
        raise InvalidInput("The return cannot be due before the notice.", field="due_on")
    line = session.scalars(scoped(Line, tenant).where(Line.id == standing.line_id)).one()
    return order_return(
        session,
        tenant,
        asset=asset,
        client_id=line.client_id,
        lease_id=line.lease_id,
        line_id=line.id,
        reason=reason,
        notice_on=notice_on,
        due_on=due_on,
        at=at,
    )


def request_returns_of_lease(
    session: Session, tenant: Tenant, *, lease: Lease, notice_on: date, at: datetime
) -> list[ReturnOrder]:
    """Ask back everything that stands on a lease that ends."""
    lines = [line.id for line in queries.get_lease(session, tenant, lease_id=lease.id).lines]
    orders = []
    for rows in queries.assignments_by_line(session, tenant, line_ids=lines).values():
        for row in rows:
            if row.during.upper is not None:
                continue
            order = ask_back(
                session,
                tenant,
                asset_id=row.asset_id,
                reason=f"{lease.number} ends",
                notice_on=notice_on,
                due_on=lease.ends_on or notice_on,
                at=at,
            )
            if order is not None:
                orders.append(order)
    return orders


def ask_back(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    reason: str,
    notice_on: date,
    due_on: date,
    at: datetime,
) -> ReturnOrder | None:
    """`request_return`, unless one is under way; due with the notice if the day it was due has passed."""
    if queries.find_open_return(session, tenant, asset_id=asset_id) is not None:
        return None
    return request_return(
        session,
        tenant,
        asset_id=asset_id,
        reason=reason,
        notice_on=notice_on,
        due_on=max(notice_on, due_on),
        at=at,
    )


def order_return(
    session: Session,
    tenant: Tenant,
    *,
    asset: Asset,
    client_id: str,
    reason: str,
    notice_on: date,
    due_on: date,
    at: datetime,
    lease_id: str | None = None,
    line_id: str | None = None,
    collected: bool = False,
) -> ReturnOrder:
    """Open a return for a locked asset and recall it; `collected`: it is already in our hands.

    Without a line (a swap) the rent does not depend on when it arrives.
    """
    model = session.scalars(scoped(HardwareModel, tenant).where(HardwareModel.id == asset.model_id)).one()
    if asset.state != AssetState.RETURN_DUE:
        move_asset(session, tenant, asset_id=asset.id, verb="recall", at=at, reason=reason)
    order = ReturnOrder(
        partner_id=tenant.partner_id,
        id=new_id("ret"),
        number=take_number(session, tenant, series="return", pattern="R-{:05d}"),
        lease_id=lease_id,
        line_id=line_id,
        asset_id=asset.id,
        client_id=client_id,
        state="requested",
        reason=reason,
        notice_on=notice_on,
        due_on=due_on,
        kit=list(model.kit),
        created_at=at,
    )
    session.add(order)
    session.flush()
    outbox.publish(session, tenant, "return.requested", return_id=order.id)
    if collected:
        collect(session, tenant, return_id=order.id, at=at)
    return order


def collect(
    session: Session, tenant: Tenant, *, return_id: str, at: datetime, carrier: str = "", tracking: str = ""
) -> ReturnOrder:
    """It left the client: with a courier, or in a technician's hands."""
    order = queries.get_return(session, tenant, return_id=return_id, lock=True)
    _require(order, "requested", "collected")
    move_asset(
        session,
        tenant,
        asset_id=order.asset_id,
        verb="collect",
        at=at,
        details={"return_id": order.id, "carrier": carrier, "tracking": tracking},
    )
    place_asset(
        session,
        tenant,
        asset_id=order.asset_id,
        client_id=None,
        site_id=None,
        custodian=carrier or tenant.actor,
        at=at,
    )
    order.state, order.collected_at, order.carrier, order.tracking = "collected", at, carrier, tracking
    session.flush()
    outbox.publish(session, tenant, "return.collected", return_id=order.id)
    return order


def receive(
    session: Session,
    tenant: Tenant,
    *,
    return_id: str,
    at: datetime,
    serial_seen: str,
    received_by: str = "",
) -> ReturnOrder:
    """It arrived: compare the serial, stop the rent, keep it in quarantine until it is inspected.

    The day it was received, in the lease's zone, is the last rent day.

    :raises WrongAsset: if another serial is on the dock: nothing is accepted in silence.
    """
    order = queries.get_return(session, tenant, return_id=return_id, lock=True)
    _require(order, "collected", "received")
    asset = lock_asset(session, tenant, asset_id=order.asset_id)
    seen = "".join(serial_seen.split()).casefold()
    expected = {"".join((asset.serial or "").split()).casefold(), asset.tag.casefold()}
    if seen not in expected:
        raise WrongAsset(
            f"Expected {asset.tag} with serial {asset.serial}, but {serial_seen!r} was scanned. Set it apart."
        )
    move_asset(session, tenant, asset_id=asset.id, verb="dock", at=at, details={"return_id": order.id})
    place_asset(
        session,
        tenant,
        asset_id=asset.id,
        client_id=None,
        site_id=None,
        custodian="warehouse quarantine",
        at=at,
    )
    _stop_rent(session, tenant, order=order, at=at)
    order.state, order.received_at = "received", at
    order.received_by = received_by or tenant.actor
    session.flush()
    outbox.publish(session, tenant, "return.received", return_id=order.id)
    return order


def inspect(
    session: Session,
    tenant: Tenant,
    *,
    return_id: str,
    at: datetime,
    grade: str,
    fair_market_value: Decimal,
    repair_cost: Decimal = Decimal(0),
    kit_missing: Sequence[str] = (),
    damage_notes: str = "",
    inspected_by: str = "",
) -> ReturnOrder:
    """Grade what came back, compare the kit, fix the charge: repair cost, at most the fair market value.

    The client may dispute the charge until the window of the agreement closes; then it is billed.

    :raises InvalidInput: for a charge without a reason, or parts that were never expected.
    """
    order = queries.get_return(session, tenant, return_id=return_id, lock=True)
    _require(order, "received", "inspected")
    if grade not in GRADES:
        raise InvalidInput(f"The grade is one of {', '.join(GRADES)}.", field="grade")
    if unknown := sorted(set(kit_missing) - set(order.kit)):
        raise InvalidInput(f"Not part of the kit: {', '.join(unknown)}.", field="kit_missing")
    charge = damage_charge(repair_cost=repair_cost, fair_market_value=fair_market_value)
    if charge and not (damage_notes.strip() or kit_missing):
        raise InvalidInput("Say what is damaged or missing; the client reads it.", field="damage_notes")
    grade_asset(
        session,
        tenant,
        asset_id=order.asset_id,
        grade=grade,
        fair_market_value=fair_market_value,
        at=at,
        damage_notes=damage_notes,
        missing_accessories=list(kit_missing),
    )
    order.state, order.inspected_at, order.inspected_by = "inspected", at, inspected_by or tenant.actor
    order.grade, order.kit_missing, order.damage_notes = grade, list(kit_missing), damage_notes.strip()
    order.repair_cost, order.fair_market_value, order.damage_charge = repair_cost, fair_market_value, charge
    order.dispute_until = (
        _day_at_client(session, tenant, order, at) + timedelta(days=_dispute_days(session, tenant, order))
        if charge
        else None
    )
    session.flush()
    outbox.publish(session, tenant, "return.inspected", return_id=order.id)
    return order


def dispute(session: Session, tenant: Tenant, *, return_id: str, at: datetime) -> ReturnOrder:
    """The client objects to the charge in time: it is not billed until it is settled.

    :raises Conflict: when the window has closed or nothing is charged.
    """
    order = queries.get_return(session, tenant, return_id=return_id, lock=True)
    if order.state != "inspected" or not order.damage_charge or order.dispute_until is None:
        raise Conflict("There is no charge to dispute.")
    if _day_at_client(session, tenant, order, at) > order.dispute_until:
        raise Conflict(f"The charge could be disputed until {order.dispute_until}.")
    order.disputed_at = at
    session.flush()
    outbox.publish(session, tenant, "return.disputed", return_id=order.id)
    return order


def settle(session: Session, tenant: Tenant, *, return_id: str, charge: Decimal) -> ReturnOrder:
    """Close a disputed or waiting charge at an agreed figure, never above what was charged."""
    order = queries.get_return(session, tenant, return_id=return_id, lock=True)
    if order.state != "inspected":
        raise Conflict(f"Return {order.number} is {order.state}.")
    if not 0 <= charge <= (order.damage_charge or 0):
        raise InvalidInput(f"The settled charge is between 0 and {order.damage_charge or 0}.", field="charge")
    order.damage_charge = charge
    _close(session, tenant, order)
    return order


def close_undisputed(session: Session, tenant: Tenant, *, today: date) -> int:
    """Close inspected returns whose dispute window has passed; their charges are billed next. How many."""
    waiting = session.scalars(
        scoped(ReturnOrder, tenant)
        .where(
            ReturnOrder.state == "inspected",
            ReturnOrder.disputed_at.is_(None),
            sa.or_(ReturnOrder.dispute_until.is_(None), ReturnOrder.dispute_until < today),
        )
        .with_for_update(skip_locked=True)
    ).all()
    for order in waiting:
        _close(session, tenant, order)
    return len(waiting)


def cancel(session: Session, tenant: Tenant, *, return_id: str, at: datetime) -> ReturnOrder:
    """The asset stays after all. Only before it was collected.

    :raises Conflict: once it is on its way.
    """
    order = queries.get_return(session, tenant, return_id=return_id, lock=True)
    _require(order, "requested", "cancelled")
    move_asset(session, tenant, asset_id=order.asset_id, verb="keep", at=at, reason="return cancelled")
    order.state = "cancelled"
    session.flush()
    return order


def _stop_rent(session: Session, tenant: Tenant, *, order: ReturnOrder, at: datetime) -> None:
    if order.line_id is None or order.lease_id is None:
        return
    lease = queries.lock_lease(session, tenant, order.lease_id)
    line = queries.get_line(session, tenant, lease_id=lease.id, line_id=order.line_id)
    standing = session.scalar(
        scoped(Assignment, tenant).where(
            Assignment.line_id == line.id,
            Assignment.asset_id == order.asset_id,
            sa.func.upper_inf(Assignment.during),
        )
    )
    if standing is not None:
        standing.during = Range(standing.during.lower, at, bounds="[)")
        standing.reason = "returned"
    session.flush()
    ends_on = stop_rent(
        session,
        tenant,
        lease=lease,
        line=line,
        return_number=order.number,
        notice_on=order.notice_on,
        at=at,
    )
    close_if_done(session, tenant, lease, on=ends_on, at=at)


def _day_at_client(session: Session, tenant: Tenant, order: ReturnOrder, at: datetime) -> date:
    client = session.scalars(scoped(Client, tenant).where(Client.id == order.client_id)).one()
    return local_day(at, client.time_zone)


def _dispute_days(session: Session, tenant: Tenant, order: ReturnOrder) -> int:
    if order.lease_id is None:
        return 14
    lease = queries.get_lease(session, tenant, lease_id=order.lease_id)
    return queries.get_agreement(session, tenant, agreement_id=lease.agreement_id).damage_dispute_days


def _close(session: Session, tenant: Tenant, order: ReturnOrder) -> None:
    order.state = "closed"
    session.flush()
    outbox.publish(session, tenant, "return.closed", return_id=order.id)


def _require(order: ReturnOrder, state: str, wanted: str) -> None:
    if order.state != state:
        raise Conflict(f"Return {order.number} is {order.state}; it cannot be {wanted} now.")
