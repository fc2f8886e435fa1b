"""Portal pages: a device's health and history, its orders, its enrolment, and what was quarantined."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from agent import messages
from devices import commands, enrolment, quarantine
from devices.agents import queries
from devices.agents.api import claim_url
from devices.agents.marks import marks
from devices.queries import get_asset
from devices.wire import REASONS
from haas import clock
from haas.auth.caller import Caller, current_caller, public, requires
from haas.documents import qr
from haas.errors import HaasError
from haas.pages.forms import read_form
from haas.rest.limits import GUESSABLE, limiter
from haas.rest.paging import read_limit

blueprint = Blueprint("devices", __name__)

SPANS = {"day": _l("Last day"), "week": _l("Last week"), "quarter": _l("Last 90 days")}
CHART_TITLES = {
    "load": _l("Load, per cent"),
    "temperature": _l("Temperature, °C"),
    "disk": _l("First disk"),
    "battery": _l("Battery, per cent"),
    "network": _l("Network, bytes a second"),
}
LINE_LABELS = {
    "cpu_pct": _l("Processor"),
    "mem_used_pct": _l("Memory"),
    "disk_used_pct_max": _l("Fullest file system"),
    "temp_c_max": _l("Hottest sensor"),
    "temp_cpu_c": _l("Processor"),
    "disk_temp_c": _l("First disk"),
    "net_rx_bytes_s": _l("Received"),
    "net_tx_bytes_s": _l("Sent"),
    "battery_pct": _l("Charge level"),
    "battery_health_pct": _l("Capacity left"),
    "reallocated": _l("Sectors replaced"),
    "pending": _l("Sectors waiting"),
    "used_pct": _l("Life used, per cent"),
}
# What a person may order by a button: name in the form -> (verb, args).
ORDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "collect": ("collect", {"what": list(messages.COLLECTABLE)}),
    "rotate": ("rotate", {}),
}


class _OrderForm(ma.Schema):
    order = ma.fields.String(required=True, validate=ma.validate.OneOf(list(ORDERS)))


class _RevokeForm(ma.Schema):
    reason = ma.fields.String(load_default="", validate=ma.validate.Length(max=500))


@blueprint.get("/assets/<asset_id>/health")
@requires("device.read")
def health(asset_id: str) -> Any:
    """The health tab of an asset: a piece of its page; asked for by itself, a page of its own."""
    caller = current_caller()
    asset = get_asset(caller.session, caller.tenant, asset_id=asset_id)
    state = queries.find_state_of_asset(caller.session, caller.tenant, asset_id=asset_id)
    if request.headers.get("HX-Request") != "true":
        if state is None:
            return redirect(url_for("assets.show", asset_id=asset_id, tab="health"))
        return redirect(url_for(".show", device_id=state.id, span=request.args.get("span")))
    if state is None:
        return render_template("portal/devices/none.html", asset=asset)
    return render_template("portal/devices/health.html", asset=asset, **_about(caller, state.id))


@blueprint.get("/devices/<device_id>")
@requires("device.read")
def show(device_id: str) -> Any:
    """The same as a page of its own."""
    caller = current_caller()
    about = _about(caller, device_id)
    asset = get_asset(caller.session, caller.tenant, asset_id=about["state"].asset_id)
    return render_template("portal/devices/show.html", asset=asset, **about)


@blueprint.get("/devices/<device_id>/charts/<chart>")
@requires("device.read")
def chart(device_id: str, chart: str) -> Any:
    """A chart's figures, and the events to mark on it."""
    caller, now = current_caller(), clock.now()
    span = request.args.get("span", "day")
    queries.get_state(caller.session, caller.tenant, device_id=device_id)
    found = queries.series(
        caller.session, caller.tenant, device_id=device_id, chart=chart, span=span, now=now
    )
    marked = marks(caller.session, caller.tenant, device_id=device_id, span=span, now=now)
    lines = [
        {"label": str(LINE_LABELS[name]), "values": values}
        for name, values in found.lines.items()
        if any(value is not None for value in values)
    ]
    events = [
        {"x": int(mark.at.timestamp()), "label": str(mark.label), "colour": mark.colour} for mark in marked
    ]
    return jsonify(
        {
            "x": found.x,
            "series": lines,
            "money": False,
            "marks": events,
            # A device younger than the span would be a line at the chart's edge.
            "from": min([*found.x[:1], *(int(mark.at.timestamp()) for mark in marked[:1])], default=None),
            "to": int(now.timestamp()),
            "empty": _("No reading of this in this time."),
        }
    )


@blueprint.post("/devices/<device_id>/commands")
@requires("device.command")
def order(device_id: str) -> Any:
    """Give the device an order."""
    caller = current_caller()
    state = queries.get_state(caller.session, caller.tenant, device_id=device_id)
    form = read_form(_OrderForm)
    back = redirect(url_for("assets.show", asset_id=state.asset_id, tab="health"), 303)
    if form.data is None:
        flash(_("This order is not known."), "error")
        return back
    verb, args = ORDERS[form.data["order"]]
    try:
        commands.order(
            caller.session, caller.tenant, device_id=device_id, verb=verb, args=args, now=clock.now()
        )
    except HaasError as refusal:
        flash(refusal.message, "error")
        return back
    if state.online == "online":
        flash(_("The order was sent. What the device answers is shown here."), "success")
    else:
        flash(_("The device is away. It gets the order when it comes back, within a day."), "success")
    return back


