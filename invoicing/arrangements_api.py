"""REST: /v1/purchase-orders, /v1/allowance-rules, and what parts a client's invoices."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from invoicing import arrangements
from invoicing.allowances import operations as allowances
from invoicing.charge_schemas import (
    AgreementGroupingRequest,
    EndRequest,
    GroupingRequest,
    GroupingResource,
    OrderFacts,
    OrderListed,
    OrderOfLease,
    OrderRequest,
    OrderResource,
    RuleListed,
    RuleRequest,
    RuleResource,
    Rules,
)
from invoicing.grouping import Grouping
from invoicing.purchase_orders import operations as orders
from invoicing.purchase_orders.models import PurchaseOrder

orders_api = Blueprint(
    "purchase_orders_api", __name__, url_prefix="/v1/purchase-orders", description="Purchase orders"
)
rules_api = Blueprint(
    "allowance_rules_api",
    __name__,
    url_prefix="/v1/allowance-rules",
    description="Discounts and surcharges",
)
grouping_api = Blueprint("grouping_api", __name__, url_prefix="/v1", description="What parts invoices")

_BY_NUMBER = Sort(PurchaseOrder.number, PurchaseOrder.id)


@orders_api.get("")
@requires("invoice.read")
@orders_api.arguments(OrderListed, location="query")
@orders_api.response(200, page_of(OrderResource))
def list_orders(query: dict[str, Any]) -> dict[str, Any]:
    """Orders by number. A client's people see their own."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        orders.list_orders(
            caller.tenant, client_id=query.get("client_id"), number_prefix=query.get("number")
        ),
        sort=_BY_NUMBER,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@orders_api.post("")
@requires("charge.manage")
@orders_api.arguments(OrderRequest)
@orders_api.response(201, OrderResource)
def add_order(wanted: dict[str, Any]) -> Any:
    """Put a client's order on file."""
    caller = current_caller()
    added = orders.add_order(caller.session, caller.tenant, at=clock.now(), **wanted)
    return added, 201, {"Location": f"/v1/purchase-orders/{added.id}"}


@orders_api.get("/<order_id>")
@requires("invoice.read")
@orders_api.response(200, OrderResource)
def get_order(order_id: str) -> Any:
    """One order with what was billed under it."""
    caller = current_caller()
    return orders.get_order(caller.session, caller.tenant, order_id=order_id)


@orders_api.put("/<order_id>")
@requires("charge.manage")
@orders_api.arguments(OrderFacts)
@orders_api.response(200, OrderResource)
def change_order(wanted: dict[str, Any], order_id: str) -> Any:
    """Change its dates and limit."""
    caller = current_caller()
    return orders.change_order(caller.session, caller.tenant, order_id=order_id, **wanted)


@orders_api.post("/<order_id>/close")
@requires("charge.manage")
@orders_api.response(200, OrderResource)
def close_order(order_id: str) -> Any:
    """Bill nothing more under it."""
    caller = current_caller()
    return orders.close_order(caller.session, caller.tenant, order_id=order_id, at=clock.now())


@orders_api.post("/<order_id>/reopen")
@requires("charge.manage")
@orders_api.response(200, OrderResource)
def reopen_order(order_id: str) -> Any:
    """Let it be billed under again."""
    caller = current_caller()
    return orders.reopen_order(caller.session, caller.tenant, order_id=order_id)


@rules_api.get("")
@requires("charge.read")
@rules_api.arguments(RuleListed, location="query")
@rules_api.response(200, Rules)
def list_rules(query: dict[str, Any]) -> dict[str, Any]:
    """A client's discounts and surcharges, in the order in which they are applied."""
    caller = current_caller()
    return {"items": allowances.list_rules(caller.session, caller.tenant, client_id=query["client_id"])}


@rules_api.post("")
@requires("charge.manage")
@rules_api.arguments(RuleRequest)
@rules_api.response(201, RuleResource)
def agree_rule(wanted: dict[str, Any]) -> Any:
    """Take off or put on something from a day on. It is never changed: end it, and agree another."""
    caller = current_caller()
    return allowances.agree_rule(
        caller.session, caller.tenant, wanted=allowances.NewRule(**wanted), at=clock.now()
    )


@rules_api.post("/<rule_id>/end")
@requires("charge.manage")
@rules_api.arguments(EndRequest)
@rules_api.response(200, RuleResource)
def end_rule(wanted: dict[str, Any], rule_id: str) -> Any:
    """Let it hold for no invoice that is issued then or later."""
    caller = current_caller()
    return allowances.end_rule(caller.session, caller.tenant, rule_id=rule_id, until=wanted["until"])


@grouping_api.put("/clients/<client_id>/billing-grouping")
@requires("charge.manage")
@grouping_api.arguments(GroupingRequest)
@grouping_api.response(200, GroupingResource)
def part_client(wanted: dict[str, Any], client_id: str) -> Any:
    """Say what of a client gets an invoice of its own."""
    caller = current_caller()
    return arrangements.part_by(
        caller.session, caller.tenant, client_id=client_id, grouping=Grouping(wanted["grouping"])
    )


@grouping_api.put("/agreements/<agreement_id>/billing-grouping")
@requires("charge.manage")
@grouping_api.arguments(AgreementGroupingRequest)
@grouping_api.response(200, GroupingResource)
def part_agreement(wanted: dict[str, Any], agreement_id: str) -> Any:
    """Say it for the leases of one agreement; null: as the client has it."""
    caller = current_caller()
    asked = wanted["grouping"]
    return arrangements.part_agreement_by(
        caller.session,
        caller.tenant,
        agreement_id=agreement_id,
        grouping=Grouping(asked) if asked else None,
    )


@grouping_api.put("/leases/<lease_id>/purchase-order")
@requires("charge.manage")
@grouping_api.arguments(OrderOfLease)
@grouping_api.response(204)
def name_order(wanted: dict[str, Any], lease_id: str) -> None:
    """Bill a lease under an order of its client; null: under none."""
    caller = current_caller()
    orders.name_on_lease(
        caller.session, caller.tenant, lease_id=lease_id, order_id=wanted["purchase_order_id"]
    )
