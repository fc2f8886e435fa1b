"""The demo's books: posted but for the last month that has ended, the older ones locked."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from haas.calendar import add_months
from haas.tenancy.scope import Tenant
from invoicing.ledger import periods, posting
from invoicing.ledger.chart import Book, month_of

_POSTED_BACK, _LOCKED_BACK = 2, 4  # months before this one


def keep_books(session: Session, tenant: Tenant, *, today: date, at: datetime) -> None:
    """Post what the year brought, and lock what is settled; the last month is left to a visitor."""
    month = month_of(today)
    run = posting.start_run(session, tenant, month=add_months(month, -_POSTED_BACK), today=today, at=at)
    posting.run_now(session, tenant, run=run, at=at)
    periods.lock_month(
        session, tenant, book=Book.FINANCIAL, month=add_months(month, -_LOCKED_BACK), today=today, at=at
    )
