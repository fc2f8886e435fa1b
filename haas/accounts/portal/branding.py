"""/settings/branding: logo, colour, lines and sender, with a preview that follows what is typed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas.accounts import branding
from haas.accounts.portal import forms
from haas.auth.caller import current_caller, requires
from haas.documents.contrast import accent
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.tenancy.branding import Branding
from haas.tenancy.brands import branding_of

blueprint = Blueprint("branding", __name__, url_prefix="/settings/branding")


@blueprint.get("")
@requires("branding.manage")
def edit() -> Any:
    """The form and the preview."""
    caller = current_caller()
    present = branding_of(caller.session, caller.partner, with_logo=False)
    values: dict[str, Any] = {
        name: "\n".join(value) if isinstance(value, tuple) else value
        for name in Branding.__struct_fields__
        if name != "logo" and (value := getattr(present, name)) is not None
    }
    return _page(blank_form(**values), present)


@blueprint.post("")
@requires("branding.manage")
def save() -> Any:
    """Keep it: paper, mail and pages made from now on wear it."""
    caller, form = current_caller(), read_form(forms.BrandingForm)
    if form.data is not None:
        facts = dict(form.data)
        upload, remove_logo = facts.pop("logo"), facts.pop("remove_logo")
        try:
            branding.edit_branding(
                caller.session,
                caller.tenant,
                changes=_in_lines(facts),
                logo=upload.read() if upload is not None else None,
                remove_logo=remove_logo,
            )
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("Saved. Papers and mails from now on look like this."), "success")
            return redirect(url_for(".edit"))
    return _page(form, branding_of(caller.session, caller.partner, with_logo=False)), 422


@blueprint.post("/preview")
@requires("branding.manage")
def preview() -> Any:
    """What it would look like; nothing is kept."""
    caller, form = current_caller(), read_form(forms.BrandingForm)
    present = branding_of(caller.session, caller.partner, with_logo=False)
    problem = ""
    if form.data is not None:
        facts = {name: value for name, value in form.data.items() if name not in ("logo", "remove_logo")}
        try:
            present = branding.preview_branding(caller.session, caller.partner, changes=_in_lines(facts))
        except HaasError as refusal:
            problem = refusal.message
    return render_template("portal/settings/branding_preview.html", **_looks(present), problem=problem)


def _in_lines(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value.splitlines() if name in branding.LINES else value for name, value in facts.items()}


def _page(form: Form, present: Branding) -> str:
    return render_template("portal/settings/branding.html", form=form, problem="", **_looks(present))


def _looks(present: Branding) -> dict[str, Any]:
    shades = accent(present.accent_colour)
    corrected = present.accent_colour not in (shades.light, shades.dark)
    brand_css = url_for("brand.stylesheet", colour=present.accent_colour.removeprefix("#"))
    return {
        "look": present,
        "shades": shades,
        "corrected": corrected,
        "preview_css": brand_css,
        "has_logo": present.logo is not None,
    }
