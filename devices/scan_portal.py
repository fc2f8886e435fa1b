"""The phone's scan page: camera, typed code or photo, then one card with what may be done."""

from __future__ import annotations

from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    jsonify,
    make_response,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf

from devices import moves, operations, queries, sanitisation, scans
from devices.actions import BY_VERB, LIKELY_UNSEEN, actions_for, barred_by, waiting_actions
from devices.choices import names_of_places
from devices.contract_links import contract_links
from devices.forms import CodeForm, PhotoForm, SentMoveForm
from devices.lifecycle import ASSET_LIFECYCLE
from devices.models import Asset
from devices.moves_portal import move_once
from devices.scans import PHOTO_BYTES_MAX, Scan
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError, InvalidInput, NotAllowed
from haas.pages.forms import read_form
from haas.rest.limits import EXPENSIVE, GUESSABLE, limiter

blueprint = Blueprint("scan", __name__, url_prefix="/scan")

BIG_ACTIONS = 3
# The decoder is WebAssembly, which a policy must allow by name; only this page asks for the camera.
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:;"
    " font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self' blob:;"
    " media-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@blueprint.get("")
@requires("asset.scan")
def index() -> Response:
    """The camera, and ways around it. `?asset=` opens with a card: a label scanned by another program."""
    caller = current_caller()
    card = ""
    if asset_id := request.args.get("asset"):
        card = _card(caller, queries.get_asset(caller.session, caller.tenant, asset_id=asset_id))
    return _page(card)


@blueprint.get("/me")
@requires("asset.scan")
def me() -> Response:
    """Who is signed in, for a page that was opened without signal: what waits is sent in this name alone."""
    caller = current_caller()
    return jsonify(person=_person(caller), csrf=generate_csrf(), now=clock.now().isoformat())


@blueprint.post("/look-up")
@limiter.limit(GUESSABLE)
@requires("asset.scan")
def look_up() -> Any:
    """The card of a scanned or typed code."""
    caller = current_caller()
    form = read_form(CodeForm)
    if _is_strangers(caller):
        return _to_own_page()
    if form.data is None:
        return _answer(_trouble(_("Scan a label, or type a tag or serial number.")), 422)
    try:
        return _answer(_shown(caller, _find(caller, form.data["code"])))
    except (queries.AssetNotFound, InvalidInput) as refusal:
        return _answer(_trouble(refusal.message), refusal.status)


@blueprint.post("/photo")
@limiter.limit(EXPENSIVE)
@requires("asset.scan")
def photo() -> Any:
    """The card of the first code in a photo that leads to an asset: for browsers without a camera."""
    caller = current_caller()
    form = read_form(PhotoForm)
    if _is_strangers(caller):
        return _to_own_page()
    try:
        if form.data is None:
            raise InvalidInput(_("Choose a photo of the label."))
        codes = scans.read_photo(form.data["photo"].read(PHOTO_BYTES_MAX + 1))
        return _answer(_shown(caller, _first(caller, codes)))
    except HaasError as refusal:
        return _answer(_trouble(refusal.message), refusal.status)


@blueprint.post("/<asset_id>/move/<verb>")
@requires("asset.scan")
def move(asset_id: str, verb: str) -> Any:
    """Do what the big button says, once, however often it is sent; the card as it is afterwards.

    The page's script sends `happened_at`: what was pressed without signal happened then, not now.
    """
    caller = current_caller()
    action = BY_VERB.get(verb)
    if action is None:
        abort(404)
    if _is_strangers(caller):
        return _to_own_page()
    if not (caller.may("asset.move") and caller.may(action.permission)):
        raise NotAllowed(f"Your role does not include this: {action.permission}.")
    asset = queries.lock_asset(caller.session, caller.tenant, asset_id=asset_id)
    form = read_form(SentMoveForm)
    refused, status = "", 200
    if form.data is None:
        refused, status = " ".join(text for found in form.errors.values() for text in found), 422
    else:
        try:
            with caller.session.begin_nested():
                move_once(caller, asset, verb, form.data)
        except HaasError as refusal:
            refused, status = refusal.message, refusal.status
    if refused:
        asset = queries.get_asset(caller.session, caller.tenant, asset_id=asset_id)
    return _answer(_card(caller, asset, refused=refused, done="" if refused else str(action.label)), status)


