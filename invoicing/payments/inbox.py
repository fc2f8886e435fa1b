"""Webhooks: checked, stored, answered; then done by a job, in any order, each once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from haas import clock, db, outbox
from haas.crash import crashpoint
from haas.errors import NotFound
from haas.ids import new_id
from haas.settings import Settings
from haas.tenancy.scope import Stranger, Tenant, scoped
from invoicing.payments import accounts, methods, payouts, queries, refunds, settling
from invoicing.payments.models import PaymentAccount, PaymentAttempt, PaymentSetup, ProviderMessage
from invoicing.payments.protocol import (
    CheckoutExpired,
    DisputeReported,
    Fact,
    MethodSetUp,
    PaymentProvider,
    PaymentReported,
    PayoutReported,
    ProviderEvent,
    RefundReported,
)

BODY_BYTES_MAX = 256 * 1024
_FACTS = {
    kind.__name__: kind
    for kind in (
        PaymentReported,
        CheckoutExpired,
        MethodSetUp,
        RefundReported,
        DisputeReported,
        PayoutReported,
    )
}


def take_in(token: str, *, headers: Mapping[str, str], body: bytes, settings: Settings) -> None:
    """Store a webhook that its provider signed; the second of the same changes nothing. Own units of work.

    :raises NotFound: if no account is told at this address.
    :raises BadSignature: if it was not signed with the account's secret, or too long ago.
    """
    with db.unit_of_work(Stranger(token, actor="webhook")) as session:
        account = session.scalar(sa.select(PaymentAccount).where(PaymentAccount.webhook_token == token))
    if account is None:
        raise NotFound("Nobody listens at this address.")
    provider = accounts.provider_of(account, settings)
    event = provider.verify_webhook(
        headers=headers, body=body, secrets=accounts.webhook_secrets(account, settings)
    )
    tenant = Tenant(account.partner_id, actor=f"webhook:{account.id}", door="api")
    with db.unit_of_work(tenant) as session:
        _store(session, tenant, account=account, event=event, body=body, at=clock.now())
    crashpoint("pay.webhook_stored")


def process(tenant: Tenant, *, message_id: str, settings: Settings) -> None:
    """Do what a stored webhook says. A second run finds it done. Opens its own units of work."""
    with db.unit_of_work(tenant) as session:
        message = session.scalars(
            scoped(ProviderMessage, tenant).where(ProviderMessage.id == message_id)
        ).one()
        if message.processed_at is not None:
            return
        account = queries.get_account(session, tenant, account_id=message.account_id)
    for fact in read_facts(message.facts):
        _Desk(tenant, account, settings).take(fact)
    crashpoint("pay.webhook_done")
    with db.unit_of_work(tenant) as session:
        session.execute(
            sa.update(ProviderMessage)
            .where(ProviderMessage.partner_id == tenant.partner_id, ProviderMessage.id == message_id)
            .values(processed_at=clock.now())
        )


def written_facts(event: ProviderEvent) -> list[dict[str, Any]]:
    """Facts as JSON, each with its name."""
    return [{"fact": type(fact).__name__, "said": msgspec.to_builtins(fact)} for fact in event.facts]


def read_facts(written: list[Any]) -> list[Fact]:
    """The reverse of `written_facts`."""
    return [cast("Fact", msgspec.convert(each["said"], type=_FACTS[each["fact"]])) for each in written]


class _Desk:
    """One account's facts, one after the other."""

    def __init__(self, tenant: Tenant, account: PaymentAccount, settings: Settings) -> None:
        self._tenant = tenant
        self._account = account
        self._settings = settings

    def take(self, fact: Fact) -> None:
        tenant, settings = self._tenant, self._settings
        match fact:
            case MethodSetUp(key=key) if self._is_ours(PaymentSetup, key):
                methods.finish_setup(tenant, setup_id=key, settings=settings)
            case PayoutReported():
                payouts.fetch_lately(tenant, account_id=self._account.id, settings=settings)
            case PaymentReported() if self._is_ours(PaymentAttempt, fact.key):
                with db.unit_of_work(tenant) as session:
                    settling.settle(
                        session,
                        tenant,
                        attempt_id=fact.key,
                        outcome=fact.outcome,
                        is_final=fact.is_final,
                        at=clock.now(),
                    )
            case CheckoutExpired(key=key) if self._is_ours(PaymentAttempt, key):
                with db.unit_of_work(tenant) as session:
                    settling.expire(session, tenant, attempt_id=key, reason="expired", at=clock.now())
            case RefundReported() | DisputeReported():
                self._take_back(fact)

    def _take_back(self, fact: RefundReported | DisputeReported) -> None:
        attempt = self._paid_attempt(fact.payment_id)
        if attempt is None:
            return  # a payment that somebody took at the provider, without us
        with db.unit_of_work(self._tenant) as session:
            if isinstance(fact, RefundReported):
                refunds.note_refund(session, self._tenant, attempt=attempt, told=fact, at=clock.now())
            else:
                refunds.note_dispute(session, self._tenant, attempt=attempt, told=fact, at=clock.now())

    def _paid_attempt(self, payment_id: str) -> PaymentAttempt | None:
        """The attempt behind a payment. Money may go back before we were told that it came: then we ask."""
        tenant = self._tenant
        with db.unit_of_work(tenant) as session:
            found = queries.find_attempt_of_payment(
                session, tenant, account_id=self._account.id, payment_id=payment_id
            )
        if found is not None and found.receipt_id is not None:
            return found
        key, outcome = self._provider().find_payment(payment_id)
        if not self._is_ours(PaymentAttempt, key):
            return None
        with db.unit_of_work(tenant) as session:
            return settling.settle(session, tenant, attempt_id=key, outcome=outcome, at=clock.now())

    def _is_ours(self, model: type[PaymentAttempt | PaymentSetup], key: str) -> bool:
        """Other programs may use the account too: what they ask for has no key of ours."""
        with db.unit_of_work(self._tenant) as session:
            statement = scoped(model, self._tenant).where(
                model.id == key, model.account_id == self._account.id
            )
            return session.scalar(statement) is not None

    def _provider(self) -> PaymentProvider:
        return accounts.provider_of(self._account, self._settings)


def _store(
    session: Session,
    tenant: Tenant,
    *,
    account: PaymentAccount,
    event: ProviderEvent,
    body: bytes,
    at: datetime,
) -> None:
    message_id = new_id("pev")
    stored = session.scalar(
        insert(ProviderMessage)
        .values(
            partner_id=tenant.partner_id,
            id=message_id,
            account_id=account.id,
            event_id=event.id,
            kind=event.kind,
            body_sha256=hashlib.sha256(body).hexdigest(),
            facts=written_facts(event),
            received_at=at,
        )
        .on_conflict_do_nothing(index_elements=["partner_id", "account_id", "event_id"])
        .returning(ProviderMessage.id)
    )
    if stored is None:
        return
    session.execute(
        sa.update(PaymentAccount)
        .where(PaymentAccount.partner_id == tenant.partner_id, PaymentAccount.id == account.id)
        .values(webhook_heard_at=at)
    )
    outbox.publish(
        session, tenant, "payment.webhook_stored", message_id=message_id, once_key=f"webhook:{message_id}"
    )
