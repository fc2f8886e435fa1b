"""The hardware of a lease on its way out: choose, put back, ship, and the client's signature."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from devices.forms import in_zone
from devices.models import Asset
from devices.queries import find_spares
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import Conflict
from haas.pages.forms import Form, blank_form, read_form
from leases import handover, previews, queries, summaries
from leases.forms import ReserveForm, ShipForm, SignForm
from leases.models import Lease
from leases.portal import words
from leases.portal.doors import attempt, attempt_or_flash, leases
from leases.summaries import Place


@leases.route("/leases/<lease_id>/lines/<line_id>/reserve", methods=["GET", "POST"])
@requires("asset.move")
def reserve(lease_id: str, line_id: str) -> Any:
    """Choose a device for a line, the best first."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    line = queries.get_line(caller.session, caller.tenant, lease_id=lease_id, line_id=line_id)
    form = blank_form(asset_id="") if request.method == "GET" else read_form(ReserveForm)
    if form.data is not None:
        asset_id = form.data["asset_id"]
        if attempt(
            form,
            lambda: handover.reserve(
                caller.session,
                caller.tenant,
                lease_id=lease_id,
                line_id=line_id,
                asset_id=asset_id,
                at=clock.now(),
            ),
        ):
            flash(_("Reserved. Put it back any time before it is shipped."), "success")
            return redirect(url_for(".show", lease_id=lease_id, tab="assets"), 303)
    spares = find_spares(
        caller.session, caller.tenant, model_id=line.model_id or "", for_client_id=lease.client_id
    )
    names = summaries.model_names(caller.session, caller.tenant, [line.model_id or ""])
    page = render_template(
        "portal/leases/reserve.html",
        lease=lease,
        line=line,
        form=form,
        spares=spares,
        model_name=names.get(line.model_id or "", line.description),
    )
    return page, 200 if request.method == "GET" else 422


@leases.post("/leases/<lease_id>/reserve-all")
@requires("asset.move")
def reserve_all(lease_id: str) -> Any:
    """The best free device for each empty place, as far as there are any."""
    caller, now = current_caller(), clock.now()
    lease = queries.lock_lease(caller.session, caller.tenant, lease_id)
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease.id)
    places = summaries.places_of(caller.session, caller.tenant, lines=lease.lines, at=now)
    empty = [
        place
        for place in places
        if place.line.kind == "asset" and place.now is None and place.line.starts_on is None
    ]
    filled = _fill(caller, lease, empty, at=now)
    missing = len(empty) - filled
    if filled:
        flash(ngettext("%(num)s device is reserved.", "%(num)s devices are reserved.", filled), "success")
    if missing:
        flash(
            ngettext(
                "For %(num)s place there is no free device of its model.",
                "For %(num)s places there is no free device of their models.",
                missing,
            ),
            "warning",
        )
    return redirect(url_for(".show", lease_id=lease_id, tab="assets"), 303)


@leases.post("/leases/<lease_id>/assets/<asset_id>/release")
@requires("asset.move")
def release(lease_id: str, asset_id: str) -> Any:
    """Put a reserved device back on the shelf."""
    caller = current_caller()
    queries.line_held_by(caller.session, caller.tenant, lease_id=lease_id, asset_id=asset_id)
    if attempt_or_flash(
        lambda: handover.release(caller.session, caller.tenant, asset_id=asset_id, at=clock.now())
    ):
        flash(_("It is back on the shelf."), "success")
    return redirect(url_for(".show", lease_id=lease_id, tab="assets"), 303)


@leases.route("/leases/<lease_id>/ship", methods=["GET", "POST"])
@requires("asset.move")
def ship(lease_id: str) -> Any:
    """Hand what is reserved to a courier or a technician."""
    caller = current_caller()
    lease, waiting = _waiting(caller, lease_id, state="reserved")
    if request.method == "GET":
        return _many_page("ship", lease, waiting, blank_form(asset_id=_chosen(waiting)))
    form = read_form(ShipForm)
    if form.data is not None:
        data = form.data
        if attempt(form, lambda: _ship(caller, lease_id, data)):
            flash(
                ngettext(
                    "%(num)s device is on its way.",
                    "%(num)s devices are on their way.",
                    len(data["asset_id"]),
                ),
                "success",
            )
            return redirect(url_for(".show", lease_id=lease_id, tab="assets"), 303)
    return _many_page("ship", lease, waiting, form), 422


