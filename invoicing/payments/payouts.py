"""Payouts: fetched from the provider, their fees written to receipts, and compared with what we recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from haas import clock, db
from haas.ids import new_id
from haas.settings import Settings
from haas.tenancy.scope import Tenant, scoped
from invoicing.bulk import among
from invoicing.money.models import Receipt
from invoicing.payments import accounts, credit_refunds, protocol, queries, settling
from invoicing.payments.models import MoneyBack, PaymentAttempt, Payout, PayoutLine

LOOKED_BACK = timedelta(days=14)  # each sweep asks for as many days again: a payout may change its state


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One line beside what we recorded of it. `recorded` is none where we know of nothing."""

    line: PayoutLine
    invoice_id: str | None
    recorded: Decimal | None

    @property
    def difference(self) -> Decimal:
        """What the provider says less what we say; fees and adjustments are the provider's alone."""
        if self.line.kind in ("fee", "adjustment"):
            return Decimal(0)
        return self.line.amount - (self.recorded or Decimal(0))


@dataclass(frozen=True, slots=True)
class Report:
    """A payout and whether it adds up."""

    payout: Payout
    lines: Sequence[Reconciled]

    @property
    def amount(self) -> Decimal:
        """All lines before fees."""
        return sum((each.line.amount for each in self.lines), Decimal(0))

    @property
    def fees(self) -> Decimal:
        """What the provider kept."""
        return sum((each.line.fee for each in self.lines), Decimal(0))

    @property
    def unexplained(self) -> Decimal:
        """What arrives less what the lines add up to; nothing, unless the provider's own report is wrong."""
        return self.payout.amount - self.amount + self.fees

    @property
    def differences(self) -> list[Reconciled]:
        """Lines that are not as we recorded them."""
        return [each for each in self.lines if each.difference]


def fetch(tenant: Tenant, *, account_id: str, since: date, settings: Settings) -> int:
    """Fetch all payouts made since a day; how many there were. Opens its own units of work."""
    with db.unit_of_work(tenant) as session:
        account = queries.get_account(session, tenant, account_id=account_id)
        provider = accounts.provider_of(account, settings)
    found = provider.list_payouts(since=since)
    for payout in found:
        _keep(tenant, account_id, payout, provider.payout_report(payout.id))
    return len(found)


def fetch_lately(tenant: Tenant, *, account_id: str, settings: Settings) -> int:
    """Fetch those of the last days: what a webhook tells of is among them."""
    since = (clock.now() - LOOKED_BACK).date()
    return fetch(tenant, account_id=account_id, since=since, settings=settings)


def report(session: Session, tenant: Tenant, *, payout: Payout) -> Report:
    """A payout line by line beside attempts, receipts and refunds; five queries however many lines."""
    lines = queries.lines_of_payout(session, tenant, payout_id=payout.id)
    attempts = {
        row.payment_id: row
        for row in session.scalars(
            scoped(PaymentAttempt, tenant).where(
                PaymentAttempt.account_id == payout.account_id,
                among(PaymentAttempt.payment_id, {line.payment_id for line in lines}),
            )
        )
    }
    receipts = {
        row.id: row.amount
        for row in session.execute(
            scoped(Receipt, tenant)
            .where(among(Receipt.id, {row.receipt_id or "" for row in attempts.values()}))
            .with_only_columns(Receipt.id, Receipt.amount)
        )
    }
    backs = session.scalars(
        scoped(MoneyBack, tenant).where(
            among(MoneyBack.attempt_id, {row.id for row in attempts.values()}), MoneyBack.state == "succeeded"
        )
    ).all()
    credit = credit_refunds.of_receipts(session, tenant, receipt_ids=list(receipts))
    return Report(payout, [_reconciled(line, attempts, receipts, backs, credit) for line in lines])


def _reconciled(
    line: PayoutLine,
    attempts: dict[str | None, PaymentAttempt],
    receipts: dict[str, Decimal],
    backs: Sequence[MoneyBack],
    credit: dict[str, list[Decimal]],
) -> Reconciled:
    attempt = attempts.get(line.payment_id)
    if attempt is None:
        return Reconciled(line, None, None)
    if line.kind == "payment":
        return Reconciled(line, attempt.invoice_id, receipts.get(attempt.receipt_id or ""))
    kinds = ("refund",) if line.kind == "refund" else ("chargeback", "chargeback_won")
    gone = [
        (row.amount if row.kind == "chargeback_won" else -row.amount)
        for row in backs
        if row.attempt_id == attempt.id and row.kind in kinds
    ]
    if line.kind == "refund":
        gone += [-amount for amount in credit.get(attempt.receipt_id or "", [])]
    # Several refunds of one payment are told apart by their amounts: a line has no key of ours.
    return Reconciled(line, attempt.invoice_id, line.amount if line.amount in gone else None)


def _keep(
    tenant: Tenant, account_id: str, payout: protocol.Payout, lines: Sequence[protocol.PayoutLine]
) -> None:
    with db.unit_of_work(tenant) as session:
        kept_id = _keep_payout(session, tenant, account_id, payout, at=clock.now())
        for line in lines:
            session.execute(
                insert(PayoutLine)
                .values(
                    partner_id=tenant.partner_id,
                    id=new_id("pol"),
                    payout_id=kept_id,
                    external_id=line.id,
                    kind=line.kind,
                    payment_id=line.payment_id,
                    amount=line.amount.amount,
                    fee=line.fee.amount,
                    currency=line.amount.currency,
                )
                .on_conflict_do_nothing(index_elements=["partner_id", "payout_id", "external_id"])
            )
        _learn_fees(session, tenant, account_id, lines)


def _keep_payout(
    session: Session, tenant: Tenant, account_id: str, payout: protocol.Payout, *, at: datetime
) -> str:
    values = {
        "amount": payout.money.amount,
        "arrives_on": payout.arrives_on,
        "status": payout.status,
        "fetched_at": at,
    }
    statement = (
        insert(Payout)
        .values(
            partner_id=tenant.partner_id,
            id=new_id("pyo"),
            account_id=account_id,
            external_id=payout.id,
            currency=payout.money.currency,
            **values,
        )
        .on_conflict_do_update(index_elements=["partner_id", "account_id", "external_id"], set_=values)
        .returning(Payout.id)
    )
    return str(session.execute(statement).scalar_one())


def _learn_fees(
    session: Session, tenant: Tenant, account_id: str, lines: Sequence[protocol.PayoutLine]
) -> None:
    fees = {line.payment_id: line.fee for line in lines if line.kind == "payment" and line.fee.minor > 0}
    rows = session.execute(
        sa.select(PaymentAttempt.payment_id, PaymentAttempt.receipt_id, PaymentAttempt.currency).where(
            PaymentAttempt.partner_id == tenant.partner_id,
            PaymentAttempt.account_id == account_id,
            among(PaymentAttempt.payment_id, fees),
            PaymentAttempt.receipt_id.is_not(None),
        )
    ).all()
    for row in rows:
        if fees[row.payment_id].currency == row.currency:
            settling.learn_fee(session, tenant, receipt_id=row.receipt_id, fee=fees[row.payment_id].amount)
