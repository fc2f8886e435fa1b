"""The part of the story in which money is taken through a provider, told about by it, and given back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import requests
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import clock, db
from haas.settings import Settings
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant
from invoicing.money.models import Refund
from invoicing.payments import accounts, charges, inbox, methods, refunds
from invoicing.payments.local_server.delivery import signed_headers
from invoicing.payments.local_server.server import API_KEY
from invoicing.payments.models import MoneyBack, PaymentAttempt
from tests.crash.papers import invoice_of

BACK = Decimal(10)
_BY_PROVIDER = sa.select(Refund.id, Refund.amount).where(Refund.channel == "provider")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Till:
    """Northwind's account at the test provider, and a card of a client."""

    def __init__(self, tenant: Tenant, client: Client, settings: Settings) -> None:
        self.tenant, self.client = tenant, client
        with db.unit_of_work(tenant) as session:
            account = accounts.connect(
                session,
                tenant,
                kind="local",
                api_key=API_KEY,
                webhook_secret=SECRET,
                at=clock.now(),
                settings=settings,
            )
            self.token = account.webhook_token
        setup_id, url = methods.open_setup(
            tenant, client_id=client.id, return_url="https://portal.example/{setup_id}", settings=settings
        )
        requests.post(url, data={"how": "4242"}, allow_redirects=False, timeout=10)
        methods.finish_setup(tenant, setup_id=setup_id, settings=settings)

    def charge(self, _: Settings) -> None:
        """Charge the client's invoice, as the due day does: unless that was decided."""
        with db.unit_of_work(self.tenant) as session:
            charges.charge_invoice(
                session,
                self.tenant,
                invoice_id=invoice_of(session, self.client.id).id,
                attempt_no=1,
                at=clock.now(),
            )

    def give_back(self, _: Settings) -> None:
        """Refund a part of it, unless that was decided."""
        with db.unit_of_work(self.tenant) as session:
            if session.scalar(sa.select(MoneyBack.id)) is None:
                attempt = session.scalars(sa.select(PaymentAttempt)).one()
                refunds.ask_refund(
                    session,
                    self.tenant,
                    attempt_id=attempt.id,
                    amount=BACK,
                    reason="Agreed",
                    at=clock.now(),
                )

    def hear(self, settings: Settings) -> None:
        """The provider tells all of it, and again to the heir of whoever died before answering."""
        for event in self._told(settings):
            body = json.dumps(event).encode()
            headers = signed_headers(SECRET, event, body)
            inbox.take_in(self.token, headers=headers, body=body, settings=settings)

    def problems(self, session: Session, settings: Settings) -> Iterator[str]:
        """Money that the provider took or gave back twice, or that is recorded here otherwise than there."""
        told = self._told(settings)
        for kind, rows in (
            ("payment.succeeded", session.execute(sa.select(PaymentAttempt.id, PaymentAttempt.amount))),
            ("refund.succeeded", session.execute(sa.select(MoneyBack.id, MoneyBack.amount))),
            ("refund.succeeded", session.execute(_BY_PROVIDER)),
        ):
            for key, amount in rows:
                found = [
                    each["data"]["amount"]
                    for each in told
                    if each["type"] == kind and each["data"]["key"] == key
                ]
                if found != [int(amount * 100)]:
                    yield f"the provider says {kind} of {found} for {key}, which is {amount}"

    def _told(self, settings: Settings) -> list[dict[str, Any]]:
        """The provider's events about this run's attempts and refunds."""
        with db.unit_of_work(self.tenant) as session:
            keys = {
                *session.scalars(sa.select(PaymentAttempt.id)),
                *session.scalars(sa.select(MoneyBack.id)),
                *session.scalars(sa.select(Refund.id)),
            }
        answer = requests.get(f"{settings.payment_provider_url}/control/events", timeout=10)
        return [each for each in answer.json()["items"] if each["data"].get("key") in keys]
