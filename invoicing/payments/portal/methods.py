"""/clients/<id>/payment-methods: what a client has saved; saving happens on the provider's page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError, NotFound
from haas.tenancy.models import Client
from haas.tenancy.scope import scoped
from invoicing.payments import methods, queries
from invoicing.payments.doors import in_the_house, settings
from invoicing.payments.portal.leaving import leave_for
from invoicing.payments.portal.words import method_words
from invoicing.payments.protocol import ProviderUnreachable

blueprint = Blueprint("payment_methods", __name__, url_prefix="/clients/<client_id>/payment-methods")


@blueprint.get("")
@requires("invoice.read")
def index(client_id: str) -> str:
    """What is saved, the default first."""
    caller = current_caller()
    client = _client(caller, client_id)
    return render_template(
        "portal/payments/methods.html",
        client=client,
        methods=queries.methods_of(caller.session, caller.tenant, client_id=client_id),
        method_words=method_words,
        # A client's own people may not see the partner's accounts: the refusal tells them.
        can_save=caller.tenant.client_id is not None
        or queries.find_default_account(caller.session, caller.tenant) is not None,
    )


@blueprint.post("")
@requires("payment.method")
def add(client_id: str) -> Any:
    """Go to the provider's page."""
    caller = current_caller()
    _client(caller, client_id)
    base = settings().base_url + url_for(".index", client_id=client_id)
    try:
        _setup_id, url = methods.open_setup(
            in_the_house(caller),
            client_id=client_id,
            return_url=base + "/back/{setup_id}",
            settings=settings(),
        )
    except NotFound:
        raise
    except HaasError as refusal:
        flash(refusal.message, "error")
        return redirect(url_for(".index", client_id=client_id), 303)
    return leave_for(url, back=url_for(".index", client_id=client_id))


@blueprint.get("/back/<setup_id>")
@requires("invoice.read")
def back(client_id: str, setup_id: str) -> Any:
    """Somebody comes back from the provider's page, whatever was done there."""
    caller = current_caller()
    setup = queries.get_setup(caller.session, caller.tenant, setup_id=setup_id)
    if setup.client_id != client_id:
        raise NotFound(f"There is no such page {setup_id}.")
    try:
        found = methods.finish_setup(in_the_house(caller), setup_id=setup_id, settings=settings())
    except ProviderUnreachable as silence:
        flash(silence.message, "error")
    else:
        if found is not None:
            flash(_("%(method)s is saved.", method=method_words(found)), "success")
        else:
            flash(_("Nothing was saved."), "error")
    return redirect(url_for(".index", client_id=client_id), 303)


@blueprint.post("/<method_id>/default")
@requires("payment.method")
def make_default(client_id: str, method_id: str) -> Any:
    """Charge this one from now on."""
    caller = current_caller()
    _of_client(caller, client_id, method_id)
    methods.make_default(caller.session, caller.tenant, method_id=method_id)
    flash(_("Saved."), "success")
    return redirect(url_for(".index", client_id=client_id), 303)


@blueprint.post("/<method_id>/remove")
@requires("payment.method")
def remove(client_id: str, method_id: str) -> Any:
    """Never charge it again."""
    caller = current_caller()
    _of_client(caller, client_id, method_id)
    methods.remove(caller.session, caller.tenant, method_id=method_id, at=clock.now())
    flash(_("Removed. It is not charged any more."), "success")
    return redirect(url_for(".index", client_id=client_id), 303)


def _client(caller: Caller, client_id: str) -> Client:
    client = caller.session.scalar(scoped(Client, caller.tenant).where(Client.id == client_id))
    if client is None:
        raise NotFound(f"There is no client {client_id}.")
    return client


def _of_client(caller: Caller, client_id: str, method_id: str) -> None:
    method = queries.get_method(caller.session, caller.tenant, method_id=method_id)
    if method.client_id != client_id:
        raise NotFound(f"There is no payment method {method_id}.")
