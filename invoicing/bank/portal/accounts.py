"""/bank/accounts: the partner's own accounts, and how far their statements reach."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.pages.forms import Form, blank_form, read_form
from invoicing.bank import accounts, queries
from invoicing.bank.portal.doors import blueprint
from invoicing.bank.schemas import StatementAccountChange, StatementAccountRequest
from leases.portal.doors import attempt


@blueprint.get("/accounts")
@requires("bank.read")
def list_accounts() -> str:
    """The accounts with their last balance and what waits."""
    return _page(current_caller(), blank_form(currency=current_caller().partner.currency))


@blueprint.post("/accounts")
@requires("bank.manage")
def open_account() -> Any:
    """Note an account."""
    caller, form = current_caller(), read_form(StatementAccountRequest)
    if form.data is not None:
        data = form.data
        if attempt(
            form, lambda: accounts.open_account(caller.session, caller.tenant, at=clock.now(), **data)
        ):
            flash(_("%(name)s is added. Bring in its statements now.", name=data["name"]), "success")
            return redirect(url_for(".list_accounts"), 303)
    return _page(caller, form), 422


@blueprint.get("/accounts/<bank_account_id>")
@requires("bank.manage")
def edit_account(bank_account_id: str) -> str:
    """Change an account."""
    caller = current_caller()
    account = accounts.get_account(caller.session, caller.tenant, account_id=bank_account_id)
    form = blank_form(name=account.name, holder=account.holder, bic=account.bic, auto_book=account.auto_book)
    return render_template("portal/bank/account.html", account=account, form=form)


@blueprint.post("/accounts/<bank_account_id>")
@requires("bank.manage")
def change_account(bank_account_id: str) -> Any:
    """Keep what was changed."""
    caller, form = current_caller(), read_form(StatementAccountChange)
    account = accounts.get_account(caller.session, caller.tenant, account_id=bank_account_id)
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: accounts.change_account(
                caller.session, caller.tenant, account_id=bank_account_id, **data
            ),
        ):
            flash(_("Saved."), "success")
            return redirect(url_for(".list_accounts"), 303)
    return render_template("portal/bank/account.html", account=account, form=form), 422


@blueprint.post("/accounts/<bank_account_id>/close")
@requires("bank.manage")
def close_account(bank_account_id: str) -> Any:
    """Take it off the lists."""
    caller = current_caller()
    accounts.close_account(caller.session, caller.tenant, account_id=bank_account_id, at=clock.now())
    flash(_("The account is closed; what was booked stays."), "success")
    return redirect(url_for(".list_accounts"), 303)


def _page(caller: Caller, form: Form) -> str:
    return render_template(
        "portal/bank/accounts.html", form=form, states=queries.account_states(caller.session, caller.tenant)
    )
