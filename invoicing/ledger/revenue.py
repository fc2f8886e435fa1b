"""What leases have earned, month by month: earned so far by the rule less earned as posted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from haas.calendar import ONE_DAY, add_months, end_of_month
from haas.tenancy.scope import Tenant, scoped
from invoicing.ledger import journal
from invoicing.ledger.chart import Book, Purpose, month_of, months_between
from invoicing.ledger.earning import NOTHING, Rents, earned_by, rents_of
from invoicing.ledger.journal import Draft, Posted, Side, Unposted
from invoicing.ledger.models import FinanceLeaseLine, JournalEntry, JournalLine
from invoicing.ledger.net_rents import IncludedTax, load_included_tax
from leases.contract import RentOverTime, agreed_before, rent_over_time, terms_of
from leases.models import Agreement, Lease, Line
from leases.schedule import RentPayment, rent_schedule
from leases.terms import Component, LeaseTerms

STEP = KIND = "revenue"
CHUNK_LEASES = 1_000

_Net = Callable[[Iterable[RentPayment]], Iterable[RentPayment]]  # rents as agreed -> without tax


@dataclass(frozen=True, slots=True)
class _Standing:
    """How far a lease is posted: the month after the last one, and all that was earned by then."""

    next_month: date | None = None
    earned: Decimal = NOTHING


def ranges(
    session: Session, tenant: Tenant, *, month: date, size: int = CHUNK_LEASES
) -> list[tuple[str, str, int]]:
    """(first id, last id, number) of the leases that have commenced by a month, `size` at a time."""
    ids = session.scalars(
        sa.select(Lease.id)
        .where(Lease.partner_id == tenant.partner_id, Lease.commences_on < add_months(month, 1))
        .order_by(Lease.id)
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
    """Post what a range of leases earned in each month up to `month` that was not posted: one entry each."""
    drafts = list(_drafts(session, tenant, month=month, first_id=first_id, last_id=last_id))
    return journal.post_drafts(
        session, tenant, kind=KIND, book=Book.FINANCIAL, drafts=drafts, run_id=run_id, at=at
    )


def preview(session: Session, tenant: Tenant, *, month: date) -> list[Unposted]:
    """What all leases earned up to a month and is not posted, by currency."""
    return journal.sum_drafts(
        (KIND, draft)
        for first_id, last_id, _ in ranges(session, tenant, month=month)
        for draft in _drafts(session, tenant, month=month, first_id=first_id, last_id=last_id)
    )


def _drafts(session: Session, tenant: Tenant, *, month: date, first_id: str, last_id: str) -> Iterator[Draft]:
    found = session.execute(
        scoped(Lease, tenant)
        .add_columns(Agreement)
        .join(
            Agreement, sa.and_(Agreement.partner_id == Lease.partner_id, Agreement.id == Lease.agreement_id)
        )
        .where(Lease.id.between(first_id, last_id), Lease.commences_on < add_months(month, 1))
        .order_by(Lease.id)
        .options(selectinload(Lease.lines))
    ).all()
    standing = _standing(session, tenant, first_id=first_id, last_id=last_id)
    recognised = _recognised(session, tenant, first_id=first_id, last_id=last_id)
    included = load_included_tax(
        session,
        tenant,
        leases=[lease for lease, _ in found],
        line_ids=[line.id for lease, _ in found for line in lease.lines],
    )
    for lease, agreement in found:
        rents = _rents(lease, agreement, recognised, included)
        stands = standing.get(lease.id, _Standing())
        # Without rents it is a finance lease: what it earned before anybody knew is taken back.
        if rents or stands.earned:
            yield from _of_lease(lease, rents, stands, month=month)


def _of_lease(lease: Lease, rents: Sequence[Rents], standing: _Standing, *, month: date) -> Iterator[Draft]:
    first = standing.next_month or month_of(min(each.span.start for each in rents))
    # After its end a lease is looked at once more a run: a correction of its past may still come.
    last = max([first, *(month_of(each.span.end - ONE_DAY) for each in rents)])
    earned = standing.earned
    for each in months_between(first, min(month, last)):
        until = add_months(each, 1)
        so_far = sum((earned_by(rent, until=until, currency=lease.currency) for rent in rents), NOTHING)
        if so_far == earned:
            continue
        owner = {"client_id": lease.client_id, "lease_id": lease.id}
        yield Draft(
            source_id=lease.id,
            key=f"{each:%Y-%m}",
            dated_on=end_of_month(each),
            currency=lease.currency,
            reference=lease.number,
            sides=(
                Side(Purpose.DEFERRED_RENT, so_far - earned, **owner),
                Side(Purpose.RENT, earned - so_far, **owner),
            ),
        )
        earned = so_far


def _rents(
    lease: Lease, agreement: Agreement, recognised: Mapping[str, date], included: IncludedTax
) -> list[Rents]:
    """The base rent of each line of hardware, without tax; equal lines of one delivery share their schedule.

    What a finance lease is paid from its recognition on is no rent.
    """
    schedules: dict[object, Rents | None] = {}
    found = []
    for line in lease.lines:
        if (
            line.starts_on is None
            or line.kind in ("one_off", "service")
            or line.component == Component.SERVICE
        ):
            continue
        agreed, until = agreed_before(line, time_zone=lease.time_zone), recognised.get(line.id)
        # Tax that a price holds is known to the cent of each line alone, once it is billed.
        alone = line.id if included.is_in(lease) else None
        key = (*rent_over_time(line), line.starts_on, line.ends_on, tuple(agreed), until, alone)
        if key not in schedules:
            terms = terms_of(lease, line, agreement)
            net = partial(included.taken_out, lease, line)
            schedules[key] = _with_past(terms, line, agreed, until=until, net=net)
        if (rents := schedules[key]) is not None:
            found.append(rents)
    return found


def _with_past(
    terms: LeaseTerms,
    line: Line,
    agreed: Sequence[tuple[date, RentOverTime]],
    *,
    until: date | None,
    net: _Net,
) -> Rents | None:
    """The rent as it is agreed now, with what it would have come to as it was agreed before."""
    now = _rents_until(terms, line, until, net)
    if now is None or not agreed:
        return now
    before = []
    for day, (rent, steps, abated) in agreed:
        found = _rents_until(replace(terms, rent=rent, steps=steps, abated=abated), line, until, net)
        before.append((day, found.total if found else NOTHING))
    return replace(now, before=tuple(before))


def _rents_until(terms: LeaseTerms, line: Line, until: date | None, net: _Net) -> Rents | None:
    schedule = net(rent_schedule(terms, line.starts_on, line.ends_on))
    return rents_of(rent for rent in schedule if until is None or rent.period_start < until)


def _recognised(session: Session, tenant: Tenant, *, first_id: str, last_id: str) -> dict[str, date]:
    rows = session.execute(
        sa.select(FinanceLeaseLine.line_id, FinanceLeaseLine.recognised_on).where(
            FinanceLeaseLine.partner_id == tenant.partner_id,
            FinanceLeaseLine.lease_id.between(first_id, last_id),
        )
    )
    return {row[0]: row[1] for row in rows}


def _standing(session: Session, tenant: Tenant, *, first_id: str, last_id: str) -> dict[str, _Standing]:
    rows = session.execute(
        sa.select(
            JournalEntry.source_id, sa.func.max(JournalEntry.dated_on), -sa.func.sum(JournalLine.amount)
        )
        .join(
            JournalLine,
            sa.and_(
                JournalLine.partner_id == JournalEntry.partner_id, JournalLine.entry_id == JournalEntry.id
            ),
        )
        .where(
            JournalEntry.partner_id == tenant.partner_id,
            JournalEntry.book == Book.FINANCIAL,
            JournalEntry.source_kind == KIND,
            JournalEntry.source_id.between(first_id, last_id),
            JournalLine.purpose == Purpose.RENT,
        )
        .group_by(JournalEntry.source_id)
    )
    return {lease_id: _Standing(dated_on + ONE_DAY, earned) for lease_id, dated_on, earned in rows}
