"""Portal pages: print labels; and where a label's QR code leads."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices import label_tokens, labels, queries
from devices.forms import LabelForm
from devices.label_stocks import STOCKS, LabelStock, free_form, get_stock
from devices.models import Asset, LabelToken
from devices.queries import AssetFilter
from haas import audit, clock, db
from haas.auth.caller import Caller, current_caller, public, requires
from haas.auth.identify import identify
from haas.errors import HaasError, NotFound
from haas.pages.downloads import download
from haas.pages.forms import Form, blank_form, read_form
from haas.rest.limits import EXPENSIVE, GUESSABLE, limiter
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Partner
from haas.tenancy.scope import Stranger, Tenant

blueprint = Blueprint("labels", __name__)


@blueprint.get("/labels")
@requires("asset.label")
def index() -> str:
    """Choose the stock and where to begin; the assets were ticked in the fleet."""
    caller = current_caller()
    form = blank_form(stock="avery-l7160", start_at=1, offset_x_mm=0, offset_y_mm=0)
    if caller.partner.country == "US":
        form.values["stock"] = "avery-5160"
    return _page(caller, form, request.args.getlist("id"))


@blueprint.post("/labels")
@limiter.limit(EXPENSIVE)
@requires("asset.label")
def print_sheet() -> Any:
    """The labels as PDF, or as ZPL for a label printer."""
    caller = current_caller()
    form = read_form(LabelForm)
    if form.data is not None:
        try:
            return _sheet(caller, form.data)
        except HaasError as refusal:
            if isinstance(refusal, NotFound):
                raise
            form.refuse(refusal)
    return _page(caller, form, request.form.getlist("id")), 422


@blueprint.post("/assets/<asset_id>/label")
@requires("asset.label")
def replace(asset_id: str) -> Any:
    """A new code for a label that was lost or copied; the old one leads nowhere from now on."""
    caller = current_caller()
    label_tokens.replace_label(caller.session, caller.tenant, asset_id=asset_id, at=clock.now())
    flash(_("The old label leads nowhere now. Print the new one."), "success")
    return redirect(url_for(".index", id=asset_id), 303)


@blueprint.get("/q/<token>")
@limiter.limit(GUESSABLE)
@public("whoever finds a device may learn whom to call, and nothing else")
def landing(token: str) -> Any:
    """Staff who are signed in get the asset; everyone else, whose property it is."""
    with db.unit_of_work(Stranger(token)) as session:
        label = session.scalar(
            sa.select(LabelToken).where(LabelToken.token == token, LabelToken.revoked_at.is_(None))
        )
    if label is None:
        raise NotFound(_("This label leads nowhere. It may have been replaced."))
    settings = current_app.config["HAAS"]
    known = identify(request, pepper=settings.secret_key, now=clock.now())
    if known is not None and known.partner is not None and not known.half_signed_in:
        if known.partner.id != label.partner_id:
            raise NotFound(_("This label leads nowhere. It may have been replaced."))
        if "asset.scan" in known.permissions:
            return redirect(url_for("scan.index", asset=label.asset_id), 303)
        return redirect(url_for("assets.show", asset_id=label.asset_id), 303)
    with db.unit_of_work(Tenant(label.partner_id, actor="stranger", door="portal")) as session:
        partner = session.get_one(Partner, label.partner_id)
        branding = branding_of(session, partner, with_logo=False)
    g.brand_partner = partner
    return render_template("portal/labels/landing.html", branding=branding)


def _sheet(caller: Caller, data: dict[str, Any]) -> Response:
    stock = _stock(data)
    printed = _labels(caller, data["id"])
    branding = branding_of(caller.session, caller.partner)
    audit.note(
        caller.session,
        action="labels_printed",
        subject="asset",
        subject_id="",
        details={"assets": data["id"], "stock": stock.key},
    )
    if data["output"] == "zpl":
        text = labels.label_zpl(printed, stock, branding=branding)
        return download(text.encode(), name="labels.zpl", media_type="text/plain; charset=utf-8")
    content = labels.label_sheet_pdf(
        printed,
        stock,
        branding=branding,
        start_at=data["start_at"],
        offset_x_mm=data["offset_x_mm"],
        offset_y_mm=data["offset_y_mm"],
    )
    return download(content, name="labels.pdf", media_type="application/pdf", inline=True)


def _stock(data: dict[str, Any]) -> LabelStock:
    if data["stock"] == "free":
        return free_form(width_mm=data["width_mm"] or 0, height_mm=data["height_mm"] or 0)
    return get_stock(data["stock"])


def _labels(caller: Caller, asset_ids: list[str]) -> list[labels.Label]:
    """One label an asset, in the order asked, each with its newest token."""
    wanted = AssetFilter(ids=tuple(asset_ids))
    found = {asset.id: asset for asset in caller.session.scalars(queries.fleet(caller.tenant, wanted))}
    tokens = queries.current_labels(caller.session, caller.tenant, asset_ids=list(found))
    base = current_app.config["HAAS"].base_url
    made = []
    for asset_id in dict.fromkeys(asset_ids):
        asset = found.get(asset_id)
        if asset is None:
            raise queries.AssetNotFound(f"There is no asset {asset_id}.")
        token = tokens.get(asset_id) or _new_token(caller, asset)
        made.append(
            labels.Label(
                url=f"{base}/q/{token}",
                tag=asset.tag,
                second_line=f"{asset.model.manufacturer} {asset.model.name}",
            )
        )
    return made


def _new_token(caller: Caller, asset: Asset) -> str:
    """All its labels were revoked: a new print is a new label."""
    issued = label_tokens.issue_label(caller.session, caller.tenant, asset_id=asset.id, at=clock.now())
    return issued.token


def _page(caller: Caller, form: Form, ids: list[str]) -> str:
    wanted = AssetFilter(ids=tuple(ids[:2000]))
    assets = (
        caller.session.scalars(queries.fleet(caller.tenant, wanted).order_by(Asset.tag_norm)).all()
        if ids
        else []
    )
    return render_template(
        "portal/labels/index.html",
        form=form,
        assets=assets,
        stocks=[(stock.key, stock.name) for stock in STOCKS.values()],
        per_page={key: stock.per_page for key, stock in STOCKS.items()},
    )
