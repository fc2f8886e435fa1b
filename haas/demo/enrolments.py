"""Devices of the demo that wait for their one-time code: twenty recorded machines, and this very one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zlib import crc32

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from agent.recordings import profiles_for, write_recording
from devices.enrolment import new_code
from devices.identifiers import normalised
from devices.lifecycle import AssetState
from devices.models import Asset
from haas import clock, db
from haas.demo.host import this_machine
from haas.demo.houses import CLI
from haas.demo.scenery import PARTNERS
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from leases.models import Assignment, Lease, Line
from leases.terms import Timing

SIMULATED = 20
THIS_MACHINE = "this-machine"
# A recording of a failing disk began so long ago: after half a day its disk says so itself, and the visitor
# finds the alert and the proposed swap in the first minute.
FAILING_SINCE = timedelta(hours=14)
_PROFILES = {"laptop": "laptop", "workstation": "workstation", "server": "server"}


@dataclass(frozen=True, slots=True)
class OpenEnrolment:
    """A device to enrol: its name, its code, and what it plays (none: the machine itself)."""

    name: str
    code: str
    readings: Path | None


def open_enrolments(settings: Settings) -> list[OpenEnrolment]:
    """A fresh code for each device of the demo. Codes of an earlier call that were not used run out."""
    db.configure(settings.database_url)
    folder = settings.data_dir / "agents" / "recordings"
    folder.mkdir(parents=True, exist_ok=True)
    now = clock.now()
    waiting: list[OpenEnrolment] = []
    share = SIMULATED // len(PARTNERS)
    for number, scene in enumerate(PARTNERS):
        with db.unit_of_work(CLI) as session:
            partner = session.scalars(sa.select(Partner).where(Partner.slug == scene.slug)).one()
        tenant = Tenant(partner.id, actor="demo", door="cli")
        with db.unit_of_work(tenant) as session:
            fleet = _machines(session, tenant)
            if number == 0:
                waiting.append(_enrol_host(session, tenant, now=now))
            for asset, (profile, condition) in _cast(session, tenant, fleet, profiles_for(share)):
                path = folder / f"{asset.tag}.jsonl"
                if not path.exists():
                    write_recording(
                        path,
                        profile=_PROFILES.get(asset.model.category, profile),
                        condition=condition,
                        seed=crc32(asset.tag.encode()),
                        begins_ms=_begins_ms(condition, now),
                        serial=asset.serial,
                    )
                waiting.append(_enrolment(session, tenant, asset, name=asset.tag, readings=path, now=now))
    return waiting


def _cast(
    session: Session, tenant: Tenant, fleet: list[Asset], parts: Sequence[tuple[str, str]]
) -> list[tuple[Asset, tuple[str, str]]]:
    """Who plays what.

    The failing disk is in a device whose month is billed when it is over: its swap is split by days on the
    next invoice.
    """
    players = fleet[: len(parts)]
    in_arrears = set(
        session.scalars(
            scoped(Assignment, tenant)
            .join(Line, sa.and_(Line.partner_id == Assignment.partner_id, Line.id == Assignment.line_id))
            .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
            .where(
                Lease.timing == Timing.ARREARS,
                Lease.interval_months == 1,
                sa.func.upper_inf(Assignment.during),
            )
            .with_only_columns(Assignment.asset_id)
        )
    )
    failing = next(asset for asset in fleet if asset.id in in_arrears)
    place = [condition for _, condition in parts].index("failing_disk")
    if failing in players:
        other = players.index(failing)
        players[other] = players[place]
    players[place] = failing
    return list(zip(players, parts, strict=True))


def _begins_ms(condition: str, now: datetime) -> int:
    begins = now - FAILING_SINCE if condition == "failing_disk" else now
    return int(begins.timestamp() * 1000)


def _machines(session: Session, tenant: Tenant) -> list[Asset]:
    """What is in service and can run an agent, in a stable order."""
    rows: Sequence[Asset] = session.scalars(
        scoped(Asset, tenant)
        .where(Asset.state == AssetState.IN_SERVICE)
        .options(selectinload(Asset.model))
        .order_by(Asset.id)
    ).all()
    return [asset for asset in rows if asset.model.category in _PROFILES]


def _enrolment(
    session: Session, tenant: Tenant, asset: Asset, *, name: str, readings: Path | None, now: datetime
) -> OpenEnrolment:
    code, _ = new_code(session, tenant, asset_id=asset.id, now=now)
    return OpenEnrolment(name, code, readings)


def _enrol_host(session: Session, tenant: Tenant, *, now: datetime) -> OpenEnrolment:
    """This machine's own asset. Where the firmware tells no serial, a person must say that it is the one."""
    host = this_machine()
    asset = session.scalars(scoped(Asset, tenant).where(Asset.serial_norm == normalised(host.serial))).one()
    code, row = new_code(session, tenant, asset_id=asset.id, now=now)
    if not host.tells_serial:
        row.state, row.decided_by, row.decided_at = "approved", tenant.actor, now
        session.flush()
    return OpenEnrolment(THIS_MACHINE, code, None)
