"""/money: what came in: the list, one receipt with what it paid, a new one put to invoices, reversals."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.calendar import ONE_DAY
from haas.errors import HaasError
from haas.ids import new_id
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.pages.once import FIELD, once
from haas.rest.fields import Amount, Day, one_of, row_id, text
from haas.rest.openapi import Request
from haas.rest.paging import Sort, fetch_page
from invoicing import early_discounts, queries
from invoicing.money import receipts
from invoicing.money.models import REVERSAL_KINDS, SOURCES, Receipt
from invoicing.money.queries import ReceiptFilter, get_receipt, going_back_of, list_receipts, story_of
from invoicing.money.reversing import ReversalPlan
from invoicing.money.schemas import BY_HAND, METHODS, OLDEST_FIRST
from invoicing.open_items import OpenItem, oldest_first
from invoicing.portal.forms import CONFIRM, Stepped
from leases.summaries import client_choices, client_names, find_client

blueprint = Blueprint("money", __name__, url_prefix="/money")

_SORTS = {
    "received": Sort(Receipt.received_on, Receipt.id),
    "amount": Sort(Receipt.amount, Receipt.id),
}
_FILTERS = ("client", "source", "from", "until")


class PartForm(Request):
    """How much goes to one invoice; empty is nothing."""

    invoice_id = row_id(required=True)
    amount = Amount(load_default=None, allow_none=True)


class ReceiptForm(Stepped):
    """Money that came in, and how it is put to invoices."""

    client_id = row_id(required=True)
    currency = text(3, least=3, required=True)
    amount = Amount(required=True)
    received_on = Day(required=True)
    method = one_of(*METHODS, load_default="transfer")
    reference = text(140, least=1, required=True)
    how = one_of(OLDEST_FIRST, BY_HAND, load_default=OLDEST_FIRST)
    parts = ma.fields.List(ma.fields.Nested(PartForm), load_default=list)
    takes_discounts = ma.fields.Boolean(load_default=False)  # the tick that grants what the preview shows


class ReversalForm(Stepped):
    """Money that went back, or never came."""

    amount = Amount(required=True)
    on = Day(required=True)
    kind = one_of(*REVERSAL_KINDS, load_default="returned")
    reason = text(300, least=1, required=True)


@blueprint.get("/receipts")
@requires("invoice.read")
def index() -> str:
    """Money that came in, the newest first."""
    caller = current_caller()
    listed = read_list(sorts=_SORTS, default="-received", filters=_FILTERS)
    given = listed.filters
    until = _day(given.get("until"))
    where = ReceiptFilter(
        client_id=given.get("client"),
        source=given.get("source") if given.get("source") in SOURCES else None,
        received_from=_day(given.get("from")),
        # People mean the last day too, so the half-open end is the day after.
        received_until=until + ONE_DAY if until else None,
        reference_prefix=listed.search or None,
    )
    page = fetch_page(
        caller.session,
        list_receipts(caller.tenant, where=where),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    return render_template(
        "portal/money/receipts.html",
        page=page,
        listed=listed,
        clients=client_choices(caller.session, caller.tenant),
        names=client_names(caller.session, caller.tenant, (row.client_id for row in page.rows)),
        sources=source_words(),
        methods=method_words(),
    )


@blueprint.get("/receipts/new")
@requires("payment.record")
def ask_receipt() -> Any:
    """Choose the client, then its open invoices stand there."""
    caller = current_caller()
    client = find_client(caller.session, caller.tenant, client_id=request.args.get("client"))
    form = blank_form(
        client_id=client.id if client else None,
        currency=client.currency if client else None,
        received_on=clock.today(caller.partner.time_zone).isoformat(),
        method=METHODS[0],
        how=OLDEST_FIRST,
    )
    return _receipt_page(caller, form)


@blueprint.post("/receipts/new")
@requires("payment.record")
def record() -> Any:
    """Show to which invoices it would go; confirmed, record it."""
    caller, form = current_caller(), read_form(ReceiptForm)
    if form.data is None:
        return _receipt_page(caller, form), 422
    data = form.data
    parts = _parts(caller, data)
    if data["step"] != CONFIRM:
        return _receipt_page(caller, form, preview=parts)
    discounts = _discounts(caller, data, parts) if data["takes_discounts"] else {}
    try:
        with caller.session.begin_nested():
            receipt = early_discounts.record_receipt(
                caller.session,
                caller.tenant,
                client_id=data["client_id"],
                amount=data["amount"],
                currency=data["currency"],
                received_on=data["received_on"],
                method=data["method"],
                reference=data["reference"],
                allocations=parts,
                discounts=discounts,
                source="manual",
                at=clock.now(),
            )
    except HaasError as refusal:
        form.refuse(refusal)
        return _receipt_page(caller, form), refusal.status
    flash(_("The payment is recorded."), "success")
    return redirect(url_for(".show", receipt_id=receipt.id), 303)


@blueprint.get("/receipts/<receipt_id>")
@requires("invoice.read")
def show(receipt_id: str) -> str:
    """One receipt: what it paid, what is credit, what went back."""
    caller = current_caller()
    receipt = get_receipt(caller.session, caller.tenant, receipt_id=receipt_id)
    story = story_of(caller.session, caller.tenant, receipt=receipt)
    return render_template(
        "portal/money/receipt.html",
        receipt=receipt,
        story=story,
        left=receipt.amount - story.gone_back,
        numbers=queries.numbers_of(
            caller.session, caller.tenant, invoice_ids=[row.invoice_id for row in story.payments]
        ),
        client=find_client(caller.session, caller.tenant, client_id=receipt.client_id),
        sources=source_words(),
        methods=method_words(),
        kinds=reversal_words(),
    )


@blueprint.get("/receipts/<receipt_id>/reverse")
@requires("payment.record")
def ask_reversal(receipt_id: str) -> Any:
    """The form, filled in with all that is left."""
    caller = current_caller()
    receipt = get_receipt(caller.session, caller.tenant, receipt_id=receipt_id)
    story = story_of(caller.session, caller.tenant, receipt=receipt)
    form = blank_form(
        amount=receipt.amount
        - story.gone_back
        - going_back_of(caller.session, caller.tenant, receipt_id=receipt.id),
        on=clock.today(caller.partner.time_zone).isoformat(),
        kind=REVERSAL_KINDS[0],
        reason="",
        once=new_id("one"),
    )
    return _reversal_page(receipt, form)


@blueprint.post("/receipts/<receipt_id>/reverse")
@requires("payment.record")
def reverse(receipt_id: str) -> Any:
    """Show what would be open again; confirmed, reverse it, once."""
    return once(lambda: _reverse(receipt_id))


def _reverse(receipt_id: str) -> Any:
    caller, form = current_caller(), read_form(ReversalForm, beside=[FIELD])
    receipt = get_receipt(caller.session, caller.tenant, receipt_id=receipt_id)
    if form.data is None:
        return _reversal_page(receipt, form), 422
    data = form.data
    if data.pop("step") != CONFIRM:
        plan = receipts.preview_reversal(
            caller.session, caller.tenant, receipt=receipt, amount=data["amount"]
        )
        return _reversal_page(
            receipt,
            form,
            plan=plan,
            reopened=_reopened(caller, plan),
            granted=early_discounts.granted_with(caller.session, caller.tenant, receipt_id=receipt.id),
        )
    try:
        with caller.session.begin_nested():
            receipts.reverse_receipt(
                caller.session, caller.tenant, receipt_id=receipt.id, at=clock.now(), **data
            )
    except HaasError as refusal:
        form.refuse(refusal)
        return _reversal_page(receipt, form), refusal.status
    flash(_("What it paid is open again."), "success")
    return redirect(url_for(".show", receipt_id=receipt.id), 303)


def source_words() -> dict[str, str]:
    """Where a receipt is known from."""
    return {
        "manual": _("By hand"),
        "bank": _("Bank statement"),
        "provider": _("Payment provider"),
        "deposit": _("Deposit"),
    }


def method_words() -> dict[str, str]:
    """How money came."""
    return {
        "transfer": _("Bank transfer"),
        "direct_debit": _("Direct debit"),
        "card": _("Card"),
        "cash": _("Cash"),
        "offset": _("Offset against a claim"),
        "deposit": _("Deposit"),
        "balance": _("Credit"),
        "other": _("Other"),
    }


def reversal_words() -> dict[str, str]:
    """Why money went back."""
    return {
        "returned": _("Returned by the bank"),
        "chargeback": _("Charged back"),
        "refunded": _("Refunded by the provider"),
        "mistake": _("Recorded by mistake"),
    }


def _receipt_page(caller: Caller, form: Form, preview: dict[str, Decimal] | None = None) -> str:
    client = find_client(caller.session, caller.tenant, client_id=form.value("client_id"))
    currency = str(form.value("currency") or (client.currency if client else ""))
    items = _open_items(caller, client.id, currency) if client else []
    amount = form.data["amount"] if preview is not None and form.data else Decimal(0)
    return render_template(
        "portal/money/new_receipt.html",
        form=form,
        client=client,
        currency=currency,
        clients=client_choices(caller.session, caller.tenant),
        items=items,
        typed={str(row.get("invoice_id")): row.get("amount") for row in form.value("parts") or []},
        preview=preview,
        discounts=_discounts(caller, form.data, preview) if preview and form.data else {},
        received_on=form.data["received_on"] if form.data else clock.today(caller.partner.time_zone),
        rest=amount - sum((preview or {}).values(), Decimal(0)),
        amount=amount,
        methods=[(key, words) for key, words in method_words().items() if key in METHODS],
    )


def _reversal_page(receipt: Receipt, form: Form, **shown: Any) -> str:
    return render_template(
        "portal/money/reverse.html", receipt=receipt, form=form, kinds=list(reversal_words().items()), **shown
    )


def _open_items(caller: Caller, client_id: str, currency: str) -> list[OpenItem]:
    found = queries.open_items(caller.session, caller.tenant, client_id=client_id)
    return [item for item in found if item.currency == currency]


def _parts(caller: Caller, data: dict[str, Any]) -> dict[str, Decimal]:
    if data["how"] == BY_HAND:
        return {row["invoice_id"]: row["amount"] for row in data["parts"] if row["amount"]}
    return oldest_first(data["amount"], _open_items(caller, data["client_id"], data["currency"]))


def _discounts(caller: Caller, data: dict[str, Any], parts: dict[str, Decimal]) -> dict[str, Decimal]:
    """What these parts leave of invoices that is exactly their discount for early payment, by invoice id."""
    found = {}
    for item in _open_items(caller, data["client_id"], data["currency"]):
        discount = item.discount_on(data["received_on"])
        if discount and parts.get(item.invoice_id) == item.open - discount:
            found[item.invoice_id] = discount
    return found


def _reopened(caller: Caller, plan: ReversalPlan) -> list[tuple[str, Decimal]]:
    """The numbers of the invoices that are open again, with how much."""
    taken = [*plan.taken_off, *plan.unapplied]
    numbers = queries.invoices_of_payments(
        caller.session, caller.tenant, payment_ids=[each.payment_id for each in taken]
    )
    return [(numbers[each.payment_id], each.left) for each in taken]


def _day(typed: str | None) -> date | None:
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError:
        return None
