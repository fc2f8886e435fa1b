"""REST: /v1/deposits: asked, received, applied, refunded."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from invoicing import deposits
from invoicing.deposit_models import Deposit
from invoicing.deposit_schemas import (
    ApplyRequest,
    DepositDetailResource,
    DepositListed,
    DepositRequest,
    DepositResource,
    MovementRequest,
)

blueprint = Blueprint("deposits_api", __name__, url_prefix="/v1/deposits", description="Deposits")

_NEWEST = Sort(Deposit.id, Deposit.id, descending=True)


@blueprint.get("")
@requires("invoice.read")
@blueprint.arguments(DepositListed, location="query")
@blueprint.response(200, page_of(DepositResource))
def list_deposits(query: dict[str, Any]) -> dict[str, Any]:
    """Deposits with what they hold, newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        deposits.list_deposits(
            caller.tenant, client_id=query.get("client_id"), lease_id=query.get("lease_id")
        ),
        sort=_NEWEST,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": deposits.with_balances(caller.session, caller.tenant, page.rows), "next": page.older}


@blueprint.post("")
@requires("deposit.manage")
@blueprint.arguments(DepositRequest)
@blueprint.response(201, DepositDetailResource)
def ask_deposit(wanted: dict[str, Any]) -> Any:
    """Ask for security on a lease."""
    caller = current_caller()
    made = deposits.ask_deposit(
        caller.session,
        caller.tenant,
        lease_id=wanted["lease_id"],
        amount=wanted["amount"],
        asked_on=wanted["asked_on"] or clock.today(caller.partner.time_zone),
        at=clock.now(),
    )
    return _shown(caller, made.id), 201, {"Location": f"/v1/deposits/{made.id}"}


@blueprint.get("/<deposit_id>")
@requires("invoice.read")
@blueprint.response(200, DepositDetailResource)
def get_deposit(deposit_id: str) -> dict[str, Any]:
    """One deposit with its ledger."""
    return _shown(current_caller(), deposit_id)


@blueprint.post("/<deposit_id>/receive")
@requires("deposit.manage")
@blueprint.arguments(MovementRequest)
@blueprint.response(201, DepositDetailResource)
def receive(money: dict[str, Any], deposit_id: str) -> dict[str, Any]:
    """Money came in."""
    caller = current_caller()
    deposits.receive(caller.session, caller.tenant, deposit_id=deposit_id, at=clock.now(), **money)
    return _shown(caller, deposit_id)


@blueprint.post("/<deposit_id>/refund")
@requires("deposit.manage")
@blueprint.arguments(MovementRequest)
@blueprint.response(201, DepositDetailResource)
def refund(money: dict[str, Any], deposit_id: str) -> dict[str, Any]:
    """Money goes back to the client."""
    caller = current_caller()
    deposits.refund(caller.session, caller.tenant, deposit_id=deposit_id, at=clock.now(), **money)
    return _shown(caller, deposit_id)


@blueprint.post("/<deposit_id>/apply")
@requires("deposit.manage")
@blueprint.arguments(ApplyRequest)
@blueprint.response(201, DepositDetailResource)
def apply(money: dict[str, Any], deposit_id: str) -> dict[str, Any]:
    """Pay an invoice out of the deposit."""
    caller = current_caller()
    deposits.apply(caller.session, caller.tenant, deposit_id=deposit_id, at=clock.now(), **money)
    return _shown(caller, deposit_id)


def _shown(caller: Caller, deposit_id: str) -> dict[str, Any]:
    deposit = deposits.get_deposit(caller.session, caller.tenant, deposit_id=deposit_id)
    (held,) = deposits.with_balances(caller.session, caller.tenant, [deposit])
    entries = deposits.entries_of(caller.session, caller.tenant, deposit_id=deposit_id)
    return {"deposit": held.deposit, "balance": held.balance, "entries": entries}
