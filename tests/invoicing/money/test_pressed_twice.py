"""Pages that move money: pressed twice, or sent again by a browser, they move it once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from haas import db
from haas.settings import Settings
from haas.tenancy.scope import Tenant, scoped
from invoicing import deposits, queries
from invoicing.charges.models import Charge
from invoicing.corrections import record_payment
from invoicing.models import Invoice, Payment
from invoicing.money.models import ReceiptReversal
from invoicing.payments.local_server.server import Desk
from invoicing.payments.models import MoneyBack
from leases.models import Lease
from tests.cast import Cast
from tests.invoicing.payments.house import open_till
from tests.invoicing.world import NOW, an_invoice

Web = Callable[..., FlaskClient]


def count(tenant: Tenant, model: Any) -> int:
    with db.unit_of_work(tenant) as session:
        return len(session.scalars(scoped(model, tenant)).all())


def drawn(browser: FlaskClient, path: str) -> str:
    """What the page is told apart by."""
    found = re.search(r'name="once" value="(one_\w+)"', browser.get(path).get_data(as_text=True))
    assert found is not None
    return found[1]


def press(browser: FlaskClient, path: str, **form: Any) -> str:
    """Confirm the page; where it leads to."""
    answer = browser.post(path, data={**form, "step": "confirm"})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"]


@pytest.fixture
def invoice(cast: Cast) -> Invoice:
    with db.unit_of_work(cast.tenant) as session:
        return an_invoice(session, cast.tenant, client_id=cast.acme.id)  # 168.48


def test_a_reversal_in_part_is_done_once_and_another_one_too(cast: Cast, web: Web, invoice: Invoice) -> None:
    with db.unit_of_work(cast.tenant) as session:
        payment = record_payment(
            session, cast.tenant, invoice_id=invoice.id, amount=Decimal(100), received_on=date(2026, 4, 10),
            method="transfer", reference="B-1", at=NOW,
        )  # fmt: skip
    browser, path = web(cast.ana), f"/money/receipts/{payment.receipt_id}/reverse"
    form = {"amount": "30.00", "on": "2026-04-20", "kind": "returned", "reason": "Returned"}
    page = drawn(browser, path)
    refused = browser.post(path, data={**form, "once": page, "step": "confirm", "amount": "300.00"})
    assert refused.status_code == 422
    assert len({press(browser, path, once=page, **form) for _ in range(2)}) == 1
    assert count(cast.tenant, ReceiptReversal) == 1
    press(browser, path, once=page, **{**form, "amount": "40.00"})  # gone back, and another amount asked for
    press(browser, path, once=drawn(browser, path), **form)
    assert count(cast.tenant, ReceiptReversal) == 3


def test_a_credit_note_in_part_is_issued_once(cast: Cast, web: Web, invoice: Invoice) -> None:
    with db.unit_of_work(cast.tenant) as session:
        line = queries.lines_of(session, cast.tenant, invoice_id=invoice.id)[0]
    browser, path = web(cast.ana), f"/invoices/{invoice.id}/credit"
    form = {"scope": "lines", "reason_code": "goodwill", "lines-0-line_id": line.id, "lines-0-net": "10.00"}
    page = drawn(browser, path)
    assert len({press(browser, path, once=page, **form) for _ in range(2)}) == 1
    assert count(cast.tenant, Invoice) == 2


def test_a_charge_is_made_once(cast: Cast, web: Web) -> None:
    form = {
        "client_id": cast.acme.id, "description": "Repair", "quantity": "1", "unit_price": "20.00",
        "category": "other", "tax_category": "S", "charged_on": "2026-04-20", "recurs": "once",
    }  # fmt: skip
    browser = web(cast.ana)
    page = drawn(browser, f"/charges/new?client={cast.acme.id}")
    made = {browser.post("/charges/new", data={**form, "once": page}).headers["Location"] for _ in range(2)}
    assert len(made) == 1
    assert count(cast.tenant, Charge) == 1


def test_a_deposit_pays_once(cast: Cast, web: Web, invoice: Invoice) -> None:
    with db.unit_of_work(cast.tenant) as session:
        lease = session.scalars(scoped(Lease, cast.tenant)).one()
        told: dict[str, Any] = {"amount": Decimal(100), "at": NOW}
        asked = deposits.ask_deposit(
            session, cast.tenant, lease_id=lease.id, asked_on=date(2026, 4, 1), **told
        )
        deposits.receive(
            session, cast.tenant, deposit_id=asked.id, on=date(2026, 4, 2), reference="D-1", **told
        )
    browser, path = web(cast.ana), f"/deposits/{asked.id}"
    form = {"amount": "30.00", "on": "2026-04-20", "invoice_id": invoice.id, "once": drawn(browser, path)}
    for _ in range(2):
        assert browser.post(f"{path}/apply", data=form).status_code == 303
    assert count(cast.tenant, Payment) == 1


def test_a_refund_in_part_is_asked_for_once(
    cast: Cast, web: Web, settings: Settings, payment_desk: Desk
) -> None:
    till = open_till(cast, settings, payment_desk)
    till.card()
    attempt = till.send(till.charge(till.invoice()))
    browser, path = web(cast.ana), f"/invoices/{attempt.invoice_id}/payments/{attempt.id}/refund"
    page = drawn(browser, path)
    assert len({press(browser, path, once=page, amount="30.00", reason="Agreed") for _ in range(2)}) == 1
    assert count(cast.tenant, MoneyBack) == 1
