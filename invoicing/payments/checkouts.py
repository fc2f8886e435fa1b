"""Pay an invoice on the provider's page: one page at a time, and the truth of it for who comes back."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from haas import clock, db
from haas.calendar import local_day
from haas.ids import new_id
from haas.settings import Settings
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries as invoices
from invoicing.bank.under_way import check_not_ordered
from invoicing.early_discounts import discount_due
from invoicing.payments import accounts, queries, settling
from invoicing.payments.errors import NothingToPay, PaymentUnderWay
from invoicing.payments.lifecycle import ATTEMPT, OPEN, AttemptState
from invoicing.payments.models import PaymentAttempt
from invoicing.payments.protocol import (
    CheckoutRequest,
    CheckoutState,
    Money,
    Outcome,
    PaymentProvider,
)

_NO_PAGE = timedelta(hours=1)  # an attempt that has no page by then gets none, and keeps no other one waiting
_LEAST_LEFT = timedelta(minutes=10)  # a page that ends sooner is not handed out any more


def open_checkout(tenant: Tenant, *, invoice_id: str, return_url: str, settings: Settings) -> PaymentAttempt:
    """A page to pay what is open of an invoice on. Opens its own units of work, none while it asks.

    While the invoice has a discount for early payment, that is taken off.
    The same caller gets the page that waits already; another's is closed first.

    :raises NothingToPay: if the invoice is settled, or was just paid on the page that waited.
    :raises PaymentUnderWay: if the client's method is being charged.
    :raises DebitUnderWay: if the bank was told to collect it.
    :raises ProviderUnreachable: if the provider does not answer; the next try finds the same page.
    """
    for _ in range(3):  # a page of another caller is closed at most once, unless somebody opens them all day
        with db.unit_of_work(tenant) as session:
            attempt, stale = _take(session, tenant, invoice_id=invoice_id)
            account = queries.get_account(session, tenant, account_id=attempt.account_id)
            provider = accounts.provider_of(account, settings)
            request = _request(session, tenant, attempt, return_url=return_url)
        if not stale:
            return _with_page(tenant, attempt, provider, request)
        _close(tenant, attempt, provider)
    raise PaymentUnderWay("Somebody else is about to pay this invoice. Try again in a moment.")


def refresh(tenant: Tenant, *, attempt_id: str, settings: Settings) -> PaymentAttempt:
    """Ask the provider where an attempt stands, unless it is over. Opens its own units of work.

    :raises ProviderUnreachable: if it does not answer.
    """
    with db.unit_of_work(tenant) as session:
        attempt = queries.get_attempt(session, tenant, attempt_id=attempt_id)
        account = queries.get_account(session, tenant, account_id=attempt.account_id)
        provider = accounts.provider_of(account, settings)
    if attempt.state not in OPEN:
        return attempt
    if attempt.payment_id:
        _, outcome = provider.find_payment(attempt.payment_id)
        return _settle(tenant, attempt_id, CheckoutState("complete", outcome))
    if attempt.checkout_id:
        return _settle(tenant, attempt_id, provider.find_checkout(attempt.checkout_id))
    if attempt.kind == "checkout" and attempt.created_at < clock.now() - _NO_PAGE:
        return _settle(tenant, attempt_id, CheckoutState("expired"))
    return attempt


def give_up(tenant: Tenant, *, attempt_id: str, settings: Settings) -> PaymentAttempt:
    """Close a page that waits; if somebody paid on it, that counts. Opens its own units of work."""
    with db.unit_of_work(tenant) as session:
        attempt = queries.get_attempt(session, tenant, attempt_id=attempt_id)
        account = queries.get_account(session, tenant, account_id=attempt.account_id)
    if attempt.kind == "checkout" and attempt.state in OPEN:
        _close(tenant, attempt, accounts.provider_of(account, settings))
    with db.unit_of_work(tenant) as session:
        return queries.get_attempt(session, tenant, attempt_id=attempt_id)


def _take(session: Session, tenant: Tenant, *, invoice_id: str) -> tuple[PaymentAttempt, bool]:
    """The attempt whose page is wanted, new or as it waits; and whether its page must be closed first."""
    invoice = invoices.lock_invoice(session, tenant, invoice_id=invoice_id)
    left = invoices.open_amount(session, tenant, invoice=invoice)
    if invoice.kind != "invoice" or invoice.state != "issued" or not left:
        raise NothingToPay(f"Nothing of {invoice.number} is open.")
    check_not_ordered(session, tenant, invoice=invoice)
    # One moment, for the day by which the discount is due is that of the attempt.
    at = clock.now()
    zone = session.get_one(Partner, tenant.partner_id).time_zone
    discount = discount_due(session, tenant, invoice=invoice, on=local_day(at, zone))
    left -= discount
    account = queries.default_account(session, tenant)
    waiting = queries.find_open_attempt(session, tenant, invoice_id=invoice.id)
    if waiting is not None:
        if waiting.kind == "charge" or waiting.state == AttemptState.PENDING:
            raise PaymentUnderWay(f"A payment of {invoice.number} is under way already.")
        ends = waiting.checkout_expires_at
        is_stale = (
            (waiting.amount, waiting.discount) != (left, discount)
            or waiting.account_id != account.id
            or waiting.actor != tenant.actor
            or (ends is not None and ends < clock.now() + _LEAST_LEFT)
        )
        return waiting, is_stale
    attempt = PaymentAttempt(
        partner_id=tenant.partner_id,
        id=new_id("pat"),
        client_id=invoice.client_id,
        invoice_id=invoice.id,
        account_id=account.id,
        kind="checkout",
        state=AttemptState.CREATED,
        amount=left,
        discount=discount,
        currency=invoice.currency,
        reason="",
        created_at=at,
        actor=tenant.actor,
    )
    session.add(attempt)
    session.flush()
    return attempt, False


def _request(
    session: Session, tenant: Tenant, attempt: PaymentAttempt, *, return_url: str
) -> CheckoutRequest:
    invoice = invoices.get_invoice(session, tenant, invoice_id=attempt.invoice_id)
    client = session.scalars(scoped(Client, tenant).where(Client.id == attempt.client_id)).one()
    return CheckoutRequest(
        key=attempt.id,
        money=Money.of(attempt.amount, attempt.currency),
        description=invoice.number,
        email=client.email,
        return_url=return_url,
        language=client.language,
    )


def _with_page(
    tenant: Tenant, attempt: PaymentAttempt, provider: PaymentProvider, request: CheckoutRequest
) -> PaymentAttempt:
    if attempt.checkout_url:
        return attempt
    page = provider.create_checkout(request)  # the key makes it the same page after a crash
    with db.unit_of_work(tenant) as session:
        kept = queries.get_attempt(session, tenant, attempt_id=attempt.id, lock=True)
        kept.checkout_id, kept.checkout_url = page.id, page.url
        kept.checkout_expires_at = page.expires_at
        if kept.state == AttemptState.CREATED:
            kept.state, kept.sent_at = ATTEMPT.after(AttemptState.CREATED, "send"), clock.now()
        is_open = kept.state in OPEN
    if not is_open:  # somebody else closed the attempt before it had a page: nobody may pay on this one
        provider.expire_checkout(page.id)
        raise PaymentUnderWay("Somebody else is about to pay this invoice. Try again in a moment.")
    return kept


def _close(tenant: Tenant, attempt: PaymentAttempt, provider: PaymentProvider) -> None:
    if attempt.checkout_id is None:
        # Its request may be under way. Nobody was shown the page, so nobody pays on it.
        state = CheckoutState("expired")
    else:
        state = provider.expire_checkout(attempt.checkout_id)
    _settle(tenant, attempt.id, state)


def _settle(tenant: Tenant, attempt_id: str, state: CheckoutState) -> PaymentAttempt:
    at = clock.now()
    with db.unit_of_work(tenant) as session:
        if state.status == "expired":
            settling.expire(session, tenant, attempt_id=attempt_id, reason="expired", at=at)
        elif state.status == "complete":
            settling.settle(
                session, tenant, attempt_id=attempt_id, outcome=state.outcome or Outcome("pending"), at=at
            )
        return queries.get_attempt(session, tenant, attempt_id=attempt_id)
