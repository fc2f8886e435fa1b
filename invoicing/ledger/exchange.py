"""Exchange differences that payments realised: read by invoice, and posted in the partner's currency.

An entry of one side for what the foreign money was worth more or less (`conversion`) and one for the gain or
loss: so the books of each currency stay balanced, and in the partner's currency they tie as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import add_months
from haas.tenancy.models import Partner
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant
from invoicing.ledger import journal
from invoicing.ledger.chart import Book, Purpose
from invoicing.ledger.exchange_rules import POLICY, ExchangePolicy, Settled, realised
from invoicing.ledger.journal import Draft, Posted, Side, Unposted
from invoicing.ledger.models import JournalEntry, JournalLine
from invoicing.models import Invoice, Payment
from invoicing.money import rates
from invoicing.money.rate_rules import FoundRate, RateTable

STEP = KIND = "exchange"
KEY = "realised"
CHUNK_INVOICES = 5_000
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Billed:
    """An invoice in another currency, and what one unit of it was worth on its day if that is known."""

    invoice_id: str
    number: str
    client_id: str
    currency: str
    issued_on: date
    rate: FoundRate | None


@dataclass(frozen=True, slots=True)
class Realised:
    """What one payment, or the taking off of one, gained: below 0 it lost; none while a rate is missing."""

    payment_id: str
    billed: Billed
    amount: Decimal  # in the invoice's currency
    on: date
    paid_rate: FoundRate | None
    gain: Decimal | None  # in the partner's currency
    is_reversal: bool
    is_posted: bool
    counts: bool  # whether the partner's rule lets it be posted

    @property
    def missing_on(self) -> date | None:
        """The day whose rate is missing; none if none is."""
        if self.gain is not None:
            return None
        return self.billed.issued_on if self.billed.rate is None else self.on


def policy_of(session: Session, tenant: Tenant) -> ExchangePolicy:
    """The partner's rule."""
    return ExchangePolicy.of_policies(session.get_one(Partner, tenant.partner_id).policies)


def change_policy(session: Session, tenant: Tenant, *, policy: ExchangePolicy) -> ExchangePolicy:
    """Post differences, or no longer, from now on; what is posted stays."""
    partner = lock_partner(session, tenant)
    partner.policies = {**partner.policies, POLICY: policy.kept()}
    session.flush()
    return policy


def ranges(
    session: Session, tenant: Tenant, *, month: date, size: int = CHUNK_INVOICES
) -> list[tuple[str, str, int]]:
    """(first id, last id, number) of the invoices in other currencies that were paid by a month."""
    if policy_of(session, tenant) == ExchangePolicy():
        return []
    ids = session.scalars(
        sa.select(Payment.invoice_id)
        .where(
            Payment.partner_id == tenant.partner_id,
            Payment.currency != _own(session, tenant),
            Payment.received_on < add_months(month, 1),
        )
        .distinct()
        .order_by(Payment.invoice_id)
    ).all()
    return journal.ranges_of(ids, size=size)


def post(
    session: Session,
    tenant: Tenant,
    *,
    month: date,
    first_id: str,
    last_id: str,
    run_id: str,
    at: datetime,
) -> Posted:
    """Post what payments on a range of invoices realised up to the end of a month and is not posted.

    What lacks a rate is left for the run after it is on file; the report names it.
    """
    drafts = list(_drafts(session, tenant, month=month, first_id=first_id, last_id=last_id))
    return journal.post_drafts(
        session, tenant, kind=KIND, book=Book.FINANCIAL, drafts=drafts, run_id=run_id, at=at
    )


def preview(session: Session, tenant: Tenant, *, month: date, partner: Partner) -> list[Unposted]:
    """What `post` would write of all invoices, by currency."""
    if ExchangePolicy.of_policies(partner.policies) == ExchangePolicy():
        return []
    return journal.sum_drafts(
        (KIND, draft)
        for first_id, last_id, _ in ranges(session, tenant, month=month)
        for draft in _drafts(session, tenant, month=month, first_id=first_id, last_id=last_id)
    )


