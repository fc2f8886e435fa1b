"""The months of each book: which are posted, which is locked, and the lock itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import outbox
from haas.calendar import ONE_DAY, add_months
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant, scoped
from invoicing.ledger.chart import Book, month_of, months_between
from invoicing.ledger.models import AccountingPeriod, JournalEntry
from leases.amendments.closed_books import LOCKED_UNTIL

_MONTHS_SHOWN = 24


@dataclass(frozen=True, slots=True)
class MonthState:
    """One month of one book as its page shows it."""

    book: Book
    month: date
    entries: int
    posted_at: datetime | None
    locked_at: datetime | None
    locked_by: str
    has_ended: bool

    @property
    def state(self) -> str:
        """locked, posted, due (ended and not posted yet) or open."""
        if self.locked_at is not None:
            return "locked"
        if self.posted_at is not None:
            return "posted"
        return "due" if self.has_ended else "open"


def list_months(session: Session, tenant: Tenant, *, book: Book, today: date) -> list[MonthState]:
    """The newest months of a book, this one first; two queries."""
    rows = {
        row.month: row
        for row in session.scalars(scoped(AccountingPeriod, tenant).where(AccountingPeriod.book == book))
    }
    newest = month_of(today)
    oldest = add_months(newest, 1 - _MONTHS_SHOWN)
    counts = session.execute(
        sa.select(JournalEntry.period, sa.func.count())
        .where(
            JournalEntry.partner_id == tenant.partner_id,
            JournalEntry.book == book,
            JournalEntry.period >= oldest,
        )
        .group_by(JournalEntry.period)
    ).all()
    entries: dict[date, int] = {period: int(number) for period, number in counts}
    locked = max((row.month for row in rows.values() if row.locked_at is not None), default=None)
    posted = max((row.month for row in rows.values() if row.posted_at is not None), default=None)
    months = []
    for month in reversed(months_between(oldest, newest)):
        row = rows.get(month)
        # A lock holds for all months before it too.
        below = rows[locked] if locked is not None and month <= locked else None
        # A run posts all that is dated up to the end of its month.
        run = rows[posted] if posted is not None and month <= posted else None
        by = row if row is not None and row.locked_at is not None else below
        months.append(
            MonthState(
                book,
                month,
                entries.get(month, 0),
                (row.posted_at if row else None) or (run.posted_at if run else None),
                by.locked_at if by else None,
                by.locked_by if by else "",
                add_months(month, 1) <= today,
            )
        )
    return months


def count_entries(session: Session, tenant: Tenant, *, book: Book, month: date) -> int:
    """How many entries a month has."""
    return (
        session.scalar(
            sa.select(sa.func.count()).where(
                JournalEntry.partner_id == tenant.partner_id,
                JournalEntry.book == book,
                JournalEntry.period == month,
            )
        )
        or 0
    )


def lock_month(
    session: Session, tenant: Tenant, *, book: Book, month: date, today: date, at: datetime
) -> AccountingPeriod:
    """Close a month of a book and all before it, for good: what comes later goes to the first open month.

    :raises InvalidInput: for a month that has not ended where the partner is.
    :raises Conflict: if it is locked, or a later one is.
    """
    month = month_of(month)
    if add_months(month, 1) > today:
        raise InvalidInput(
            f"{month:%B %Y} has not ended: lock it from {add_months(month, 1):%d %B %Y} on.", field="month"
        )
    if (locked := last_locked(session, tenant, book=book)) is not None and locked >= month:
        raise Conflict(f"The {book} book is locked up to the end of {locked:%B %Y} already.")
    period = lock_row(session, tenant, book=book, month=month)
    period.locked_at, period.locked_by = at, tenant.actor
    if book is Book.FINANCIAL:
        _tell_leases(session, tenant, locked_until=add_months(month, 1) - ONE_DAY)
    session.flush()
    outbox.publish(
        session,
        tenant,
        "ledger.period_locked",
        book=book.value,
        month=month.isoformat(),
        once_key=f"locked:{book}:{month.isoformat()}",
    )
    return period


def _tell_leases(session: Session, tenant: Tenant, *, locked_until: date) -> None:
    """From now on no amendment is dated back into what is closed."""
    partner = lock_partner(session, tenant)
    partner.policies = {**partner.policies, LOCKED_UNTIL: locked_until.isoformat()}


def is_proposable(session: Session, tenant: Tenant, *, month: date) -> bool:
    """Whether the partner keeps books here, and this month was neither proposed nor posted yet."""
    keeps = sa.exists().where(JournalEntry.partner_id == tenant.partner_id)
    told = sa.exists().where(
        AccountingPeriod.partner_id == tenant.partner_id, AccountingPeriod.month == month
    )
    return bool(session.scalar(sa.select(sa.and_(keeps, sa.not_(told)))))


def last_locked(session: Session, tenant: Tenant, *, book: Book) -> date | None:
    """The newest month that is locked; none if no month ever was."""
    return session.scalar(
        sa.select(sa.func.max(AccountingPeriod.month)).where(
            AccountingPeriod.partner_id == tenant.partner_id,
            AccountingPeriod.book == book,
            AccountingPeriod.locked_at.is_not(None),
        )
    )


def lock_row(session: Session, tenant: Tenant, *, book: Book, month: date) -> AccountingPeriod:
    """The row of a book's month, made if it is not there, read for update."""
    statement = (
        scoped(AccountingPeriod, tenant)
        .where(AccountingPeriod.book == book, AccountingPeriod.month == month)
        .with_for_update()
    )
    period = session.scalar(statement)
    if period is not None:
        return period
    try:
        with session.begin_nested():
            period = AccountingPeriod(
                partner_id=tenant.partner_id, id=new_id("apd"), book=book.value, month=month
            )
            session.add(period)
    except sa.exc.IntegrityError:
        return session.scalars(statement).one()
    return period
