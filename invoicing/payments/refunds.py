"""Money that goes back to the payer: asked for here, at the provider, or taken by the payer's bank."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from haas import clock, db, outbox
from haas.calendar import local_day
from haas.crash import crashpoint
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing.money.entries import lock_client
from invoicing.money.models import Receipt, ReceiptReversal
from invoicing.money.paying import checked_amount
from invoicing.money.queries import get_receipt, left_at_provider
from invoicing.money.receipts import preview_reversal, record_receipt, reverse_receipt
from invoicing.payments import accounts, credit_refunds, queries
from invoicing.payments.charges import KEYS_KEPT
from invoicing.payments.lifecycle import AttemptState
from invoicing.payments.models import MoneyBack, PaymentAttempt
from invoicing.payments.protocol import (
    UNKNOWN,
    DisputeReported,
    Money,
    Outcome,
    PaymentProvider,
    ProviderRefused,
    ProviderUnreachable,
    RefundReported,
    RefundRequest,
)

_OPEN = ("created", "sent", "pending", "unknown")


def left_of(session: Session, tenant: Tenant, *, attempt: PaymentAttempt) -> Decimal:
    """What could still go back of a payment: what came in, less what went back or is on its way.

    By whatever way: credit of it that was refunded by the bank has left us, though the provider knows nothing
    of that.
    """
    if attempt.receipt_id is None:
        return Decimal(0)
    receipt = get_receipt(session, tenant, receipt_id=attempt.receipt_id)
    left = left_at_provider(session, tenant, receipt=receipt)
    under_way = sum(
        (
            row.amount
            for row in queries.backs_of(session, tenant, attempt_ids=[attempt.id])
            if row.kind == "refund" and row.state in _OPEN
        ),
        Decimal(0),
    )
    plan = preview_reversal(session, tenant, receipt=receipt, amount=left + under_way)
    return max(left - plan.shortfall, Decimal(0))


def ask_refund(
    session: Session,
    tenant: Tenant,
    *,
    attempt_id: str,
    amount: Decimal,
    reason: str,
    at: datetime,
) -> MoneyBack:
    """Decide to give back all or part of a payment; a job sends it.

    The invoice is then open again for as much.

    :raises Conflict: if the attempt took no money.
    :raises InvalidInput: if it is more than is left of it.
    """
    attempt = queries.get_attempt(session, tenant, attempt_id=attempt_id, lock=True)
    if attempt.state != AttemptState.SUCCEEDED:
        raise Conflict("Only money that came in can go back.")
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")
    checked_amount(amount, attempt.currency)
    # As a reversal by hand does: of the two, the second sees what the first has taken.
    lock_client(session, tenant, client_id=attempt.client_id)
    left = left_of(session, tenant, attempt=attempt)
    if amount > left:
        raise InvalidInput(f"Only {left} {attempt.currency} of it is left.", field="amount")
    back = _add(
        session, tenant, attempt, kind="refund", amount=amount, reason=reason.strip(), external_id=None, at=at
    )
    outbox.publish(session, tenant, "payment.refund_due", back_id=back.id, once_key=f"refund:{back.id}")
    return back


def send(tenant: Tenant, *, back_id: str, settings: Settings) -> None:
    """Send a refund that was decided, or learn what became of one that was sent. Opens its own units of work.

    :raises ProviderUnreachable: if nothing is known still: whoever calls comes again.
    """
    with db.unit_of_work(tenant) as session:
        back = queries.get_back(session, tenant, back_id=back_id, lock=True)
        if back.kind != "refund" or back.state not in _OPEN:
            return
        sent_at, was_pending = back.sent_at, back.state == "pending"
        # Somebody asked for it at the provider: we only look, and never ask for as much again.
        theirs = back.external_id or "" if sent_at is None else ""
        if sent_at is None and not theirs:
            back.state, back.sent_at = "sent", clock.now()
        attempt = queries.get_attempt(session, tenant, attempt_id=back.attempt_id)
        account = queries.get_account(session, tenant, account_id=attempt.account_id)
        provider = accounts.provider_of(account, settings)
        request = RefundRequest(back.id, attempt.payment_id or "", Money.of(back.amount, back.currency))
    crashpoint("pay.before_send")
    outcome = _ask(provider, request, sent_at=sent_at, theirs=theirs)
    crashpoint("pay.after_send")
    with db.unit_of_work(tenant) as session:
        settle_back(session, tenant, back_id=back_id, outcome=outcome, at=clock.now())
        crashpoint("pay.before_commit")
    if outcome.status == "unknown" and not was_pending and not theirs:
        raise ProviderUnreachable(f"It is not known yet what became of {back_id}.")


def settle_back(
    session: Session, tenant: Tenant, *, back_id: str, outcome: Outcome, at: datetime
) -> MoneyBack:
    """Take over what became of a refund. What is known already changes nothing."""
    back = queries.get_back(session, tenant, back_id=back_id, lock=True)
    if back.state == "succeeded" and outcome.status == "declined" and back.receipt_id is None:
        _came_again(session, tenant, back, amount=back.amount, reference=f"{back.external_id}/failed", at=at)
        back.state, back.reason = "declined", outcome.reason
    elif back.state in _OPEN:
        back.external_id = outcome.id or back.external_id
        back.state = outcome.status
        if outcome.status == "declined":
            back.reason = outcome.reason or back.reason
        if outcome.status == "succeeded":
            _reverse(session, tenant, back, kind="refunded", at=at)
        if outcome.status in ("succeeded", "declined"):
            back.settled_at = at
            outbox.publish(
                session,
                tenant,
                "payment.refunded" if outcome.status == "succeeded" else "payment.refund_failed",
                once_key=f"refund_{outcome.status}:{back.id}",
                back_id=back.id,
            )
    session.flush()
    return back


def note_refund(
    session: Session, tenant: Tenant, *, attempt: PaymentAttempt, told: RefundReported, at: datetime
) -> MoneyBack | None:
    """A provider tells of a refund: one of ours by its key, or one that somebody made there.

    None for one of the client's credit, whose own row is settled.
    """
    queries.get_attempt(session, tenant, attempt_id=attempt.id, lock=True)
    if credit_refunds.take_told(session, tenant, key=told.key, outcome=told.outcome, at=at):
        return None
    known = [
        row
        for row in queries.backs_of(session, tenant, attempt_ids=[attempt.id])
        if row.kind == "refund" and (row.id == told.key or row.external_id == told.outcome.id)
    ]
    if known:
        return settle_back(session, tenant, back_id=known[0].id, outcome=told.outcome, at=at)
    if told.outcome.money is None or told.outcome.status == "declined":
        raise Conflict(f"The refund {told.outcome.id} is unknown here and did not happen.")
    _check_currency(attempt, told.outcome.money, told.outcome.id)
    back = _add(
        session,
        tenant,
        attempt,
        kind="refund",
        amount=told.outcome.money.amount,
        reason="Refunded at the provider",
        external_id=told.outcome.id,
        at=at,
    )
    return settle_back(session, tenant, back_id=back.id, outcome=told.outcome, at=at)


def note_dispute(
    session: Session, tenant: Tenant, *, attempt: PaymentAttempt, told: DisputeReported, at: datetime
) -> MoneyBack:
    """The payer's bank took money back, or returned it: its invoice is open again, or paid again.

    What is returned was taken before, whether we were told of that or not yet.
    """
    queries.get_attempt(session, tenant, attempt_id=attempt.id, lock=True)
    taken = _dispute(session, tenant, attempt, told, kind="chargeback", at=at)
    if told.is_lost:
        return taken
    return _dispute(session, tenant, attempt, told, kind="chargeback_won", at=at, taken=taken)


def _dispute(
    session: Session,
    tenant: Tenant,
    attempt: PaymentAttempt,
    told: DisputeReported,
    *,
    kind: str,
    at: datetime,
    taken: MoneyBack | None = None,
) -> MoneyBack:
    for row in queries.backs_of(session, tenant, attempt_ids=[attempt.id]):
        if (row.kind, row.external_id) == (kind, told.dispute_id):
            return row
    _check_currency(attempt, told.money, told.dispute_id)
    back = _add(
        session,
        tenant,
        attempt,
        kind=kind,
        amount=told.money.amount,
        reason=told.reason or "Disputed",
        external_id=told.dispute_id,
        at=at,
    )
    if taken is None:
        _reverse(session, tenant, back, kind="chargeback", at=at)
    else:
        # What the client had been given back before was our loss, and is ours again: it pays no invoice.
        lost = _shortfall_of(session, tenant, taken)
        if back.amount > lost:
            _came_again(
                session, tenant, back, amount=back.amount - lost, reference=f"{told.dispute_id}/won", at=at
            )
    back.state, back.settled_at = "succeeded", at
    session.flush()
    outbox.publish(
        session,
        tenant,
        "payment.disputed" if taken is None else "payment.dispute_won",
        once_key=f"{kind}:{back.id}",
        back_id=back.id,
    )
    return back


def _ask(
    provider: PaymentProvider, request: RefundRequest, *, sent_at: datetime | None, theirs: str
) -> Outcome:
    try:
        if theirs:
            told = provider.find_refund(key=request.key, payment_id=request.payment_id, refund_id=theirs)
            return told or UNKNOWN
        if sent_at is not None:
            found = provider.find_refund(key=request.key, payment_id=request.payment_id)
            if found is not None:
                return found
            if clock.now() - sent_at > KEYS_KEPT:
                return Outcome("declined", decline="soft", reason="never_arrived")
        return provider.refund(request)
    except ProviderRefused as refusal:
        if theirs:
            return UNKNOWN
        return Outcome("declined", decline="hard", reason=refusal.message[:200])
    except ProviderUnreachable:
        return UNKNOWN


def _check_currency(attempt: PaymentAttempt, told: Money, what: str) -> None:
    """Another currency's amount is never taken for that of the payment: somebody must look."""
    if told.currency != attempt.currency:
        raise Conflict(f"{what} is {told.amount} {told.currency}, and {attempt.id} is in {attempt.currency}.")


