"""Portal pages: alerts, one alert, and whom they are told."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices.models import Asset
from haas import clock
from haas.alerts import operations, routing
from haas.alerts.models import CHANNELS, SEVERITIES, Alert
from haas.alerts.schemas import AlertRouteRequest
from haas.auth.caller import Caller, current_caller, requires
from haas.auth.models import User
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.rest.paging import read_limit
from haas.tenancy.models import Client
from haas.tenancy.scope import scoped
from leases import proposed
from leases.proposal_models import SwapProposal
from leases.proposed import Proposed

blueprint = Blueprint("alerts", __name__, url_prefix="/alerts")

VIEWS = {"new": ("open",), "open": ("open", "acknowledged"), "resolved": ("resolved",), "all": ()}


class _ResolveForm(ma.Schema):
    resolution = ma.fields.String(load_default="", validate=ma.validate.Length(max=500))


@blueprint.get("")
@requires("alert.read")
def index() -> Any:
    """Alerts, newest first."""
    caller = current_caller()
    view = request.args.get("view", "open")
    severity = request.args.get("severity", "")
    page = operations.list_alerts(
        caller.session,
        caller.tenant,
        states=VIEWS.get(view, VIEWS["open"]),
        severity=severity if severity in SEVERITIES else None,
        cursor=request.args.get("cursor"),
        limit=read_limit(request.args.get("limit")),
    )
    return render_template("portal/alerts/index.html", page=page, view=view, severity=severity)


@blueprint.get("/<alert_id>")
@requires("alert.read")
def show(alert_id: str) -> Any:
    """One alert, who was told of it, and what can be done."""
    caller = current_caller()
    alert = operations.get_alert(caller.session, caller.tenant, alert_id=alert_id)
    deliveries = routing.deliveries_of(caller.session, caller.tenant, alert_id=alert_id)
    routes = {route.id: route for route in routing.routes(caller.session, caller.tenant)}
    asset = None
    if alert.asset_id is not None:
        asset = caller.session.scalar(scoped(Asset, caller.tenant).where(Asset.id == alert.asset_id))
    return render_template(
        "portal/alerts/show.html",
        alert=alert,
        asset=asset,
        told=_proposed(caller, alert),
        deliveries=deliveries,
        routes=routes,
        people=_people(caller, alert.acknowledged_by, alert.resolved_by),
    )


@blueprint.post("/<alert_id>/acknowledge")
@requires("alert.manage")
def acknowledge(alert_id: str) -> Any:
    """Somebody looks after it."""
    caller = current_caller()
    return _do(
        lambda: operations.acknowledge(caller.session, caller.tenant, alert_id=alert_id, at=clock.now()),
        alert_id,
        _("You look after it. It stays open until it is cured."),
    )


@blueprint.post("/<alert_id>/resolve")
@requires("alert.manage")
def resolve(alert_id: str) -> Any:
    """Close it."""
    caller = current_caller()
    form = read_form(_ResolveForm)
    return _do(
        lambda: operations.resolve(
            caller.session,
            caller.tenant,
            alert_id=alert_id,
            resolution=(form.data or {}).get("resolution") or _("closed by hand"),
            at=clock.now(),
        ),
        alert_id,
        _("Resolved. If its cause goes on, the device's next word opens another alert."),
    )


@blueprint.get("/routes")
@requires("alert.route")
def routes() -> Any:
    """Whom alerts are told besides this page."""
    return _routes_page(blank_form(severity_least="warning", channel="email"))


@blueprint.post("/routes")
@requires("alert.route")
def create_route() -> Any:
    """Tell somebody else."""
    caller = current_caller()
    form = read_form(AlertRouteRequest)
    if form.data is None:
        return _routes_page(form), 422
    try:
        route, secret = routing.add_route(
            caller.session,
            caller.tenant,
            settings=current_app.config["HAAS"],
            now=clock.now(),
            **form.data,
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _routes_page(form), 422
    if secret is None:
        flash(_("Alerts go to %(target)s from now on.", target=route.target), "success")
        return redirect(url_for(".routes"), 303)
    return render_template("portal/alerts/secret.html", route=route, secret=secret)


@blueprint.post("/routes/<route_id>/disable")
@requires("alert.route")
def disable_route(route_id: str) -> Any:
    """Stop telling over a route."""
    caller = current_caller()
    routing.disable_route(
        caller.session, caller.tenant, route_id=route_id, reason=_("by hand"), now=clock.now()
    )
    flash(_("Nothing more is told over this route."), "success")
    return redirect(url_for(".routes"), 303)


@blueprint.post("/routes/<route_id>/enable")
@requires("alert.route")
def enable_route(route_id: str) -> Any:
    """Tell over a route again."""
    caller = current_caller()
    routing.enable_route(caller.session, caller.tenant, route_id=route_id)
    flash(_("Alerts are told over this route again."), "success")
    return redirect(url_for(".routes"), 303)


def _routes_page(form: Form) -> str:
    caller = current_caller()
    clients = caller.session.execute(
        sa.select(Client.id, Client.name)
        .where(Client.partner_id == caller.tenant.partner_id, Client.archived_at.is_(None))
        .order_by(Client.name_norm)
        .limit(500)
    ).all()
    return render_template(
        "portal/alerts/routes.html",
        form=form,
        routes=routing.routes(caller.session, caller.tenant),
        clients=[(row.id, row.name) for row in clients],
        channels=CHANNELS,
        severities=SEVERITIES,
    )


def _do(act: Any, alert_id: str, done: str) -> Any:
    try:
        act()
    except HaasError as refusal:
        if refusal.status == 404:
            raise
        flash(refusal.message, "error")
    else:
        flash(done, "success")
    return redirect(url_for(".show", alert_id=alert_id), 303)


def _proposed(caller: Caller, alert: Alert) -> Proposed | None:
    """The swap that was proposed while the alert was open: the one to decide, else the one decided last."""
    if alert.asset_id is None or not caller.may("lease.read"):
        return None
    found = caller.session.scalar(
        proposed.list_proposals(caller.tenant, asset_id=alert.asset_id)
        .where(
            SwapProposal.proposed_at <= (alert.resolved_at or clock.now()),
            sa.or_(SwapProposal.decided_at.is_(None), SwapProposal.decided_at >= alert.opened_at),
        )
        .order_by((SwapProposal.state == proposed.OPEN).desc(), SwapProposal.id.desc())
        .limit(1)
    )
    return proposed.look_at(caller.session, caller.tenant, [found])[0] if found else None


def _people(caller: Caller, *actors: str | None) -> dict[str, str]:
    """Names of those who acted; a job's stays as it is."""
    wanted = [actor for actor in actors if actor and actor.startswith("usr_")]
    rows = caller.session.execute(sa.select(User.id, User.name).where(User.id.in_(wanted))).all()
    return {row.id: row.name for row in rows}
