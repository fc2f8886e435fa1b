"""Reads: what happened to one asset: moves, places, wipes, verdicts on its health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import AssetMove, Custody, WipeCertificate
from devices.queries import get_asset, moves_of
from devices.telemetry_models import DeviceState, HealthChange
from haas.tenancy.scope import Tenant, scoped


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One thing that happened to an asset. `kind`: move, place, wipe, label."""

    at: datetime
    kind: str
    actor: str
    what: str  # the verb, or what the row is
    reason: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Past:
    """What is on record of one asset, oldest first."""

    moves: Sequence[AssetMove]
    places: Sequence[Custody]
    wipes: Sequence[WipeCertificate]

    def items(self) -> list[TimelineItem]:
        """All of it as what happened, newest first."""
        items = [
            TimelineItem(
                move.moved_at,
                "move",
                move.actor,
                move.verb,
                move.reason,
                {"from_state": move.from_state, "to_state": move.to_state, **move.details},
            )
            for move in self.moves
        ]
        items += [
            TimelineItem(
                span.during.lower,
                "place",
                span.actor,
                "place",
                "",
                {"client_id": span.client_id, "site_id": span.site_id, "custodian": span.custodian},
            )
            for span in self.places
            if span.during.lower is not None
        ]
        items += [
            TimelineItem(
                proof.performed_at,
                "wipe",
                proof.performed_by,
                "wipe",
                "",
                {"number": proof.number, "method": proof.method, "file_id": proof.file_id},
            )
            for proof in self.wipes
        ]
        return sorted(items, key=lambda item: item.at, reverse=True)


def past_of(session: Session, tenant: Tenant, *, asset_id: str) -> Past:
    """The rows that tell what happened to the asset: three queries. A client sees its own rows."""
    return Past(
        moves=moves_of(session, tenant, asset_id=asset_id),
        places=session.scalars(
            scoped(Custody, tenant).where(Custody.asset_id == asset_id).order_by(Custody.during)
        ).all(),
        wipes=session.scalars(
            scoped(WipeCertificate, tenant)
            .where(WipeCertificate.asset_id == asset_id)
            .order_by(WipeCertificate.performed_at, WipeCertificate.id)
        ).all(),
    )


def timeline(session: Session, tenant: Tenant, *, asset_id: str) -> list[TimelineItem]:
    """What happened to the asset, newest first: moves, places, wipes. A client sees its own rows.

    :raises AssetNotFound: if this tenant has no such asset.
    """
    get_asset(session, tenant, asset_id=asset_id)
    return past_of(session, tenant, asset_id=asset_id).items()


def health_changes_of(
    session: Session, tenant: Tenant, *, asset_id: str, count: int = 500
) -> Sequence[HealthChange]:
    """How the verdict on the asset's device changed, newest first."""
    devices = sa.select(DeviceState.id).where(
        DeviceState.partner_id == tenant.partner_id, DeviceState.asset_id == asset_id
    )
    return session.scalars(
        scoped(HealthChange, tenant)
        .where(HealthChange.device_id.in_(devices))
        .order_by(HealthChange.at.desc(), HealthChange.id.desc())
        .limit(count)
    ).all()
