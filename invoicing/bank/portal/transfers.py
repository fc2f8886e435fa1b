"""/bank/transfers: refunds that the bank is to pay, the orders and their files."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import InvalidInput
from haas.pages.downloads import download
from haas.pages.forms import Form, blank_form, read_form
from haas.rest.paging import Sort, fetch_page
from invoicing.bank import accounts, transfer_settling, transferring
from invoicing.bank.portal.doors import blueprint
from invoicing.bank.target_days import target_day_from
from invoicing.bank.transfer_models import TransferOrder
from invoicing.bank.transfer_schemas import TransferFailedRequest, TransferOrderForm
from invoicing.bank.transferring import Payee
from leases.portal.doors import attempt, attempt_or_flash
from leases.summaries import client_names


@blueprint.get("/transfers")
@requires("bank.read")
def list_transfers() -> str:
    """What is to be paid, and the orders so far."""
    return _page(current_caller(), blank_form())


@blueprint.post("/transfers")
@requires("bank.pay")
def order_transfers() -> Any:
    """Order what was ticked: the bank's file is made and kept."""
    caller, form = current_caller(), read_form(TransferOrderForm)
    made: list[TransferOrder] = []
    if form.data is not None:
        data = form.data
        if attempt(form, lambda: made.append(_order(caller, data))):
            flash(_("%(number)s is ordered: send its file to your bank.", number=made[0].number), "success")
            return redirect(url_for(".show_transfers", transfer_order_id=made[0].id), 303)
    return _page(caller, form), 422


@blueprint.get("/transfers/<transfer_order_id>")
@requires("bank.read")
def show_transfers(transfer_order_id: str) -> str:
    """One order: each transfer and what came of it."""
    caller = current_caller()
    made = transferring.get_order(caller.session, caller.tenant, order_id=transfer_order_id)
    items = transferring.items_of(caller.session, caller.tenant, order_id=made.id)
    return render_template(
        "portal/bank/transfer.html",
        made=made,
        items=items,
        names=client_names(caller.session, caller.tenant, {item.client_id for item in items}),
        states=transfer_words(),
        account=accounts.get_account(caller.session, caller.tenant, account_id=made.account_id),
    )


@blueprint.get("/transfers/<transfer_order_id>/order.xml")
@requires("bank.pay")
def transfers_file(transfer_order_id: str) -> Response:
    """The bank's file: always the same bytes."""
    caller = current_caller()
    made = transferring.get_order(caller.session, caller.tenant, order_id=transfer_order_id)
    content = transferring.file_of(caller.session, caller.tenant, made=made)
    return download(content, name=f"{made.number}.xml", media_type="application/xml")


@blueprint.post("/transfers/<transfer_order_id>/sent")
@requires("bank.pay")
def transfers_sent(transfer_order_id: str) -> Any:
    """The file went to the bank."""
    caller = current_caller()
    if attempt_or_flash(
        lambda: transferring.mark_sent(
            caller.session, caller.tenant, order_id=transfer_order_id, at=clock.now()
        )
    ):
        flash(_("Noted. The statement of your bank settles it."), "success")
    return redirect(url_for(".show_transfers", transfer_order_id=transfer_order_id), 303)


@blueprint.post("/transfers/<transfer_order_id>/cancel")
@requires("bank.pay")
def cancel_transfers(transfer_order_id: str) -> Any:
    """The file was not sent."""
    caller = current_caller()
    if attempt_or_flash(
        lambda: transferring.cancel_order(
            caller.session, caller.tenant, order_id=transfer_order_id, at=clock.now()
        )
    ):
        flash(_("Called off: its refunds can be ordered again."), "success")
    return redirect(url_for(".show_transfers", transfer_order_id=transfer_order_id), 303)


@blueprint.post("/transfers/items/<transfer_item_id>/failed")
@requires("bank.pay")
def fail_transfer(transfer_item_id: str) -> Any:
    """The bank refused it."""
    caller, form = current_caller(), read_form(TransferFailedRequest)
    failure = (form.data or {}).get("failure", "")
    order_id = transfer_settling.get_item(caller.session, caller.tenant, item_id=transfer_item_id).order_id
    if attempt_or_flash(
        lambda: transfer_settling.fail_item(
            caller.session,
            caller.tenant,
            item_id=transfer_item_id,
            failure=failure,
            on=clock.today(caller.partner.time_zone),
            at=clock.now(),
        )
    ):
        flash(_("The amount is the client's credit again."), "success")
    return redirect(url_for(".show_transfers", transfer_order_id=order_id), 303)


def transfer_words() -> dict[str, str]:
    """What became of a transfer."""
    return {
        "ordered": _("Ordered"),
        "settled": _("Paid"),
        "failed": _("Not paid"),
        "cancelled": _("Called off"),
    }


def _order(caller: Caller, data: dict[str, Any]) -> TransferOrder:
    payees = [
        Payee(refund_id=row["refund_id"], name=row["name"], iban=row["iban"])
        for row in data["payees"]
        if row["wanted"]
    ]
    if not payees:
        raise InvalidInput(_("Tick what is to be paid."), field="payees")
    return transferring.order_transfers(
        caller.session,
        caller.tenant,
        account_id=data["bank_account_id"],
        payees=payees,
        pay_on=data["pay_on"],
        today=clock.today(caller.partner.time_zone),
        at=clock.now(),
    )


def _page(caller: Caller, form: Form) -> str:
    session, tenant = caller.session, caller.tenant
    waiting = transferring.payable(session, tenant)
    orders = fetch_page(
        session,
        transferring.list_orders(tenant),
        sort=Sort(TransferOrder.id, TransferOrder.id, descending=True),
        cursor=request.args.get("cursor"),
    )
    return render_template(
        "portal/bank/transfers.html",
        form=form,
        waiting=waiting,
        typed={str(row.get("refund_id")): row for row in form.value("payees") or []},
        orders=orders,
        names=client_names(session, tenant, {one.refund.client_id for one in waiting}),
        accounts=[row for row in accounts.list_accounts(session, tenant) if row.currency == "EUR"],
        first_day=target_day_from(clock.today(caller.partner.time_zone)),
    )