@leases.route("/leases/<lease_id>/sign", methods=["GET", "POST"])
@requires("asset.move")
def sign(lease_id: str) -> Any:
    """The client signs for what arrived: what that starts is shown first."""
    caller = current_caller()
    lease, waiting = _waiting(caller, lease_id, state="in_transit_out")
    kit = sorted({part for place in waiting if place.asset for part in place.asset.model.kit})
    more = {"kit": kit, "preview": _preview(caller, lease, waiting)}
    if request.method == "GET":
        return _many_page("sign", lease, waiting, blank_form(asset_id=_chosen(waiting), kit=kit), **more)
    form = read_form(SignForm)
    if form.data is not None:
        data = form.data
        if attempt(form, lambda: _sign(caller, lease_id, data)):
            flash(
                ngettext(
                    "%(num)s device is in service. Its certificate is being printed.",
                    "%(num)s devices are in service. Their certificates are being printed.",
                    len(data["asset_id"]),
                ),
                "success",
            )
            return redirect(url_for(".show", lease_id=lease_id, tab="assets"), 303)
    return _many_page("sign", lease, waiting, form, **more), 422


def _fill(caller: Caller, lease: Lease, empty: list[Place], *, at: datetime) -> int:
    """Reserve the best free device for each place; how many were."""
    spares: dict[str, list[Asset]] = {}
    filled = 0
    for place in empty:
        model_id = place.line.model_id or ""
        if model_id not in spares:
            wanted = sum(1 for each in empty if each.line.model_id == model_id)
            spares[model_id] = _best_of(caller, lease, model_id=model_id, limit=wanted)
        if spares[model_id]:
            reserve_one = partial(
                handover.reserve,
                caller.session,
                caller.tenant,
                lease_id=lease.id,
                line_id=place.line.id,
                asset_id=spares[model_id].pop(0).id,
                at=at,
            )
            filled += attempt_or_flash(reserve_one)
    return filled


def _best_of(caller: Caller, lease: Lease, *, model_id: str, limit: int) -> list[Asset]:
    return list(
        find_spares(
            caller.session, caller.tenant, model_id=model_id, for_client_id=lease.client_id, limit=limit
        )
    )


def _ship(caller: Caller, lease_id: str, data: dict[str, Any]) -> None:
    at = in_zone(caller, data["at"])
    for asset_id in sorted(data["asset_id"]):
        queries.line_held_by(caller.session, caller.tenant, lease_id=lease_id, asset_id=asset_id)
        handover.ship(
            caller.session,
            caller.tenant,
            asset_id=asset_id,
            at=at,
            carrier=data["carrier"],
            tracking=data["tracking"],
        )


def _sign(caller: Caller, lease_id: str, data: dict[str, Any]) -> None:
    at = in_zone(caller, data["at"])
    ids = sorted(data["asset_id"])
    assets = queries.assets_by_id(caller.session, caller.tenant, asset_ids=ids)
    for asset_id in ids:
        queries.line_held_by(caller.session, caller.tenant, lease_id=lease_id, asset_id=asset_id)
        if asset_id not in assets:
            raise Conflict(_("One of these devices is not here any more. Look again."))
        handover.accept_asset(
            caller.session,
            caller.tenant,
            asset_id=asset_id,
            at=at,
            signer_name=data["signer_name"],
            signer_title=data["signer_title"],
            condition=data["condition"],
            kit=[part for part in assets[asset_id].model.kit if part in data["kit"]],
        )


def _waiting(caller: Caller, lease_id: str, *, state: str) -> tuple[Lease, list[Place]]:
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    places = summaries.places_of(caller.session, caller.tenant, lines=lease.lines, at=clock.now())
    return lease, [place for place in places if place.asset is not None and place.asset.state == state]


def _chosen(waiting: list[Place]) -> list[str]:
    """What is ticked at first: the one that was clicked, or all."""
    one = request.args.get("asset_id")
    return [place.asset.id for place in waiting if place.asset and (one is None or place.asset.id == one)]


def _preview(caller: Caller, lease: Lease, waiting: list[Place]) -> previews.AcceptancePreview | None:
    if not waiting:
        return None
    return previews.preview_acceptance(
        caller.session, caller.tenant, lease=lease, line=waiting[0].line, at=clock.now()
    )


def _many_page(name: str, lease: Lease, waiting: list[Place], form: Form, **more: Any) -> str:
    return render_template(
        f"portal/leases/{name}.html", lease=lease, waiting=waiting, form=form, words=words, **more
    )
