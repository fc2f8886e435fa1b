"""A lease in service, made by the operations themselves: dull defaults for tests of what comes after."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from devices.edits import create_model
from devices.models import Asset, HardwareModel
from devices.operations import move_asset, register_asset
from haas.tenancy.scope import Tenant, scoped
from leases import handover, operations
from leases.models import Agreement, Lease, Line

_serials = count(1)


@dataclass(frozen=True, slots=True)
class InService:
    """What `lease_in_service` made."""

    agreement: Agreement
    lease: Lease
    lines: list[Line]
    assets: list[Asset]
    model: HardwareModel
    extra: dict[str, Any] = field(default_factory=dict)


def a_model(session: Session, tenant: Tenant, *, name: str = "ThinkPad T14", at: datetime) -> HardwareModel:
    """A laptop that costs 1,200, lives 36 months and keeps 10 percent; the one there is, if it is."""
    known = session.scalar(scoped(HardwareModel, tenant).where(HardwareModel.name == name))
    return known or create_model(
        session,
        tenant,
        manufacturer="Lenovo",
        name=name,
        category="laptop",
        kit=["charger"],
        list_cost=Decimal(1200),
        currency="USD",
        useful_life_months=36,
        residual_value_pct=Decimal(10),
        at=at,
    )


def a_spare(session: Session, tenant: Tenant, *, model: HardwareModel, at: datetime) -> Asset:
    """An asset on the shelf, ready to go out."""
    asset = register_asset(
        session,
        tenant,
        model_id=model.id,
        serial=f"SN-{next(_serials):06d}",
        cost=Decimal(1200),
        currency=model.currency,
        state="received",
        at=at,
    )
    for verb in ("stage", "make_ready"):
        move_asset(session, tenant, asset_id=asset.id, verb=verb, at=at)
    return asset


def lease_in_service(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str,
    site_id: str | None = None,
    accepted_at: datetime,
    lines: int = 1,
    rent: str = "100.00",
    term_months: int = 36,
    anchor_day: int = 1,
    timing: str = "advance",
    model: HardwareModel | None = None,
    **agreement_terms: Any,
) -> InService:
    """Agreement, lease, and `lines` laptops that the client signed for at `accepted_at`."""
    before = accepted_at - timedelta(days=3)
    agreement = operations.create_agreement(
        session, tenant, client_id=client_id, at=before, **agreement_terms
    )
    model = model or a_model(session, tenant, at=before)
    lease = operations.draft_lease(
        session,
        tenant,
        agreement_id=agreement.id,
        site_id=site_id,
        term_months=term_months,
        anchor_day=anchor_day,
        timing=timing,
        at=before,
    )
    made = [
        operations.add_line(
            session,
            tenant,
            lease_id=lease.id,
            at=before,
            description="ThinkPad T14",
            unit_price=Decimal(rent),
            model_id=model.id,
        )
        for _ in range(lines)
    ]
    operations.quote(
        session, tenant, lease_id=lease.id, valid_until=accepted_at.date() + timedelta(days=30), at=before
    )
    operations.accept(
        session, tenant, lease_id=lease.id, signer="Ada Client", accepted_on=before.date(), at=before
    )
    assets = []
    for line in made:
        asset = a_spare(session, tenant, model=model, at=before)
        handover.reserve(session, tenant, lease_id=lease.id, line_id=line.id, asset_id=asset.id, at=before)
        handover.ship(session, tenant, asset_id=asset.id, at=before, carrier="Courier")
        handover.accept_asset(session, tenant, asset_id=asset.id, at=accepted_at, signer_name="Ada Client")
        assets.append(asset)
    session.flush()
    return InService(agreement, lease, made, assets, model)


def day(text: str) -> date:
    """An ISO date."""
    return date.fromisoformat(text)
