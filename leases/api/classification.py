"""REST: /v1/leases/<id>/classification."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from leases import classifying, queries
from leases.funding_schemas import ClassificationRequest, ClassificationsResource

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
    return _found(caller, lease_id)


@blueprint.put("/<lease_id>/classification")
@requires("depreciation.manage")
@blueprint.arguments(ClassificationRequest)
@blueprint.response(200, ClassificationsResource)
def decide_classification(asked: dict[str, Any], lease_id: str) -> dict[str, Any]:
    """Decide anew by the thresholds of today: as of the day of a modification, or of the last decision."""
    caller = current_caller()
    classifying.classify_lease(
        caller.session, caller.tenant, lease_id=lease_id, at=clock.now(), as_of=asked["as_of"]
    )
    return _found(caller, lease_id)


def _found(caller: Caller, lease_id: str) -> dict[str, Any]:
    about: dict[str, Any] = {"lease_id": lease_id}
    return {
        "items": classifying.classifications_of(caller.session, caller.tenant, **about),
        "decisions": classifying.decisions_of(caller.session, caller.tenant, **about),
    }
