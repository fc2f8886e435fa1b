"""What is done with an invoice: credited, paid, sent. Each shows what it will do before it does it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError, NotFound
from haas.ids import new_id
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.once import FIELD, once
from haas.tenancy.branding import LANGUAGES
from haas.tenancy.models import Client
from haas.tenancy.scope import scoped
from invoicing import corrections, queries, sending
from invoicing.corrections import CreditPlan
from invoicing.crediting import Part
from invoicing.early_discounts import discount_due, record_payment
from invoicing.models import Invoice
from invoicing.money.schemas import METHODS
from invoicing.portal.forms import CONFIRM, CreditForm, PaymentForm
from invoicing.portal.invoices import blueprint, period_text
from invoicing.portal.words import CREDIT_REASONS
from invoicing.schemas import part_of


@blueprint.get("/<invoice_id>/credit")
@requires("invoice.credit")
def ask_credit(invoice_id: str) -> Any:
    """What is left of each line, and the form."""
    caller = current_caller()
    invoice = queries.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    form = blank_form(scope="all", reason_code="", reason="", excess="credit", once=new_id("one"))
    return _credit_page(caller, invoice, form)


@blueprint.post("/<invoice_id>/credit")
@requires("invoice.credit")
def credit(invoice_id: str) -> Any:
    """Show what would go back; confirmed, issue the credit note, once."""
    return once(lambda: _credit(invoice_id))


def _credit(invoice_id: str) -> Any:
    caller, form = current_caller(), read_form(CreditForm, beside=[FIELD])
    invoice = queries.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    if form.data is None:
        return _credit_page(caller, invoice, form), 422
    amounts = _amounts(form.data)
    try:
        plan = corrections.plan_credit(caller.session, caller.tenant, invoice=invoice, amounts=amounts)
        if form.data["step"] != CONFIRM:
            return _credit_page(caller, invoice, form, plan)
        issued = corrections.credit_invoice(
            caller.session,
            caller.tenant,
            invoice_id=invoice_id,
            reason=form.data["reason"],
            reason_code=form.data["reason_code"],
            issued_on=clock.today(caller.partner.time_zone),
            at=clock.now(),
            portal_url=current_app.config["HAAS"].base_url,
            amounts=amounts,
            excess=form.data["excess"],
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _credit_page(caller, invoice, form), refusal.status
    flash(_("%(number)s is issued.", number=issued.number), "success")
    return redirect(url_for(".show", invoice_id=issued.id), 303)


@blueprint.get("/<invoice_id>/payment")
@requires("payment.record")
def ask_payment(invoice_id: str) -> Any:
    """The form, filled in with what is open."""
    caller = current_caller()
    invoice = queries.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    still_open = queries.open_amount(caller.session, caller.tenant, invoice=invoice)
    today = clock.today(caller.partner.time_zone)
    return _payment_page(
        invoice,
        blank_form(
            amount=f"{still_open.normalize():f}",
            received_on=today.isoformat(),
            method=METHODS[0],
            reference="",
            excess="refuse",
        ),
        still_open,
    )


@blueprint.post("/<invoice_id>/payment")
@requires("payment.record")
def pay(invoice_id: str) -> Any:
    """Show what is open before and after; confirmed, record the payment."""
    caller, form = current_caller(), read_form(PaymentForm)
    invoice = queries.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    still_open = queries.open_amount(caller.session, caller.tenant, invoice=invoice)
    if form.data is None:
        return _payment_page(invoice, form, still_open), 422
    data = form.data
    takes_discount = data.pop("takes_discount")
    discount = discount_due(caller.session, caller.tenant, invoice=invoice, on=data["received_on"])
    if data["amount"] != still_open - discount:
        discount = Decimal(0)
    is_taken = data["amount"] <= still_open or (data["excess"] == "credit" and still_open)
    if data.pop("step") != CONFIRM and is_taken:
        return _payment_page(invoice, form, still_open, preview=data, discount=discount)
    try:
        with caller.session.begin_nested():
            record_payment(
                caller.session,
                caller.tenant,
                invoice_id=invoice_id,
                discount=discount if takes_discount else Decimal(0),
                at=clock.now(),
                **data,
            )
    except HaasError as refusal:
        form.refuse(refusal)
        return _payment_page(invoice, form, still_open), refusal.status
    flash(_("The payment is recorded."), "success")
    return redirect(url_for(".show", invoice_id=invoice_id), 303)


@blueprint.get("/<invoice_id>/send")
@requires("invoice.send")
def ask_send(invoice_id: str) -> Any:
    """To whom it would go, and in which language."""
    caller = current_caller()
    invoice = queries.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    client = caller.session.scalars(scoped(Client, caller.tenant).where(Client.id == invoice.client_id)).one()
    return render_template(
        "portal/invoices/send.html",
        invoice=invoice,
        client=client,
        recipients=sending.recipients(caller.session, caller.tenant, invoice=invoice),
        languages=LANGUAGES,
    )


@blueprint.post("/<invoice_id>/send")
@requires("invoice.send")
def send(invoice_id: str) -> Any:
    """Mail it; a job does it within moments."""
    caller = current_caller()
    try:
        invoice = sending.request(caller.session, caller.tenant, invoice_id=invoice_id)
    except NotFound:
        raise
    except HaasError as refusal:
        flash(refusal.message, "error")
    else:
        flash(_("%(number)s is on its way.", number=invoice.number), "success")
    return redirect(url_for(".show", invoice_id=invoice_id), 303)


def _credit_page(caller: Caller, invoice: Invoice, form: Form, plan: CreditPlan | None = None) -> str:
    return render_template(
        "portal/invoices/credit.html",
        invoice=invoice,
        form=form,
        lines=corrections.creditable(caller.session, caller.tenant, invoice=invoice),
        typed={str(row.get("line_id")): row for row in form.value("lines") or []},
        plan=plan,
        given={row.id: part for row, part in plan.chosen} if plan else {},
        reasons=list(CREDIT_REASONS.items()),
        printed=_printed(form),
        period_text=period_text,
        still_open=queries.open_amount(caller.session, caller.tenant, invoice=invoice),
    )


def _payment_page(
    invoice: Invoice,
    form: Form,
    still_open: Decimal,
    preview: dict[str, Any] | None = None,
    discount: Decimal = Decimal(0),
) -> str:
    return render_template(
        "portal/invoices/payment.html",
        invoice=invoice,
        form=form,
        still_open=still_open,
        preview=preview,
        discount=discount,
        methods=_methods(),
    )


def _printed(form: Form) -> str:
    """What the credit note will say of why, in the words of this page."""
    name = CREDIT_REASONS.get(str(form.value("reason_code") or ""), "")
    return ": ".join(filter(None, (str(name), str(form.value("reason") or ""))))


def _amounts(data: dict[str, Any]) -> dict[str, Decimal | Part] | None:
    if data["scope"] == "all":
        return None
    parts = {row["line_id"]: part_of(row) for row in data["lines"]}
    return {line_id: part for line_id, part in parts.items() if not part.is_all}


def _methods() -> list[tuple[str, str]]:
    words = (
        _("Bank transfer"),
        _("Direct debit"),
        _("Card"),
        _("Cash"),
        _("Offset against a claim"),
        _("Other"),
    )
    return list(zip(METHODS, words, strict=True))
