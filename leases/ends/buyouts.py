"""A client buys a device: priced as of any day, offered at a frozen price, agreed, and the title passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from devices.operations import move_asset
from devices.queries import get_asset
from haas import outbox
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.series import take_number
from haas.tenancy.scope import Tenant, scoped
from leases import queries, returns
from leases.amendments.closed_books import require_open
from leases.amendments.record import record, snapshot
from leases.ends.models import Buyout
from leases.ends.notices import policy_of
from leases.ends.places import EndPlace, place_of, values_of
from leases.ends.policy import EndPolicy, Method
from leases.ends.values import Price, buyout_price
from leases.lifespan import close_if_done
from leases.models import Assignment


class AlreadySold(Conflict):
    """The device was agreed to be bought before."""

    code = "already_sold"


@dataclass(frozen=True, slots=True)
class BuyoutFilter:
    """What a list of buyouts is narrowed to."""

    states: tuple[str, ...] = ()
    client_id: str | None = None
    lease_id: str | None = None
    asset_id: str | None = None


def price_asset(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    as_of: date,
    method: Method | None = None,
    appraised: Decimal | None = None,
) -> Price:
    """What the device would cost its client on a day, past or to come.

    :raises NotFound: if this tenant has no such device.
    """
    asset = get_asset(session, tenant, asset_id=asset_id)
    known = values_of(session, tenant, assets=[asset], as_of=as_of, appraised=appraised)[asset.id]
    return buyout_price(known, as_of=as_of, policy=policy_of(session, tenant), method=method)


def offer(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    priced_on: date,
    today: date,
    at: datetime,
    method: Method | None = None,
    appraised: Decimal | None = None,
    valid_until: date | None = None,
) -> Buyout:
    """Offer a device to the client that has it, at the price of `priced_on`; the paper follows.

    :raises AssetNotOnLease: if it stands on no line.
    :raises InvalidInput: for an offer that would have run out already.
    """
    place = place_of(session, tenant, asset_id=asset_id)
    policy = policy_of(session, tenant)
    known = values_of(session, tenant, assets=[place.asset], as_of=priced_on, appraised=appraised)
    price = buyout_price(known[asset_id], as_of=priced_on, policy=policy, method=method)
    until = valid_until or today + timedelta(days=policy.quote_days)
    if until < today:
        raise InvalidInput("The offer would have run out: choose a later day.", field="valid_until")
    return freeze(session, tenant, place=place, price=price, policy=policy, valid_until=until, at=at)


def freeze(
    session: Session,
    tenant: Tenant,
    *,
    place: EndPlace,
    price: Price,
    policy: EndPolicy,
    valid_until: date,
    at: datetime,
) -> Buyout:
    """Write an offer down as it is now: whatever changes later, its price does not.

    :raises InvalidInput: if the device was bought in another currency than the lease is billed in.
    """
    if price.currency != place.lease.currency:
        raise InvalidInput(
            f"It is valued in {price.currency}, but this lease is billed in {place.lease.currency}:"
            f" enter an appraisal in {place.lease.currency}.",
            field="method",
        )
    bought = Buyout(
        partner_id=tenant.partner_id,
        id=new_id("buy"),
        number=take_number(session, tenant, series="buyout", pattern="B-{:05d}"),
        lease_id=place.lease.id,
        line_id=place.line.id,
        asset_id=place.asset.id,
        client_id=place.line.client_id,
        serial=place.standing.serial,
        description=f"{place.asset.model.manufacturer} {place.asset.model.name}",
        method=price.method.value,
        basis=price.basis,
        warnings=list(price.warnings),
        price=price.amount,
        currency=price.currency,
        tax_category=place.line.tax_category,
        tax_class=place.line.tax_class,
        payment_terms_days=place.agreement.payment_terms_days,
        priced_on=price.as_of,
        valid_until=max(valid_until, price.as_of),
        title_passes=policy.title_passes,
        offered_at=at,
    )
    session.add(bought)
    session.flush()
    outbox.publish(session, tenant, "buyout.offered", buyout_id=bought.id)
    return bought


def agree(
    session: Session,
    tenant: Tenant,
    *,
    buyout_id: str,
    agreed_by: str,
    agreed_on: date,
    at: datetime,
    effective_on: date | None = None,
) -> Buyout:
    """The client takes the offer: the line's rent ends before `effective_on`, and the price falls due on it.

    Without a day: the day for which it was priced, or today if that has passed. A return that was asked for
    and not collected yet is called off.

    :raises Conflict: if the offer has run out, was withdrawn, or the device is on its way back.
    :raises AlreadySold: if the device was agreed to be bought before.
    :raises InvalidInput: for a day before the rent began, or in books that are closed.
    """
    bought = get_buyout(session, tenant, buyout_id=buyout_id, lock=True)
    if bought.state != "offered":
        raise Conflict(f"Buyout {bought.number} is {bought.state}.")
    if agreed_on > bought.valid_until:
        raise Conflict(f"The offer ran out on {bought.valid_until}: make a new one.")
    if not agreed_by.strip():
        raise InvalidInput("Name who agreed.", field="agreed_by")
    effective = effective_on or max(bought.priced_on, agreed_on)
    require_open(session, tenant, effective_on=effective)
    lease = queries.lock_lease(session, tenant, bought.lease_id)
    place = place_of(session, tenant, asset_id=bought.asset_id)
    if place.line.starts_on and effective < place.line.starts_on:
        raise InvalidInput("This lies before the first rent day.", field="effective_on")
    _call_off_return(session, tenant, asset_id=bought.asset_id, at=at)
    before = snapshot(lease, [place.line], on=effective)
    place.line.ends_on = effective
    bought.state, bought.agreed_on, bought.agreed_by = "agreed", agreed_on, agreed_by.strip()
    bought.effective_on = effective
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError as twice:
        raise AlreadySold("This device was agreed to be bought before.") from twice
    record(
        session,
        tenant,
        lease=lease,
        kind="buy_out",
        effective_on=effective,
        at=at,
        line_ids=[place.line.id],
        before=before,
        after=snapshot(lease, [place.line], on=effective),
        reason=bought.number,
        charge=bought.price,
        charge_kind="buy_out",
    )
    outbox.publish(session, tenant, "buyout.agreed", buyout_id=bought.id)
    return bought


def withdraw(session: Session, tenant: Tenant, *, buyout_id: str) -> Buyout:
    """Take an offer back that nobody has agreed to.

    :raises Conflict: once somebody has.
    """
    bought = get_buyout(session, tenant, buyout_id=buyout_id, lock=True)
    if bought.state != "offered":
        raise Conflict(f"Buyout {bought.number} is {bought.state}; it cannot be withdrawn.")
    bought.state = "withdrawn"
    session.flush()
    return bought


def pass_title(session: Session, tenant: Tenant, *, buyout_id: str, at: datetime) -> Buyout:
    """The device is the client's and leaves the fleet. A repeat does nothing.

    The move brings in the price; what follows it (`asset.left_fleet`, `asset.moved`) closes the book against
    that price and revokes the credential.
    """
    bought = get_buyout(session, tenant, buyout_id=buyout_id, lock=True)
    if bought.state == "passed":
        return bought
    if bought.state != "agreed" or bought.effective_on is None:
        raise Conflict(f"Buyout {bought.number} is {bought.state}; nobody has bought this device.")
    lease = queries.lock_lease(session, tenant, bought.lease_id)
    details = {"client_id": bought.client_id, "proceeds": str(bought.price), "buyout_id": bought.id}
    move_asset(
        session,
        tenant,
        asset_id=bought.asset_id,
        verb="buy_out",
        at=at,
        reason=bought.number,
        details=details,
    )
    _end_standing(session, tenant, line_id=bought.line_id, asset_id=bought.asset_id, at=at)
    bought.state, bought.title_passed_at = "passed", at
    session.flush()
    close_if_done(session, tenant, lease, on=bought.effective_on, at=at)
    outbox.publish(session, tenant, "buyout.title_passed", buyout_id=bought.id)
    return bought


def get_buyout(session: Session, tenant: Tenant, *, buyout_id: str, lock: bool = False) -> Buyout:
    """The buyout.

    :raises NotFound: if this tenant has none by that id.
    """
    statement = scoped(Buyout, tenant).where(Buyout.id == buyout_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(statement)
    if found is None:
        raise NotFound(f"There is no buyout {buyout_id}.")
    return found


def list_buyouts(tenant: Tenant, *, where: BuyoutFilter) -> sa.Select[Buyout]:
    """Buyouts, to be paged by the caller."""
    statement = scoped(Buyout, tenant)
    equal = {
        Buyout.client_id: where.client_id,
        Buyout.lease_id: where.lease_id,
        Buyout.asset_id: where.asset_id,
    }
    statement = statement.where(*(column == value for column, value in equal.items() if value))
    return statement.where(Buyout.state.in_(where.states)) if where.states else statement


def buyouts_of(session: Session, tenant: Tenant, *, lease_id: str) -> Sequence[Buyout]:
    """Buyouts of a lease, oldest first."""
    return session.scalars(
        list_buyouts(tenant, where=BuyoutFilter(lease_id=lease_id)).order_by(Buyout.id)
    ).all()


def _call_off_return(session: Session, tenant: Tenant, *, asset_id: str, at: datetime) -> None:
    order = queries.find_open_return(session, tenant, asset_id=asset_id)
    if order is None:
        return
    if order.state != "requested":
        raise Conflict(f"The device is on its way back: return {order.number} is {order.state}.")
    returns.cancel(session, tenant, return_id=order.id, at=at)


def _end_standing(session: Session, tenant: Tenant, *, line_id: str, asset_id: str, at: datetime) -> None:
    standing = session.scalar(
        scoped(Assignment, tenant).where(
            Assignment.line_id == line_id,
            Assignment.asset_id == asset_id,
            sa.func.upper_inf(Assignment.during),
        )
    )
    if standing is not None:
        standing.during = Range(standing.during.lower, at, bounds="[)")
        standing.reason = "bought_out"
    session.flush()
