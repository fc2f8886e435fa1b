"""Payments of the demo: an account at the test provider, a card, and what came of a few invoices.

Told to the test provider itself, page by page, as people would; where none runs, nothing is told.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import requests
from sqlalchemy.orm import Session

from haas import clock, db
from haas.demo.houses import House
from haas.settings import Settings
from haas.tenancy.scope import Tenant, scoped
from invoicing.bank.under_way import ordered
from invoicing.models import Invoice
from invoicing.payments import accounts, charges, checkouts, methods, payouts, queries, refunds
from invoicing.payments.errors import NothingToPay, PaymentUnderWay
from invoicing.payments.local_server.server import API_KEY
from invoicing.payments.models import PaymentAttempt

_CARD, _DEBIT, _NO_FUNDS = "4242", "3063", "0341"
_ENOUGH = 4  # invoices of a client
_TIMEOUT_SECONDS = 20


def take_payments(house: House, *, settings: Settings, now: datetime) -> None:
    """Connect the partner, and pay, decline and refund some of its invoices. Opens its own units of work."""
    if not settings.payment_provider_url:
        return
    tenant = Tenant(house.tenant.partner_id, actor="demo", door="cli")
    with db.unit_of_work(tenant) as session:
        if queries.accounts_of(session, tenant):
            return
        accounts.print_links(session, tenant, wanted=True)
        account = accounts.connect(
            session,
            tenant,
            kind="local",
            api_key=f"{API_KEY}_{house.scene.slug}",
            webhook_secret="",  # nosec B106 # the provider makes one
            at=now,
            settings=settings,
        )
        invoices = _open_invoices(session, tenant)
    payer = invoices[0].client_id if invoices else house.clients[0].id
    _save(tenant, payer, _CARD, settings)
    for invoice, how in zip(invoices, (_CARD, _DEBIT, _NO_FUNDS, ""), strict=False):
        attempt = _page(tenant, invoice, settings)
        if how and attempt.checkout_url:
            _choose(attempt.checkout_url, how)
        if how == _NO_FUNDS:
            checkouts.give_up(tenant, attempt_id=attempt.id, settings=settings)
            _charge(tenant, invoice, settings, how=_NO_FUNDS)
        elif how:
            checkouts.refresh(tenant, attempt_id=attempt.id, settings=settings)
    _give_back(tenant, settings)
    requests.post(f"{settings.payment_provider_url}/control/pay-out", timeout=_TIMEOUT_SECONDS)
    payouts.fetch_lately(tenant, account_id=account.id, settings=settings)


def _open_invoices(session: Session, tenant: Tenant) -> list[Invoice]:
    return list(
        session.scalars(
            scoped(Invoice, tenant)
            .where(Invoice.state == "issued", Invoice.kind == "invoice", Invoice.paid_total == 0, ~ordered())
            .order_by(Invoice.client_id, Invoice.id.desc())
            .limit(_ENOUGH)
        )
    )


def _page(tenant: Tenant, invoice: Invoice, settings: Settings) -> PaymentAttempt:
    return checkouts.open_checkout(
        tenant,
        invoice_id=invoice.id,
        return_url=f"{settings.base_url}/invoices/{invoice.id}/checkout/back",
        settings=settings,
    )


def _charge(tenant: Tenant, invoice: Invoice, settings: Settings, *, how: str) -> None:
    """A charge that is declined, of a card that the client saves for it and removes again."""
    card_id = _save(tenant, invoice.client_id, how, settings)
    if card_id is None:
        return
    try:
        with db.unit_of_work(tenant) as session:
            attempt = charges.charge_invoice(
                session, tenant, invoice_id=invoice.id, method_id=card_id, at=clock.now()
            )
    except (NothingToPay, PaymentUnderWay):
        return
    charges.send(tenant, attempt_id=attempt.id, settings=settings)


def _give_back(tenant: Tenant, settings: Settings) -> None:
    with db.unit_of_work(tenant) as session:
        paid = session.scalar(scoped(PaymentAttempt, tenant).where(PaymentAttempt.state == "succeeded"))
        if paid is None:
            return
        back = refunds.ask_refund(
            session, tenant, attempt_id=paid.id, amount=Decimal(5), reason="Goodwill", at=clock.now()
        )
    refunds.send(tenant, back_id=back.id, settings=settings)


def _save(tenant: Tenant, client_id: str, how: str, settings: Settings) -> str | None:
    setup_id, url = methods.open_setup(
        tenant,
        client_id=client_id,
        return_url=f"{settings.base_url}/clients/{client_id}/payment-methods/back/{{setup_id}}",
        settings=settings,
    )
    _choose(url, how)
    found = methods.finish_setup(tenant, setup_id=setup_id, settings=settings)
    return None if found is None else found.id


def _choose(url: str, how: str) -> None:
    """Press a button of the provider's page; where it leads back to may not run yet."""
    requests.post(url, data={"how": how}, allow_redirects=False, timeout=_TIMEOUT_SECONDS)
