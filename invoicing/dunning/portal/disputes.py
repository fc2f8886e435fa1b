"""/invoices/…/dispute and /invoice-disputes/…: say what is wrong, and decide about it after a look."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import marshmallow as ma
from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from devices.choices import names_of_people
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.rest.fields import one_of, text
from invoicing import corrections, queries
from invoicing.corrections import CreditPlan
from invoicing.dunning import disputing
from invoicing.dunning.portal.words import decision_words, reason_words
from invoicing.dunning.schemas import DECISIONS, DecidedLine, InvoiceDisputeRequest
from invoicing.holds.models import InvoiceDispute
from invoicing.models import Invoice
from invoicing.portal.forms import CONFIRM, Stepped
from leases.portal.doors import attempt, attempt_or_flash

blueprint = Blueprint("invoice_disputes", __name__)


class DecisionForm(Stepped):
    """A decision, shown before it is done."""

    state = one_of(*DECISIONS, required=True)
    decision = text(300, least=1, required=True)
    lines = ma.fields.List(ma.fields.Nested(DecidedLine), load_default=list)


@blueprint.get("/invoices/<invoice_id>/dispute")
@requires("invoice.dispute")
def ask(invoice_id: str) -> str:
    """The form."""
    caller = current_caller()
    invoice = queries.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    return _ask_page(invoice, blank_form(reason="", words="", amount=""))


@blueprint.post("/invoices/<invoice_id>/dispute")
@requires("invoice.dispute")
def open_dispute(invoice_id: str) -> Any:
    """Note what is wrong; nobody reminds of the invoice or charges it until that is decided."""
    caller, form = current_caller(), read_form(InvoiceDisputeRequest)
    invoice = queries.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    if form.data is not None:
        said = form.data
        if attempt(
            form,
            lambda: disputing.open_dispute(
                caller.session, caller.tenant, invoice_id=invoice_id, at=clock.now(), **said
            ),
        ):
            flash(_("Noted. Nobody reminds of this invoice or charges it until it is decided."), "success")
            return redirect(url_for("invoices.show", invoice_id=invoice_id), 303)
    return _ask_page(invoice, form), 422


@blueprint.get("/invoice-disputes/<dispute_id>")
@requires("invoice.read")
def show(dispute_id: str) -> str:
    """What was said, and what was decided or may be."""
    caller = current_caller()
    found = disputing.get_dispute(caller.session, caller.tenant, dispute_id=dispute_id)
    return _page(caller, found, blank_form(state="", decision=""))


@blueprint.post("/invoice-disputes/<dispute_id>/decide")
@requires("dunning.manage")
def decide(dispute_id: str) -> Any:
    """Show what would be credited; confirmed, decide."""
    caller, form = current_caller(), read_form(DecisionForm)
    found = disputing.get_dispute(caller.session, caller.tenant, dispute_id=dispute_id)
    if form.data is None:
        return _page(caller, found, form), 422
    data = form.data
    amounts = {line["line_id"]: line["net"] for line in data["lines"] if line["net"]}
    try:
        if data["step"] != CONFIRM:
            plan = _plan(caller, found, state=data["state"], amounts=amounts)
            return _page(caller, found, form, plan=plan, is_preview=True)
        disputing.decide(
            caller.session,
            caller.tenant,
            dispute_id=dispute_id,
            state=data["state"],
            decision=data["decision"],
            today=clock.today(caller.partner.time_zone),
            at=clock.now(),
            portal_url=current_app.config["HAAS"].base_url,
            amounts=amounts,
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(caller, found, form), refusal.status
    flash(_("It is decided. The client reads it on the invoice."), "success")
    return redirect(url_for(".show", dispute_id=dispute_id), 303)


@blueprint.post("/invoice-disputes/<dispute_id>/withdraw")
@requires("invoice.dispute")
def withdraw(dispute_id: str) -> Any:
    """Take it back."""
    caller = current_caller()
    found = disputing.get_dispute(caller.session, caller.tenant, dispute_id=dispute_id)
    if attempt_or_flash(
        lambda: disputing.withdraw(caller.session, caller.tenant, dispute_id=dispute_id, at=clock.now())
    ):
        flash(_("The dispute is withdrawn."), "success")
    return redirect(url_for("invoices.show", invoice_id=found.invoice_id), 303)


def _plan(
    caller: Caller, dispute: InvoiceDispute, *, state: str, amounts: dict[str, Decimal]
) -> CreditPlan | None:
    if state == "rejected":
        return None
    invoice = queries.get_invoice(caller.session, caller.tenant, invoice_id=dispute.invoice_id)
    disputing.require_amounts(state, amounts)
    return corrections.plan_credit(
        caller.session, caller.tenant, invoice=invoice, amounts=amounts if state == "partly" else None
    )


def _ask_page(invoice: Invoice, form: Form) -> str:
    return render_template("portal/dunning/ask.html", invoice=invoice, form=form, reasons=reason_words())


def _page(
    caller: Caller,
    dispute: InvoiceDispute,
    form: Form,
    *,
    plan: CreditPlan | None = None,
    is_preview: bool = False,
) -> str:
    session, tenant = caller.session, caller.tenant
    invoice = queries.get_invoice(session, tenant, invoice_id=dispute.invoice_id)
    people = names_of_people(session, [dispute.opened_by, dispute.decided_by or ""])
    credit = (
        queries.get_invoice(session, tenant, invoice_id=dispute.credit_note_id)
        if dispute.credit_note_id
        else None
    )
    typed = {row.get("line_id"): row.get("net") for row in form.value("lines") or []}
    return render_template(
        "portal/dunning/dispute.html",
        dispute=dispute,
        invoice=invoice,
        credit=credit,
        # Who decided is the partner's own affair.
        people=people if tenant.client_id is None else {},
        lines=queries.lines_of(session, tenant, invoice_id=invoice.id),
        typed=typed,
        form=form,
        plan=plan,
        is_preview=is_preview,
        reasons=reason_words(),
        decisions=decision_words(),
    )
