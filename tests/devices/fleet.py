"""Assets and models for tests: keyword-only, dull defaults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from devices import edits, operations, queries
from devices.models import Asset, HardwareModel
from haas.tenancy.scope import Tenant

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_numbers = count(1)

# The shortest way from `received` to each state, as (verb, details).
WAY: dict[str, list[str]] = {
    "received": [],
    "staging": ["stage"],
    "ready": ["stage", "make_ready"],
    "reserved": ["stage", "make_ready", "reserve"],
    "in_transit_out": ["stage", "make_ready", "reserve", "ship"],
    "in_service": ["stage", "make_ready", "reserve", "ship", "accept"],
    "in_repair": ["stage", "make_ready", "reserve", "ship", "accept", "send_to_repair"],
    "return_due": ["stage", "make_ready", "reserve", "ship", "accept", "recall"],
    "in_transit_in": ["stage", "make_ready", "reserve", "ship", "accept", "recall", "collect"],
    "quarantine": ["stage", "make_ready", "reserve", "ship", "accept", "recall", "collect", "dock"],
    "graded": ["stage", "make_ready", "reserve", "ship", "accept", "recall", "collect", "dock", "grade"],
    "refurbishing": [
        "stage", "make_ready", "reserve", "ship", "accept", "recall", "collect", "dock", "grade", "refurbish",
    ],
    "retired": ["stage", "make_ready", "retire"],
    "disposed": ["stage", "make_ready", "retire", "dispose"],
    "bought_out": ["stage", "make_ready", "reserve", "ship", "accept", "buy_out"],
    "lost": ["report_lost"],
    "stolen": ["report_stolen"],
}  # fmt: skip


def make_model(session: Session, tenant: Tenant, **changes: Any) -> HardwareModel:
    """A laptop model."""
    values: dict[str, Any] = {
        "manufacturer": "Lenovo",
        "name": f"ThinkPad T14 {next(_numbers)}",
        "category": "laptop",
        "list_cost": Decimal(1200),
        "currency": "USD",
        "kit": ["charger"],
        "at": START,
        **changes,
    }
    return edits.create_model(session, tenant, **values)


def make_asset(session: Session, tenant: Tenant, *, model_id: str | None = None, **changes: Any) -> Asset:
    """A received laptop."""
    values: dict[str, Any] = {
        "model_id": model_id or make_model(session, tenant).id,
        "serial": f"SN-{next(_numbers):06d}",
        "cost": Decimal(1200),
        "currency": "USD",
        "state": "received",
        "at": START,
        **changes,
    }
    if values["state"] == "ordered" and "serial" not in changes:
        values["serial"] = None
    return operations.register_asset(session, tenant, **values)


def label_token(session: Session, tenant: Tenant, *, asset_id: str) -> str:
    """The token of the asset's newest label."""
    label = queries.current_label(session, tenant, asset_id=asset_id)
    assert label is not None
    return label.token


def bring(session: Session, tenant: Tenant, asset: Asset, *, to: str, client_id: str | None = None) -> Asset:
    """Walk a received asset to a state, one move an hour; `client_id` is who leases it."""
    at = START
    for verb in WAY[to]:
        at += timedelta(hours=1)
        if verb == "accept" and client_id is not None:
            operations.place_asset(session, tenant, asset_id=asset.id, client_id=client_id, at=at)
        details: dict[str, Any] = {"grade": "B"} if verb == "grade" else {}
        if verb in ("reserve", "ship", "accept") and client_id is not None:
            details["client_id"] = client_id
        asset = operations.move_asset(session, tenant, asset_id=asset.id, verb=verb, at=at, details=details)
    return asset
