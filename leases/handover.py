"""From the shelf to the client: reserve for a line, ship, accept by signature, which starts the rent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from devices.lifecycle import AssetState
from devices.models import Asset, AssetMove, HardwareModel
from devices.operations import move_asset, place_asset
from devices.queries import lock_asset
from haas import outbox
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from leases import books, queries
from leases.errors import AssetNotOnLease, AssetTaken, LineTaken, WrongAsset
from leases.lifecycle import BILLABLE
from leases.lifespan import commence
from leases.models import Acceptance, Agreement, Assignment, Lease, Line
from leases.terms import rent_start

SILENCE = "silence"  # signs where nobody did within the agreed days


def reserve(
    session: Session, tenant: Tenant, *, lease_id: str, line_id: str, asset_id: str, at: datetime
) -> Assignment:
    """Pick an asset for a line of an accepted lease.

    :raises WrongAsset: if it is another model than the line's.
    :raises AssetTaken, LineTaken: if either is spoken for at that instant.
    """
    lease = queries.lock_lease(session, tenant, lease_id)
    if lease.state not in BILLABLE:
        raise Conflict(f"Lease {lease.number} is {lease.state}: the client must accept it first.")
    line = queries.get_line(session, tenant, lease_id=lease_id, line_id=line_id)
    asset = lock_asset(session, tenant, asset_id=asset_id)
    require_model(session, tenant, line=line, asset=asset)
    move_asset(
        session,
        tenant,
        asset_id=asset.id,
        verb="reserve",
        at=at,
        reason=f"for {lease.number}",
        details={"lease_id": lease.id, "line_id": line.id, "client_id": lease.client_id},
    )
    return stand(session, tenant, line=line, asset=asset, since=at)


def release(session: Session, tenant: Tenant, *, asset_id: str, at: datetime) -> Asset:
    """Put a reserved asset back on the shelf."""
    asset = lock_asset(session, tenant, asset_id=asset_id)
    standing = _open_assignment_of(session, tenant, asset=asset)
    moved = move_asset(session, tenant, asset_id=asset.id, verb="release", at=at)
    session.delete(standing)  # nothing ever stood there: a reservation is no history of the line
    session.flush()
    return moved


def ship(
    session: Session, tenant: Tenant, *, asset_id: str, at: datetime, carrier: str = "", tracking: str = ""
) -> Asset:
    """Hand a reserved asset to a courier or a technician."""
    asset = lock_asset(session, tenant, asset_id=asset_id)
    _open_assignment_of(session, tenant, asset=asset)
    moved = move_asset(
        session,
        tenant,
        asset_id=asset.id,
        verb="ship",
        at=at,
        details={"carrier": carrier, "tracking": tracking},
    )
    place_asset(
        session,
        tenant,
        asset_id=asset.id,
        client_id=None,
        site_id=None,
        custodian=carrier or tenant.actor,
        at=at,
    )
    return moved


def accept_asset(
    session: Session,
    tenant: Tenant,
    *,
    asset_id: str,
    at: datetime,
    signer_name: str,
    signer_title: str = "",
    condition: str = "",
    kit: Sequence[str] | None = None,
    idempotency_key: str | None = None,
) -> Acceptance:
    """The client signs for an asset: it is in service, its rent and its depreciation begin.

    One transaction over state, custody, assignment, line, lease and book. The first rent day is the
    client's local day of `at`.
    """
    if not signer_name.strip():
        raise InvalidInput("Name who signed for it.", field="signer_name")
    asset = lock_asset(session, tenant, asset_id=asset_id)
    if idempotency_key and (done := _accepted_before(session, tenant, asset, idempotency_key)):
        return done
    standing = _open_assignment_of(session, tenant, asset=asset)
    line = session.scalars(scoped(Line, tenant).where(Line.id == standing.line_id)).one()
    lease = queries.lock_lease(session, tenant, line.lease_id)
    begin_service(session, tenant, lease=lease, asset=asset, at=at, idempotency_key=idempotency_key)
    standing.during = Range(at, None, bounds="[)")
    first_day = rent_start(at, lease.time_zone)
    if line.starts_on is None:
        line.starts_on = first_day
    commence(session, tenant, lease, first_day=first_day, at=at)
    model = session.scalars(scoped(HardwareModel, tenant).where(HardwareModel.id == asset.model_id)).one()
    acceptance = Acceptance(
        partner_id=tenant.partner_id,
        id=new_id("acc"),
        lease_id=lease.id,
        line_id=line.id,
        asset_id=asset.id,
        client_id=lease.client_id,
        accepted_at=at,
        signer_name=signer_name.strip(),
        signer_title=signer_title,
        condition=condition,
        kit=list(kit) if kit is not None else list(model.kit),
    )
    session.add(acceptance)
    session.flush()
    outbox.publish(
        session,
        tenant,
        "lease.asset_accepted",
        acceptance_id=acceptance.id,
        lease_id=lease.id,
        asset_id=asset.id,
    )
    return acceptance


def begin_service(
    session: Session,
    tenant: Tenant,
    *,
    lease: Lease,
    asset: Asset,
    at: datetime,
    idempotency_key: str | None = None,
) -> None:
    """State, custody, data and book of an asset that enters a client's service."""
    place_asset(
        session,
        tenant,
        asset_id=asset.id,
        client_id=lease.client_id,
        site_id=lease.site_id,
        custodian="client",
        at=at,
    )
    move_asset(
        session,
        tenant,
        asset_id=asset.id,
        verb="accept",
        at=at,
        details={"lease_id": lease.id, "client_id": lease.client_id},
        idempotency_key=idempotency_key,
    )
    in_service_on = asset.in_service_on or rent_start(at, lease.time_zone)
    session.flush()
    books.open_book(session, tenant, asset=asset, in_service_on=in_service_on, at=at)


