"""REST: /v1/devices, /v1/enrolment-codes, /v1/quarantine."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_smorest import Blueprint

from devices import commands, enrolment, quarantine
from devices.agents import queries
from devices.agents.schemas import (
    CommandRequest,
    CommandResource,
    DeviceChange,
    DeviceListed,
    DeviceMessageResource,
    DeviceResource,
    EnrolmentCodeRequest,
    EnrolmentCodeResource,
    NewEnrolmentCodeResource,
    QuarantinedMessageResource,
    RevocationRequest,
    TelemetryListed,
)
from haas import clock
from haas.auth.caller import current_caller, requires
from haas.rest.openapi import Paged, page_of
from haas.rest.paging import Page

blueprint = Blueprint("devices_api", __name__, url_prefix="/v1/devices", description="Devices")
codes_api = Blueprint(
    "enrolment_codes_api", __name__, url_prefix="/v1/enrolment-codes", description="Enrolment of devices"
)
quarantine_api = Blueprint(
    "quarantine_api", __name__, url_prefix="/v1/quarantine", description="Messages that could not be used"
)

Answer = dict[str, Any]


@blueprint.get("")
@requires("device.read")
@blueprint.arguments(DeviceListed, location="query")
@blueprint.response(200, page_of(DeviceResource))
def list_devices(query: dict[str, Any]) -> Answer:
    """Devices with their newest state, in the order they were enrolled."""
    caller = current_caller()
    return _page(queries.list_states(caller.session, caller.tenant, **query))


@blueprint.get("/<device_id>")
@requires("device.read")
@blueprint.response(200, DeviceResource)
def get_device(device_id: str) -> Any:
    """One device with its newest state."""
    caller = current_caller()
    return queries.get_state(caller.session, caller.tenant, device_id=device_id)


@blueprint.patch("/<device_id>")
@requires("device.command")
@blueprint.arguments(DeviceChange)
@blueprint.response(200, DeviceResource)
def edit_device(changes: dict[str, Any], device_id: str) -> Any:
    """Change how often a device reports. It is told at its next word."""
    caller = current_caller()
    enrolment.set_intervals(caller.session, caller.tenant, device_id=device_id, every=changes["every"])
    return queries.get_state(caller.session, caller.tenant, device_id=device_id)


@blueprint.get("/<device_id>/telemetry")
@requires("device.read")
@blueprint.arguments(TelemetryListed, location="query")
@blueprint.response(200, page_of(DeviceMessageResource))
def list_telemetry(query: dict[str, Any], device_id: str) -> Answer:
    """Messages of one device, newest first."""
    caller = current_caller()
    queries.get_state(caller.session, caller.tenant, device_id=device_id)
    return _page(queries.list_telemetry(caller.session, caller.tenant, device_id=device_id, **query))


@blueprint.get("/<device_id>/commands")
@requires("device.command")
@blueprint.arguments(Paged, location="query")
@blueprint.response(200, page_of(CommandResource))
def list_commands(query: dict[str, Any], device_id: str) -> Answer:
    """Orders to one device, newest first."""
    caller = current_caller()
    queries.get_state(caller.session, caller.tenant, device_id=device_id)
    return _page(commands.list_commands(caller.session, caller.tenant, device_id=device_id, **query))


@blueprint.post("/<device_id>/commands")
@requires("device.command")
@blueprint.arguments(CommandRequest)
@blueprint.response(201, CommandResource)
def create_command(order: dict[str, Any], device_id: str) -> Any:
    """Give a device an order. It is sent at once if it listens, else at its next birth, for a day."""
    caller = current_caller()
    return commands.order(
        caller.session,
        caller.tenant,
        device_id=device_id,
        verb=order["verb"],
        args=order["args"],
        now=clock.now(),
    )


@blueprint.post("/<device_id>/revoke")
@requires("device.enrol")
@blueprint.arguments(RevocationRequest)
@blueprint.response(200, DeviceResource)
def revoke_device(revocation: dict[str, Any], device_id: str) -> Any:
    """Take a device's identity away: the broker cuts it off, and what it still sends is not taken."""
    caller = current_caller()
    enrolment.revoke(
        caller.session,
        caller.tenant,
        device_id=device_id,
        reason=revocation["reason"],
        now=clock.now(),
    )
    return queries.get_state(caller.session, caller.tenant, device_id=device_id)


@codes_api.get("")
@requires("device.enrol")
@codes_api.arguments(Paged, location="query")
@codes_api.response(200, page_of(EnrolmentCodeResource))
def list_codes(query: dict[str, Any]) -> Answer:
    """Enrolment codes, newest first."""
    caller = current_caller()
    return _page(
        enrolment.list_codes(caller.session, caller.tenant, cursor=query.get("cursor"), limit=query["limit"])
    )


@codes_api.post("")
@requires("device.enrol")
@codes_api.arguments(EnrolmentCodeRequest)
@codes_api.response(201, NewEnrolmentCodeResource)
def create_code(wanted: dict[str, Any]) -> Answer:
    """A one-time code for the device on an asset. It is shown here and never again."""
    caller = current_caller()
    code, made = enrolment.new_code(
        caller.session, caller.tenant, asset_id=wanted["asset_id"], now=clock.now()
    )
    shape: Answer = EnrolmentCodeResource().dump(made)
    # The outer schema writes the moments; it is given what the inner one was.
    shape.update({name: getattr(made, name) for name in ("created_at", "expires_at", "asked_at", "used_at")})
    return {**shape, "code": code, "url": claim_url(code)}


@codes_api.post("/<code_id>/accept")
@requires("device.enrol")
@codes_api.response(200, EnrolmentCodeResource)
def accept_enrolment(code_id: str) -> Any:
    """Let a device in whose serial is not the asset's."""
    caller = current_caller()
    return enrolment.decide(caller.session, caller.tenant, code_id=code_id, accept=True, now=clock.now())


@codes_api.post("/<code_id>/refuse")
@requires("device.enrol")
@codes_api.response(200, EnrolmentCodeResource)
def refuse_enrolment(code_id: str) -> Any:
    """Turn a waiting device away."""
    caller = current_caller()
    return enrolment.decide(caller.session, caller.tenant, code_id=code_id, accept=False, now=clock.now())


@quarantine_api.get("")
@requires("device.command")
@quarantine_api.arguments(Paged, location="query")
@quarantine_api.response(200, page_of(QuarantinedMessageResource))
def list_quarantined(query: dict[str, Any]) -> Answer:
    """Messages that could not be used, newest first."""
    caller = current_caller()
    return _page(
        quarantine.list_messages(
            caller.session, caller.tenant, cursor=query.get("cursor"), limit=query["limit"]
        )
    )


def claim_url(code: str) -> str:
    """What the label's QR code holds, and what `agent enroll` takes."""
    return f"{current_app.config['HAAS'].base_url}/c/{code}"


def _page(page: Page[Any]) -> Answer:
    return {"items": page.rows, "next": page.older}
