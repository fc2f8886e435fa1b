"""REST: /v1/transfers: orders to the bank that give credit back to clients."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.rest.openapi import Paged, page_of
from haas.rest.paging import Sort, fetch_page
from invoicing.bank import transfer_settling, transferring
from invoicing.bank.transfer_models import TransferOrder
from invoicing.bank.transfer_schemas import (
    TransferFailedRequest,
    TransferOrderRequest,
    TransferOrderResource,
    TransferOrderWhole,
)
from invoicing.bank.transferring import Payee

transfers_api = Blueprint(
    "transfers_api", __name__, url_prefix="/v1/transfers", description="Refunds by bank"
)


@transfers_api.get("")
@requires("bank.read")
@transfers_api.arguments(Paged, location="query")
@transfers_api.response(200, page_of(TransferOrderResource))
def list_transfers(query: dict[str, Any]) -> dict[str, Any]:
    """Orders, newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        transferring.list_orders(caller.tenant),
        sort=Sort(TransferOrder.id, TransferOrder.id, descending=True),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@transfers_api.post("")
@requires("bank.pay")
@transfers_api.arguments(TransferOrderRequest)
@transfers_api.response(201, TransferOrderWhole)
def order_transfers(wanted: dict[str, Any]) -> Any:
    """Order refunds; the bank's file (pain.001) is /files/ and its `file_id`."""
    caller = current_caller()
    made = transferring.order_transfers(
        caller.session,
        caller.tenant,
        account_id=wanted["bank_account_id"],
        payees=[Payee(**row) for row in wanted["payees"]],
        pay_on=wanted["pay_on"],
        today=clock.today(caller.partner.time_zone),
        at=clock.now(),
    )
    return _whole(caller, made), 201, {"Location": f"/v1/transfers/{made.id}"}


@transfers_api.get("/<transfer_order_id>")
@requires("bank.read")
@transfers_api.response(200, TransferOrderWhole)
def get_transfers(transfer_order_id: str) -> dict[str, Any]:
    """One order with what it pays."""
    caller = current_caller()
    return _whole(caller, transferring.get_order(caller.session, caller.tenant, order_id=transfer_order_id))


@transfers_api.post("/<transfer_order_id>/sent")
@requires("bank.pay")
@transfers_api.response(200, TransferOrderWhole)
def mark_sent(transfer_order_id: str) -> dict[str, Any]:
    """The file went to the bank."""
    caller = current_caller()
    made = transferring.mark_sent(caller.session, caller.tenant, order_id=transfer_order_id, at=clock.now())
    return _whole(caller, made)


@transfers_api.post("/<transfer_order_id>/cancel")
@requires("bank.pay")
@transfers_api.response(200, TransferOrderWhole)
def cancel_transfers(transfer_order_id: str) -> dict[str, Any]:
    """The file was not sent: its refunds can be ordered again."""
    caller = current_caller()
    made = transferring.cancel_order(
        caller.session, caller.tenant, order_id=transfer_order_id, at=clock.now()
    )
    return _whole(caller, made)


@transfers_api.post("/items/<transfer_item_id>/failed")
@requires("bank.pay")
@transfers_api.arguments(TransferFailedRequest)
@transfers_api.response(200, TransferOrderWhole)
def fail_transfer(told: dict[str, Any], transfer_item_id: str) -> dict[str, Any]:
    """The bank refused it: the amount is the client's credit again."""
    caller = current_caller()
    item = transfer_settling.fail_item(
        caller.session,
        caller.tenant,
        item_id=transfer_item_id,
        failure=told["failure"],
        on=clock.today(caller.partner.time_zone),
        at=clock.now(),
    )
    return _whole(caller, transferring.get_order(caller.session, caller.tenant, order_id=item.order_id))


def _whole(caller: Caller, made: TransferOrder) -> dict[str, Any]:
    return {
        **{column.key: getattr(made, column.key) for column in TransferOrder.__table__.columns},
        "items": transferring.items_of(caller.session, caller.tenant, order_id=made.id),
    }
