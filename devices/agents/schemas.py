"""JSON shapes of /v1/devices, /v1/enrolment-codes and /v1/quarantine."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from agent.messages import INTERVALS, UP_KINDS, VERBS
from devices.telemetry_models import ONLINE_STATES, VERDICTS
from haas.rest.openapi import Paged, Request


class DeviceListed(Paged):
    """Which devices are asked for."""

    online = fields.String(validate=validate.OneOf(ONLINE_STATES))
    verdict = fields.String(validate=validate.OneOf(VERDICTS))
    asset_id = fields.String(validate=validate.Length(1, 64))


class TelemetryListed(Paged):
    """Which messages of a device are asked for."""

    kind = fields.String(validate=validate.OneOf([kind for kind in UP_KINDS if kind != "death"]))
    since = fields.AwareDateTime(format="iso")
    until = fields.AwareDateTime(format="iso", metadata={"description": "exclusive"})


class HealthReasonResource(ma.Schema):
    """One finding, in words."""

    level = fields.String(metadata={"description": "failing, watch or note"})
    code = fields.String()
    part = fields.String()
    text = fields.String()


class DeviceResource(ma.Schema):
    """The newest that is known of a device."""

    id = fields.String()
    asset_id = fields.String()
    client_id = fields.String(allow_none=True)
    online = fields.String()
    online_since = fields.AwareDateTime(format="iso")
    online_cause = fields.String()
    seen_at = fields.AwareDateTime(format="iso", allow_none=True)
    verdict = fields.String()
    verdict_since = fields.AwareDateTime(format="iso")
    reasons = fields.List(fields.Nested(HealthReasonResource))
    failure_chance = fields.Float(
        allow_none=True, metadata={"description": "chance that a disk fails within 30 days, 0 to 1"}
    )
    clock_bad = fields.Boolean()
    report = fields.Dict(metadata={"description": "newest `health` and `birth`, as the device sent them"})


class DeviceMessageResource(ma.Schema):
    """One message of a device."""

    at = fields.AwareDateTime(format="iso", attribute="ts_eff")
    received_at = fields.AwareDateTime(format="iso")
    session = fields.Integer(attribute="b")
    number = fields.Integer(attribute="s")
    kind = fields.String()
    clock_bad = fields.Boolean()
    body = fields.Dict()


class DeviceChange(Request):
    """What may be changed of a device."""

    every = fields.Dict(
        keys=fields.String(validate=validate.OneOf(list(INTERVALS))),
        values=fields.Integer(strict=True, validate=validate.Range(1, 7 * 86400)),
        required=True,
        metadata={"description": "intervals in seconds"},
    )


class CommandRequest(Request):
    """An order to a device."""

    verb = fields.String(required=True, validate=validate.OneOf(VERBS))
    args = fields.Dict(keys=fields.String(validate=validate.Length(max=32)), load_default=dict)


class CommandResource(ma.Schema):
    """An order and what came of it."""

    id = fields.String()
    device_id = fields.String()
    verb = fields.String()
    args = fields.Dict()
    state = fields.String()
    code = fields.String(metadata={"description": "the device's reason for a refusal"})
    output = fields.Dict()
    created_by = fields.String()
    created_at = fields.AwareDateTime(format="iso")
    expires_at = fields.AwareDateTime(format="iso")
    sent_at = fields.AwareDateTime(format="iso", allow_none=True)
    settled_at = fields.AwareDateTime(format="iso", allow_none=True)


class RevocationRequest(Request):
    """Why a device loses its identity."""

    reason = fields.String(required=True, validate=validate.Length(1, 500))


class EnrolmentCodeRequest(Request):
    """For which asset a device is to be enrolled."""

    asset_id = fields.String(required=True, validate=validate.Length(1, 64))


class EnrolmentCodeResource(ma.Schema):
    """A code, without the code itself."""

    id = fields.String()
    asset_id = fields.String()
    device_id = fields.String(allow_none=True)
    state = fields.String()
    mismatch = fields.String(metadata={"description": "why a person has to decide"})
    created_at = fields.AwareDateTime(format="iso")
    expires_at = fields.AwareDateTime(format="iso")
    asked_at = fields.AwareDateTime(format="iso", allow_none=True)
    used_at = fields.AwareDateTime(format="iso", allow_none=True)


class NewEnrolmentCodeResource(EnrolmentCodeResource):
    """A code, shown once."""

    code = fields.String()
    url = fields.String(metadata={"description": "what the label's QR code holds"})


class QuarantinedMessageResource(ma.Schema):
    """A message that could not be used."""

    id = fields.String()
    device_id = fields.String()
    topic = fields.String()
    reason = fields.String()
    detail = fields.String()
    size_bytes = fields.Integer()
    received_at = fields.AwareDateTime(format="iso")
