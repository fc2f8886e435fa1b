"""Everything that falls on a day: ends and notices, returns, offers, new prices, invoices. Reads only.

Each kind is behind the permission of its own pages, and each read is scoped as those pages are: a client's
own people see their own rows, and nobody sees more here than there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import ONE_DAY
from haas.errors import InvalidInput
from haas.tenancy.scope import Tenant, scoped
from invoicing.models import Invoice
from leases.amendment_models import LineTerms
from leases.ends.models import Buyout
from leases.ends.policy import EndPolicy
from leases.lifecycle import IN_TERM, LeaseState
from leases.models import Lease, Line, ReturnOrder
from leases.pricing.models import PriceBook
from leases.quotes.models import Quote
from leases.summaries import client_names

DAYS_MAX = 400
ROWS_MAX = 1000  # of a kind: a calendar with more is read as a list, narrowed by its client

May = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing on one day. `page` and `row_id` say where it is looked at."""

    on: date
    kind: str  # a key of haas.agenda.words.KINDS
    subject: str  # a number that people know it by
    client_id: str | None
    page: str
    row_id: str
    amount: Decimal | None = None
    currency: str = ""

    @property
    def key(self) -> str:
        """The same for the same thing, whenever it is asked for."""
        return f"{self.kind}-{self.row_id}-{self.on.isoformat()}"


def entries_between(
    session: Session,
    tenant: Tenant,
    *,
    start: date,
    until: date,
    may: May,
    policies: Mapping[str, Any],
) -> list[Entry]:
    """What falls on the days from `start` up to, and not including, `until`; a fixed number of queries.

    :param policies: the partner's: how long before its end a lease is spoken of.
    :raises InvalidInput: for more than a year and a month, or an end that is not behind the start.
    """
    if not start < until or (until - start).days > DAYS_MAX:
        raise InvalidInput(f"Choose an end behind the start, at most {DAYS_MAX} days later.", field="until")
    found: list[Entry] = []
    if may("lease.read"):
        policy = EndPolicy.of_policies(policies)
        found += _terms_and_offers(session, tenant, start, until, policy)
    for permission, read in _READERS:
        if may(permission):
            found += read(session, tenant, start, until)
    return sorted(found, key=lambda entry: (entry.on, entry.kind, entry.subject))


def by_day(entries: Iterable[Entry]) -> dict[date, list[Entry]]:
    """The entries of each day that has any."""
    days: dict[date, list[Entry]] = {}
    for entry in entries:
        days.setdefault(entry.on, []).append(entry)
    return days


def names_of(session: Session, tenant: Tenant, entries: Iterable[Entry]) -> Mapping[str, str]:
    """The names of the clients that they concern; one query."""
    return client_names(session, tenant, (entry.client_id for entry in entries if entry.client_id))


def _terms_and_offers(
    session: Session, tenant: Tenant, start: date, until: date, policy: EndPolicy
) -> Iterator[Entry]:
    """The last day of each term, the notices before it, the last day to choose; and of an offered lease."""
    ahead = timedelta(days=max(*policy.notice_days, policy.choice_days, 1))
    ends = sa.and_(Lease.state.in_(IN_TERM), Lease.ends_on > start, Lease.ends_on <= until + ahead)
    offered = sa.and_(
        Lease.state == LeaseState.QUOTED, Lease.quote_valid_until >= start, Lease.quote_valid_until < until
    )
    leases = session.scalars(
        scoped(Lease, tenant)
        .where(sa.or_(ends, offered))
        .order_by(sa.case((offered, Lease.quote_valid_until), else_=Lease.ends_on), Lease.id)
        .limit(ROWS_MAX)
    )
    for lease in leases:
        days: list[tuple[str, date]] = []
        if lease.state == LeaseState.QUOTED and lease.quote_valid_until is not None:
            days.append(("quote_until", lease.quote_valid_until))
        elif lease.ends_on is not None:
            days.append(("lease_end", lease.ends_on - ONE_DAY))
            days += [("notice", lease.ends_on - timedelta(days=step)) for step in policy.notice_days]
            days.append(("choose_until", lease.ends_on - timedelta(days=policy.choice_days)))
        for kind, on in days:
            if start <= on < until:
                yield Entry(on, kind, lease.number, lease.client_id, "leases.show", lease.id)