def stand(session: Session, tenant: Tenant, *, line: Line, asset: Asset, since: datetime) -> Assignment:
    """Put the asset on the line from `since`, with no end in sight.

    :raises AssetTaken, LineTaken: the exclusion constraints settle the race.
    """
    standing = Assignment(
        partner_id=tenant.partner_id,
        id=new_id("asg"),
        line_id=line.id,
        asset_id=asset.id,
        client_id=line.client_id,
        during=Range(since, None, bounds="[)"),
        serial=asset.serial or asset.tag,
    )
    try:
        with session.begin_nested():
            session.add(standing)
            session.flush()
    except IntegrityError as clash:
        if "ex_assignment_one_line" in str(clash.orig):
            raise AssetTaken(f"{asset.tag} already stands on a line at that time.") from clash
        if "ex_assignment_one_asset" in str(clash.orig):
            raise LineTaken("Another asset already stands on this line at that time.") from clash
        raise
    return standing


def require_model(session: Session, tenant: Tenant, *, line: Line, asset: Asset) -> None:
    """Refuse another model than the line was priced for.

    :raises WrongAsset: naming both models.
    """
    if line.kind != "asset":
        raise Conflict("Only an asset line takes an asset.")
    if asset.model_id == line.model_id:
        return
    names = {
        row.id: f"{row.manufacturer} {row.name}"
        for row in session.scalars(
            scoped(HardwareModel, tenant).where(HardwareModel.id.in_([asset.model_id, line.model_id]))
        )
    }
    raise WrongAsset(
        f"{asset.tag} is a {names.get(asset.model_id)}, the line is for a {names.get(line.model_id or '')}."
    )


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An asset on its way to a client, and how long silence takes to count as acceptance."""

    asset_id: str
    shipped_at: datetime
    silent_days: int

    @property
    def accepted_at(self) -> datetime:
        """When the agreed silence is over: the same moment however late a sweep finds it."""
        return self.shipped_at + timedelta(days=self.silent_days)


def under_way(session: Session, tenant: Tenant) -> list[UnderWay]:
    """Everything that was shipped for a lease and not signed for yet; silence of 0 days never counts."""
    shipped_at = (
        sa.select(sa.func.max(AssetMove.moved_at))
        .where(
            AssetMove.partner_id == Asset.partner_id,
            AssetMove.asset_id == Asset.id,
            AssetMove.verb == "ship",
        )
        .scalar_subquery()
    )
    statement = (
        sa.select(Asset.id, shipped_at, Agreement.acceptance_silent_days)
        .join(
            Assignment,
            sa.and_(Assignment.partner_id == Asset.partner_id, Assignment.asset_id == Asset.id),
        )
        .join(Line, sa.and_(Line.partner_id == Asset.partner_id, Line.id == Assignment.line_id))
        .join(Lease, sa.and_(Lease.partner_id == Asset.partner_id, Lease.id == Line.lease_id))
        .join(
            Agreement, sa.and_(Agreement.partner_id == Asset.partner_id, Agreement.id == Lease.agreement_id)
        )
        .where(
            Asset.partner_id == tenant.partner_id,
            Asset.state == AssetState.IN_TRANSIT_OUT,
            sa.func.upper_inf(Assignment.during),
            Agreement.acceptance_silent_days > 0,
        )
        .order_by(Asset.id)
    )
    return [UnderWay(*row) for row in session.execute(statement)]


def _open_assignment_of(session: Session, tenant: Tenant, *, asset: Asset) -> Assignment:
    standing = session.scalar(
        scoped(Assignment, tenant).where(
            Assignment.asset_id == asset.id, sa.func.upper_inf(Assignment.during)
        )
    )
    if standing is None:
        raise AssetNotOnLease(f"{asset.tag} is not reserved for any lease.")
    return standing


def _accepted_before(session: Session, tenant: Tenant, asset: Asset, key: str) -> Acceptance | None:
    if not session.scalar(
        sa.select(
            scoped(AssetMove, tenant)
            .where(AssetMove.asset_id == asset.id, AssetMove.idempotency_key == key)
            .exists()
        )
    ):
        return None
    return session.scalar(
        scoped(Acceptance, tenant).where(Acceptance.asset_id == asset.id).order_by(Acceptance.id.desc())
    )
