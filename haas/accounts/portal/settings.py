"""/settings: what a partner sets for itself."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas.accounts import checks, partner_settings
from haas.accounts.portal import forms
from haas.accounts.portal.words import terms_kinds
from haas.auth.caller import current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.tenancy.branding import LANGUAGES
from haas.tenancy.payment_terms import DISCOUNT_FIELDS

blueprint = Blueprint("settings", __name__, url_prefix="/settings/general")


@blueprint.get("")
@requires("settings.manage")
def edit() -> Any:
    """The form."""
    partner = current_caller().partner
    return _page(
        blank_form(
            name=partner.name,
            legal_name=partner.legal_name,
            language=partner.language,
            time_zone=partner.time_zone,
            currency=partner.currency,
            currency_policy=partner_settings.currency_policy(partner),
            payment_terms_kind=partner.payment_terms_kind,
            payment_terms_days=partner.payment_terms_days,
            **{name: getattr(partner, name) for step in DISCOUNT_FIELDS for name in step},
        )
    )


@blueprint.post("")
@requires("settings.manage")
def save() -> Any:
    """Change them; what was agreed and printed before stays as it was."""
    caller, form = current_caller(), read_form(forms.SettingsForm)
    if form.data is not None:
        try:
            partner_settings.edit_settings(caller.session, caller.tenant, changes=form.data)
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for(".edit"))
    return _page(form), 422


def _page(form: Form) -> str:
    return render_template(
        "portal/settings/general.html",
        form=form,
        languages=list(LANGUAGES.items()),
        zones=[(zone, zone.replace("_", " ")) for zone in checks.zones()],
        terms_kinds=list(terms_kinds().items()),
        policies=[
            (partner_settings.PER_CLIENT, _("Each client in its own currency")),
            (partner_settings.ONE_CURRENCY, _("Every client in our currency")),
        ],
    )