def _quotes(session: Session, tenant: Tenant, start: date, until: date) -> Iterator[Entry]:
    rows = session.execute(
        scoped(Quote, tenant)
        .where(Quote.state == "sent", Quote.valid_until >= start, Quote.valid_until < until)
        .with_only_columns(Quote.valid_until, Quote.number, Quote.client_id, Quote.id)
        .order_by(Quote.valid_until, Quote.id)
        .limit(ROWS_MAX)
    )
    for on, number, client_id, quote_id in rows:
        if on is not None:
            yield Entry(on, "quote_until", number, client_id, "quotes.show", quote_id)


def _purchases(session: Session, tenant: Tenant, start: date, until: date) -> Iterator[Entry]:
    rows = session.scalars(
        scoped(Buyout, tenant)
        .where(Buyout.state == "offered", Buyout.valid_until >= start, Buyout.valid_until < until)
        .order_by(Buyout.valid_until, Buyout.id)
        .limit(ROWS_MAX)
    )
    for row in rows:
        yield Entry(
            row.valid_until, "buyout_until", row.number, row.client_id, "buyouts.show", row.id, row.price,
            row.currency,
        )  # fmt: skip


def _returns(session: Session, tenant: Tenant, start: date, until: date) -> Iterator[Entry]:
    """What is due back, and how long a charge may be disputed."""
    due = sa.and_(
        ReturnOrder.state.in_(("requested", "collected")),
        ReturnOrder.due_on >= start,
        ReturnOrder.due_on < until,
    )
    open_charge = sa.and_(
        ReturnOrder.state == "inspected",
        ReturnOrder.dispute_until >= start,
        ReturnOrder.dispute_until < until,
    )
    rows = session.scalars(
        scoped(ReturnOrder, tenant)
        .where(sa.or_(due, open_charge))
        .order_by(ReturnOrder.due_on, ReturnOrder.id)
        .limit(ROWS_MAX)
    )
    for row in rows:
        if row.state == "inspected" and row.dispute_until is not None:
            yield Entry(row.dispute_until, "dispute_until", row.number, row.client_id, "returns.show", row.id)
        else:
            yield Entry(row.due_on, "return_due", row.number, row.client_id, "returns.show", row.id)


def _new_rents(session: Session, tenant: Tenant, start: date, until: date) -> Iterator[Entry]:
    """A line of a lease costs another rent from this day on; one entry a lease and day."""
    rows = session.execute(
        sa.select(LineTerms.effective_from, Lease.id, Lease.number, Lease.client_id)
        .join(Line, sa.and_(Line.partner_id == LineTerms.partner_id, Line.id == LineTerms.line_id))
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .where(
            LineTerms.partner_id == tenant.partner_id,
            LineTerms.position > 0,
            LineTerms.effective_from >= start,
            LineTerms.effective_from < until,
        )
        .distinct()
        .order_by(LineTerms.effective_from, Lease.id)
        .limit(ROWS_MAX)
    )
    for on, lease_id, number, client_id in rows:
        yield Entry(on, "new_rent", number, client_id, "leases.show", lease_id)


def _price_books(session: Session, tenant: Tenant, start: date, until: date) -> Iterator[Entry]:
    rows = session.scalars(
        scoped(PriceBook, tenant)
        .where(
            PriceBook.published_at.is_not(None),
            PriceBook.valid_from >= start,
            PriceBook.valid_from < until,
        )
        .order_by(PriceBook.valid_from, PriceBook.id)
        .limit(ROWS_MAX)
    )
    for row in rows:
        yield Entry(row.valid_from, "new_prices", row.name, row.client_id, "prices.show", row.id)


def _invoices(session: Session, tenant: Tenant, start: date, until: date) -> Iterator[Entry]:
    rows = session.execute(
        scoped(Invoice, tenant)
        .where(
            Invoice.kind == "invoice",
            Invoice.state == "issued",
            Invoice.due_on >= start,
            Invoice.due_on < until,
        )
        .with_only_columns(
            Invoice.due_on, Invoice.number, Invoice.client_id, Invoice.id, Invoice.total, Invoice.currency
        )
        .order_by(Invoice.due_on, Invoice.id)
        .limit(ROWS_MAX)
    )
    for on, number, client_id, invoice_id, total, currency in rows:
        yield Entry(on, "invoice_due", number, client_id, "invoices.show", invoice_id, total, currency)


_READERS = (
    ("quote.read", _quotes),
    ("lease.read", _purchases),
    ("lease.read", _returns),
    ("lease.read", _new_rents),
    ("price.read", _price_books),
    ("invoice.read", _invoices),
)
