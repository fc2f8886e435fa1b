"""Charge a saved method: decided in a transaction, sent by a job, looked up by its key if no answer came."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from haas import clock, db, outbox
from haas.crash import crashpoint
from haas.ids import new_id
from haas.settings import Settings
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries as invoices
from invoicing.bank.under_way import check_not_ordered
from invoicing.payments import accounts, queries, settling
from invoicing.payments.errors import NoMethod, NothingToPay, PaymentUnderWay
from invoicing.payments.lifecycle import ATTEMPT, AttemptState
from invoicing.payments.models import PaymentAttempt, PaymentMethod
from invoicing.payments.protocol import (
    UNKNOWN,
    ChargeRequest,
    Money,
    Outcome,
    PaymentProvider,
    ProviderRefused,
    ProviderUnreachable,
)

# Providers forget keys after a day: then a charge is never sent again under one.
KEYS_KEPT = timedelta(hours=23)
_OTHERWISE = "settled_otherwise"


def charge_invoice(
    session: Session,
    tenant: Tenant,
    *,
    invoice_id: str,
    at: datetime,
    attempt_no: int | None = None,
    method_id: str | None = None,
) -> PaymentAttempt:
    """Decide to charge what is open of an invoice; a job sends it.

    :param attempt_no: which try of a plan it is; the same number again answers the attempt that is there.
    :param method_id: the client's default if left out.
    :raises NothingToPay: if the invoice is settled.
    :raises PaymentUnderWay: if an attempt is not over.
    :raises DebitUnderWay: if the bank was told to collect it.
    :raises NoMethod: if the client has saved none, or it is another account's.
    """
    invoice = invoices.lock_invoice(session, tenant, invoice_id=invoice_id)
    if attempt_no is not None:
        known = session.scalar(
            scoped(PaymentAttempt, tenant).where(
                PaymentAttempt.invoice_id == invoice_id, PaymentAttempt.attempt_no == attempt_no
            )
        )
        if known is not None:
            return known
    left = invoices.open_amount(session, tenant, invoice=invoice)
    if invoice.kind != "invoice" or invoice.state != "issued" or not left:
        raise NothingToPay(f"Nothing of {invoice.number} is open.")
    if queries.find_open_attempt(session, tenant, invoice_id=invoice_id) is not None:
        raise PaymentUnderWay(f"A payment of {invoice.number} is under way. Wait until it is over.")
    check_not_ordered(session, tenant, invoice=invoice)
    method = _method(session, tenant, client_id=invoice.client_id, method_id=method_id)
    attempt = PaymentAttempt(
        partner_id=tenant.partner_id,
        id=new_id("pat"),
        client_id=invoice.client_id,
        invoice_id=invoice.id,
        account_id=method.account_id,
        method_id=method.id,
        kind="charge",
        state=AttemptState.CREATED,
        amount=left,
        currency=invoice.currency,
        attempt_no=attempt_no,
        reason="",
        created_at=at,
        actor=tenant.actor,
    )
    session.add(attempt)
    session.flush()
    outbox.publish(
        session, tenant, "payment.charge_due", attempt_id=attempt.id, once_key=f"charge:{attempt.id}"
    )
    return attempt


def send(tenant: Tenant, *, attempt_id: str, settings: Settings) -> None:
    """Send a charge that was decided, or learn what became of one that was sent. Opens its own units of work.

    :raises ProviderUnreachable: if nothing is known still: whoever calls comes again.
    """
    prepared = _prepare(tenant, attempt_id=attempt_id, settings=settings)
    if prepared is None:
        return
    provider, request, sent_at, is_owed = prepared
    crashpoint("pay.before_send")
    outcome = _ask(provider, request, sent_at=sent_at, is_owed=is_owed)
    crashpoint("pay.after_send")
    with db.unit_of_work(tenant) as session:
        if outcome is None:
            settling.expire(session, tenant, attempt_id=attempt_id, reason=_OTHERWISE, at=clock.now())
            return
        settling.settle(session, tenant, attempt_id=attempt_id, outcome=outcome, at=clock.now())
        crashpoint("pay.before_commit")
    if outcome.status == "unknown":
        raise ProviderUnreachable(f"It is not known yet what became of {attempt_id}.")


def _prepare(
    tenant: Tenant, *, attempt_id: str, settings: Settings
) -> tuple[PaymentProvider, ChargeRequest, datetime | None, bool] | None:
    """Committed before anything is sent: a charge that may have left is always known as such.

    :returns: nothing where nothing is left to do; the moment at which it was sent before, if it was, and
        whether as much is still open.
    """
    with db.unit_of_work(tenant) as session:
        attempt = queries.get_attempt(session, tenant, attempt_id=attempt_id, lock=True)
        state, sent_at = AttemptState(attempt.state), attempt.sent_at
        if attempt.kind != "charge" or state not in (
            AttemptState.CREATED,
            AttemptState.SENT,
            AttemptState.UNKNOWN,
        ):
            return None
        invoice = invoices.get_invoice(session, tenant, invoice_id=attempt.invoice_id)
        is_owed = invoices.open_amount(session, tenant, invoice=invoice) >= attempt.amount
        if state == AttemptState.CREATED:
            if not is_owed:
                settling.expire(session, tenant, attempt_id=attempt.id, reason=_OTHERWISE, at=clock.now())
                return None
            attempt.state, attempt.sent_at = ATTEMPT.after(state, "send"), clock.now()
        # Removed or not: what was sent with it is followed to its end.
        method = session.scalars(
            scoped(PaymentMethod, tenant).where(PaymentMethod.id == attempt.method_id)
        ).one()
        account = queries.get_account(session, tenant, account_id=attempt.account_id)
        request = ChargeRequest(
            key=attempt.id,
            money=Money.of(attempt.amount, attempt.currency),
            description=invoice.number,
            customer_id=method.customer_id,
            token=method.method_token,
        )
        return accounts.provider_of(account, settings), request, sent_at, is_owed


def _ask(
    provider: PaymentProvider, request: ChargeRequest, *, sent_at: datetime | None, is_owed: bool
) -> Outcome | None:
    """What became of it; none if it never arrived and was paid otherwise meanwhile: then it is not sent."""
    try:
        if sent_at is not None:
            found = provider.find_charge(key=request.key, customer_id=request.customer_id, since=sent_at)
            if found is not None:
                return found
            if not is_owed:
                return None
            if clock.now() - sent_at > KEYS_KEPT:
                return Outcome("declined", decline="soft", reason="never_arrived")
        return provider.charge_off_session(request)
    except ProviderRefused:
        return Outcome("declined", decline="hard", reason="refused")
    except ProviderUnreachable:
        return UNKNOWN


def _method(session: Session, tenant: Tenant, *, client_id: str, method_id: str | None) -> PaymentMethod:
    kept = queries.methods_of(session, tenant, client_id=client_id)
    account = queries.default_account(session, tenant)
    for each in kept:
        if each.account_id == account.id and (each.id == method_id if method_id else each.is_default):
            return each
    raise NoMethod("The client has saved no means of payment that can be charged.")
