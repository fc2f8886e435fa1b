"""What an agent says over HTTPS: enrol by a code, change its secret. Code or secret proves who it is."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import Blueprint, Response, current_app, jsonify, request

from agent import messages
from devices import enrolment
from devices.enrolment import Enrolled, Hardware, UnknownCode, WrongSecret
from devices.telemetry_models import Device, EnrolmentCode
from haas import clock, db
from haas.auth.caller import public
from haas.errors import InvalidInput
from haas.rest.limits import GUESSABLE, limiter
from haas.settings import Settings
from haas.tenancy.scope import Stranger, Tenant

blueprint = Blueprint("agent_api", __name__, url_prefix="/agent/v1")


class _HardwareSchema(ma.Schema):
    class Meta:
        unknown = ma.EXCLUDE  # a newer agent may say more

    serial = ma.fields.String(load_default="", allow_none=True, validate=ma.validate.Length(max=200))
    uuid = ma.fields.String(load_default="", allow_none=True, validate=ma.validate.Length(max=200))
    board = ma.fields.String(load_default="", allow_none=True, validate=ma.validate.Length(max=200))
    macs = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(max=40)),
        load_default=list,
        allow_none=True,
        validate=ma.validate.Length(max=64),
    )


class _EnrolSchema(ma.Schema):
    class Meta:
        unknown = ma.EXCLUDE

    code = ma.fields.String(required=True, validate=ma.validate.Length(1, 64))
    secret = ma.fields.String(required=True, validate=ma.validate.Length(32, 128))
    hw = ma.fields.Nested(_HardwareSchema, required=True)
    nonce = ma.fields.String(load_default="", validate=ma.validate.Length(max=128))
    agent = ma.fields.String(load_default="", validate=ma.validate.Length(max=64))


class _RotateSchema(ma.Schema):
    class Meta:
        unknown = ma.EXCLUDE

    device = ma.fields.String(required=True, validate=ma.validate.Regexp(messages.DEVICE_ID))
    secret = ma.fields.String(required=True, validate=ma.validate.Length(32, 128))
    new_secret = ma.fields.String(required=True, validate=ma.validate.Length(32, 128))


@blueprint.post("/enroll")
@limiter.limit(GUESSABLE)
@public("a device that is not enrolled yet; its one-time code proves whose it is")
def enroll() -> tuple[Response, int]:
    """Spend a one-time code; 202 while a person has to accept the device."""
    asked = _load(_EnrolSchema)
    settings: Settings = current_app.config["HAAS"]
    code_hash = enrolment.hashed_code(asked["code"])
    with db.unit_of_work(Stranger(code_hash, actor="device", door="api")) as session:
        partner_id = session.scalar(
            sa.select(EnrolmentCode.partner_id).where(EnrolmentCode.code_hash == code_hash)
        )
    if partner_id is None:
        raise UnknownCode("This code is not known.")
    hw = asked["hw"]
    with db.unit_of_work(Tenant(partner_id, actor="device:enrolling", door="api")) as session:
        outcome = enrolment.enrol(
            session,
            Tenant(partner_id, actor="device:enrolling", door="api"),
            code_hash=code_hash,
            secret=asked["secret"],
            hardware=Hardware(
                serial=hw["serial"] or "",
                uuid=hw["uuid"] or "",
                board=hw["board"] or "",
                macs=tuple(hw["macs"] or ()),
            ),
            secret_key=settings.secret_key,
            now=clock.now(),
        )
        if isinstance(outcome, Enrolled):
            return jsonify(_welcome(outcome, settings)), 200
    return jsonify({"status": "pending", "retry_after": outcome.retry_seconds}), 202


@blueprint.post("/rotate")
@limiter.limit(GUESSABLE)
@public("a device that proves itself by its secret")
def rotate() -> Response:
    """Take the device's next secret."""
    asked = _load(_RotateSchema)
    device_id = asked["device"]
    with db.unit_of_work(Stranger(device_id, actor="device", door="api")) as session:
        partner_id = session.scalar(sa.select(Device.partner_id).where(Device.id == device_id))
    if partner_id is None:
        raise WrongSecret("This device and secret do not belong together.")
    tenant = Tenant(partner_id, actor=f"device:{device_id}", door="api")
    with db.unit_of_work(tenant) as session:
        enrolment.rotate(
            session,
            tenant,
            device_id=device_id,
            secret=asked["secret"],
            new_secret=asked["new_secret"],
            now=clock.now(),
        )
    return jsonify({"status": "accepted"})


def _load(schema: type[ma.Schema]) -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise InvalidInput("Send a JSON object.")
    try:
        loaded: dict[str, Any] = schema().load(body)
    except ma.ValidationError as wrong:
        raise InvalidInput("Some fields are wrong.", fields=dict(wrong.messages_dict)) from wrong
    return loaded


def _welcome(outcome: Enrolled, settings: Settings) -> dict[str, Any]:
    device = outcome.device
    ca_file = settings.mqtt_ca_file
    return {
        "status": "enrolled",
        "device": device.id,
        "epoch": device.epoch,
        "mqtt": {
            "host": settings.mqtt_public_host,
            "port": settings.mqtt_public_port,
            "tls": settings.mqtt_url is None or settings.mqtt_url.startswith("mqtts:"),
            "ca_pem": ca_file.read_text("ascii") if ca_file is not None else None,
        },
        "command_key": outcome.command_key,
        "cfg": messages.config(
            rev=device.config_rev, every=device.every, time_ms=int(clock.now().timestamp() * 1000)
        ),
    }
