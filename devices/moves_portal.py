"""Portal pages: move, place, grade and wipe assets, one or several."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from devices import moves, operations, queries, sanitisation
from devices.actions import BY_VERB, Action, actions_for
from devices.choices import choices_of
from devices.forms import BulkMoveForm, GradeForm, MoveForm, PlaceForm, WipeForm, in_zone
from devices.models import Asset
from devices.moves import GRADES
from devices.sanitisation import METHODS, POLICY
from devices.shapes import moment
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError, InvalidInput, NotAllowed
from haas.pages.forms import Form, blank_form, read_form

blueprint = Blueprint("moves", __name__, url_prefix="/assets")


@blueprint.get("/<asset_id>/move/<verb>")
@requires("asset.move")
def ask(asset_id: str, verb: str) -> str:
    """The form of one move: reason, another date, and what the verb asks for."""
    caller = current_caller()
    action = _action(caller, verb)
    asset = queries.get_asset(caller.session, caller.tenant, asset_id=asset_id)
    form = blank_form(
        idempotency_key=operations.new_key(), client_id=asset.client_id or "", grade=asset.grade
    )
    return _move_form(caller, form, asset, action)


@blueprint.post("/<asset_id>/move/<verb>")
@requires("asset.move")
def do(asset_id: str, verb: str) -> Any:
    """Move the asset. The button's key makes a second press count once."""
    caller = current_caller()
    action = _action(caller, verb)
    asset = queries.lock_asset(caller.session, caller.tenant, asset_id=asset_id)
    form = read_form(MoveForm)
    if form.data is not None:
        try:
            move_once(caller, asset, verb, form.data)
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("%(tag)s: %(action)s, done.", tag=asset.tag, action=action.label), "success")
            return redirect(url_for("assets.show", asset_id=asset_id), 303)
    return _move_form(caller, form, asset, action), 422


@blueprint.get("/move")
@requires("asset.move")
def ask_several() -> str:
    """What may be done with all the assets that were ticked."""
    caller = current_caller()
    return _bulk_form(caller, blank_form(verb=request.args.get("verb", "")), request.args.getlist("id"))


@blueprint.post("/move")
@requires("asset.move")
def do_several() -> Any:
    """Move them all, or none of them."""
    caller = current_caller()
    form = read_form(BulkMoveForm)
    ids = request.form.getlist("id")
    if form.data is not None:
        data = form.data
        try:
            _action(caller, data["verb"])
            at = in_zone(caller, data["at"])
            for asset in queries.lock_assets(caller.session, caller.tenant, asset_ids=data["id"]):
                _move_in_bulk(caller, asset, data["verb"], at=at, reason=data.get("reason", ""))
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(ngettext("Done for %(num)d asset.", "Done for %(num)d assets.", len(data["id"])), "success")
            return redirect(url_for("assets.index"), 303)
    return _bulk_form(caller, form, ids), 422


@blueprint.get("/<asset_id>/place")
@requires("asset.move")
def ask_place(asset_id: str) -> str:
    """Where it is now, to be changed."""
    caller = current_caller()
    asset = queries.get_asset(caller.session, caller.tenant, asset_id=asset_id)
    form = blank_form(client_id=asset.client_id or "", site_id=asset.site_id or "", custodian=asset.custodian)
    return _place_form(caller, form, asset)


@blueprint.post("/<asset_id>/place")
@requires("asset.move")
def place(asset_id: str) -> Any:
    """Say where it is from now on. Only a client, a site, or nothing: a site brings its client."""
    caller = current_caller()
    asset = queries.lock_asset(caller.session, caller.tenant, asset_id=asset_id)
    form = read_form(PlaceForm)
    if form.data is not None:
        data = form.data
        try:
            operations.place_asset(
                caller.session,
                caller.tenant,
                asset_id=asset_id,
                client_id=data.get("client_id") or None,
                site_id=data.get("site_id") or None,
                custodian=data.get("custodian", ""),
                at=in_zone(caller, data["at"]),
            )
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("%(tag)s has a new place.", tag=asset.tag), "success")
            return redirect(url_for("assets.show", asset_id=asset_id), 303)
    return _place_form(caller, form, asset), 422


@blueprint.get("/<asset_id>/grade")
@requires("asset.grade")
def ask_grade(asset_id: str) -> str:
    """The inspection form."""
    caller = current_caller()
    asset = queries.get_asset(caller.session, caller.tenant, asset_id=asset_id)
    return _grade_form(blank_form(idempotency_key=operations.new_key()), asset)


@blueprint.post("/<asset_id>/grade")
@requires("asset.grade")
def grade(asset_id: str) -> Any:
    """Record the inspection."""
    caller = current_caller()
    asset = queries.lock_asset(caller.session, caller.tenant, asset_id=asset_id)
    form = read_form(GradeForm)
    if form.data is not None:
        data = form.data
        try:
            moves.require_free(caller.session, caller.tenant, asset=asset, verb="grade")
            operations.grade_asset(
                caller.session,
                caller.tenant,
                asset_id=asset_id,
                grade=data["grade"],
                at=in_zone(caller, data["at"]),
                fair_market_value=data["fair_market_value"],
                missing_accessories=data.get("missing_accessories", []),
                damage_notes=data.get("damage_notes", ""),
                idempotency_key=data.get("idempotency_key") or None,
            )
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("%(tag)s is graded %(grade)s.", tag=asset.tag, grade=data["grade"]), "success")
            return redirect(url_for("assets.show", asset_id=asset_id), 303)
    return _grade_form(form, asset), 422


