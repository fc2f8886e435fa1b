"""/settings/exchange-rates: rates by day on file, one added by hand, a file of them brought in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.pages.uploads import read_upload
from haas.rest.paging import Sort, fetch_page
from invoicing.money import rates
from invoicing.money.models import ExchangeRate
from invoicing.money.rate_rules import ACROSS, BYTES_MAX, DayRate, read_rates
from invoicing.money.rate_schemas import RateRequest

blueprint = Blueprint("exchange_rates", __name__, url_prefix="/settings/exchange-rates")
SORTS = {"day": Sort(ExchangeRate.day, ExchangeRate.id)}


@blueprint.get("")
@requires("tax.manage")
def index() -> Any:
    """The rates, the newest first, and the forms beside them."""
    return _page(_blank())


@blueprint.post("")
@requires("tax.manage")
def add() -> Any:
    """Put a rate on file."""
    caller, form = current_caller(), read_form(RateRequest)
    if form.data is None:
        return _page(form), 422
    try:
        rates.add_rates(
            caller.session, caller.tenant, rows=[DayRate(**form.data)], source="manual", at=clock.now()
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(form), refusal.status
    flash(_("The rate is on file."), "success")
    return redirect(url_for(".index"), 303)


@blueprint.post("/import")
@requires("tax.manage")
def bring_in() -> Any:
    """Bring in a file of rates: the whole of it or nothing."""
    caller, form = current_caller(), _blank()
    try:
        source, rows = read_rates(read_upload(request.files.get("file"), most=BYTES_MAX))
        new = rates.add_rates(caller.session, caller.tenant, rows=rows, source=source, at=clock.now())
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(form), refusal.status
    flash(_("%(new)d of %(rows)d rates are new; the others were there.", new=new, rows=len(rows)), "success")
    return redirect(url_for(".index"), 303)


def _blank() -> Form:
    return blank_form(base=ACROSS, quote="", day="", rate="")


def _page(form: Form) -> str:
    caller = current_caller()
    listed = read_list(sorts=SORTS, default="-day")
    page = fetch_page(
        caller.session,
        rates.list_rates(caller.tenant),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    sources = {"ecb": _("European Central Bank"), "manual": _("By hand"), "import": _("From a file")}
    return render_template("portal/settings/exchange_rates.html", form=form, page=page, sources=sources)