def read_realised(
    session: Session, tenant: Tenant, *, invoices: sa.ColumnElement[bool], until: date
) -> list[Realised]:
    """What payments before the day `until` realised on the invoices that the condition names; three queries.

    In the order of the invoices' ids, and of one invoice as they were recorded.
    """
    own, policy = _own(session, tenant), policy_of(session, tenant)
    rows = session.execute(
        sa.select(Payment, *BILLED)
        .join(Invoice, sa.and_(Invoice.partner_id == Payment.partner_id, Invoice.id == Payment.invoice_id))
        .where(
            Payment.partner_id == tenant.partner_id,
            Payment.currency != own,
            Payment.received_on < until,
            invoices,
        )
        .order_by(Payment.invoice_id, Payment.id)
    ).all()
    if not rows:
        return []
    days = [day for row in rows for day in (row.issued_on, row[0].received_on)]
    table = rates.load(
        session, tenant, codes={own, *(row.currency for row in rows)}, first=min(days), last=max(days)
    )
    posted = _posted(session, tenant, invoices=invoices)
    found: list[Realised] = []
    for _, group in groupby(rows, key=lambda row: row[0].invoice_id):
        of_invoice = list(group)
        billed = billed_of(of_invoice[0], own=own, table=table)
        payments: list[Payment] = [row[0] for row in of_invoice]
        paid = {each.id: table.on(each.currency, own, each.received_on) for each in payments}
        gains = realised(
            [_settled(each, paid[each.id]) for each in payments],
            billed_rate=billed.rate.rate if billed.rate else None,
            currency=own,
            posted=posted,
        )
        days_paid = {each.id: each.received_on for each in payments}
        found += [
            Realised(
                payment_id=each.id,
                billed=billed,
                amount=each.amount,
                on=each.received_on,
                paid_rate=paid[each.id],
                gain=gains[each.id],
                is_reversal=each.reverses_payment_id is not None,
                is_posted=each.id in posted,
                # What is taken off follows the payment: what was not posted is not taken back, and what was
                # posted is, from whatever day on the rule counts by now.
                counts=policy.counts(days_paid.get(each.reverses_payment_id or each.id, each.received_on))
                or (policy.is_posted and each.reverses_payment_id in posted),
            )
            for each in payments
        ]
    return found


# What `billed_of` asks of an invoice. What its paper says of its tax in the own currency is its rate.
BILLED = (
    Invoice.id,
    Invoice.number,
    Invoice.client_id,
    Invoice.currency,
    Invoice.issued_on,
    Invoice.document[("accounting", "currency")].astext.label("stated_in"),
    Invoice.document[("accounting", "rate")].astext.label("stated_rate"),
    Invoice.document[("accounting", "rate_on")].astext.label("stated_on"),
    Invoice.document[("accounting", "source")].astext.label("stated_by"),
)


def billed_of(row: Any, *, own: str, table: RateTable) -> Billed:
    """A row of `BILLED` with its rate: the one that its paper states, else that of the day of issue."""
    rate = table.on(row.currency, own, row.issued_on)
    if row.stated_in == own:
        rate = FoundRate(Decimal(row.stated_rate), date.fromisoformat(row.stated_on), row.stated_by or "")
    return Billed(row.id, row.number, row.client_id, row.currency, row.issued_on, rate)


def _own(session: Session, tenant: Tenant) -> str:
    return session.get_one(Partner, tenant.partner_id).currency


def _settled(payment: Payment, rate: FoundRate | None) -> Settled:
    return Settled(payment.id, payment.amount, rate.rate if rate else None, payment.reverses_payment_id)


def _posted(session: Session, tenant: Tenant, *, invoices: sa.ColumnElement[bool]) -> dict[str, Decimal]:
    """The gain of each payment as it is posted, by id."""
    rows = session.execute(
        sa.select(JournalEntry.source_id, JournalLine.amount)
        .join(
            JournalLine,
            sa.and_(
                JournalLine.partner_id == JournalEntry.partner_id, JournalLine.entry_id == JournalEntry.id
            ),
        )
        .join(
            Payment,
            sa.and_(Payment.partner_id == JournalEntry.partner_id, Payment.id == JournalEntry.source_id),
        )
        .join(Invoice, sa.and_(Invoice.partner_id == Payment.partner_id, Invoice.id == Payment.invoice_id))
        .where(
            JournalEntry.partner_id == tenant.partner_id,
            JournalEntry.book == Book.FINANCIAL,
            JournalEntry.source_kind == KIND,
            JournalLine.purpose == Purpose.CONVERSION,
            invoices,
        )
    )
    return {payment_id: amount for payment_id, amount in rows}  # noqa: C416 - rows are no pairs for mypy


def _drafts(session: Session, tenant: Tenant, *, month: date, first_id: str, last_id: str) -> Iterator[Draft]:
    rows = read_realised(
        session,
        tenant,
        invoices=Payment.invoice_id.between(first_id, last_id),
        until=add_months(month, 1),
    )
    own, gained = _own(session, tenant), _gains(rows)
    for row in rows:
        if row.gain and row.counts and not row.is_posted:
            purpose = Purpose.EXCHANGE_GAIN if gained[row.payment_id] else Purpose.EXCHANGE_LOSS
            owner = {"client_id": row.billed.client_id}
            yield Draft(
                source_id=row.payment_id,
                key=KEY,
                dated_on=row.on,
                currency=own,
                reference=row.billed.number,
                sides=(Side(Purpose.CONVERSION, row.gain, **owner), Side(purpose, -row.gain, **owner)),
            )


def _gains(rows: Sequence[Realised]) -> Mapping[str, bool]:
    """Whether each is a gain; what takes one back is posted where it was."""
    return {row.payment_id: ((row.gain or _NOTHING) > 0) != row.is_reversal for row in rows}
