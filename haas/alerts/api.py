"""REST: /v1/alerts and /v1/alert-routes."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_smorest import Blueprint

from haas import clock
from haas.alerts import operations, routing
from haas.alerts.schemas import (
    AlertListed,
    AlertResource,
    AlertRouteRequest,
    AlertRouteResource,
    NewAlertRouteResource,
    ResolutionRequest,
)
from haas.auth.caller import current_caller, requires
from haas.rest.openapi import page_of

blueprint = Blueprint("alerts_api", __name__, url_prefix="/v1/alerts", description="Alerts")
routes_api = Blueprint(
    "alert_routes_api", __name__, url_prefix="/v1/alert-routes", description="Whom alerts are told"
)

Answer = dict[str, Any]


@blueprint.get("")
@requires("alert.read")
@blueprint.arguments(AlertListed, location="query")
@blueprint.response(200, page_of(AlertResource))
def list_alerts(query: dict[str, Any]) -> Answer:
    """Alerts, newest first."""
    caller = current_caller()
    state = query.pop("state", None)
    page = operations.list_alerts(caller.session, caller.tenant, states=(state,) if state else (), **query)
    return {"items": page.rows, "next": page.older}


@blueprint.get("/<alert_id>")
@requires("alert.read")
@blueprint.response(200, AlertResource)
def get_alert(alert_id: str) -> Any:
    """One alert."""
    caller = current_caller()
    return operations.get_alert(caller.session, caller.tenant, alert_id=alert_id)


@blueprint.post("/<alert_id>/acknowledge")
@requires("alert.manage")
@blueprint.response(200, AlertResource)
def acknowledge_alert(alert_id: str) -> Any:
    """Say that somebody looks after it."""
    caller = current_caller()
    return operations.acknowledge(caller.session, caller.tenant, alert_id=alert_id, at=clock.now())


@blueprint.post("/<alert_id>/resolve")
@requires("alert.manage")
@blueprint.arguments(ResolutionRequest)
@blueprint.response(200, AlertResource)
def resolve_alert(done: dict[str, Any], alert_id: str) -> Any:
    """Close it. If its cause goes on, the device's next word opens another."""
    caller = current_caller()
    return operations.resolve(
        caller.session,
        caller.tenant,
        alert_id=alert_id,
        resolution=done["resolution"],
        at=clock.now(),
    )


@routes_api.get("")
@requires("alert.route")
@routes_api.response(200, AlertRouteResource(many=True))
def list_routes() -> Any:
    """All routes, oldest first."""
    caller = current_caller()
    return routing.routes(caller.session, caller.tenant)


@routes_api.post("")
@requires("alert.route")
@routes_api.arguments(AlertRouteRequest)
@routes_api.response(201, NewAlertRouteResource)
def create_route(route: dict[str, Any]) -> Answer:
    """Tell somebody else. Of a webhook the secret is shown here and never again."""
    caller = current_caller()
    made, secret = routing.add_route(
        caller.session,
        caller.tenant,
        settings=current_app.config["HAAS"],
        now=clock.now(),
        **route,
    )
    return {
        "id": made.id,
        "name": made.name,
        "channel": made.channel,
        "target": made.target,
        "severity_least": made.severity_least,
        "client_id": made.client_id,
        "created_at": made.created_at,
        "disabled_at": made.disabled_at,
        "disabled_because": made.disabled_because,
        "secret": secret,
    }


@routes_api.post("/<route_id>/disable")
@requires("alert.route")
@routes_api.response(200, AlertRouteResource)
def disable_route(route_id: str) -> Any:
    """Stop telling over this route."""
    caller = current_caller()
    return routing.disable_route(
        caller.session, caller.tenant, route_id=route_id, reason="by hand", now=clock.now()
    )


@routes_api.post("/<route_id>/enable")
@requires("alert.route")
@routes_api.response(200, AlertRouteResource)
def enable_route(route_id: str) -> Any:
    """Tell over this route again."""
    caller = current_caller()
    return routing.enable_route(caller.session, caller.tenant, route_id=route_id)
