"""REST: /v1/receipts, /v1/clients/{id}/balance, /v1/refunds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.accounts.clients import get_client
from haas.auth.caller import Caller, current_caller, requires
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from invoicing.money import balances, queries, receipts, refunds
from invoicing.money.models import BalanceEntry, Receipt, Refund
from invoicing.money.queries import ReceiptFilter
from invoicing.money.schemas import (
    AllocationResource,
    ApplyCreditRequest,
    Balances,
    EntriesListed,
    EntryResource,
    GrantRequest,
    ReceiptListed,
    ReceiptRequest,
    ReceiptResource,
    ReceiptWhole,
    RefundFailedRequest,
    RefundListed,
    RefundPaidRequest,
    RefundRequest,
    RefundResource,
    ReversalRequest,
)

receipts_api = Blueprint("receipts_api", __name__, url_prefix="/v1/receipts", description="Money received")
balances_api = Blueprint("balances_api", __name__, url_prefix="/v1", description="Clients' credit")
refunds_api = Blueprint("refunds_api", __name__, url_prefix="/v1/refunds", description="Refunds")

Answer = dict[str, Any]


@receipts_api.get("")
@requires("invoice.read")
@receipts_api.arguments(ReceiptListed, location="query")
@receipts_api.response(200, page_of(ReceiptResource))
def list_receipts(query: dict[str, Any]) -> Answer:
    """Money that came in, the newest first. A client's people see their own."""
    caller = current_caller()
    where = ReceiptFilter(
        client_id=query.get("client_id"),
        source=query.get("source"),
        received_from=query.get("received_from"),
        received_until=query.get("received_until"),
        reference_prefix=query.get("reference"),
    )
    page = fetch_page(
        caller.session,
        queries.list_receipts(caller.tenant, where=where),
        sort=Sort(Receipt.received_on, Receipt.id, descending=True),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@receipts_api.post("")
@requires("payment.record")
@receipts_api.arguments(ReceiptRequest)
@receipts_api.response(201, ReceiptWhole)
def record_receipt(money: dict[str, Any]) -> Any:
    """Note money that came in and put it to invoices. The same reference again answers the same receipt."""
    caller = current_caller()
    parts = money.pop("allocations")
    receipt = receipts.record_receipt(
        caller.session,
        caller.tenant,
        allocations=None if parts is None else {part["invoice_id"]: part["amount"] for part in parts},
        source="manual",
        at=clock.now(),
        **money,
    )
    return _whole(caller, receipt), 201, {"Location": f"/v1/receipts/{receipt.id}"}


@receipts_api.get("/<receipt_id>")
@requires("invoice.read")
@receipts_api.response(200, ReceiptWhole)
def get_receipt(receipt_id: str) -> Answer:
    """One receipt: what it paid, what is credit, what went back."""
    caller = current_caller()
    return _whole(caller, queries.get_receipt(caller.session, caller.tenant, receipt_id=receipt_id))


@receipts_api.post("/<receipt_id>/reversals")
@requires("payment.record")
@receipts_api.arguments(ReversalRequest)
@receipts_api.response(201, ReceiptWhole)
def reverse_receipt(reversal: dict[str, Any], receipt_id: str) -> Any:
    """Money of it went back, or never came: what it paid is open again."""
    caller = current_caller()
    fee = reversal.pop("fee") or Decimal(0)
    receipts.reverse_receipt(
        caller.session, caller.tenant, receipt_id=receipt_id, at=clock.now(), fee=fee, **reversal
    )
    return _whole(caller, queries.get_receipt(caller.session, caller.tenant, receipt_id=receipt_id))


@balances_api.get("/clients/<client_id>/balance")
@requires("invoice.read")
@balances_api.response(200, Balances)
def get_balance(client_id: str) -> Answer:
    """What the client has to its credit, by currency."""
    caller = current_caller()
    client = get_client(caller.session, caller.tenant, client_id=client_id)
    found = balances.balance_of(caller.session, caller.tenant, client_id=client.id)
    return {"items": [{"currency": currency, "balance": amount} for currency, amount in found.items()]}


@balances_api.get("/clients/<client_id>/balance/entries")
@requires("invoice.read")
@balances_api.arguments(EntriesListed, location="query")
@balances_api.response(200, page_of(EntryResource))
def list_entries(query: dict[str, Any], client_id: str) -> Answer:
    """Every movement of the client's credit, the newest first."""
    caller = current_caller()
    client = get_client(caller.session, caller.tenant, client_id=client_id)
    page = fetch_page(
        caller.session,
        queries.list_entries(caller.tenant, client_id=client.id, currency=query.get("currency")),
        sort=Sort(BalanceEntry.id, BalanceEntry.id, descending=True),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@balances_api.post("/clients/<client_id>/balance/grants")
@requires("payment.record")
@balances_api.arguments(GrantRequest)
@balances_api.response(201, EntryResource)
def grant(credit: dict[str, Any], client_id: str) -> Any:
    """Give the client credit by goodwill."""
    caller = current_caller()
    return balances.grant(
        caller.session,
        caller.tenant,
        client_id=client_id,
        on=clock.today(caller.partner.time_zone),
        at=clock.now(),
        **credit,
    )


@balances_api.post("/invoices/<invoice_id>/credit-applied")
@requires("payment.record")
@balances_api.arguments(ApplyCreditRequest)
@balances_api.response(201, AllocationResource)
def apply_credit(credit: dict[str, Any], invoice_id: str) -> Any:
    """Pay an invoice out of its client's credit."""
    caller = current_caller()
    return balances.apply_to_invoice(
        caller.session,
        caller.tenant,
        invoice_id=invoice_id,
        amount=credit["amount"],
        on=clock.today(caller.partner.time_zone),
        at=clock.now(),
    )


@refunds_api.get("")
@requires("invoice.read")
@refunds_api.arguments(RefundListed, location="query")
@refunds_api.response(200, page_of(RefundResource))
def list_refunds(query: dict[str, Any]) -> Answer:
    """Credit that goes back, the newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        queries.list_refunds(
            caller.tenant,
            client_id=query.get("client_id"),
            state=query.get("state"),
            channel=query.get("channel"),
        ),
        sort=Sort(Refund.id, Refund.id, descending=True),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@refunds_api.post("")
@requires("payment.refund")
@refunds_api.arguments(RefundRequest)
@refunds_api.response(201, RefundResource)
def ask_refund(wanted: dict[str, Any]) -> Any:
    """Ask for credit to go back. It leaves the balance at once; bank or provider carries it out."""
    caller = current_caller()
    refund = refunds.refund_balance(
        caller.session,
        caller.tenant,
        on=clock.today(caller.partner.time_zone),
        at=clock.now(),
        **wanted,
    )
    return refund, 201, {"Location": f"/v1/refunds/{refund.id}"}


@refunds_api.get("/<refund_id>")
@requires("invoice.read")
@refunds_api.response(200, RefundResource)
def get_refund(refund_id: str) -> Any:
    """One refund."""
    caller = current_caller()
    return refunds.get_refund(caller.session, caller.tenant, refund_id=refund_id)


@refunds_api.post("/<refund_id>/paid")
@requires("payment.refund")
@refunds_api.arguments(RefundPaidRequest)
@refunds_api.response(200, RefundResource)
def mark_paid(paid: dict[str, Any], refund_id: str) -> Any:
    """It went back, by a transfer made at the bank."""
    caller = current_caller()
    return refunds.mark_paid(caller.session, caller.tenant, refund_id=refund_id, at=clock.now(), **paid)


@refunds_api.post("/<refund_id>/failed")
@requires("payment.refund")
@refunds_api.arguments(RefundFailedRequest)
@refunds_api.response(200, RefundResource)
def mark_failed(failed: dict[str, Any], refund_id: str) -> Any:
    """It could not be carried out, or is called off: it is the client's credit again."""
    caller = current_caller()
    return refunds.mark_failed(
        caller.session,
        caller.tenant,
        refund_id=refund_id,
        on=clock.today(caller.partner.time_zone),
        at=clock.now(),
        **failed,
    )


def _whole(caller: Caller, receipt: Receipt) -> Answer:
    story = queries.story_of(caller.session, caller.tenant, receipt=receipt)
    return {
        **{name: getattr(receipt, name) for name in ReceiptResource().fields},
        # What it cost to be paid is the partner's own affair.
        "fee": receipt.fee if caller.tenant.client_id is None else None,
        "allocations": story.payments,
        "to_credit": story.to_credit,
        "reversals": story.reversals,
    }