@blueprint.post("/devices/<device_id>/revoke")
@requires("device.enrol")
def revoke(device_id: str) -> Any:
    """Take the device's identity away."""
    caller = current_caller()
    form = read_form(_RevokeForm)
    device = enrolment.revoke(
        caller.session,
        caller.tenant,
        device_id=device_id,
        reason=(form.data or {}).get("reason") or _("revoked in the portal"),
        now=clock.now(),
    )
    flash(_("The identity was revoked. Nothing the device sends is taken any more."), "success")
    return redirect(url_for("assets.show", asset_id=device.asset_id, tab="health"), 303)


@blueprint.post("/assets/<asset_id>/enrol")
@requires("device.enrol")
def enrol(asset_id: str) -> Any:
    """Make a one-time code, and show it this once."""
    caller = current_caller()
    asset = get_asset(caller.session, caller.tenant, asset_id=asset_id)
    code, made = enrolment.new_code(caller.session, caller.tenant, asset_id=asset_id, now=clock.now())
    url = claim_url(code)
    return render_template(
        "portal/devices/code.html",
        asset=asset,
        code="-".join(code[at : at + 5] for at in range(0, len(code), 5)),
        url=url,
        qr_code=qr.data_uri(url),
        expires_at=made.expires_at,
    )


@blueprint.get("/devices/enrolments")
@requires("device.enrol")
def enrolments() -> Any:
    """Devices that wait for a person, and the codes that are out."""
    caller = current_caller()
    waiting = enrolment.waiting(caller.session, caller.tenant)
    assets = {
        code.asset_id: get_asset(caller.session, caller.tenant, asset_id=code.asset_id) for code in waiting
    }
    return render_template("portal/devices/enrolments.html", waiting=waiting, assets=assets)


@blueprint.post("/devices/enrolments/<code_id>/accept")
@requires("device.enrol")
def accept(code_id: str) -> Any:
    """Let a waiting device in."""
    caller = current_caller()
    enrolment.decide(caller.session, caller.tenant, code_id=code_id, accept=True, now=clock.now())
    flash(_("Accepted. The device comes in when it asks again, within a minute."), "success")
    return redirect(url_for(".enrolments"), 303)


@blueprint.post("/devices/enrolments/<code_id>/refuse")
@requires("device.enrol")
def refuse(code_id: str) -> Any:
    """Turn a waiting device away."""
    caller = current_caller()
    enrolment.decide(caller.session, caller.tenant, code_id=code_id, accept=False, now=clock.now())
    flash(_("Refused. The code is of no use any more."), "success")
    return redirect(url_for(".enrolments"), 303)


@blueprint.get("/devices/quarantine")
@requires("device.command")
def quarantined() -> Any:
    """What devices sent that could not be used, and how much of it."""
    caller = current_caller()
    page = quarantine.list_messages(
        caller.session,
        caller.tenant,
        cursor=request.args.get("cursor"),
        limit=read_limit(request.args.get("limit")),
    )
    counted = quarantine.counts(
        caller.session, caller.tenant, since=quarantine.week_before(clock.now().date())
    )
    return render_template(
        "portal/devices/quarantine.html", page=page, counts=counted, reasons=REASONS, excerpt=_excerpt
    )


@blueprint.get("/c/<code>")
@limiter.limit(GUESSABLE)
@public("whoever scans an enrolment label is told what to do with it; the code itself is not looked at")
def claim(code: str) -> Any:
    """What to type on the device."""
    return render_template("portal/devices/claim.html", url=claim_url(code[:64]))


def _about(caller: Caller, device_id: str) -> dict[str, Any]:
    session, tenant = caller.session, caller.tenant
    state = queries.get_state(session, tenant, device_id=device_id)
    span = request.args.get("span", "day")
    inventory = queries.find_inventory(session, tenant, device_id=device_id)
    is_staff = tenant.client_id is None
    report = state.report.get("health", {})
    charts = ["load", "temperature", "network"]
    charts += ["battery"] if report.get("bat") else []
    charts += ["disk"] if report.get("disks") else []
    return {
        "state": state,
        "identity": queries.find_identity(session, tenant, device_id=device_id) if is_staff else None,
        "health": report,
        "birth": state.report.get("birth", {}),
        "inventory": inventory.sections if inventory else {},
        "models": _models(inventory.sections if inventory else {}),
        "span": span if span in SPANS else "day",
        "spans": SPANS,
        "charts": charts,
        "chart_titles": CHART_TITLES,
        "transitions": queries.transitions(session, tenant, device_id=device_id),
        "changes": queries.health_changes(session, tenant, device_id=device_id),
        "sessions": queries.recent_sessions(session, tenant, device_id=device_id) if is_staff else [],
        "orders": commands.recent(session, tenant, device_id=device_id, count=10)
        if caller.may("device.command")
        else [],
    }


def _models(sections: dict[str, Any]) -> dict[str, str]:
    """Disk id -> its model's name, as the SMART section tells it."""
    smart = sections.get("smart")
    return {
        str(entry.get("id")): str(entry.get("model"))
        for entry in (smart if isinstance(smart, list) else [])
        if isinstance(entry, dict) and entry.get("model")
    }


def _excerpt(payload: bytes) -> str:
    """The beginning of a payload, as far as it is text."""
    shown = payload[:200].decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "·" for character in shown)
