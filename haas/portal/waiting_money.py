"""Money that waits for somebody: movements to match, disputes to decide, charges that were declined."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant, scoped
from invoicing.bank.models import OPEN, BankLine
from invoicing.holds.models import InvoiceDispute
from invoicing.models import Invoice
from invoicing.payments.models import PaymentAttempt

DECLINED_SHOWN = timedelta(days=7)  # later it is a matter for the reminders


def waiting_money(session: Session, tenant: Tenant, *, kinds: Sequence[str], now: datetime) -> dict[str, int]:
    """How many there are of the `kinds` that the reader may see: bank_line, dispute, payment_attempt.

    One query, or none.
    """
    count = sa.func.count()
    statements = {
        "bank_line": scoped(BankLine, tenant).where(BankLine.state == OPEN).with_only_columns(count),
        "dispute": scoped(InvoiceDispute, tenant)
        .where(InvoiceDispute.state == "open")
        .with_only_columns(count),
        # Whatever was tried on an invoice, it is one; and none, once it is paid.
        "payment_attempt": scoped(PaymentAttempt, tenant)
        .join(
            Invoice,
            sa.and_(Invoice.partner_id == PaymentAttempt.partner_id, Invoice.id == PaymentAttempt.invoice_id),
        )
        .where(
            PaymentAttempt.state == "declined",
            PaymentAttempt.settled_at > now - DECLINED_SHOWN,
            Invoice.state == "issued",
        )
        .with_only_columns(sa.func.count(sa.distinct(PaymentAttempt.invoice_id))),
    }
    wanted = {kind: statement for kind, statement in statements.items() if kind in kinds}
    if not wanted:
        return {}
    counts = session.execute(sa.select(*(each.scalar_subquery() for each in wanted.values()))).one()
    return dict(zip(wanted, counts, strict=True))
