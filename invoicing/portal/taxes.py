"""/settings/taxes: the dated tax rates; a change of the law is a new row."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from haas import clock
from haas.accounts import checks
from haas.auth.caller import current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from invoicing import rates
from invoicing.portal.forms import TaxRateForm
from leases.portal.words import RATE_CLASSES

blueprint = Blueprint("taxes", __name__, url_prefix="/settings/taxes")


@blueprint.get("")
@requires("tax.manage")
def index() -> Any:
    """Every rate, those that hold today marked; and the form for a new one."""
    partner = current_caller().partner
    return _page(
        blank_form(
            country=partner.country,
            region="",
            category="S",
            tax_class="standard",
            rate_pct="",
            name="",
            valid_from="",
        )
    )


@blueprint.post("")
@requires("tax.manage")
def add() -> Any:
    """Put a rate on file."""
    caller, form = current_caller(), read_form(TaxRateForm)
    if form.data is None:
        return _page(form), 422
    try:
        rate = rates.add_rate(caller.session, caller.tenant, **form.data)
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(form), refusal.status
    flash(_("%(name)s is on file.", name=rate.name), "success")
    return redirect(url_for(".index"), 303)


def _page(form: Form) -> str:
    caller = current_caller()
    found, today = rates.list_rates(caller.session, caller.tenant), clock.today(caller.partner.time_zone)
    language = str(getattr(get_locale(), "language", "en"))
    return render_template(
        "portal/settings/taxes.html",
        form=form,
        rates=found,
        holding=rates.holding(found, today=today),
        today=today,
        countries=checks.countries(language),
        categories=_categories(),
        classes=RATE_CLASSES,
    )


def _categories() -> dict[str, str]:
    return {
        "S": _("Standard or reduced rate"),
        "Z": _("Zero rate"),
        "E": _("Exempt"),
        "AE": _("Reverse charge"),
        "K": _("Within the European Union"),
        "G": _("Tax-free export"),
        "O": _("Outside the scope of the tax"),
    }
