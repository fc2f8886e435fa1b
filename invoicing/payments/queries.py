"""Reads: accounts, methods, attempts with what went back of them, payouts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from invoicing.payments.errors import NoProvider
from invoicing.payments.lifecycle import OPEN, PAID_PERHAPS
from invoicing.payments.models import (
    MoneyBack,
    PaymentAccount,
    PaymentAttempt,
    PaymentMethod,
    PaymentSetup,
    Payout,
    PayoutLine,
)


def accounts_of(session: Session, tenant: Tenant) -> Sequence[PaymentAccount]:
    """The partner's accounts, those that are closed last."""
    return session.scalars(
        scoped(PaymentAccount, tenant).order_by(PaymentAccount.closed_at.is_not(None), PaymentAccount.id)
    ).all()


def get_account(session: Session, tenant: Tenant, *, account_id: str, lock: bool = False) -> PaymentAccount:
    """An account.

    :raises NotFound: if this tenant has none by that id.
    """
    statement = scoped(PaymentAccount, tenant).where(PaymentAccount.id == account_id)
    found = session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound(f"There is no payment account {account_id}.")
    return found


def find_default_account(session: Session, tenant: Tenant) -> PaymentAccount | None:
    """What new payments go through."""
    return session.scalar(scoped(PaymentAccount, tenant).where(PaymentAccount.is_default))


def default_account(session: Session, tenant: Tenant) -> PaymentAccount:
    """The same.

    :raises NoProvider: if there is none.
    """
    found = find_default_account(session, tenant)
    if found is None:
        raise NoProvider("No payment provider is connected. Connect one under Settings, Payments.")
    return found


def methods_of(session: Session, tenant: Tenant, *, client_id: str) -> Sequence[PaymentMethod]:
    """What the client has saved and not removed, the default first."""
    return session.scalars(
        scoped(PaymentMethod, tenant)
        .where(PaymentMethod.client_id == client_id, PaymentMethod.removed_at.is_(None))
        .order_by(PaymentMethod.is_default.desc(), PaymentMethod.id)
    ).all()


def get_method(session: Session, tenant: Tenant, *, method_id: str, lock: bool = False) -> PaymentMethod:
    """A saved method.

    :raises NotFound: if this tenant has none by that id, or it was removed.
    """
    statement = scoped(PaymentMethod, tenant).where(
        PaymentMethod.id == method_id, PaymentMethod.removed_at.is_(None)
    )
    found = session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound(f"There is no payment method {method_id}.")
    return found


def get_setup(session: Session, tenant: Tenant, *, setup_id: str, lock: bool = False) -> PaymentSetup:
    """A visit to the provider's page for saving.

    :raises NotFound: if this tenant has none by that id.
    """
    statement = scoped(PaymentSetup, tenant).where(PaymentSetup.id == setup_id)
    found = session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound(f"There is no such page {setup_id}.")
    return found


def list_attempts(tenant: Tenant, *, invoice_id: str | None = None) -> sa.Select[PaymentAttempt]:
    """Attempts, to be paged by the caller."""
    statement = scoped(PaymentAttempt, tenant)
    return statement.where(PaymentAttempt.invoice_id == invoice_id) if invoice_id else statement


def attempts_of(session: Session, tenant: Tenant, *, invoice_id: str) -> Sequence[PaymentAttempt]:
    """An invoice's attempts, the newest first."""
    return session.scalars(
        list_attempts(tenant, invoice_id=invoice_id).order_by(PaymentAttempt.id.desc())
    ).all()


