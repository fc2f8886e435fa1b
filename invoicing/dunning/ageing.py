"""What was open on a day, by client, currency and how long it had been due."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.models import Invoice, Payment
from invoicing.open_items import OpenItem, aged


@dataclass(frozen=True, slots=True)
class AgedClient:
    """A client's open items in one currency: a sum for each bucket, the first not due yet."""

    client_id: str
    currency: str
    buckets: tuple[Decimal, ...]

    @property
    def total(self) -> Decimal:
        """All that is open."""
        return sum(self.buckets, Decimal(0))


def open_on(session: Session, tenant: Tenant, *, as_of: date) -> list[OpenItem]:
    """What was open at the end of a day, less credit notes and payments until then; one query."""
    credit = sa.orm.aliased(Invoice)
    credited = (
        sa.select(sa.func.coalesce(sa.func.sum(credit.total), 0))
        .where(
            credit.partner_id == Invoice.partner_id,
            credit.credits_invoice_id == Invoice.id,
            credit.issued_on <= as_of,
        )
        .correlate(Invoice)
        .scalar_subquery()
    )
    paid = (
        sa.select(sa.func.coalesce(sa.func.sum(Payment.amount), 0))
        .where(
            Payment.partner_id == Invoice.partner_id,
            Payment.invoice_id == Invoice.id,
            Payment.received_on <= as_of,
        )
        .correlate(Invoice)
        .scalar_subquery()
    )
    left = Invoice.total + credited - paid
    statement = (
        scoped(Invoice, tenant)
        .where(Invoice.kind == "invoice", Invoice.issued_on <= as_of, left > 0)
        .order_by(Invoice.due_on, Invoice.number)
    )
    return queries.read_items(session, statement, left=left)


def ageing(session: Session, tenant: Tenant, *, as_of: date, bounds: tuple[int, ...]) -> list[AgedClient]:
    """By client and currency, the largest first; one query."""
    found: defaultdict[tuple[str, str], list[OpenItem]] = defaultdict(list)
    for item in open_on(session, tenant, as_of=as_of):
        found[item.currency, item.client_id].append(item)
    rows = [
        AgedClient(client, currency, tuple(aged(items, today=as_of, bounds=bounds)))
        for (currency, client), items in found.items()
    ]
    return sorted(rows, key=lambda row: (row.currency, -row.total, row.client_id))
