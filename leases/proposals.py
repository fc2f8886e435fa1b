"""Swap proposals: opened by a failing verdict, dismissed by a person, withdrawn when the cause is gone.

`reconsider` is the one place where they open and are withdrawn by themselves: it asks how things stand now,
so that events may come late, twice, or in another order. Accepting is a swap (`leases.swaps`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.health import FAILING, HEALTHY, WATCH
from devices.lifecycle import SERVING
from devices.models import Asset
from devices.queries import lock_asset
from devices.telemetry_models import Device, DeviceState, HealthChange
from haas import outbox
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from leases import proposed
from leases.lifecycle import BILLABLE
from leases.models import Assignment, Lease, Line, Swap
from leases.proposal_models import SwapProposal

# Of these verdicts a swap would cure nothing; what cannot be read (`no_data`) is no cure.
CURED = (HEALTHY, WATCH)
# Why a proposal was withdrawn.
WITHDRAWN = ("cured", "left_service", "identity_gone", "swapped")


@dataclass(frozen=True, slots=True)
class _Place:
    line: Line
    lease: Lease


def reconsider(session: Session, tenant: Tenant, *, asset_id: str, at: datetime) -> SwapProposal | None:
    """Bring what is proposed about an asset in line with how it is doing and where it stands.

    Opens a proposal for an asset in service on a lease whose verdict is `failing`, unless a person has said
    no since it last was well; withdraws the open one when its cause is gone. Answers the open one, if any.
    """
    # The asset's lock makes moves, swaps and this wait for each other.
    asset = lock_asset(session, tenant, asset_id=asset_id)
    place = _place_of(session, tenant, asset)
    health = _health_of(session, tenant, asset)
    standing = proposed.find_open(session, tenant, asset_id=asset.id, lock=True)
    if standing is not None:
        if (gone := _cause_gone(standing, place, health)) is None:
            standing.reasons = _told(health) or standing.reasons
            session.flush()
            return standing
        _close(session, tenant, standing, state="withdrawn", because=gone, at=at)
    if place is None or health is None or health.verdict != FAILING:
        return None
    if _was_dismissed(session, tenant, asset=asset, place=place, health=health):
        return None
    return _open(session, tenant, asset=asset, place=place, health=health, at=at)


def dismiss(session: Session, tenant: Tenant, *, proposal_id: str, reason: str, at: datetime) -> SwapProposal:
    """Decide against it: it is not proposed again before the device has been well in between.

    :raises Conflict: if it is decided already.
    """
    if not reason.strip():
        raise InvalidInput("Say why, for whoever looks at this device next.", field="reason")
    proposal = proposed.get_proposal(session, tenant, proposal_id=proposal_id, lock=True)
    require_open(proposal)
    _close(session, tenant, proposal, state="dismissed", because=reason.strip(), at=at)
    return proposal


def require_open(proposal: SwapProposal) -> None:
    """Refuse to decide twice.

    :raises Conflict: saying what was decided.
    """
    if proposal.state != proposed.OPEN:
        raise Conflict(f"This proposal is {proposal.state} since {proposal.decided_at:%Y-%m-%d %H:%M} UTC.")


def close_by_swap(session: Session, tenant: Tenant, *, swap: Swap, proposal_id: str | None) -> None:
    """Close what was proposed about an asset that was just swapped, in the swap's own transaction.

    :param proposal_id: the proposal that the swap carries out; none: it was swapped some other way.
    :raises Conflict: if that proposal is not open any more.
    """
    standing = proposed.find_open(session, tenant, asset_id=swap.outgoing_id, lock=True)
    if proposal_id is not None and (standing is None or standing.id != proposal_id):
        require_open(proposed.get_proposal(session, tenant, proposal_id=proposal_id, lock=True))
        raise InvalidInput("This proposal is about another device.", field="outgoing_id")
    if standing is None:
        return
    standing.swap_id = swap.id
    if proposal_id is None:
        _close(session, tenant, standing, state="withdrawn", because="swapped", at=swap.swapped_at)
    else:
        _close(session, tenant, standing, state="accepted", because="", at=swap.swapped_at)


def _place_of(session: Session, tenant: Tenant, asset: Asset) -> _Place | None:
    """The line that the asset serves on now."""
    if asset.state not in SERVING:
        return None
    row = session.execute(
        sa.select(Line, Lease)
        .join(Assignment, sa.and_(Assignment.partner_id == Line.partner_id, Assignment.line_id == Line.id))
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .where(
            Line.partner_id == tenant.partner_id,
            Line.starts_on.is_not(None),
            Lease.state.in_(sorted(BILLABLE)),
            Assignment.asset_id == asset.id,
            sa.func.upper_inf(Assignment.during),
        )
    ).first()
    return _Place(*row) if row else None


def _health_of(session: Session, tenant: Tenant, asset: Asset) -> DeviceState | None:
    """What the asset's device says of it, if its identity is good."""
    return session.scalar(
        scoped(DeviceState, tenant)
        .join(Device, sa.and_(Device.partner_id == DeviceState.partner_id, Device.id == DeviceState.id))
        .where(DeviceState.asset_id == asset.id, Device.revoked_at.is_(None))
        .execution_options(populate_existing=True)
    )


def _cause_gone(standing: SwapProposal, place: _Place | None, health: DeviceState | None) -> str | None:
    """The word for why an open proposal is no longer true; none if it is."""
    if place is None or place.line.id != standing.line_id:
        return "left_service"
    if health is None:
        return "identity_gone"
    return "cured" if health.verdict in CURED else None


def _told(health: DeviceState | None) -> list[dict[str, Any]]:
    return [
        reason for reason in (health.reasons if health else []) if reason.get("level") in (FAILING, WATCH)
    ]


def _was_dismissed(
    session: Session, tenant: Tenant, *, asset: Asset, place: _Place, health: DeviceState
) -> bool:
    last = session.scalar(
        proposed.list_proposals(tenant, asset_id=asset.id)
        .where(SwapProposal.line_id == place.line.id)
        .order_by(SwapProposal.id.desc())
        .limit(1)
    )
    if last is None or last.state != "dismissed":
        return False
    well_since = (
        scoped(HealthChange, tenant)
        .where(
            HealthChange.device_id == health.id,
            HealthChange.to_verdict.in_(CURED),
            HealthChange.at > last.decided_at,
        )
        .exists()
    )
    return not session.scalar(sa.select(well_since))


def _open(
    session: Session, tenant: Tenant, *, asset: Asset, place: _Place, health: DeviceState, at: datetime
) -> SwapProposal:
    proposal = SwapProposal(
        partner_id=tenant.partner_id,
        id=new_id("spr"),
        outgoing_id=asset.id,
        lease_id=place.lease.id,
        line_id=place.line.id,
        client_id=place.lease.client_id,
        device_id=health.id,
        reasons=_told(health),
        state=proposed.OPEN,
        proposed_at=at,
    )
    session.add(proposal)
    session.flush()
    spare = proposed.look_at(session, tenant, [proposal])[0].spare
    proposal.spare_id = spare.id if spare else None
    outbox.publish(
        session,
        tenant,
        "lease.swap_proposed",
        proposal_id=proposal.id,
        lease_id=place.lease.id,
        asset_id=asset.id,
    )
    session.flush()
    return proposal


def _close(
    session: Session, tenant: Tenant, proposal: SwapProposal, *, state: str, because: str, at: datetime
) -> None:
    proposal.state, proposal.because = state, because
    proposal.decided_at, proposal.decided_by = at, tenant.actor
    session.flush()
