"""/money/credit: what a client has to its credit, granted and asked back; /money/refunds: what goes back."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.accounts.clients import get_client
from haas.auth.caller import Caller, current_caller, requires
from haas.ids import new_id
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.rest.fields import Amount, one_of, text
from haas.rest.openapi import Request
from haas.rest.paging import Sort, fetch_page
from haas.tenancy.models import Client
from invoicing.money import balances, refunds
from invoicing.money.models import REFUND_STATES, BalanceEntry, Refund
from invoicing.money.queries import list_entries, list_refunds
from invoicing.money.schemas import RefundFailedRequest, RefundPaidRequest
from invoicing.portal.receipts import blueprint
from leases.portal.doors import attempt, attempt_or_flash
from leases.summaries import client_names

_NEWEST = {"newest": Sort(BalanceEntry.id, BalanceEntry.id)}
_REFUNDS = {"newest": Sort(Refund.id, Refund.id)}


class CreditForm(Request):
    """Credit that is granted, or is to go back."""

    what = one_of("grant", "refund", required=True)
    amount = Amount(required=True)
    currency = text(3, least=3, required=True)
    reason = text(300, least=1, required=True)
    once = text(40, load_default="")  # of the page that was sent: pressed twice, it moves the credit once


@blueprint.get("/credit")
@requires("invoice.read")
def own_credit() -> Any:
    """A client's people go to their own; the partner's choose a client in the list."""
    client_id = current_caller().tenant.client_id
    if client_id is None:
        return redirect(url_for("invoices.index"))
    return redirect(url_for(".credit", client_id=client_id))


@blueprint.get("/credit/<client_id>")
@requires("invoice.read")
def credit(client_id: str) -> str:
    """The client's credit with every movement of it."""
    caller = current_caller()
    client = get_client(caller.session, caller.tenant, client_id=client_id)
    return _credit_page(caller, client, blank_form(currency=client.currency, once=new_id("one")))


@blueprint.post("/credit/<client_id>")
@requires("payment.refund")
def move_credit(client_id: str) -> Any:
    """Grant credit by goodwill, or ask for some to go back."""
    caller, form = current_caller(), read_form(CreditForm)
    client = get_client(caller.session, caller.tenant, client_id=client_id)
    if form.data is None:
        return _credit_page(caller, client, form), 422
    data = form.data
    act = balances.grant if data.pop("what") == "grant" else refunds.refund_balance
    once = data.pop("once")
    data["once_key"] = f"page:{once}" if once else None
    today = clock.today(caller.partner.time_zone)
    if not attempt(
        form,
        lambda: act(caller.session, caller.tenant, client_id=client.id, on=today, at=clock.now(), **data),
    ):
        return _credit_page(caller, client, form), 422
    flash(_("Done."), "success")
    return redirect(url_for(".credit", client_id=client.id), 303)


@blueprint.post("/invoices/<invoice_id>/apply-credit")
@requires("payment.record")
def apply_credit(invoice_id: str) -> Any:
    """Pay an invoice out of its client's credit, as far as that goes."""
    caller = current_caller()
    if attempt_or_flash(
        lambda: balances.apply_to_invoice(
            caller.session,
            caller.tenant,
            invoice_id=invoice_id,
            on=clock.today(caller.partner.time_zone),
            at=clock.now(),
        )
    ):
        flash(_("The credit is put to the invoice."), "success")
    return redirect(url_for("invoices.show", invoice_id=invoice_id), 303)


@blueprint.get("/refunds")
@requires("invoice.read")
def refund_list() -> str:
    """Credit that goes back, the newest first; what somebody has to carry out at the bank among it."""
    caller = current_caller()
    listed = read_list(sorts=_REFUNDS, default="-newest", filters=("state",))
    state = listed.filters.get("state")
    page = fetch_page(
        caller.session,
        list_refunds(caller.tenant, state=state if state in REFUND_STATES else None),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    return render_template(
        "portal/money/refunds.html",
        page=page,
        listed=listed,
        names=client_names(caller.session, caller.tenant, (row.client_id for row in page.rows)),
        states=refund_words(),
        channels={"bank": _("Bank transfer"), "provider": _("Payment provider")},
    )


@blueprint.get("/refunds/<refund_id>")
@requires("invoice.read")
def refund(refund_id: str) -> str:
    """One refund, and what can be said of it."""
    caller = current_caller()
    return _refund_page(caller, refund_id, _blank(caller))


@blueprint.post("/refunds/<refund_id>/paid")
@requires("payment.refund")
def refund_paid(refund_id: str) -> Any:
    """It went back."""
    caller, form = current_caller(), read_form(RefundPaidRequest)
    return _settle(caller, refund_id, form, refunds.mark_paid, {})


@blueprint.post("/refunds/<refund_id>/failed")
@requires("payment.refund")
def refund_failed(refund_id: str) -> Any:
    """It is called off, or could not be carried out."""
    caller, form = current_caller(), read_form(RefundFailedRequest)
    return _settle(
        caller, refund_id, form, refunds.mark_failed, {"on": clock.today(caller.partner.time_zone)}
    )


def entry_words() -> dict[str, str]:
    """What moved the credit."""
    return {
        "overpayment": _("Paid more than was open"),
        "released": _("Set free from an invoice"),
        "goodwill": _("Goodwill"),
        "applied": _("Put to an invoice"),
        "refund": _("Goes back"),
        "refund_failed": _("Refund that failed"),
        "reversed": _("Payment that went back"),
    }


def refund_words() -> dict[str, str]:
    """The states of a refund."""
    return {"asked": _("Asked for"), "paid": _("Paid"), "failed": _("Failed"), "returned": _("Came back")}


def _settle(caller: Caller, refund_id: str, form: Form, act: Any, more: dict[str, Any]) -> Any:
    if form.data is not None:
        told = {**form.data, **more}
        if attempt(
            form,
            lambda: act(caller.session, caller.tenant, refund_id=refund_id, at=clock.now(), **told),
        ):
            flash(_("Noted."), "success")
            return redirect(url_for(".refund", refund_id=refund_id), 303)
    return _refund_page(caller, refund_id, form), 422


def _blank(caller: Caller) -> Form:
    return blank_form(on=clock.today(caller.partner.time_zone).isoformat())


def _refund_page(caller: Caller, refund_id: str, form: Form) -> str:
    found = refunds.get_refund(caller.session, caller.tenant, refund_id=refund_id)
    return render_template(
        "portal/money/refund.html",
        refund=found,
        form=form,
        client=get_client(caller.session, caller.tenant, client_id=found.client_id),
        states=refund_words(),
        channels={"bank": _("Bank transfer"), "provider": _("Payment provider")},
    )


def _credit_page(caller: Caller, client: Client, form: Form) -> str:
    listed = read_list(sorts=_NEWEST, default="-newest", filters=())
    page = fetch_page(
        caller.session,
        list_entries(caller.tenant, client_id=client.id),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    return render_template(
        "portal/money/credit.html",
        client=client,
        form=form,
        page=page,
        balances=balances.balance_of(caller.session, caller.tenant, client_id=client.id),
        words=entry_words(),
        asked=request.args,
    )
