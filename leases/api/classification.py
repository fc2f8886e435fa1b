"""REST: /v1/leases/<id>/classification."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from leases import classifying, queries
from leases.funding_schemas import ClassificationsResource

blueprint = Blueprint(
    "classification_api", __name__, url_prefix="/v1/leases", description="Classification of leases"
)


@blueprint.get("/<lease_id>/classification")
@requires("depreciation.read")
@blueprint.response(200, ClassificationsResource)
def get_classification(lease_id: str) -> dict[str, Any]:
    """What kind of lease it is to its lessor by ASC 842 and IFRS 16, with the figures that decided it."""
    caller = current_caller()
    queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    return {"items": classifying.classifications_of(caller.session, caller.tenant, lease_id=lease_id)}


@blueprint.put("/<lease_id>/classification")
@requires("depreciation.manage")
@blueprint.response(200, ClassificationsResource)
def decide_classification(lease_id: str) -> dict[str, Any]:
    """Decide anew, by the lease's terms and the partner's thresholds of today."""
    caller = current_caller()
    rows = classifying.classify_lease(caller.session, caller.tenant, lease_id=lease_id, at=clock.now())
    return {"items": rows}
