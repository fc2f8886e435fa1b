"""What a device says of the asset that it is, without a broker: for tests of what follows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from devices import enrolment
from devices.enrolment import Enrolled, Hardware
from devices.health import FAILING, WATCH, Reason
from devices.models import Asset
from devices.telemetry_models import Device, DeviceState, HealthChange
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from tests.cast import PEPPER

BAD_DISK = Reason(FAILING, "disk.pending", "disk sda", "disk sda: 60 sectors waiting for replacement")


def enrolled(session: Session, tenant: Tenant, *, asset: Asset, at: datetime) -> Device:
    """A device of the asset, let in by its one-time code."""
    code, _ = enrolment.new_code(session, tenant, asset_id=asset.id, now=at)
    outcome = enrolment.enrol(
        session,
        tenant,
        code_hash=enrolment.hashed_code(code),
        secret="s" * 43,
        hardware=Hardware(asset.serial or "", "uuid-1", "board-1"),
        secret_key=PEPPER,
        now=at,
    )
    assert isinstance(outcome, Enrolled)
    return outcome.device


def judged(session: Session, tenant: Tenant, *, asset: Asset, verdict: str, at: datetime) -> DeviceState:
    """The asset has a device, whose verdict changes to this one."""
    device = session.scalar(scoped(Device, tenant).where(Device.asset_id == asset.id))
    if device is None:
        device = enrolled(session, tenant, asset=asset, at=at)
    state = session.scalars(scoped(DeviceState, tenant).where(DeviceState.id == device.id)).one()
    before, state.verdict, state.verdict_since = state.verdict, verdict, at
    state.reasons = [BAD_DISK.as_json()] if verdict in (FAILING, WATCH) else []
    session.add(
        HealthChange(
            partner_id=tenant.partner_id,
            id=new_id("hch"),
            device_id=device.id,
            asset_id=asset.id,
            client_id=asset.client_id,
            from_verdict=before,
            to_verdict=verdict,
            at=at,
            reasons=state.reasons,
            failure_chance=None,
        )
    )
    session.flush()
    return state
