"""A client's credit that goes back by the provider through which it came (`invoicing.money.refunds`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import clock, db
from haas.calendar import local_day
from haas.crash import crashpoint
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing.money.models import Refund
from invoicing.money.refunds import (
    ASKED,
    BY_PROVIDER,
    FAILED,
    PAID,
    RETURNED,
    get_refund,
    mark_failed,
    mark_paid,
)
from invoicing.payments import accounts, queries
from invoicing.payments.charges import KEYS_KEPT
from invoicing.payments.models import PaymentAttempt
from invoicing.payments.protocol import (
    UNKNOWN,
    Money,
    Outcome,
    PaymentProvider,
    ProviderRefused,
    ProviderUnreachable,
    RefundRequest,
)


def carry_out(tenant: Tenant, *, refund_id: str, settings: Settings) -> None:
    """Have the provider give credit back, or learn what became of it. Opens its own units of work.

    The refund's id is the key. A transfer that somebody makes at the bank is left alone.

    :raises ProviderUnreachable: if nothing is known still: whoever calls comes again.
    """
    with db.unit_of_work(tenant) as session:
        refund = get_refund(session, tenant, refund_id=refund_id)
        if refund.channel != BY_PROVIDER or refund.state != ASKED:
            return
        attempt = session.scalar(
            scoped(PaymentAttempt, tenant).where(PaymentAttempt.receipt_id == refund.receipt_id)
        )
        if attempt is None:  # the money of a dispute that was won: the provider knows it under no payment
            _settle(session, tenant, refund_id, Outcome("declined", reason="no_payment"), at=clock.now())
            return
        account = queries.get_account(session, tenant, account_id=attempt.account_id)
        provider = accounts.provider_of(account, settings)
        money = Money.of(refund.amount, refund.currency)
    crashpoint("balance_refund.before_send")
    outcome = _ask(
        provider, RefundRequest(refund.id, attempt.payment_id or "", money), asked_at=refund.asked_at
    )
    crashpoint("balance_refund.after_send")
    with db.unit_of_work(tenant) as session:
        _settle(session, tenant, refund_id, outcome, at=clock.now())
        crashpoint("balance_refund.before_commit")
    if outcome.status == "unknown":
        raise ProviderUnreachable(f"It is not known yet what became of {refund_id}.")


def take_told(session: Session, tenant: Tenant, *, key: str, outcome: Outcome, at: datetime) -> bool:
    """A provider tells of a refund: whether it is one of credit, which is then settled."""
    if session.scalar(scoped(Refund, tenant).where(Refund.id == key)) is None:
        return False
    _settle(session, tenant, key, outcome, at=at)
    return True


def of_receipts(session: Session, tenant: Tenant, *, receipt_ids: Sequence[str]) -> dict[str, list[Decimal]]:
    """What goes or went back of receipts as credit, by the provider."""
    found: dict[str, list[Decimal]] = {}
    rows = session.execute(
        sa.select(Refund.receipt_id, Refund.amount).where(
            Refund.partner_id == tenant.partner_id,
            Refund.receipt_id.in_(receipt_ids),
            Refund.channel == BY_PROVIDER,
            Refund.state.not_in((FAILED, RETURNED)),
        )
    )
    for row in rows:
        found.setdefault(row.receipt_id, []).append(row.amount)
    return found


def waiting(session: Session, tenant: Tenant, *, asked_before: datetime, limit: int) -> Sequence[str]:
    """Refunds of credit that the provider was asked for a while ago."""
    return session.scalars(
        scoped(Refund, tenant)
        .where(Refund.channel == BY_PROVIDER, Refund.state == ASKED, Refund.asked_at < asked_before)
        .with_only_columns(Refund.id)
        .limit(limit)
    ).all()


def _ask(provider: PaymentProvider, request: RefundRequest, *, asked_at: datetime) -> Outcome:
    try:
        found = provider.find_refund(key=request.key, payment_id=request.payment_id)
        if found is not None:
            return found
        if clock.now() - asked_at > KEYS_KEPT:
            return Outcome("declined", decline="soft", reason="never_arrived")
        return provider.refund(request)
    except ProviderRefused as refusal:
        return Outcome("declined", decline="hard", reason=refusal.message[:200])
    except ProviderUnreachable:
        return UNKNOWN


def _settle(session: Session, tenant: Tenant, refund_id: str, outcome: Outcome, *, at: datetime) -> None:
    """What is known already changes nothing; what fails after it was paid is credit again."""
    state = get_refund(session, tenant, refund_id=refund_id).state
    if state not in (ASKED, PAID):
        return
    if outcome.status == "succeeded":
        on = _today(session, tenant, at)
        mark_paid(session, tenant, refund_id=refund_id, reference=outcome.id, on=on, at=at, by_provider=True)
    elif outcome.status == "declined":
        on = _today(session, tenant, at)
        failure = outcome.reason or "declined"
        mark_failed(session, tenant, refund_id=refund_id, failure=failure, on=on, at=at, by_provider=True)


def _today(session: Session, tenant: Tenant, at: datetime) -> date:
    return local_day(at, session.get_one(Partner, tenant.partner_id).time_zone)
