"""Portal pages: hardware models."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices import edits, queries
from devices.forms import ModelForm
from devices.models import Asset, HardwareModel
from devices.portal import category_words
from devices.shapes import guard_cost
from devices.tax_words import TAX_CLASSES
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form

blueprint = Blueprint("models", __name__, url_prefix="/models")


@blueprint.get("")
@requires("model.read")
def index() -> str:
    """The models, each with how many assets there are of it."""
    caller = current_caller()
    archived = request.args.get("view") == "archived"
    models = queries.list_models(caller.session, caller.tenant, archived=archived)
    counted = sa.select(Asset.model_id, sa.func.count()).where(Asset.partner_id == caller.tenant.partner_id)
    counts = {row[0]: row[1] for row in caller.session.execute(counted.group_by(Asset.model_id))}
    return render_template(
        "portal/models/index.html",
        models=models,
        counts=counts,
        archived=archived,
        category_words=dict(category_words()),
        sees_cost=caller.may("asset.cost.read"),
    )


@blueprint.get("/new")
@requires("model.manage")
def new() -> str:
    """An empty form."""
    caller = current_caller()
    return _form_page(
        caller,
        blank_form(
            category="laptop",
            currency=caller.partner.currency,
            useful_life_months=36,
            residual_value_pct="10",
            data_bearing=True,
            tax_class="standard",
        ),
    )


@blueprint.post("/new")
@requires("model.manage")
def create() -> Any:
    """Add a model."""
    caller = current_caller()
    form = read_form(ModelForm)
    if form.data is not None:
        values = _values(form.data)
        values.setdefault("list_cost", 0)
        values["currency"] = values.get("currency") or caller.partner.currency
        try:
            edits.create_model(caller.session, caller.tenant, at=clock.now(), **values)
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("The model is there: assets can be added."), "success")
            return redirect(url_for(".index"), 303)
    return _form_page(caller, form), 422


@blueprint.get("/<model_id>")
@requires("model.manage")
def edit(model_id: str) -> str:
    """The form with what is known."""
    caller = current_caller()
    model = queries.get_model(caller.session, caller.tenant, model_id=model_id)
    names = (name for name in ModelForm().fields if name != "kit")
    form = blank_form(**{name: getattr(model, name) for name in names}, kit="\n".join(model.kit))
    return _form_page(caller, form, model)


@blueprint.post("/<model_id>")
@requires("model.manage")
def update(model_id: str) -> Any:
    """Change a model's words and defaults."""
    caller = current_caller()
    model = queries.get_model(caller.session, caller.tenant, model_id=model_id, lock=True)
    form = read_form(ModelForm)
    if form.data is not None:
        changes = {name: value for name, value in _values(form.data).items() if getattr(model, name) != value}
        try:
            guard_cost(caller, changes)
            edits.update_model(caller.session, caller.tenant, model_id=model_id, changes=changes)
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for(".index"), 303)
    return _form_page(caller, form, model), 422


@blueprint.post("/<model_id>/archive")
@requires("model.manage")
def archive(model_id: str) -> Any:
    """Take it out of the lists that offer it."""
    caller = current_caller()
    model = edits.archive_model(caller.session, caller.tenant, model_id=model_id, at=clock.now())
    flash(_("%(name)s is no longer offered.", name=f"{model.manufacturer} {model.name}"), "success")
    return redirect(url_for(".index"), 303)


def _values(data: dict[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in data.items() if value != "" or name == "sku"}
    values["kit"] = [line.strip() for line in data.get("kit", "").splitlines() if line.strip()]
    return values


def _form_page(caller: Caller, form: Form, model: HardwareModel | None = None) -> str:
    return render_template(
        "portal/models/form.html",
        form=form,
        model=model,
        categories=category_words(),
        tax_classes=TAX_CLASSES,
        sees_cost=caller.may("asset.cost.read"),
    )
