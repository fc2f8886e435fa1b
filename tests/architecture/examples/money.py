"""Examples of the changing routes of receipts, credit and refunds."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from invoicing.money import balances, receipts, refunds
from tests.architecture.examples import Example
from tests.architecture.examples.leases import of
from tests.cast import Cast
from tests.invoicing.world import NOW, an_invoice
from tests.leases.fleet import day


def open_invoice(session: Session, cast: Cast) -> Mapping[str, str]:
    """An invoice that is open, and 40.00 of credit for its client."""
    invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
    balances.grant(
        session,
        cast.tenant,
        client_id=cast.acme.id,
        amount=Decimal(40),
        currency="USD",
        reason="Late delivery",
        on=day("2026-10-01"),
        at=NOW,
    )
    return {"invoice_id": invoice.id, "client_id": cast.acme.id}


def received(session: Session, cast: Cast) -> Mapping[str, str]:
    """100.00 that came in for it."""
    values = open_invoice(session, cast)
    receipt = receipts.record_receipt(
        session,
        cast.tenant,
        client_id=cast.acme.id,
        amount=Decimal(100),
        currency="USD",
        received_on=day("2026-10-01"),
        method="transfer",
        reference="T-1",
        allocations=None,
        source="manual",
        at=NOW,
    )
    return {**values, "receipt_id": receipt.id}


def refund_asked(session: Session, cast: Cast) -> Mapping[str, str]:
    """10.00 that are to go back."""
    values = open_invoice(session, cast)
    refund = refunds.refund_balance(
        session,
        cast.tenant,
        client_id=cast.acme.id,
        amount=Decimal(10),
        currency="USD",
        reason="They asked",
        on=day("2026-10-01"),
        at=NOW,
    )
    return {**values, "refund_id": refund.id}


def money(_cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """50.00 by transfer."""
    return {
        "client_id": values["client_id"],
        "amount": "50.00",
        "currency": "USD",
        "received_on": "2026-10-01",
        "reference": "T-9",
    }


def confirmed(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """The form, its preview seen."""
    return {**money(cast, values), "step": "confirm"}


CREDIT = {"amount": "10.00", "currency": "USD", "reason": "Late delivery"}
BACK = {"amount": "60.00", "on": "2026-10-05", "reason": "Debit returned"}
PAID = {"reference": "OUT-1", "on": "2026-10-05"}

EXAMPLES: dict[str, Example | list[Example]] = {
    "receipts_api.record_receipt": Example(open_invoice, json=money, user="fay", status=201),
    "receipts_api.reverse_receipt": Example(received, json=BACK, user="fay", status=201),
    "balances_api.grant": Example(open_invoice, json=CREDIT, user="fay", status=201),
    "balances_api.apply_credit": Example(open_invoice, json={"amount": "10.00"}, user="fay", status=201),
    "refunds_api.ask_refund": Example(open_invoice, json=of("client_id", **CREDIT), user="fay", status=201),
    "refunds_api.mark_paid": Example(refund_asked, json=PAID, user="fay"),
    "refunds_api.mark_failed": Example(refund_asked, json={"failure": "Account closed"}, user="fay"),
    "money.record": Example(open_invoice, form=confirmed, user="fay", status=303),
    "money.reverse": Example(received, form={**BACK, "step": "confirm"}, user="fay", status=303),
    "money.move_credit": Example(open_invoice, form={**CREDIT, "what": "grant"}, user="fay", status=303),
    "money.apply_credit": Example(open_invoice, user="fay", status=303),
    "money.refund_paid": Example(refund_asked, form=PAID, user="fay", status=303),
    "money.refund_failed": Example(refund_asked, form={"failure": "Closed"}, user="fay", status=303),
}
