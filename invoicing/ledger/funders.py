"""What finance houses paid out for leases, and what they were paid back: principal and interest apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import add_months
from haas.tenancy.scope import Tenant, scoped
from invoicing.ledger import journal
from invoicing.ledger.chart import Book, Purpose
from invoicing.ledger.journal import Draft, Posted, Side, Unposted
from invoicing.ledger.models import JournalEntry
from leases.finance.funding import funding_schedule
from leases.funding.models import Funding, FundingPayment
from leases.funding.queries import terms_of_funding

STEP = KIND = "funding"


def post(session: Session, tenant: Tenant, *, month: date, run_id: str, at: datetime) -> Posted:
    """Post what was paid out, paid back and settled up to the end of a month and is not posted."""
    drafts = list(_drafts(session, tenant, until=add_months(month, 1)))
    return journal.post_drafts(
        session, tenant, kind=KIND, book=Book.FINANCIAL, drafts=drafts, run_id=run_id, at=at
    )


def preview(session: Session, tenant: Tenant, *, month: date) -> list[Unposted]:
    """What `post` would write, by currency."""
    return journal.sum_drafts((KIND, draft) for draft in _drafts(session, tenant, until=add_months(month, 1)))


def _drafts(session: Session, tenant: Tenant, *, until: date) -> Iterator[Draft]:
    known = {
        (source_id, key)
        for source_id, key in session.execute(
            sa.select(JournalEntry.source_id, JournalEntry.key).where(
                JournalEntry.partner_id == tenant.partner_id,
                JournalEntry.book == Book.FINANCIAL,
                JournalEntry.source_kind == KIND,
            )
        )
    }
    made: dict[str, list[FundingPayment]] = defaultdict(list)
    for payment in session.scalars(scoped(FundingPayment, tenant).order_by(FundingPayment.number)):
        made[payment.funding_id].append(payment)
    for funding in session.scalars(
        scoped(Funding, tenant).where(Funding.starts_on < until).order_by(Funding.id)
    ):
        for draft in _of_funding(funding, made[funding.id]):
            if draft.dated_on < until and (draft.source_id, draft.key) not in known:
                yield draft


def _of_funding(funding: Funding, payments: list[FundingPayment]) -> Iterator[Draft]:
    yield _draft(funding, funding.id, "drawn", funding.starts_on, principal=-funding.amount)
    rows = {row.number: row for row in funding_schedule(terms_of_funding(funding))}
    owed = funding.amount
    for payment in payments:
        # What was paid beside the schedule bears the difference as interest.
        principal = rows[payment.number].principal
        owed -= principal
        yield _draft(
            funding,
            payment.id,
            "paid",
            payment.paid_on,
            principal=principal,
            interest=payment.amount - principal,
        )
    if funding.settled_on is not None and funding.settlement is not None:
        yield _draft(
            funding,
            funding.id,
            "settled",
            funding.settled_on,
            principal=owed,
            interest=funding.settlement - owed,
        )


def _draft(
    funding: Funding,
    source_id: str,
    key: str,
    dated_on: date,
    *,
    principal: Decimal,
    interest: Decimal = Decimal(0),
) -> Draft:
    sides = (
        Side(Purpose.FUNDER, principal, lease_id=funding.lease_id),
        Side(Purpose.FUNDER_INTEREST, interest, lease_id=funding.lease_id),
        Side(Purpose.BANK, -principal - interest, lease_id=funding.lease_id),
    )
    return Draft(source_id, key, dated_on, funding.currency, funding.number, sides)
