"""A partner with an account at the test provider, a client's card there, and an invoice to pay."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from flask.testing import FlaskClient

from haas import db
from haas.settings import Settings
from haas.tenancy.scope import Tenant
from invoicing import queries as invoices
from invoicing.models import Invoice
from invoicing.payments import accounts, charges, methods, queries
from invoicing.payments.local_server.delivery import signed_headers
from invoicing.payments.local_server.engine import Row
from invoicing.payments.local_server.server import API_KEY, Desk
from invoicing.payments.models import PaymentAccount, PaymentAttempt, PaymentMethod
from tests.cast import Cast
from tests.invoicing.world import an_invoice

OWED = Decimal("168.48")  # 63.00 of interim rent, 93.00 of rent and 12.48 of tax
FEE = Decimal("2.60")  # 1.4 % of 168.48, cut to cents, and 0.25


@dataclass
class Till:
    """Everything a test of payments needs, committed."""

    cast: Cast
    settings: Settings
    desk: Desk
    account: PaymentAccount
    secret: str

    @property
    def tenant(self) -> Tenant:
        """The partner."""
        return self.cast.tenant

    def card(self, digits: str = "4242") -> PaymentMethod:
        """A card of Acme's, saved on the provider's page."""
        setup_id, url = methods.open_setup(
            self.tenant,
            client_id=self.cast.acme.id,
            return_url="https://portal.example/back/{setup_id}",
            settings=self.settings,
        )
        self.desk.engine.pay(url.rpartition("/")[2], how=digits)
        found = methods.finish_setup(self.tenant, setup_id=setup_id, settings=self.settings)
        assert found is not None
        return found

    def invoice(self) -> Invoice:
        """168.48 of Acme's, due on 15 April 2026."""
        with db.unit_of_work(self.tenant) as session:
            return an_invoice(session, self.tenant, client_id=self.cast.acme.id)

    def charge(self, invoice: Invoice, attempt_no: int | None = None) -> PaymentAttempt:
        """Decided, not sent."""
        with db.unit_of_work(self.tenant) as session:
            return charges.charge_invoice(
                session, self.tenant, invoice_id=invoice.id, attempt_no=attempt_no, at=datetime.now(UTC)
            )

    def send(self, attempt: PaymentAttempt) -> PaymentAttempt:
        """As the job does."""
        charges.send(self.tenant, attempt_id=attempt.id, settings=self.settings)
        return self.attempt(attempt.id)

    def attempt(self, attempt_id: str) -> PaymentAttempt:
        """As it stands."""
        with db.unit_of_work(self.tenant) as session:
            return queries.get_attempt(session, self.tenant, attempt_id=attempt_id)

    def open(self, invoice: Invoice) -> Decimal:
        """What is still to be paid."""
        with db.unit_of_work(self.tenant) as session:
            found = invoices.get_invoice(session, self.tenant, invoice_id=invoice.id)
            return invoices.open_amount(session, self.tenant, invoice=found)

    def events(self, *keys: str) -> list[Row]:
        """What the provider has to tell of these payments or refunds, oldest first."""
        payments = {row["id"] for row in self.desk.engine.payments.values() if row["key"] in keys}
        return [
            event
            for event in self.desk.engine.events
            if event["data"].get("key") in keys or event["data"].get("payment") in payments
        ]

    def hook(self, event: Row, browser: FlaskClient, *, secret: str | None = None) -> int:
        """Tell an event at the account's address; the status of the answer."""
        body = json.dumps(event).encode()
        answer = browser.post(
            f"/webhooks/payments/{self.account.webhook_token}",
            data=body,
            content_type="application/json",
            headers=signed_headers(secret or self.secret, event, body),
        )
        return answer.status_code


def open_till(cast: Cast, settings: Settings, desk: Desk) -> Till:
    """Connect Northwind; nobody listens at its address, so tests tell events themselves."""
    with db.unit_of_work(cast.tenant) as session:
        account = accounts.connect(
            session,
            cast.tenant,
            kind="local",
            api_key=API_KEY,
            webhook_secret="",
            at=datetime.now(UTC),
            settings=settings,
        )
    secret = accounts.webhook_secrets(account, settings)[0]
    desk.engine.webhooks.clear()
    return Till(cast, settings, desk, account, secret)