def _person(caller: Caller) -> str:
    """Whose a phone's queue is: this user at this partner, an operator at each partner another."""
    return f"{caller.partner.id}:{caller.user.id}"


def _is_strangers(caller: Caller) -> bool:
    """Whether the page that sent this belongs to somebody who was signed in on the phone before."""
    return request.form.get("person", "") not in ("", _person(caller))


def _to_own_page() -> Response:
    return Response(status=204, headers={"HX-Redirect": url_for(".index")})


def _kit(caller: Caller) -> dict[str, Any]:
    """What the page's script must know, without signal too: who scans, and what is possible."""
    return {
        "person": _person(caller),
        "csrf": generate_csrf(),
        "now": clock.now().isoformat(),
        "labels": f"{current_app.config['HAAS'].base_url}/q/",
        "likely": LIKELY_UNSEEN,
        "verbs": [
            {
                "verb": action.verb,
                "label": str(action.label),
                "icon": action.icon,
                "asks": action.asks,
                "from": sorted(ASSET_LIFECYCLE.moves[action.verb][0]),
                "to": ASSET_LIFECYCLE.moves[action.verb][1],
            }
            for action in waiting_actions(caller.identity.permissions)
        ],
    }


def _answer(card: str, status: int = 200) -> Response:
    """The card alone for the page's script; the whole page with the card in it for a browser without."""
    answer = make_response(card) if request.headers.get("HX-Request") else _page(card)
    answer.status_code = status
    return answer


def _page(card: str) -> Response:
    caller = current_caller()
    return with_camera(
        render_template("portal/scan/index.html", card=card, kit=_kit(caller), partner=caller.partner)
    )


def with_camera(page: str) -> Response:
    """A page that may use the camera and the decoder, which the policy of all others forbids."""
    answer = make_response(page)
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    return answer


def _find(caller: Caller, code: str) -> Scan:
    base_url = current_app.config["HAAS"].base_url
    return scans.look_up(caller.session, caller.tenant, code=code, base_url=base_url)


def _first(caller: Caller, codes: list[str]) -> Scan:
    foreign: Scan | None = None
    for code in codes[:8]:
        try:
            found = _find(caller, code)
        except (queries.AssetNotFound, InvalidInput):
            continue
        if found.asset is not None:
            return found
        foreign = foreign or found
    if foreign is None:
        raise queries.AssetNotFound(_("The codes in this photo belong to no asset of yours."))
    return foreign


def _shown(caller: Caller, scan: Scan) -> str:
    if scan.asset is None:
        return render_template("portal/scan/foreign.html", host=scan.foreign)
    return _card(caller, scan.asset)


def _card(caller: Caller, asset: Asset, *, refused: str = "", done: str = "") -> str:
    contract = moves.contract_of(caller.session, caller.tenant, asset=asset)
    actions = actions_for(asset, permissions=caller.identity.permissions, contract=contract)
    calm = [action for action in actions if not action.grave]
    links = contract_links(caller, asset, contract)
    room = max(BIG_ACTIONS - len(links), 0)
    return render_template(
        "portal/scan/card.html",
        asset=asset,
        places=names_of_places(caller.session, caller.tenant, (asset.client_id, asset.site_id)),
        links=links,
        big=calm[:room],
        more=calm[room:] + [action for action in actions if action.grave],
        barred=sorted(barred_by(contract)),
        needs_wipe=caller.may("asset.wipe") and sanitisation.needs_wipe(asset),
        refused=refused,
        done=done,
        new_key=operations.new_key,
    )


def _trouble(message: str) -> str:
    return render_template("portal/scan/trouble.html", message=message)
