"""Devices of the demo that wait for their one-time code: twenty recorded machines, and this very one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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

SIMULATED = 20
THIS_MACHINE = "this-machine"
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
            for asset, (profile, condition) in zip(fleet[:share], profiles_for(share), strict=True):
                path = folder / f"{asset.tag}.jsonl"
                if not path.exists():
                    write_recording(
                        path,
                        profile=_PROFILES.get(asset.model.category, profile),
                        condition=condition,
                        seed=crc32(asset.tag.encode()),
                        begins_ms=int(now.timestamp() * 1000),
                        serial=asset.serial,
                    )
                waiting.append(_enrolment(session, tenant, asset, name=asset.tag, readings=path, now=now))
    return waiting


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
