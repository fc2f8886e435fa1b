"""What was open on a day that may have passed."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.models import Invoice, Payment
from invoicing.open_items import OpenItem


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
