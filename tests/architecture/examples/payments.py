"""Examples of the changing routes of payments: accounts, methods, pages to pay on, charges, refunds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from haas.ids import new_id
from haas.settings import current
from haas.tenancy.scope import Tenant
from invoicing import pay_links
from invoicing.models import Invoice
from invoicing.payments import accounts, charges
from invoicing.payments.local_server.server import API_KEY
from invoicing.payments.models import PaymentMethod
from invoicing.payments.protocol import Money, Outcome
from invoicing.payments.settling import settle
from tests.architecture.examples import Example
from tests.cast import Cast
from tests.invoicing.world import an_invoice

AT = datetime(2026, 6, 15, 15, 0, tzinfo=UTC)
PAGE = {"return_url": "https://portal.example/back"}
ACCOUNT = {"kind": "local", "api_key": API_KEY}
ONE_S_OWN = "it acts on the caller's own partner alone"
CREATES_NEW = "a list of one's own: what is made is one's own"
AT_THE_PROVIDER = "it asks the provider and writes nothing of ours"


def connected(session: Session, cast: Cast) -> Mapping[str, str]:
    """Northwind's account at the test provider."""
    account = accounts.connect(
        session,
        cast.tenant,
        kind="local",
        api_key=API_KEY,
        webhook_secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        at=AT,
        settings=current(),
    )
    return {"account_id": account.id, "client_id": cast.acme.id, "token": account.webhook_token}


def a_card(session: Session, tenant: Tenant, *, client_id: str, account_id: str) -> PaymentMethod:
    """A card as the provider shows it; nobody saved it there."""
    method = PaymentMethod(
        partner_id=tenant.partner_id,
        id=new_id("pmt"),
        client_id=client_id,
        account_id=account_id,
        method_token=new_id("pm"),
        customer_id="cus_1",
        kind="card",
        brand="Visa",
        last_four="4242",
        expires_month=12,
        expires_year=2034,
        mandate="",
        is_default=True,
        created_at=AT,
    )
    session.add(method)
    session.flush()
    return method


def saved(session: Session, cast: Cast) -> Mapping[str, str]:
    """The same with Acme's card and an invoice that is open."""
    values = dict(connected(session, cast))
    card = a_card(session, cast.tenant, client_id=cast.acme.id, account_id=values["account_id"])
    invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
    return {**values, "method_id": card.id, "invoice_id": invoice.id}


def paid(session: Session, cast: Cast) -> Mapping[str, str]:
    """The same, charged."""
    values = dict(saved(session, cast))
    attempt = charges.charge_invoice(session, cast.tenant, invoice_id=values["invoice_id"], at=AT)
    outcome = Outcome("succeeded", id=new_id("pay"), money=Money.of(attempt.amount, attempt.currency))
    settle(session, cast.tenant, attempt_id=attempt.id, outcome=outcome, at=AT)
    return {**values, "attempt_id": attempt.id}


def linked(session: Session, cast: Cast) -> Mapping[str, str]:
    """The same as `saved`, with a link to pay by."""
    values = dict(saved(session, cast))
    invoice = session.get_one(Invoice, (cast.northwind.id, values["invoice_id"]))
    return {**values, "secret": pay_links.make_link(session, cast.tenant, invoice=invoice, at=AT)}


def second(session: Session, cast: Cast) -> Mapping[str, str]:
    """Two accounts: the second is not the default."""
    connected(session, cast)
    return connected(session, cast)


def removed(session: Session, cast: Cast) -> Mapping[str, str]:
    """A card that is not the default."""
    values = dict(saved(session, cast))
    card = session.get_one(PaymentMethod, (cast.northwind.id, values["method_id"]))
    card.is_default = False
    session.flush()
    return values


REFUND: dict[str, Any] = {"amount": "10.00", "reason": "Agreed"}

EXAMPLES: dict[str, Example | list[Example]] = {
    "payment_accounts_api.connect_account": Example(
        json=ACCOUNT, status=201, cleo=201, cleo_because=CREATES_NEW
    ),
    "payment_accounts_api.edit_account": Example(second, json={"is_default": True}),
    "payment_accounts_api.test_account": Example(connected, audited=False, unaudited_because=AT_THE_PROVIDER),
    "payment_accounts_api.close_account": Example(connected),
    "client_payment_methods_api.save_method": Example(connected, json=PAGE, user="ada", status=201),
    "payment_methods_api.make_default": Example(removed, user="ada"),
    "payment_methods_api.remove_method": Example(saved, user="ada", status=204),
    "invoice_payments_api.open_checkout": Example(saved, json=PAGE, user="ada", status=201),
    "invoice_payments_api.charge": Example(saved, json={}, user="fay", status=202),
    "payment_attempts_api.cancel_attempt": Example(
        paid, user="fay", audited=False, unaudited_because="it was paid already: that stays as it is"
    ),
    "payment_attempts_api.refund": Example(paid, json=REFUND, user="fay", status=202),
    "payment_settings.connect": Example(form=ACCOUNT, status=303, cleo=303, cleo_because=CREATES_NEW),
    "payment_settings.edit": Example(second, form={"charges_on_due_day": "1"}, status=303),
    "payment_settings.test": Example(connected, status=303, audited=False, unaudited_because=AT_THE_PROVIDER),
    "payment_settings.close": Example(connected, status=303),
    "payment_settings.set_links": Example(form={"wanted": "1"}, status=303, cleo=303, cleo_because=ONE_S_OWN),
    "payment_methods.add": Example(connected, user="ada", status=200),
    "payment_methods.make_default": Example(removed, user="ada", status=303),
    "payment_methods.remove": Example(saved, user="ada", status=303),
    "invoice_payments.charge": Example(saved, user="fay", status=303),
    "invoice_payments.checkout": Example(saved, user="ada", status=200),
    "invoice_payments.make_link": Example(saved, user="fay", status=200),
    "invoice_payments.revoke_links": Example(linked, user="fay", status=303),
    "invoice_payments.refund": Example(paid, form={**REFUND, "step": "confirm"}, user="fay", status=303),
    "invoice_payments.cancel": Example(
        paid, user="fay", status=303, audited=False, unaudited_because="it was paid already"
    ),
    "pay_links.pay": Example(linked, user="nobody", status=200),
    "payouts.fetch": Example(
        user="fay",
        status=303,
        audited=False,
        unaudited_because="there is no payout to fetch",
        cleo=303,
        cleo_because=ONE_S_OWN,
    ),
    "payment_webhooks.hear": Example(
        connected,
        json={"id": "evt_1"},
        user="nobody",
        status=400,
        audited=False,
        unaudited_because="nobody signed it; what is signed has tests of its own",
    ),
}
