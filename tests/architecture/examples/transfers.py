"""Examples of the changing routes of refunds by bank."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from invoicing.bank import accounts, transferring
from invoicing.money import balances, refunds
from tests.architecture.examples import Example
from tests.cast import Cast
from tests.invoicing.bank.conftest import AT, sell_in_euros

TODAY = date(2026, 11, 2)
IBAN = "DE02120300000000202051"
LATE = "2027-03-15"  # a Monday, far enough ahead of whatever today is


def to_pay(session: Session, cast: Cast) -> Mapping[str, str]:
    """50.00 of Acme's credit that go back, and an account to pay from."""
    tenant, client_id = cast.tenant, cast.acme.id
    sell_in_euros(session, tenant, client_id=client_id)
    account = accounts.open_account(
        session, tenant, name="Euros", holder="The Holder", number="DE89370400440532013000", bic="",
        currency="EUR", auto_book=True, at=AT,
    )  # fmt: skip
    money: dict[str, Any] = {
        "client_id": client_id,
        "amount": Decimal("50.00"),
        "currency": "EUR",
        "on": TODAY,
        "at": AT,
    }
    balances.grant(session, tenant, reason="Goodwill", **money)
    refund = refunds.refund_balance(session, tenant, reason="Leaves us", **money)
    return {"bank_account_id": account.id, "refund_id": refund.id}


def ordered(session: Session, cast: Cast) -> Mapping[str, str]:
    """An order that was not sent yet."""
    values = to_pay(session, cast)
    made = transferring.order_transfers(
        session, cast.tenant, account_id=values["bank_account_id"], pay_on=TODAY, today=TODAY, at=AT,
        payees=[transferring.Payee(refund_id=values["refund_id"], name="Acme", iban=IBAN)],
    )  # fmt: skip
    (item,) = transferring.items_of(session, cast.tenant, order_id=made.id)
    return {**values, "transfer_order_id": made.id, "transfer_item_id": item.id}


def an_order(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """What an order says."""
    payee = {"refund_id": values["refund_id"], "name": "Acme", "iban": IBAN}
    return {"bank_account_id": values["bank_account_id"], "pay_on": LATE, "payees": [payee]}


def an_order_form(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """The same by the page."""
    return {
        "bank_account_id": values["bank_account_id"], "pay_on": LATE, "payees-0-wanted": "1",
        "payees-0-refund_id": values["refund_id"], "payees-0-name": "Acme", "payees-0-iban": IBAN,
    }  # fmt: skip


EXAMPLES: dict[str, Example | list[Example]] = {
    "transfers_api.order_transfers": Example(to_pay, json=an_order, status=201),
    "transfers_api.mark_sent": Example(ordered, status=200),
    "transfers_api.cancel_transfers": Example(ordered, status=200),
    "transfers_api.fail_transfer": Example(ordered, json={"failure": "Account closed"}, status=200),
    "bank.order_transfers": Example(to_pay, form=an_order_form, status=303),
    "bank.transfers_sent": Example(ordered, status=303),
    "bank.cancel_transfers": Example(ordered, status=303),
    "bank.fail_transfer": Example(ordered, form={"failure": "Account closed"}, status=303),
}
