"""Reads: receipts, what became of them, refunds by filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.db import starts_with
from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from invoicing.models import Payment
from invoicing.money.models import BalanceEntry, Receipt, ReceiptReversal, Refund

# Tables of `invoicing.payments`, which stands on this room: read here, written there alone.
_ATTEMPT = sa.table("payment_attempt", *(sa.column(name) for name in ("partner_id", "id", "receipt_id")))
_BACK = sa.table(
    "money_back", *(sa.column(name) for name in ("partner_id", "attempt_id", "kind", "state", "amount"))
)
_TRANSFER = sa.table(  # of `invoicing.bank`, in the same way
    "transfer_item", *(sa.column(name) for name in ("partner_id", "refund_id", "state", "end_to_end_id"))
)
_UNDER_WAY = ("created", "sent", "pending", "unknown")


@dataclass(frozen=True, slots=True)
class ReceiptFilter:
    """What a list of receipts is narrowed to. Days are half-open."""

    client_id: str | None = None
    source: str | None = None
    received_from: date | None = None
    received_until: date | None = None
    reference_prefix: str | None = None


@dataclass(frozen=True, slots=True)
class ReceiptStory:
    """What became of a receipt."""

    payments: Sequence[Payment]
    to_credit: Decimal  # the sum of the credit's movements that are of this money
    reversals: Sequence[ReceiptReversal]

    @property
    def gone_back(self) -> Decimal:
        """What was reversed of it."""
        return sum((row.amount for row in self.reversals), Decimal(0))


def list_receipts(tenant: Tenant, *, where: ReceiptFilter) -> sa.Select[Receipt]:
    """Receipts, to be paged by the caller."""
    statement = scoped(Receipt, tenant)
    if where.client_id:
        statement = statement.where(Receipt.client_id == where.client_id)
    if where.source:
        statement = statement.where(Receipt.source == where.source)
    if where.received_from:
        statement = statement.where(Receipt.received_on >= where.received_from)
    if where.received_until:
        statement = statement.where(Receipt.received_on < where.received_until)
    if where.reference_prefix:
        statement = statement.where(starts_with(Receipt.reference, where.reference_prefix))
    return statement


def list_entries(
    tenant: Tenant, *, client_id: str | None = None, currency: str | None = None
) -> sa.Select[BalanceEntry]:
    """The ledger of clients' credit, to be paged by the caller."""
    statement = scoped(BalanceEntry, tenant)
    if client_id:
        statement = statement.where(BalanceEntry.client_id == client_id)
    return statement.where(BalanceEntry.currency == currency) if currency else statement


def list_refunds(
    tenant: Tenant, *, client_id: str | None = None, state: str | None = None, channel: str | None = None
) -> sa.Select[Refund]:
    """Refunds, to be paged by the caller."""
    statement = scoped(Refund, tenant)
    if client_id:
        statement = statement.where(Refund.client_id == client_id)
    if state:
        statement = statement.where(Refund.state == state)
    return statement.where(Refund.channel == channel) if channel else statement


def get_receipt(session: Session, tenant: Tenant, *, receipt_id: str) -> Receipt:
    """The receipt.

    :raises NotFound: if this tenant has none by that id.
    """
    found = session.scalar(scoped(Receipt, tenant).where(Receipt.id == receipt_id))
    if found is None:
        raise NotFound(f"There is no receipt {receipt_id}.")
    return found


def find_receipt(session: Session, tenant: Tenant, *, reference: str) -> Receipt | None:
    """The receipt by the bank's or provider's reference, if it was recorded."""
    return session.scalar(scoped(Receipt, tenant).where(Receipt.reference == reference))


def reversals_of(session: Session, tenant: Tenant, *, receipt_id: str) -> Sequence[ReceiptReversal]:
    """What went back of a receipt, oldest first."""
    return session.scalars(
        scoped(ReceiptReversal, tenant)
        .where(ReceiptReversal.receipt_id == receipt_id)
        .order_by(ReceiptReversal.id)
    ).all()


def payments_of_receipt(session: Session, tenant: Tenant, *, receipt_id: str) -> Sequence[Payment]:
    """What of it was put to invoices and taken off again, oldest first."""
    return session.scalars(
        scoped(Payment, tenant).where(Payment.receipt_id == receipt_id).order_by(Payment.id)
    ).all()


def credit_of_receipt(session: Session, tenant: Tenant, *, receipt_id: str) -> Decimal:
    """What the movements of the client's credit that are of this money come to."""
    found = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(BalanceEntry.amount), 0)).where(
            BalanceEntry.partner_id == tenant.partner_id, BalanceEntry.receipt_id == receipt_id
        )
    )
    return Decimal(found or 0)


def going_back_of(session: Session, tenant: Tenant, *, receipt_id: str) -> Decimal:
    """What a provider was asked to give back of a receipt and has not settled: payments and credit."""
    payments = (
        sa.select(sa.func.coalesce(sa.func.sum(_BACK.c.amount), 0))
        .join(
            _ATTEMPT,
            sa.and_(_ATTEMPT.c.partner_id == _BACK.c.partner_id, _ATTEMPT.c.id == _BACK.c.attempt_id),
        )
        .where(
            _BACK.c.partner_id == tenant.partner_id,
            _BACK.c.kind == "refund",
            _BACK.c.state.in_(_UNDER_WAY),
            _ATTEMPT.c.receipt_id == receipt_id,
        )
        .scalar_subquery()
    )
    credit = _credit_refunded(tenant, receipt_id=receipt_id, states=("asked",))
    return Decimal(session.scalar(sa.select(payments + credit)) or 0)


def find_transfer_of(session: Session, tenant: Tenant, *, refund_id: str) -> str | None:
    """The end-to-end reference of the transfer by which the bank was ordered to pay a refund, while it is."""
    return session.scalar(
        sa.select(_TRANSFER.c.end_to_end_id).where(
            _TRANSFER.c.partner_id == tenant.partner_id,
            _TRANSFER.c.refund_id == refund_id,
            _TRANSFER.c.state == "ordered",
        )
    )


def left_at_provider(session: Session, tenant: Tenant, *, receipt: Receipt) -> Decimal:
    """What a provider could still be asked to give back: what came, less what went back or is on its way."""
    reversed_ = sum((row.amount for row in reversals_of(session, tenant, receipt_id=receipt.id)), Decimal(0))
    credit = session.scalar(
        sa.select(_credit_refunded(tenant, receipt_id=receipt.id, states=("paid",)))
    ) or Decimal(0)
    left = receipt.amount - reversed_ - credit - going_back_of(session, tenant, receipt_id=receipt.id)
    return max(left, Decimal(0))  # the payer's bank takes its money back, whatever goes back already


def _credit_refunded(tenant: Tenant, *, receipt_id: str, states: Sequence[str]) -> sa.ScalarSelect[Decimal]:
    return (
        sa.select(sa.func.coalesce(sa.func.sum(Refund.amount), 0))
        .where(
            Refund.partner_id == tenant.partner_id,
            Refund.receipt_id == receipt_id,
            Refund.channel == "provider",
            Refund.state.in_(states),
        )
        .scalar_subquery()
    )


def story_of(session: Session, tenant: Tenant, *, receipt: Receipt) -> ReceiptStory:
    """What the receipt paid, what is credit of it, what went back; three queries."""
    return ReceiptStory(
        payments_of_receipt(session, tenant, receipt_id=receipt.id),
        credit_of_receipt(session, tenant, receipt_id=receipt.id),
        reversals_of(session, tenant, receipt_id=receipt.id),
    )
