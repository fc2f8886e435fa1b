"""Rents that will fall due, by day and month, as they are agreed today, and what was billed. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import add_months
from haas.money import round_minor
from haas.tenancy.scope import Tenant, scoped
from invoicing.models import Invoice, InvoiceLine
from leases.contract import terms_of
from leases.lifecycle import IN_TERM
from leases.models import Agreement, Lease, Line
from leases.schedule import RentPayment, rent_schedule
from leases.terms import LeaseTerms, LineKind

MONTHS = 12


@dataclass(slots=True)
class CashFlow:
    """One currency's rents to come, net; holdover and renewals are not agreed yet and not in it."""

    currency: str
    start: date
    until: date  # exclusive
    days: dict[date, Decimal] = field(default_factory=dict)

    @property
    def months(self) -> list[tuple[date, Decimal]]:
        """The first day of each month, and what falls due in it; months without rent too."""
        first = self.start.replace(day=1)
        sums = {add_months(first, number): Decimal(0) for number in range(MONTHS + 1)}
        for day, amount in self.days.items():
            sums[day.replace(day=1)] += amount
        return [(month, sums[month]) for month in sorted(sums) if month < self.until]

    @property
    def total(self) -> Decimal:
        """All of it."""
        return sum(self.days.values(), Decimal(0))


def cash_flow(
    session: Session,
    tenant: Tenant,
    *,
    start: date,
    client_id: str | None = None,
    lease_id: str | None = None,
) -> list[CashFlow]:
    """What falls due in the twelve months from `start` on, by currency; three queries, however many lines.

    :param client_id: of this client's leases alone.
    :param lease_id: of this lease alone.
    """
    until = add_months(start, MONTHS)
    flows: dict[str, CashFlow] = {}
    schedules: dict[tuple[LeaseTerms, date, date | None], list[RentPayment]] = {}
    rows = session.execute(
        scoped(Line, tenant)
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .join(
            Agreement,
            sa.and_(Agreement.partner_id == Lease.partner_id, Agreement.id == Lease.agreement_id),
        )
        .where(
            Lease.state.in_(IN_TERM),
            Lease.commences_on.is_not(None),
            # In arrears the last rent falls due with the end itself.
            Lease.ends_on >= start,
            Line.starts_on.is_not(None),
            Line.starts_on < until,
            sa.or_(Line.ends_on.is_(None), Line.ends_on > start),
            *_of(Line, client_id=client_id, lease_id=lease_id),
        )
        .with_only_columns(Line, Lease, Agreement)
        .order_by(Line.id)
    )
    for line, lease, agreement in rows:
        flow = flows.setdefault(lease.currency, CashFlow(lease.currency, start, until))
        for due_on, amount in _due(schedules, lease, line, agreement):
            if start <= due_on < until:
                flow.days[due_on] = flow.days.get(due_on, Decimal(0)) + amount
    return [flows[currency] for currency in sorted(flows)]


def billed_by_month(
    session: Session,
    tenant: Tenant,
    *,
    start: date,
    client_id: str | None = None,
    lease_id: str | None = None,
) -> dict[str, dict[date, Decimal]]:
    """What was billed from the month of `start` on, net and with credits taken off: currency -> month -> sum.

    One query. A document counts in the month in which it was issued.
    """
    month = sa.cast(sa.func.date_trunc("month", Invoice.issued_on), sa.Date)
    rows = session.execute(
        scoped(InvoiceLine, tenant)
        .join(
            Invoice,
            sa.and_(Invoice.partner_id == InvoiceLine.partner_id, Invoice.id == InvoiceLine.invoice_id),
        )
        .where(
            Invoice.issued_on >= start.replace(day=1),
            *_of(InvoiceLine, client_id=client_id, lease_id=lease_id),
        )
        .with_only_columns(Invoice.currency, month, sa.func.sum(InvoiceLine.net))
        .group_by(Invoice.currency, month)
    )
    billed: dict[str, dict[date, Decimal]] = {}
    for currency, of_month, net in rows:
        billed.setdefault(currency, {})[of_month] = net
    return billed


def _of(table: Any, *, client_id: str | None, lease_id: str | None) -> list[Any]:
    wanted = [(table.client_id, client_id), (table.lease_id, lease_id)]
    return [column == value for column, value in wanted if value is not None]


def _due(
    known: dict[tuple[LeaseTerms, date, date | None], list[RentPayment]],
    lease: Lease,
    line: Line,
    agreement: Agreement,
) -> list[tuple[date, Decimal]]:
    """Equal terms for the same days have one schedule: ten equal laptops of one delivery are read once."""
    if line.starts_on is None:
        return []
    if line.kind == LineKind.ONE_OFF:
        return [(line.starts_on, round_minor(line.unit_price * line.quantity, lease.currency))]
    key = (terms_of(lease, line, agreement), line.starts_on, line.ends_on)
    if key not in known:
        known[key] = rent_schedule(*key)
    return [(payment.due_on, payment.amount) for payment in known[key]]