def _add(
    session: Session,
    tenant: Tenant,
    attempt: PaymentAttempt,
    *,
    kind: str,
    amount: Decimal,
    reason: str,
    external_id: str | None,
    at: datetime,
) -> MoneyBack:
    back = MoneyBack(
        partner_id=tenant.partner_id,
        id=new_id("mbk"),
        client_id=attempt.client_id,
        attempt_id=attempt.id,
        kind=kind,
        state="created",
        amount=amount,
        currency=attempt.currency,
        external_id=external_id,
        reason=reason,
        created_at=at,
        actor=tenant.actor,
    )
    session.add(back)
    session.flush()
    return back


def _reverse(session: Session, tenant: Tenant, back: MoneyBack, *, kind: str, at: datetime) -> None:
    receipt = _receipt(session, tenant, back)
    back.reversal_id = reverse_receipt(
        session,
        tenant,
        receipt_id=receipt.id,
        amount=back.amount,
        reason=back.reason,
        on=max(_today(session, tenant, at), receipt.received_on),
        at=at,
        kind=kind,
        reference=back.external_id or back.id,
        by_provider=True,
    ).id


def _shortfall_of(session: Session, tenant: Tenant, taken: MoneyBack) -> Decimal:
    """What of it had gone back to the client before, and was lost."""
    return session.scalars(
        scoped(ReceiptReversal, tenant)
        .where(ReceiptReversal.id == taken.reversal_id)
        .with_only_columns(ReceiptReversal.shortfall)
    ).one()


def _came_again(
    session: Session, tenant: Tenant, back: MoneyBack, *, amount: Decimal, reference: str, at: datetime
) -> None:
    receipt = _receipt(session, tenant, back)
    back.receipt_id = record_receipt(
        session,
        tenant,
        client_id=back.client_id,
        amount=amount,
        currency=back.currency,
        received_on=_today(session, tenant, at),
        method=receipt.method,
        reference=reference,
        allocations=None,
        source="provider",
        provider=receipt.provider,
        at=at,
    ).id


def _receipt(session: Session, tenant: Tenant, back: MoneyBack) -> Receipt:
    attempt = queries.get_attempt(session, tenant, attempt_id=back.attempt_id)
    return session.scalars(scoped(Receipt, tenant).where(Receipt.id == attempt.receipt_id)).one()


def _today(session: Session, tenant: Tenant, at: datetime) -> date:
    return local_day(at, session.get_one(Partner, tenant.partner_id).time_zone)