def find_attempt(
    session: Session, tenant: Tenant, *, attempt_id: str, lock: bool = False
) -> PaymentAttempt | None:
    """An attempt by its id, which is its key at the provider."""
    statement = scoped(PaymentAttempt, tenant).where(PaymentAttempt.id == attempt_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def get_attempt(session: Session, tenant: Tenant, *, attempt_id: str, lock: bool = False) -> PaymentAttempt:
    """An attempt.

    :raises NotFound: if this tenant has none by that id.
    """
    found = find_attempt(session, tenant, attempt_id=attempt_id, lock=lock)
    if found is None:
        raise NotFound(f"There is no payment attempt {attempt_id}.")
    return found


def under_way(session: Session, tenant: Tenant) -> set[str]:
    """Invoices that a method is charged for, or that were paid on a page whose money is not certain yet."""
    return set(
        session.scalars(
            scoped(PaymentAttempt, tenant)
            .where(
                PaymentAttempt.state.in_(OPEN),
                sa.or_(PaymentAttempt.kind == "charge", PaymentAttempt.state.in_(PAID_PERHAPS)),
            )
            .with_only_columns(PaymentAttempt.invoice_id)
        )
    )


def pages_waiting(session: Session, tenant: Tenant, *, invoice_ids: Sequence[str]) -> Sequence[str]:
    """Attempts at these invoices whose page nobody has paid on, as far as is known."""
    return session.scalars(
        scoped(PaymentAttempt, tenant)
        .where(
            PaymentAttempt.invoice_id.in_(invoice_ids),
            PaymentAttempt.kind == "checkout",
            PaymentAttempt.state.in_(OPEN),
        )
        .with_only_columns(PaymentAttempt.id)
    ).all()


def find_open_attempt(session: Session, tenant: Tenant, *, invoice_id: str) -> PaymentAttempt | None:
    """The attempt at an invoice that is not over, if there is one."""
    return session.scalar(
        scoped(PaymentAttempt, tenant).where(
            PaymentAttempt.invoice_id == invoice_id, PaymentAttempt.state.in_(OPEN)
        )
    )


def find_attempt_of_payment(
    session: Session, tenant: Tenant, *, account_id: str, payment_id: str
) -> PaymentAttempt | None:
    """The attempt that became this payment."""
    return session.scalar(
        scoped(PaymentAttempt, tenant).where(
            PaymentAttempt.account_id == account_id, PaymentAttempt.payment_id == payment_id
        )
    )


def waiting(
    session: Session, tenant: Tenant, *, sent_before: datetime, limit: int
) -> Sequence[PaymentAttempt]:
    """Attempts that are not over and whose provider was not asked for a while, the oldest first."""
    return session.scalars(
        scoped(PaymentAttempt, tenant)
        .where(
            PaymentAttempt.state.in_(OPEN),
            sa.func.coalesce(PaymentAttempt.sent_at, PaymentAttempt.created_at) < sent_before,
        )
        .order_by(PaymentAttempt.id)
        .limit(limit)
    ).all()


def backs_of(session: Session, tenant: Tenant, *, attempt_ids: Sequence[str]) -> Sequence[MoneyBack]:
    """What went back of these attempts, oldest first."""
    if not attempt_ids:
        return []
    return session.scalars(
        scoped(MoneyBack, tenant).where(MoneyBack.attempt_id.in_(attempt_ids)).order_by(MoneyBack.id)
    ).all()


def get_back(session: Session, tenant: Tenant, *, back_id: str, lock: bool = False) -> MoneyBack:
    """Money that goes back.

    :raises NotFound: if this tenant has none by that id.
    """
    statement = scoped(MoneyBack, tenant).where(MoneyBack.id == back_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(statement)
    if found is None:
        raise NotFound(f"There is no refund {back_id}.")
    return found


def list_payouts(tenant: Tenant) -> sa.Select[Payout]:
    """Payouts, to be paged by the caller."""
    return scoped(Payout, tenant)


def get_payout(session: Session, tenant: Tenant, *, payout_id: str) -> Payout:
    """A payout.

    :raises NotFound: if this tenant has none by that id.
    """
    found = session.scalar(scoped(Payout, tenant).where(Payout.id == payout_id))
    if found is None:
        raise NotFound(f"There is no payout {payout_id}.")
    return found


def lines_of_payout(session: Session, tenant: Tenant, *, payout_id: str) -> Sequence[PayoutLine]:
    """What it is made of, in the provider's order."""
    return session.scalars(
        scoped(PayoutLine, tenant).where(PayoutLine.payout_id == payout_id).order_by(PayoutLine.id)
    ).all()
