"""Rents that will fall due, by day and month, as they are agreed today, and what was billed. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import add_months
from haas.tenancy.scope import Tenant, scoped
from invoicing.models import Invoice, InvoiceLine
from leases.coming import agreed_rents
from leases.lifecycle import IN_TERM

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
    found = agreed_rents(
        session,
        tenant,
        states=IN_TERM,
        since=start,
        until=until,
        client_ids=None if client_id is None else [client_id],
        lease_id=lease_id,
    )
    for row in found:
        currency = row.lease.currency
        flow = flows.setdefault(currency, CashFlow(currency, start, until))
        for rent in row.rents:
            if start <= rent.due_on < until:
                flow.days[rent.due_on] = flow.days.get(rent.due_on, Decimal(0)) + rent.amount
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
