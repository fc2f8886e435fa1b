"""/deposits: security of clients: what was asked, what is held, and every movement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.ids import new_id
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.pages.once import FIELD, once
from haas.rest.paging import Sort, fetch_page
from invoicing import deposits, queries
from invoicing.deposit_models import Deposit
from invoicing.deposit_schemas import ApplyRequest, DepositRequest, MovementRequest
from invoicing.queries import InvoiceFilter
from leases.portal.doors import attempt
from leases.queries import get_lease
from leases.summaries import client_names, find_client

blueprint = Blueprint("deposits", __name__, url_prefix="/deposits")

_SORTS = {"number": Sort(Deposit.number, Deposit.id)}
_INVOICES_MAX = 50


@blueprint.get("")
@requires("invoice.read")
def index() -> str:
    """Every deposit with what it holds, newest first."""
    caller = current_caller()
    listed = read_list(sorts=_SORTS, default="-number", filters=("client_id",))
    page = fetch_page(
        caller.session,
        deposits.list_deposits(caller.tenant, client_id=listed.filters.get("client_id")),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    return render_template(
        "portal/deposits/index.html",
        page=page,
        rows=deposits.with_balances(caller.session, caller.tenant, page.rows),
        names=client_names(caller.session, caller.tenant, (row.client_id for row in page.rows)),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires("deposit.manage")
def new() -> Any:
    """Ask for security on a lease."""
    caller = current_caller()
    if request.method == "GET":
        return _new_page(caller, blank_form(lease_id=request.args.get("lease_id"), amount=None))
    form = read_form(DepositRequest)
    made: list[Deposit] = []
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: made.append(
                deposits.ask_deposit(
                    caller.session,
                    caller.tenant,
                    lease_id=data["lease_id"],
                    amount=data["amount"],
                    asked_on=data["asked_on"] or clock.today(caller.partner.time_zone),
                    at=clock.now(),
                )
            ),
        ):
            flash(_("%(number)s is asked for.", number=made[0].number), "success")
            return redirect(url_for(".show", deposit_id=made[0].id), 303)
    return _new_page(caller, form), 422


@blueprint.get("/<deposit_id>")
@requires("invoice.read")
def show(deposit_id: str) -> str:
    """One deposit: its ledger, and what can be done with it."""
    return _page(current_caller(), deposit_id, _blank())


@blueprint.post("/<deposit_id>/receive")
@requires("deposit.manage")
def receive(deposit_id: str) -> Any:
    """Money came in."""
    return _move(deposit_id, read_form(MovementRequest), deposits.receive, _("Received."))


@blueprint.post("/<deposit_id>/refund")
@requires("deposit.manage")
def refund(deposit_id: str) -> Any:
    """Money goes back to the client."""
    return _move(deposit_id, read_form(MovementRequest), deposits.refund, _("Refunded."))


@blueprint.post("/<deposit_id>/apply")
@requires("deposit.manage")
def apply(deposit_id: str) -> Any:
    """Pay an invoice out of it, once."""
    form = read_form(ApplyRequest, beside=[FIELD])
    return once(lambda: _move(deposit_id, form, deposits.apply, _("The invoice is paid out of it.")))


def _move(deposit_id: str, form: Form, act: Callable[..., Any], done: str) -> Any:
    caller = current_caller()
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: act(caller.session, caller.tenant, deposit_id=deposit_id, at=clock.now(), **data),
        ):
            flash(done, "success")
            return redirect(url_for(".show", deposit_id=deposit_id), 303)
    return _page(caller, deposit_id, form), 422


def _blank() -> Form:
    today = clock.today(current_caller().partner.time_zone).isoformat()
    return blank_form(on=today, amount=None, once=new_id("one"))


def _new_page(caller: Caller, form: Form) -> str:
    lease_id = str(form.value("lease_id") or "")
    lease = get_lease(caller.session, caller.tenant, lease_id=lease_id) if lease_id else None
    return render_template("portal/deposits/new.html", form=form, lease=lease)


def _page(caller: Caller, deposit_id: str, form: Form) -> str:
    session, tenant = caller.session, caller.tenant
    deposit = deposits.get_deposit(session, tenant, deposit_id=deposit_id)
    (held,) = deposits.with_balances(session, tenant, [deposit])
    today = clock.today(caller.partner.time_zone)
    open_ones = []
    if caller.may("deposit.manage") and held.balance:
        wanted = InvoiceFilter(state=queries.OPEN, client_id=deposit.client_id)
        rows = session.scalars(
            queries.list_invoices(tenant, where=wanted, today=today).limit(_INVOICES_MAX)
        ).all()
        left = queries.open_amounts(session, tenant, invoices=rows)
        open_ones = [(row, left[row.id]) for row in rows if row.currency == deposit.currency]
    return render_template(
        "portal/deposits/show.html",
        deposit=deposit,
        balance=held.balance,
        entries=deposits.entries_of(session, tenant, deposit_id=deposit_id),
        client=find_client(session, tenant, client_id=deposit.client_id),
        lease=get_lease(session, tenant, lease_id=deposit.lease_id),
        invoices=open_ones,
        form=form,
        words={"received": _("Received"), "applied": _("Applied to an invoice"), "refunded": _("Refunded")},
    )
