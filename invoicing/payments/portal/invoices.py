"""/invoices/<id>/charge, …/checkout, …/pay-link and refunds: each shows what it will do before it does it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.documents import qr
from haas.errors import HaasError, NotFound
from haas.ids import new_id
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.once import FIELD, once
from invoicing import pay_links
from invoicing import queries as invoices
from invoicing.models import Invoice
from invoicing.payments import charges, checkouts, queries, refunds
from invoicing.payments.doors import in_the_house, settings
from invoicing.payments.models import PaymentAttempt
from invoicing.payments.portal.leaving import leave_for
from invoicing.payments.portal.words import method_words
from invoicing.payments.protocol import ProviderUnreachable
from invoicing.payments.schemas import RefundForm
from leases.portal.doors import attempt as try_form

blueprint = Blueprint("invoice_payments", __name__, url_prefix="/invoices")


@blueprint.get("/<invoice_id>/charge")
@requires("payment.charge")
def ask_charge(invoice_id: str) -> str:
    """What would be charged, to what."""
    caller = current_caller()
    invoice = invoices.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    kept = queries.methods_of(caller.session, caller.tenant, client_id=invoice.client_id)
    return render_template(
        "portal/payments/charge.html",
        invoice=invoice,
        still_open=invoices.open_amount(caller.session, caller.tenant, invoice=invoice),
        method=next((method_words(row) for row in kept if row.is_default), None),
    )


@blueprint.post("/<invoice_id>/charge")
@requires("payment.charge")
def charge(invoice_id: str) -> Any:
    """Charge it; a job sends it within moments."""
    caller = current_caller()
    try:
        charges.charge_invoice(caller.session, caller.tenant, invoice_id=invoice_id, at=clock.now())
    except NotFound:
        raise
    except HaasError as refusal:
        flash(refusal.message, "error")
    else:
        flash(_("The charge is on its way. This page shows what becomes of it."), "success")
    return redirect(url_for("invoices.show", invoice_id=invoice_id), 303)


@blueprint.post("/<invoice_id>/checkout")
@requires("payment.checkout")
def checkout(invoice_id: str) -> Any:
    """Go to the provider's page."""
    caller = current_caller()
    invoice = invoices.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    here = url_for("invoices.show", invoice_id=invoice.id)
    try:
        found = checkouts.open_checkout(
            in_the_house(caller),
            invoice_id=invoice.id,
            return_url=settings().base_url + url_for(".back", invoice_id=invoice.id),
            settings=settings(),
        )
    except HaasError as refusal:
        flash(refusal.message, "error")
        return redirect(here, 303)
    return leave_for(found.checkout_url or "", back=here)


@blueprint.get("/<invoice_id>/checkout/back")
@requires("invoice.read")
def back(invoice_id: str) -> Any:
    """Somebody comes back from the provider's page: the provider is asked, nobody else is believed."""
    caller = current_caller()
    invoice = invoices.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    waiting = queries.find_open_attempt(caller.session, caller.tenant, invoice_id=invoice.id)
    if waiting is not None:
        try:
            checkouts.refresh(in_the_house(caller), attempt_id=waiting.id, settings=settings())
        except ProviderUnreachable as silence:
            flash(silence.message, "error")
    return redirect(url_for("invoices.show", invoice_id=invoice.id), 303)


@blueprint.post("/<invoice_id>/pay-link")
@requires("invoice.send")
def make_link(invoice_id: str) -> str:
    """A new link to pay by, shown this once."""
    caller = current_caller()
    invoice = invoices.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    secret = pay_links.make_link(caller.session, caller.tenant, invoice=invoice, at=clock.now())
    address = pay_links.address(settings().base_url, secret)
    code, side = qr.svg_path(address)
    return render_template(
        "portal/payments/link_made.html", invoice=invoice, address=address, code=code, side=side
    )


@blueprint.post("/<invoice_id>/pay-link/revoke")
@requires("invoice.send")
def revoke_links(invoice_id: str) -> Any:
    """No link of this invoice works any more, the printed one among them."""
    caller = current_caller()
    invoice = invoices.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    pay_links.revoke(caller.session, caller.tenant, invoice_id=invoice.id, at=clock.now())
    flash(_("No link to pay this invoice works any more."), "success")
    return redirect(url_for("invoices.show", invoice_id=invoice.id), 303)


@blueprint.get("/<invoice_id>/payments/<attempt_id>/refund")
@requires("payment.refund")
def ask_refund(invoice_id: str, attempt_id: str) -> str:
    """How much, and why."""
    caller = current_caller()
    invoice, found = _attempt(caller, invoice_id, attempt_id)
    left = refunds.left_of(caller.session, caller.tenant, attempt=found)
    return _refund_page(invoice, found, blank_form(amount=left, reason="", once=new_id("one")), left)


@blueprint.post("/<invoice_id>/payments/<attempt_id>/refund")
@requires("payment.refund")
def refund(invoice_id: str, attempt_id: str) -> Any:
    """Show what goes back; confirmed, a job sends it, once."""
    return once(lambda: _refund(invoice_id, attempt_id))


def _refund(invoice_id: str, attempt_id: str) -> Any:
    caller, form = current_caller(), read_form(RefundForm, beside=[FIELD])
    invoice, found = _attempt(caller, invoice_id, attempt_id)
    left = refunds.left_of(caller.session, caller.tenant, attempt=found)
    if form.data is None:
        return _refund_page(invoice, found, form, left), 422
    data = form.data
    if data.pop("step") != "confirm" and data["amount"] <= left:
        return _refund_page(invoice, found, form, left, preview=data)
    if not try_form(
        form,
        lambda: refunds.ask_refund(
            caller.session, caller.tenant, attempt_id=found.id, at=clock.now(), **data
        ),
    ):
        return _refund_page(invoice, found, form, left), 422
    flash(_("The refund is on its way. This page shows what becomes of it."), "success")
    return redirect(url_for("invoices.show", invoice_id=invoice_id), 303)


@blueprint.post("/<invoice_id>/payments/<attempt_id>/cancel")
@requires("payment.charge")
def cancel(invoice_id: str, attempt_id: str) -> Any:
    """Close a page that waits."""
    caller = current_caller()
    _invoice, found = _attempt(caller, invoice_id, attempt_id)
    try:
        checkouts.give_up(in_the_house(caller), attempt_id=found.id, settings=settings())
    except ProviderUnreachable as silence:
        flash(silence.message, "error")
    return redirect(url_for("invoices.show", invoice_id=invoice_id), 303)


def _attempt(caller: Caller, invoice_id: str, attempt_id: str) -> tuple[Invoice, PaymentAttempt]:
    invoice = invoices.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    found = queries.get_attempt(caller.session, caller.tenant, attempt_id=attempt_id)
    if found.invoice_id != invoice.id:
        raise NotFound(f"There is no payment attempt {attempt_id}.")
    return invoice, found


def _refund_page(
    invoice: Invoice,
    attempt: PaymentAttempt,
    form: Form,
    left: Decimal,
    preview: dict[str, Any] | None = None,
) -> str:
    return render_template(
        "portal/payments/refund.html", invoice=invoice, attempt=attempt, form=form, left=left, preview=preview
    )
