"""/clients/<id>/billing: what gets an invoice of its own, purchase orders, discounts and surcharges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas import clock
from haas.accounts.clients import get_client
from haas.auth.caller import Caller, current_caller, requires
from haas.pages.forms import Form, blank_form, read_form
from haas.rest.fields import row_id
from haas.rest.openapi import Request
from haas.tenancy.scope import scoped
from invoicing import arrangements
from invoicing.allowances import operations as allowances
from invoicing.charge_schemas import EndRequest, GroupingRequest, OrderFacts, RuleFacts
from invoicing.grouping import Grouping
from invoicing.portal.words import GROUPINGS, LINE_KINDS
from invoicing.purchase_orders import operations as orders
from invoicing.purchase_orders.models import PurchaseOrder
from leases.models import Agreement, Lease
from leases.portal.doors import attempt, attempt_or_flash

blueprint = Blueprint("billing_terms", __name__, url_prefix="/clients/<client_id>/billing")

_ROWS_MAX = 200


class OrderForm(OrderFacts):
    """A new order."""

    number = ma.fields.String(required=True, validate=ma.validate.Length(1, 60))


class LeaseForm(Request):
    """Which lease is billed under an order; none: no longer."""

    lease_id = row_id(required=True)
    purchase_order_id = row_id(load_default=None, allow_none=True)


@blueprint.get("")
@requires("charge.read")
def show(client_id: str) -> str:
    """All that decides how this client's invoices look."""
    return _page(current_caller(), client_id)


@blueprint.post("/grouping")
@requires("charge.manage")
def part(client_id: str) -> Any:
    """Say what gets an invoice of its own."""
    form = read_form(GroupingRequest)
    return _do(
        client_id,
        form,
        lambda caller, data: arrangements.part_by(
            caller.session, caller.tenant, client_id=client_id, grouping=Grouping(data["grouping"])
        ),
        _("The next invoices are parted so."),
    )


@blueprint.post("/orders")
@requires("charge.manage")
def add_order(client_id: str) -> Any:
    """Put an order on file."""
    form = read_form(OrderForm)
    return _do(
        client_id,
        form,
        lambda caller, data: orders.add_order(
            caller.session, caller.tenant, client_id=client_id, at=clock.now(), **data
        ),
        _("The order is on file."),
        order_form=form,
    )


@blueprint.post("/orders/<order_id>/close")
@requires("charge.manage")
def close_order(client_id: str, order_id: str) -> Any:
    """Bill nothing more under it."""
    caller = current_caller()
    attempt_or_flash(
        lambda: orders.close_order(caller.session, caller.tenant, order_id=order_id, at=clock.now())
    )
    return redirect(url_for(".show", client_id=client_id), 303)


@blueprint.post("/orders/<order_id>/reopen")
@requires("charge.manage")
def reopen_order(client_id: str, order_id: str) -> Any:
    """Let it be billed under again."""
    caller = current_caller()
    attempt_or_flash(lambda: orders.reopen_order(caller.session, caller.tenant, order_id=order_id))
    return redirect(url_for(".show", client_id=client_id), 303)


@blueprint.post("/leases")
@requires("charge.manage")
def name_order(client_id: str) -> Any:
    """Bill a lease under an order."""
    form = read_form(LeaseForm)
    return _do(
        client_id,
        form,
        lambda caller, data: orders.name_on_lease(
            caller.session,
            caller.tenant,
            lease_id=data["lease_id"],
            order_id=data["purchase_order_id"],
        ),
        _("Its next invoices name the order."),
    )


@blueprint.post("/rules")
@requires("charge.manage")
def agree_rule(client_id: str) -> Any:
    """Agree a discount or a surcharge."""
    form = read_form(RuleFacts)
    return _do(
        client_id,
        form,
        lambda caller, data: allowances.agree_rule(
            caller.session,
            caller.tenant,
            wanted=allowances.NewRule(client_id=client_id, **data),
            at=clock.now(),
        ),
        _("It is agreed."),
        rule_form=form,
    )


@blueprint.post("/rules/<rule_id>/end")
@requires("charge.manage")
def end_rule(client_id: str, rule_id: str) -> Any:
    """Let it hold no longer."""
    return _do(
        client_id,
        read_form(EndRequest),
        lambda caller, data: allowances.end_rule(
            caller.session, caller.tenant, rule_id=rule_id, until=data["until"]
        ),
        _("It has an end now."),
    )


def _do(
    client_id: str,
    form: Form,
    act: Callable[[Caller, dict[str, Any]], Any],
    done: str,
    *,
    order_form: Form | None = None,
    rule_form: Form | None = None,
) -> Any:
    caller = current_caller()
    get_client(caller.session, caller.tenant, client_id=client_id)
    data = form.data
    if data is not None and attempt(form, lambda: act(caller, data)):
        flash(done, "success")
        return redirect(url_for(".show", client_id=client_id), 303)
    page = _page(caller, client_id, form=form, order_form=order_form, rule_form=rule_form)
    return page, 422


def _page(
    caller: Caller,
    client_id: str,
    *,
    form: Form | None = None,
    order_form: Form | None = None,
    rule_form: Form | None = None,
) -> str:
    session, tenant = caller.session, caller.tenant
    client = get_client(session, tenant, client_id=client_id)
    today = clock.today(caller.partner.time_zone)
    of_client = scoped(PurchaseOrder, tenant).where(PurchaseOrder.client_id == client_id)
    leases = scoped(Lease, tenant).where(Lease.client_id == client_id)
    agreements = scoped(Agreement, tenant).where(Agreement.client_id == client_id)
    return render_template(
        "portal/charges/terms.html",
        client=client,
        today=today,
        form=form or blank_form(),
        grouping_form=blank_form(grouping=client.billing_grouping),
        order_form=order_form or blank_form(),
        rule_form=rule_form
        or blank_form(valid_from=today.isoformat(), position="10", is_charge="0", scope="paper"),
        lease_form=blank_form(),
        orders=session.scalars(of_client.order_by(PurchaseOrder.number).limit(_ROWS_MAX)).all(),
        leases=session.scalars(leases.order_by(Lease.number).limit(_ROWS_MAX)).all(),
        agreements=session.scalars(agreements.order_by(Agreement.number).limit(_ROWS_MAX)).all(),
        rules=allowances.list_rules(session, tenant, client_id=client_id),
        groupings=GROUPINGS,
        kinds=LINE_KINDS,
    )
