"""/books/accounts: the chart, another code or name, and which account each purpose is posted to."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas.auth.caller import current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from invoicing.ledger import accounts
from invoicing.ledger.portal.months import blueprint
from invoicing.ledger.portal.words import account_kind_words, purpose_words
from invoicing.ledger.schemas import AccountChange, AccountRequest, PurposeChange


@blueprint.get("/accounts")
@requires("ledger.read")
def list_accounts() -> str:
    """The chart and the mapping."""
    return _page(blank_form(code="", name="", kind=""))


@blueprint.post("/accounts/defaults")
@requires("ledger.manage")
def set_up_accounts() -> Any:
    """Begin with the default chart."""
    caller = current_caller()
    accounts.ensure_chart(caller.session, caller.tenant)
    flash(_("The chart of accounts is set up."), "success")
    return redirect(url_for(".list_accounts"), 303)


@blueprint.post("/accounts")
@requires("ledger.manage")
def add_account() -> Any:
    """Add an account."""
    caller, form = current_caller(), read_form(AccountRequest)
    if form.data is None:
        return _page(form), 422
    try:
        account = accounts.add_account(caller.session, caller.tenant, **form.data)
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(form), refusal.status
    flash(_("%(code)s %(name)s is in the chart.", code=account.code, name=account.name), "success")
    return redirect(url_for(".list_accounts"), 303)


@blueprint.get("/accounts/<account_id>")
@requires("ledger.manage")
def edit_account(account_id: str) -> str:
    """The form for another code or name."""
    caller = current_caller()
    account = accounts.get_account(caller.session, caller.tenant, account_id=account_id)
    return _account_page(account, blank_form(code=account.code, name=account.name))


@blueprint.post("/accounts/<account_id>")
@requires("ledger.manage")
def rename_account(account_id: str) -> Any:
    """Give an account another code or name."""
    caller, form = current_caller(), read_form(AccountChange)
    account = accounts.get_account(caller.session, caller.tenant, account_id=account_id)
    if form.data is None:
        return _account_page(account, form), 422
    try:
        accounts.rename_account(caller.session, caller.tenant, account_id=account_id, **form.data)
    except HaasError as refusal:
        form.refuse(refusal)
        return _account_page(account, form), refusal.status
    flash(_("The account is renamed."), "success")
    return redirect(url_for(".list_accounts"), 303)


@blueprint.post("/purposes")
@requires("ledger.manage")
def map_purpose() -> Any:
    """Post a purpose to another account from now on."""
    caller, form = current_caller(), read_form(PurposeChange)
    if form.data is None:
        return _page(form), 422
    accounts.map_purpose(caller.session, caller.tenant, **form.data)
    flash(_("From now on it is posted there. What was posted stays where it is."), "success")
    return redirect(url_for(".list_accounts") + "#purposes", 303)


def _page(form: Form) -> str:
    caller = current_caller()
    return render_template(
        "portal/ledger/accounts.html",
        form=form,
        chart=accounts.get_chart(caller.session, caller.tenant),
        kinds=account_kind_words(),
        purposes=purpose_words(),
    )


def _account_page(account: Any, form: Form) -> str:
    return render_template(
        "portal/ledger/account.html", form=form, account=account, kinds=account_kind_words()
    )
