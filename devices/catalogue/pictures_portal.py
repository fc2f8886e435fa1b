"""Portal pages: the picture of a hardware model or of one asset, shown and changed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices import queries
from devices.forms import PictureForm
from devices.models import Asset, HardwareModel
from devices.pictures import get_picture, remove_picture, set_picture
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError
from haas.files import StoredFile
from haas.pages.downloads import download
from haas.pages.forms import blank_form, read_form

blueprint = Blueprint("pictures", __name__)


@blueprint.get("/assets/<asset_id>/picture")
@requires("asset.read")
def of_asset(asset_id: str) -> Response:
    """The asset's own picture, else its model's."""
    caller = current_caller()
    asset = queries.get_asset(caller.session, caller.tenant, asset_id=asset_id)
    return answer(get_picture(caller.session, caller.tenant, owner=asset))


@blueprint.get("/models/<model_id>/picture")
@requires("model.read")
def of_model(model_id: str) -> Response:
    """The model's picture."""
    caller = current_caller()
    model = queries.get_model(caller.session, caller.tenant, model_id=model_id)
    return answer(get_picture(caller.session, caller.tenant, owner=model))


@blueprint.route("/assets/<asset_id>/picture/edit", methods=["GET", "POST"])
@requires("asset.manage")
def edit_of_asset(asset_id: str) -> Any:
    """Show another picture of this one asset, or its model's again."""
    caller = current_caller()
    find = queries.get_asset if request.method == "GET" else queries.lock_asset
    asset = find(caller.session, caller.tenant, asset_id=asset_id)
    return _edit(
        caller,
        asset,
        title=asset.tag,
        shown=url_for(".of_asset", asset_id=asset.id),
        back=url_for("assets.show", asset_id=asset.id),
        hint=_("Of this one device. Without one, the picture of its model is shown."),
    )


@blueprint.route("/models/<model_id>/picture/edit", methods=["GET", "POST"])
@requires("model.manage")
def edit_of_model(model_id: str) -> Any:
    """Show another picture of this model, or none."""
    caller = current_caller()
    lock = request.method == "POST"
    model = queries.get_model(caller.session, caller.tenant, model_id=model_id, lock=lock)
    return _edit(
        caller,
        model,
        title=f"{model.manufacturer} {model.name}",
        shown=url_for(".of_model", model_id=model.id),
        back=url_for("models.edit", model_id=model.id),
        hint=_("Shown with each device of this model that has no picture of its own."),
    )


def answer(stored: StoredFile) -> Response:
    """The picture; asked for again each time: whoever may no longer see it gets nothing from a cache."""
    tag = f'"{stored.sha256}"'
    if request.headers.get("If-None-Match") == tag:
        found = Response(status=304)
    else:
        found = download(stored.content, name=stored.name, media_type=stored.media_type, inline=True)
    found.headers["ETag"] = tag
    found.headers["Cache-Control"] = "private, no-cache"
    return found


def _edit(
    caller: Caller, owner: Asset | HardwareModel, *, title: str, shown: str, back: str, hint: str
) -> Any:
    form = blank_form()
    if request.method == "POST":
        form = read_form(PictureForm)
        if form.data is not None:
            try:
                if form.data["remove"]:
                    remove_picture(caller.session, owner=owner)
                elif form.data["picture"] is not None:
                    upload = form.data["picture"].read()
                    set_picture(caller.session, caller.tenant, owner=owner, upload=upload)
            except HaasError as refusal:
                form.refuse(refusal)
            else:
                flash(_("Saved."), "success")
                return redirect(back, 303)
    page = render_template(
        "portal/models/picture.html",
        form=form,
        title=title,
        shown=shown if owner.picture_file_id else None,
        back=back,
        hint=hint,
    )
    return page, 200 if request.method == "GET" else 422
