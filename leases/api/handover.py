"""REST: the hardware of a lease on its way to the client."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_smorest import Blueprint

from devices.models import Asset
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from leases import handover, queries
from leases.models import Acceptance, Assignment
from leases.schemas import (
    AcceptanceResource,
    HandledAssetResource,
    ReserveRequest,
    ShipRequest,
    SignedRequest,
    StandingResource,
)

blueprint = Blueprint(
    "handover_api",
    __name__,
    url_prefix="/v1/leases/<lease_id>",
    description="Hand-over of a lease's hardware",
)


@blueprint.post("/lines/<line_id>/reserve")
@requires("asset.move")
@blueprint.arguments(ReserveRequest)
@blueprint.response(201, StandingResource)
def reserve(wanted: dict[str, Any], lease_id: str, line_id: str) -> Assignment:
    """Pick an asset for a line of an accepted lease."""
    caller = current_caller()
    return handover.reserve(
        caller.session, caller.tenant, lease_id=lease_id, line_id=line_id, at=clock.now(), **wanted
    )


@blueprint.post("/assets/<asset_id>/release")
@requires("asset.move")
@blueprint.response(200, HandledAssetResource)
def release(lease_id: str, asset_id: str) -> Asset:
    """Put a reserved asset back on the shelf."""
    caller = _holding(lease_id, asset_id)
    return handover.release(caller.session, caller.tenant, asset_id=asset_id, at=clock.now())


@blueprint.post("/assets/<asset_id>/ship")
@requires("asset.move")
@blueprint.arguments(ShipRequest)
@blueprint.response(200, HandledAssetResource)
def ship(parcel: dict[str, Any], lease_id: str, asset_id: str) -> Asset:
    """Hand a reserved asset to a courier or a technician."""
    caller = _holding(lease_id, asset_id)
    return handover.ship(caller.session, caller.tenant, asset_id=asset_id, **parcel)


@blueprint.post("/assets/<asset_id>/accept")
@requires("asset.move")
@blueprint.arguments(SignedRequest)
@blueprint.response(201, AcceptanceResource)
def accept(signed: dict[str, Any], lease_id: str, asset_id: str) -> Acceptance:
    """The client signs: the asset is in service, rent and depreciation begin."""
    caller = _holding(lease_id, asset_id)
    return handover.accept_asset(
        caller.session,
        caller.tenant,
        asset_id=asset_id,
        idempotency_key=request.headers.get("Idempotency-Key"),
        **signed,
    )


@blueprint.get("/acceptances")
@requires("lease.read")
@blueprint.response(200, AcceptanceResource(many=True))
def list_acceptances(lease_id: str) -> Any:
    """Certificates of acceptance, oldest first."""
    caller = current_caller()
    queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    return queries.acceptances_of(caller.session, caller.tenant, lease_id=lease_id)


def _holding(lease_id: str, asset_id: str) -> Caller:
    caller = current_caller()
    queries.line_held_by(caller.session, caller.tenant, lease_id=lease_id, asset_id=asset_id)
    return caller