@blueprint.get("/<asset_id>/wipe")
@requires("asset.wipe")
def ask_wipe(asset_id: str) -> str:
    """The certificate's form, with what is known filled in."""
    caller = current_caller()
    asset = queries.get_asset(caller.session, caller.tenant, asset_id=asset_id)
    form = blank_form(
        method="purge",
        destination="redeploy",
        verification="full",
        performed_by=caller.user.name,
        media=[{"media_type": "SSD"}],
    )
    return _wipe_form(form, asset)


@blueprint.post("/<asset_id>/wipe")
@requires("asset.wipe")
def wipe(asset_id: str) -> Any:
    """Certify the wipe; its PDF is printed in a job."""
    caller = current_caller()
    asset = queries.lock_asset(caller.session, caller.tenant, asset_id=asset_id)
    form = read_form(WipeForm)
    if form.data is not None:
        data = dict(form.data)
        try:
            data["performed_at"] = in_zone(caller, data["performed_at"], field="performed_at")
            proof = sanitisation.certify_wipe(caller.session, caller.tenant, asset_id=asset_id, **data)
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("Certificate %(number)s is on record.", number=proof.number), "success")
            return redirect(url_for("assets.show", asset_id=asset_id), 303)
    return _wipe_form(form, asset), 422


def move_once(caller: Caller, asset: Asset, verb: str, data: dict[str, Any]) -> Asset:
    """One move as a form or a scan asks for it: what a lease or a return must do is refused."""
    key = data.get("idempotency_key") or None
    # A repeat is answered as the first was, whatever contract came to stand on the asset in between.
    if key is None or not operations.is_repeat(
        caller.session, caller.tenant, asset=asset, verb=verb, key=key
    ):
        moves.require_free(caller.session, caller.tenant, asset=asset, verb=verb)
    sent = data.get("happened_at")
    return operations.move_asset(
        caller.session,
        caller.tenant,
        asset_id=asset.id,
        verb=verb,
        at=in_zone(caller, data.get("at")) if sent is None else moment(sent, field="happened_at"),
        reason=data.get("reason") or "",
        details=moves.told(data),
        idempotency_key=key,
    )


def _move_in_bulk(caller: Caller, asset: Asset, verb: str, *, at: Any, reason: str) -> None:
    try:
        moves.require_free(caller.session, caller.tenant, asset=asset, verb=verb)
        operations.move_asset(
            caller.session, caller.tenant, asset_id=asset.id, verb=verb, at=at, reason=reason
        )
    except HaasError as refusal:
        raise InvalidInput(f"{asset.tag}: {refusal.message}") from refusal


def _action(caller: Caller, verb: str) -> Action:
    action = BY_VERB.get(verb)
    if action is None or verb == "grade":
        abort(404)
    if not caller.may(action.permission):
        raise NotAllowed(f"Your role does not include this: {action.permission}.")
    return action


def _move_form(caller: Caller, form: Form, asset: Asset, action: Action) -> str:
    return render_template(
        "portal/fleet/move_form.html",
        form=form,
        asset=asset,
        action=action,
        choices=choices_of(caller.session, caller.tenant),
        grades=GRADES,
    )


def _bulk_form(caller: Caller, form: Form, ids: list[str]) -> str:
    assets = queries.lock_assets(caller.session, caller.tenant, asset_ids=ids[:200])
    common: list[Action] | None = None
    for asset in assets:
        contract = moves.contract_of(caller.session, caller.tenant, asset=asset)
        allowed = actions_for(asset, permissions=caller.identity.permissions, contract=contract)
        plain = [action for action in allowed if set(action.asks) <= {"reason", "proceeds"}]
        common = plain if common is None else [action for action in common if action in plain]
    options = [(action.verb, action.label) for action in common or []]
    return render_template("portal/fleet/bulk_move.html", form=form, assets=assets, actions=options)


def _place_form(caller: Caller, form: Form, asset: Asset) -> str:
    choices = choices_of(caller.session, caller.tenant, sites=True)
    return render_template("portal/fleet/place_form.html", form=form, asset=asset, choices=choices)


def _grade_form(form: Form, asset: Asset) -> str:
    return render_template("portal/fleet/grade_form.html", form=form, asset=asset, grades=GRADES)


def _wipe_form(form: Form, asset: Asset) -> str:
    method_words = {"clear": _("Clear"), "purge": _("Purge"), "destroy": _("Destroy")}
    destination_words = {
        "same_client": _("Back to the same client"),
        "redeploy": _("Another client"),
        "resale": _("Resale"),
        "supplier": _("Back to the supplier"),
        "recycling": _("Recycling"),
        "destruction": _("Destruction"),
    }
    return render_template(
        "portal/fleet/wipe_form.html",
        form=form,
        asset=asset,
        methods=[(key, method_words[key]) for key in METHODS],
        destination_options=[
            (
                key,
                _("%(where)s (%(method)s or more)", where=destination_words[key], method=method_words[least]),
            )
            for key, least in POLICY.items()
        ],
    )
