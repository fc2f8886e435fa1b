"""/settings/company: who the partner is at the tax office, in registers and at its banks."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from haas.accounts import checks, company
from haas.accounts.portal import forms
from haas.auth.caller import current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form

blueprint = Blueprint("company", __name__, url_prefix="/settings/company")

_SPARE_ROWS = 2  # for accounts yet to be given


@blueprint.get("")
@requires("company.manage")
def edit() -> Any:
    """The form."""
    caller = current_caller()
    found = company.company_of(caller.session, caller.tenant)
    names = forms.CompanyForm().fields.keys() - {"legal_name", "country", "address"}
    return _page(
        blank_form(
            legal_name=caller.partner.legal_name,
            country=caller.partner.country,
            address="\n".join(found.address),
            **{name: getattr(found, name) for name in names},
        )
    )


@blueprint.post("")
@requires("company.manage")
def save() -> Any:
    """Change them; what was issued before stays as it was printed."""
    caller, form = current_caller(), read_form(forms.CompanyForm)
    if form.data is None:
        return _page(form), 422
    changes = {**form.data, "address": form.data["address"].splitlines()}
    try:
        company.edit_company(caller.session, caller.tenant, changes=changes)
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(form), refusal.status
    flash(_("Saved."), "success")
    return redirect(url_for(".edit"), 303)


def _page(form: Form) -> str:
    accounts = list(form.value("accounts") or [])
    rows = min(max(len(accounts) + 1, _SPARE_ROWS), company.ACCOUNTS_MAX)
    return render_template(
        "portal/settings/company.html",
        form=form,
        accounts=accounts + [{}] * (rows - len(accounts)),
        countries=list(checks.countries(str(getattr(get_locale(), "language", "en"))).items()),
        damages=[
            ("taxed", _("Taxed as the lease is")),
            ("outside", _("Compensation, outside the scope of the tax")),
        ],
    )
