"""What a provider says of a payment -> its attempt, a receipt, an event; in any order, and twice."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from haas import outbox
from haas.calendar import local_day
from haas.crash import crashpoint
from haas.errors import Conflict
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries as invoices
from invoicing.early_discounts import discount_due, record_receipt
from invoicing.money.entries import lock_client
from invoicing.money.models import Receipt
from invoicing.money.receipts import note_fee
from invoicing.payments import queries
from invoicing.payments.lifecycle import ATTEMPT, OPEN, AttemptState
from invoicing.payments.models import PaymentAccount, PaymentAttempt, PaymentMethod
from invoicing.payments.protocol import Outcome

_VERBS = {"succeeded": "succeed", "pending": "pend", "declined": "decline", "unknown": "lose"}


def settle(
    session: Session,
    tenant: Tenant,
    *,
    attempt_id: str,
    outcome: Outcome,
    at: datetime,
    is_final: bool = True,
) -> PaymentAttempt:
    """Take over what became of an attempt. What is known already, or is older news, changes nothing.

    :param is_final: false for a decline on a page on which another card may be tried.
    :raises Conflict: if the money is not in the invoice's currency: somebody must look.
    """
    attempt = queries.get_attempt(session, tenant, attempt_id=attempt_id, lock=True)
    state, verb = AttemptState(attempt.state), _VERBS[outcome.status]
    if state == AttemptState.SUCCEEDED:
        _note_fee(session, tenant, attempt, outcome)
        return attempt
    if outcome.status == "declined" and not is_final and attempt.kind == "checkout":
        if state in OPEN:
            attempt.reason, attempt.decline_kind = outcome.reason, outcome.decline
            session.flush()
        return attempt
    if verb not in ATTEMPT.verbs_from(state):
        return attempt
    if outcome.status == "succeeded":
        attempt.receipt_id = _receive(session, tenant, attempt, outcome, at).id
        attempt.reason, attempt.decline_kind = "", None
    elif outcome.status == "declined":
        attempt.reason, attempt.decline_kind = outcome.reason, outcome.decline or "soft"
    attempt.payment_id = outcome.id or attempt.payment_id
    attempt.state = ATTEMPT.after(state, verb)
    if attempt.state not in OPEN:
        attempt.settled_at = at
    session.flush()
    if outcome.status == "declined":
        outbox.publish(
            session,
            tenant,
            "payment.declined",
            once_key=f"declined:{attempt.id}",
            invoice_id=attempt.invoice_id,
            attempt_id=attempt.id,
            attempt_no=attempt.attempt_no,
            kind=attempt.decline_kind,
            reason=attempt.reason,
        )
    return attempt


def expire(session: Session, tenant: Tenant, *, attempt_id: str, reason: str, at: datetime) -> None:
    """Nobody pays on this page any more, or nothing was sent. Money that came in the meantime stays."""
    attempt = queries.get_attempt(session, tenant, attempt_id=attempt_id, lock=True)
    if "expire" in ATTEMPT.verbs_from(AttemptState(attempt.state)):
        attempt.state = ATTEMPT.after(AttemptState(attempt.state), "expire")
        attempt.reason, attempt.settled_at = reason, at
        session.flush()


def _receive(
    session: Session, tenant: Tenant, attempt: PaymentAttempt, outcome: Outcome, at: datetime
) -> Receipt:
    money = outcome.money
    if money is not None and money.currency != attempt.currency:
        raise Conflict(
            f"{outcome.id} is {money.amount} {money.currency}, and {attempt.id} asked for {attempt.currency}."
        )
    amount = attempt.amount if money is None else money.amount
    # Locked before what is open is asked: a transfer may arrive at this moment.
    lock_client(session, tenant, client_id=attempt.client_id)
    invoice = invoices.lock_invoice(session, tenant, invoice_id=attempt.invoice_id)
    left = Decimal(0)
    if invoice.state == "issued":
        left = invoices.open_amount(session, tenant, invoice=invoice)
    part = min(left, amount)
    zone = session.get_one(Partner, tenant.partner_id).time_zone
    # Whoever was shown the page in time has paid in time, whenever the provider tells of it.
    paid_on = local_day(attempt.created_at, zone)
    discounts = {}
    # Where it is not due (the partner's days begin elsewhere by now) the money is taken all the same.
    if (
        attempt.discount
        and (amount, left) == (attempt.amount, attempt.amount + attempt.discount)
        and discount_due(session, tenant, invoice=invoice, on=paid_on) == attempt.discount
    ):
        discounts = {invoice.id: attempt.discount}
    account = queries.get_account(session, tenant, account_id=attempt.account_id)
    receipt = record_receipt(
        session,
        tenant,
        client_id=attempt.client_id,
        amount=amount,
        currency=attempt.currency,
        received_on=local_day(at, zone),
        method=_method(session, tenant, attempt),
        reference=outcome.id or attempt.id,
        allocations={invoice.id: part} if part else {},
        discounts=discounts,
        paid_on=paid_on,
        source="provider",
        fee=_fee(outcome, attempt.currency),
        provider=account.kind,
        provider_id=outcome.id or None,
        at=at,
    )
    crashpoint("pay.after_receipt")
    return receipt


def _note_fee(session: Session, tenant: Tenant, attempt: PaymentAttempt, outcome: Outcome) -> None:
    """The answer says what the payment cost, where the webhook that was quicker did not."""
    fee = _fee(outcome, attempt.currency)
    if fee and attempt.receipt_id and outcome.id == attempt.payment_id:
        learn_fee(session, tenant, receipt_id=attempt.receipt_id, fee=fee)


def learn_fee(session: Session, tenant: Tenant, *, receipt_id: str, fee: Decimal) -> None:
    """Write the fee of a receipt that has none yet; another than the known one is the payout's to show."""
    known = session.scalars(scoped(Receipt, tenant).where(Receipt.id == receipt_id)).one()
    if not known.fee and 0 < fee <= known.amount:
        note_fee(session, tenant, receipt_id=receipt_id, fee=fee)


def _fee(outcome: Outcome, currency: str) -> Decimal:
    if outcome.fee is None or outcome.fee.currency != currency:
        return Decimal(0)
    return outcome.fee.amount


def _method(session: Session, tenant: Tenant, attempt: PaymentAttempt) -> str:
    if attempt.method_id is None:
        return "card"
    kind = session.scalar(
        scoped(PaymentMethod, tenant)
        .where(PaymentMethod.id == attempt.method_id)
        .with_only_columns(PaymentMethod.kind)
    )
    return "direct_debit" if kind and kind.endswith("debit") else "card"


def provider_name(account: PaymentAccount) -> str:
    """For sentences."""
    return {"stripe": "Stripe", "local": "the test provider"}[account.kind]
