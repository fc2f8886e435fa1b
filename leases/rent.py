"""The rent of a whole lease, true as of any date, and a line's payment for one period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from haas.calendar import ONE_DAY, Period
from haas.money import round_minor
from haas.tenancy.scope import Tenant
from leases import queries
from leases.contract import terms_of
from leases.lifecycle import LeaseState
from leases.models import Agreement, Lease, Line
from leases.schedule import RentKind, RentPayment, rent_due, rent_schedule
from leases.terms import commencement

ONE_OFF = "one_off"


@dataclass(frozen=True, slots=True)
class RentRow:
    """What one line owes for one period. `is_due`: it has fallen due by the date that was asked for."""

    line_id: str
    description: str
    kind: str
    period_start: date
    period_end: date  # exclusive
    days: int
    basis_days: int
    amount: Decimal
    due_on: date
    is_due: bool


@dataclass(frozen=True, slots=True)
class RentView:
    """The rent schedule of a lease. `provisional`: as if its hardware were accepted on `as_of`."""

    as_of: date
    currency: str
    rows: Sequence[RentRow]
    provisional: bool
    waiting: int  # asset lines whose hardware is not accepted yet: they owe nothing so far

    @property
    def total(self) -> Decimal:
        """All rent from the first day to the end of the term, or to `as_of` in holdover."""
        return sum((row.amount for row in self.rows), Decimal(0))

    @property
    def due_total(self) -> Decimal:
        """What has fallen due by `as_of`."""
        return sum((row.amount for row in self.rows if row.is_due), Decimal(0))

    def by_due_day(self) -> list[tuple[date, Decimal, bool]]:
        """(day, sum of all lines, has fallen due), oldest first."""
        sums: dict[date, Decimal] = {}
        for row in self.rows:
            sums[row.due_on] = sums.get(row.due_on, Decimal(0)) + row.amount
        return [(day, sums[day], day <= self.as_of) for day in sorted(sums)]


def view_rent(session: Session, tenant: Tenant, *, lease: Lease, as_of: date) -> RentView:
    """Every payment of the lease's lines in order of their due days. `lease.lines` must be loaded."""
    if lease.state == LeaseState.CANCELLED:
        return RentView(as_of, lease.currency, [], provisional=False, waiting=0)
    agreement = queries.get_agreement(session, tenant, agreement_id=lease.agreement_id)
    provisional = lease.commences_on is None
    rows: list[RentRow] = []
    waiting = 0
    for line in lease.lines:
        start = as_of if provisional else line.starts_on
        if start is None:
            waiting += line.kind == "asset"
            continue
        rows += _rows_of(lease, line, agreement, start=start, as_of=as_of, provisional=provisional)
    rows.sort(key=lambda row: (row.due_on, row.line_id, row.period_start))
    return RentView(as_of, lease.currency, rows, provisional=provisional, waiting=waiting)


def monthly_rent(lease: Lease, lines: Sequence[Line]) -> Decimal:
    """The base rent of a month of all recurring lines, whether they run already or not."""
    a_period = sum((line.unit_price * line.quantity for line in lines if line.kind != ONE_OFF), Decimal(0))
    return round_minor(a_period / lease.interval_months, lease.currency)


def current_period(lease: Lease, line: Line, agreement: Agreement, *, day: date) -> RentPayment | None:
    """The line's payment for the period that has this day, as it would be without any end in sight."""
    if line.starts_on is None or lease.commences_on is None or day < line.starts_on:
        return None
    terms = terms_of(lease, line, agreement)
    whole = terms.cycle.containing(day)
    # In arrears the period falls due with its end.
    for payment in rent_due(terms, line.starts_on, line.ends_on, whole.end):
        if day in payment.period:
            return payment
    return None


def _rows_of(
    lease: Lease, line: Line, agreement: Agreement, *, start: date, as_of: date, provisional: bool
) -> list[RentRow]:
    if line.kind == ONE_OFF:
        amount = round_minor(line.unit_price * line.quantity, lease.currency)
        period = Period(start, start + ONE_DAY)
        is_due = start <= as_of and not provisional
        return [
            RentRow(line.id, line.description, ONE_OFF, period.start, period.end, 1, 1, amount, start, is_due)
        ]
    first = commencement(accepted_on=start, anchor_day=lease.anchor_day, interim_rent=lease.interim_rent)
    terms = terms_of(lease, line, agreement, if_commenced_on=first)
    payments = rent_schedule(terms, start, line.ends_on)
    if line.ends_on is None and not provisional:
        # Past the term it runs on month to month, as far as it has been owed.
        payments += [
            payment for payment in rent_due(terms, start, None, as_of) if payment.kind is RentKind.HOLDOVER
        ]
    return [
        RentRow(
            line.id,
            line.description,
            payment.kind.value,
            payment.period_start,
            payment.period_end,
            payment.days,
            payment.basis_days,
            payment.amount,
            payment.due_on,
            payment.due_on <= as_of and not provisional,
        )
        for payment in payments
    ]
