"""JSON shapes of /v1/alerts and /v1/alert-routes."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from haas.alerts.models import CHANNELS, SEVERITIES
from haas.rest.openapi import Paged, Request


class AlertListed(Paged):
    """Which alerts are asked for."""

    state = fields.String(validate=validate.OneOf(["open", "acknowledged", "resolved"]))
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    asset_id = fields.String(validate=validate.Length(1, 64))


class AlertResource(ma.Schema):
    """Something a person should look at."""

    id = fields.String()
    rule = fields.String()
    severity = fields.String()
    state = fields.String()
    title = fields.String()
    detail = fields.String()
    asset_id = fields.String(allow_none=True)
    device_id = fields.String(allow_none=True)
    client_id = fields.String(allow_none=True)
    opened_at = fields.AwareDateTime(format="iso")
    worsened_at = fields.AwareDateTime(format="iso", allow_none=True)
    acknowledged_at = fields.AwareDateTime(format="iso", allow_none=True)
    acknowledged_by = fields.String(allow_none=True)
    resolved_at = fields.AwareDateTime(format="iso", allow_none=True)
    resolved_by = fields.String(allow_none=True)
    resolution = fields.String()


class ResolutionRequest(Request):
    """What was done about it."""

    resolution = fields.String(load_default="", validate=validate.Length(max=500))


class AlertRouteRequest(Request):
    """Whom to tell, and from which severity on."""

    name = fields.String(required=True, validate=validate.Length(1, 100))
    channel = fields.String(required=True, validate=validate.OneOf(CHANNELS))
    target = fields.String(
        required=True,
        validate=validate.Length(1, 500),
        metadata={"description": "an e-mail address, or a URL that begins with https://"},
    )
    severity_least = fields.String(load_default="warning", validate=validate.OneOf(SEVERITIES))
    client_id = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 64),
        metadata={"description": "only alerts on this client's assets"},
    )


class AlertRouteResource(ma.Schema):
    """Where alerts go."""

    id = fields.String()
    name = fields.String()
    channel = fields.String()
    target = fields.String()
    severity_least = fields.String()
    client_id = fields.String(allow_none=True)
    created_at = fields.AwareDateTime(format="iso")
    disabled_at = fields.AwareDateTime(format="iso", allow_none=True)
    disabled_because = fields.String()


class NewAlertRouteResource(AlertRouteResource):
    """A new route; a webhook's secret is shown once."""

    secret = fields.String(allow_none=True)
