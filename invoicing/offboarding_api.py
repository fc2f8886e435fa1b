"""REST: what off-boarding a client would do, starting it, and finishing it."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from invoicing import offboarding
from invoicing.offboarding import OffboardingPlan
from invoicing.offboarding_models import Offboarding
from invoicing.offboarding_schemas import (
    OffboardAsked,
    OffboardingPlanResource,
    OffboardingResource,
    OffboardRequest,
)

clients_api = Blueprint(
    "offboarding_api", __name__, url_prefix="/v1/clients", description="Off-boarding of clients"
)
works_api = Blueprint(
    "offboardings_api", __name__, url_prefix="/v1/offboardings", description="Off-boarding under way"
)


@clients_api.get("/<client_id>/offboarding/preview")
@requires("client.offboard")
@clients_api.arguments(OffboardAsked, location="query")
@clients_api.response(200, OffboardingPlanResource)
def preview(asked: dict[str, Any], client_id: str) -> OffboardingPlan:
    """Ends, collection by site, open returns, deposits, missing certificates, and the last invoices."""
    caller = current_caller()
    return offboarding.preview_offboarding(
        caller.session,
        caller.tenant,
        client_id=client_id,
        noticed_on=asked.get("noticed_on") or clock.today(caller.partner.time_zone),
        at=clock.now(),
    )


@clients_api.post("/<client_id>/offboarding")
@requires("client.offboard")
@clients_api.arguments(OffboardRequest)
@clients_api.response(202, OffboardingResource)
def start(wanted: dict[str, Any], client_id: str) -> Any:
    """Begin: a job gives the notices and asks everything back. A second start leads to the first."""
    caller = current_caller()
    work = offboarding.start_offboarding(
        caller.session,
        caller.tenant,
        client_id=client_id,
        noticed_on=wanted["noticed_on"] or clock.today(caller.partner.time_zone),
        reason=wanted["reason"],
        at=clock.now(),
    )
    return work, 202, {"Location": f"/v1/offboardings/{work.id}"}


@works_api.get("/<offboarding_id>")
@requires("client.offboard")
@works_api.response(200, OffboardingResource)
def get_offboarding(offboarding_id: str) -> Offboarding:
    """How far it is."""
    caller = current_caller()
    return offboarding.get_offboarding(caller.session, caller.tenant, offboarding_id=offboarding_id)


@works_api.post("/<offboarding_id>/finish")
@requires("client.offboard")
@works_api.response(200, OffboardingResource)
def finish(offboarding_id: str) -> Offboarding:
    """Bill what is left and bundle the papers, once everything is back and wiped."""
    caller = current_caller()
    return offboarding.finish_offboarding(
        caller.session,
        caller.tenant,
        offboarding_id=offboarding_id,
        today=clock.today(caller.partner.time_zone),
        at=clock.now(),
        portal_url=current_app.config["HAAS"].base_url,
    )
