"""/settings/payments: connect a provider, test it, say what it is used for."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from invoicing import pay_links
from invoicing.payments import accounts, queries
from invoicing.payments.doors import settings
from invoicing.payments.portal.words import provider_words
from invoicing.payments.protocol import ProviderRefused, ProviderUnreachable
from invoicing.payments.schemas import LinksForm, PaymentAccountForm, PaymentAccountRequest
from leases.portal.doors import attempt

blueprint = Blueprint("payment_settings", __name__, url_prefix="/settings/payments")


@blueprint.get("")
@requires("payment.settings")
def index() -> str:
    """Every account, and the form for a new one."""
    return _page(blank_form(kind="", api_key="", webhook_secret=""))  # nosec B106 # empty fields


@blueprint.post("")
@requires("payment.settings")
def connect() -> Any:
    """Try the key and keep it sealed."""
    caller, form = current_caller(), read_form(PaymentAccountRequest)
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: accounts.connect(
                caller.session, caller.tenant, at=clock.now(), settings=settings(), **data
            ),
        ):
            flash(_("Connected. New payments go through the account that is the default."), "success")
            return redirect(url_for(".index"), 303)
    form.values["api_key"] = ""  # never sent back, not even when something else is wrong
    form.values["webhook_secret"] = ""
    return _page(form), 422


@blueprint.post("/<account_id>")
@requires("payment.settings")
def edit(account_id: str) -> Any:
    """Save what an account is used for."""
    caller, form = current_caller(), read_form(PaymentAccountForm)
    if form.data is None:
        flash(_("This was not saved. Please look at what is marked."), "error")
        return redirect(url_for(".index"), 303)
    accounts.edit(caller.session, caller.tenant, account_id=account_id, settings=settings(), **form.data)
    flash(_("Saved."), "success")
    return redirect(url_for(".index"), 303)


@blueprint.post("/<account_id>/test")
@requires("payment.settings")
def test(account_id: str) -> Any:
    """Ask the provider whose account it is."""
    caller = current_caller()
    account = queries.get_account(caller.session, caller.tenant, account_id=account_id)
    try:
        info = accounts.provider_of(account, settings()).check_connection()
    except (ProviderRefused, ProviderUnreachable) as refusal:
        flash(refusal.message, "error")
    else:
        flash(_("%(name)s answers.", name=info.name), "success")
    return redirect(url_for(".index"), 303)


@blueprint.post("/<account_id>/close")
@requires("payment.settings")
def close(account_id: str) -> Any:
    """Take no more payments through it."""
    caller = current_caller()
    accounts.close(caller.session, caller.tenant, account_id=account_id, at=clock.now())
    flash(_("Closed. What is under way is followed to its end."), "success")
    return redirect(url_for(".index"), 303)


@blueprint.post("/links")
@requires("payment.settings")
def set_links() -> Any:
    """Whether new invoices bear a link to pay by."""
    caller, form = current_caller(), read_form(LinksForm)
    if form.data is None:
        raise HaasError(_("This was not saved. Please look at what is marked."))
    accounts.print_links(caller.session, caller.tenant, wanted=form.data["wanted"])
    flash(_("Saved."), "success")
    return redirect(url_for(".index"), 303)


def _page(form: Form) -> str:
    caller = current_caller()
    found = queries.accounts_of(caller.session, caller.tenant)
    return render_template(
        "portal/payments/settings.html",
        form=form,
        accounts=found,
        addresses={row.id: accounts.webhook_address(settings(), row.webhook_token) for row in found},
        told={row.id: bool(accounts.webhook_secrets(row, settings())) for row in found},
        kinds=[(kind, provider_words()[kind]) for kind in accounts.kinds_on_offer(settings())],
        words=provider_words(),
        links=pay_links.are_printed(caller.partner),
    )
