"""Replace an asset on a lease: two scans or two clicks, one transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from devices.lifecycle import AssetState
from devices.models import Asset
from devices.operations import move_asset, place_asset
from devices.queries import lock_asset
from haas import outbox
from haas.calendar import local_day
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from leases import proposals, proposed, queries
from leases.amendments.record import record
from leases.errors import AssetNotOnLease
from leases.handover import begin_service, require_model, stand
from leases.lifecycle import BILLABLE
from leases.models import Assignment, Lease, Line, Swap
from leases.returns import order_return

REASONS = ("fault", "refresh", "upgrade", "loaner")
# For these the client agreed to another model at the same rent; otherwise like is replaced by like.
OTHER_MODEL_ALLOWED = frozenset({"upgrade", "loaner"})


def swap_asset(
    session: Session,
    tenant: Tenant,
    *,
    outgoing_id: str,
    incoming_id: str,
    reason: str,
    at: datetime,
    condition: str = "",
    idempotency_key: str | None = None,
    proposal_id: str | None = None,
) -> Swap:
    """Put one asset in another's place on its line; rent and term go on.

    At the same instant the outgoing assignment ends and the incoming one begins, so the invoice splits
    the period's days by serial; the incoming asset's book opens; the outgoing asset is in the hands of
    whoever swapped it, on its way back, with a return order. What was proposed about it is closed.

    :param proposal_id: the swap proposal that this carries out.
    :raises AssetNotOnLease: if the outgoing asset stands on no line at that instant.
    :raises WrongAsset: if the models differ and the reason does not allow it.
    :raises IllegalMove: if the incoming asset is not on the shelf or reserved.
    """
    if reason not in REASONS:
        raise InvalidInput(f"A swap is for one of: {', '.join(REASONS)}.", field="reason")
    if outgoing_id == incoming_id:
        raise InvalidInput("Scan two different assets.", field="incoming_id")
    # In the order of their ids, so that two swaps never wait for each other.
    locked = {one: lock_asset(session, tenant, asset_id=one) for one in sorted((outgoing_id, incoming_id))}
    # Asked behind the locks: of two presses at once the second finds what the first has done.
    if idempotency_key and (done := _swapped_before(session, tenant, idempotency_key)):
        return done
    outgoing, incoming = locked[outgoing_id], locked[incoming_id]
    standing, line, lease = _where_it_stands(session, tenant, outgoing=outgoing, at=at)
    if reason not in OTHER_MODEL_ALLOWED:
        require_model(session, tenant, line=line, asset=incoming)

    site_id = outgoing.site_id
    _take_away(session, tenant, lease=lease, outgoing=outgoing, reason=reason, at=at)
    _end(standing, at=at, reason=f"swap_{reason}")
    session.flush()
    _bring_in(session, tenant, lease=lease, line=line, incoming=incoming, site_id=site_id, at=at)
    swap = Swap(
        partner_id=tenant.partner_id,
        id=new_id("swp"),
        lease_id=lease.id,
        line_id=line.id,
        client_id=lease.client_id,
        outgoing_id=outgoing.id,
        incoming_id=incoming.id,
        swapped_at=at,
        reason=reason,
        condition=condition,
        actor=tenant.actor,
        idempotency_key=idempotency_key,
    )
    session.add(swap)
    session.flush()
    record(
        session,
        tenant,
        lease=lease,
        kind="substitute",
        effective_on=local_day(at, lease.time_zone),
        at=at,
        line_ids=[line.id],
        before={line.id: _who(line, outgoing)},
        after={line.id: _who(line, incoming)},
        wanted={"swap_id": swap.id},
        reason=condition,
    )
    proposals.close_by_swap(session, tenant, swap=swap, proposal_id=proposal_id)
    outbox.publish(
        session,
        tenant,
        "lease.asset_swapped",
        swap_id=swap.id,
        lease_id=lease.id,
        outgoing_id=outgoing.id,
        incoming_id=incoming.id,
    )
    return swap


def accept_proposal(
    session: Session,
    tenant: Tenant,
    *,
    proposal_id: str,
    at: datetime,
    incoming_id: str | None = None,
    reason: str = "fault",
    condition: str = "",
    idempotency_key: str | None = None,
) -> Swap:
    """Do the swap that is proposed, in the same transaction that closes the proposal.

    :param incoming_id: what takes the place; none: the spare that is suggested now.
    :raises Conflict: if the proposal is decided already, or no spare is free and none is named.
    """
    found = proposed.look(session, tenant, proposal_id=proposal_id)
    proposal = found.proposal
    if idempotency_key and (done := _swapped_before(session, tenant, idempotency_key)):
        if done.id == proposal.swap_id:
            return done
        raise Conflict("This Idempotency-Key was used for another swap; send a new key.")
    proposals.require_open(proposal)
    if incoming_id is None and found.spare is None:
        raise Conflict(
            "No spare of this model is free. Name the asset that takes the place, or get one ready first.",
            field="incoming_id",
        )
    return swap_asset(
        session,
        tenant,
        outgoing_id=proposal.outgoing_id,
        incoming_id=incoming_id or (found.spare.id if found.spare else ""),
        reason=reason,
        at=at,
        condition=condition,
        idempotency_key=idempotency_key,
        proposal_id=proposal.id,
    )


def _where_it_stands(
    session: Session, tenant: Tenant, *, outgoing: Asset, at: datetime
) -> tuple[Assignment, Line, Lease]:
    standing = queries.find_standing(session, tenant, asset_id=outgoing.id, at=at)
    if standing is None or standing.during.upper is not None:
        raise AssetNotOnLease(f"{outgoing.tag} does not stand on a lease now.")
    line = session.scalars(scoped(Line, tenant).where(Line.id == standing.line_id)).one()
    lease = queries.lock_lease(session, tenant, line.lease_id)
    if lease.state not in BILLABLE or line.starts_on is None:
        raise Conflict(f"Lease {lease.number} is {lease.state}: nothing of it is in service.")
    return standing, line, lease


def _take_away(
    session: Session, tenant: Tenant, *, lease: Lease, outgoing: Asset, reason: str, at: datetime
) -> None:
    order_return(
        session,
        tenant,
        asset=outgoing,
        client_id=lease.client_id,
        lease_id=lease.id,
        reason=f"swap: {reason}",
        notice_on=local_day(at, lease.time_zone),
        due_on=local_day(at, lease.time_zone),
        at=at,
        collected=True,
    )


def _end(standing: Assignment, *, at: datetime, reason: str) -> None:
    if standing.during.lower is None or at <= standing.during.lower:
        raise Conflict("The asset was placed there later than that moment.")
    standing.during = Range(standing.during.lower, at, bounds="[)")
    standing.reason = reason


def _bring_in(
    session: Session,
    tenant: Tenant,
    *,
    lease: Lease,
    line: Line,
    incoming: Asset,
    site_id: str | None,
    at: datetime,
) -> None:
    details = {"lease_id": lease.id, "line_id": line.id, "client_id": lease.client_id}
    if incoming.state == AssetState.RESERVED:
        _drop_reservation(session, tenant, incoming)
    else:
        move_asset(session, tenant, asset_id=incoming.id, verb="reserve", at=at, details=details)
    move_asset(session, tenant, asset_id=incoming.id, verb="ship", at=at, details=details)
    stand(session, tenant, line=line, asset=incoming, since=at)
    begin_service(session, tenant, lease=lease, asset=incoming, at=at)
    if site_id is not None and site_id != incoming.site_id:
        # It takes the very place of the other, wherever the lease as a whole is at home.
        place_asset(
            session,
            tenant,
            asset_id=incoming.id,
            client_id=lease.client_id,
            site_id=site_id,
            custodian="client",
            at=at,
        )


def _who(line: Line, asset: Asset) -> dict[str, str]:
    return {"description": line.description, "device": f"{asset.tag} · {asset.serial or '–'}"}


def _drop_reservation(session: Session, tenant: Tenant, incoming: Asset) -> None:
    # It was picked for another line; that line waits for another asset now.
    for row in session.scalars(scoped(Assignment, tenant).where(Assignment.asset_id == incoming.id)):
        if row.during.upper is None:
            session.delete(row)
    session.flush()


def _swapped_before(session: Session, tenant: Tenant, key: str) -> Swap | None:
    return session.scalar(scoped(Swap, tenant).where(Swap.idempotency_key == key))
