"""Reads: invoices by filter, what is open, what is overdue, billing runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session, defer

from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from invoicing.models import BillingChunk, BillingRun, Invoice, InvoiceLine, Payment


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """What a list or an export of invoices is narrowed to. Dates are half-open."""

    kind: str | None = None
    state: str | None = None  # issued | paid | credited | overdue
    client_id: str | None = None
    issued_from: date | None = None
    issued_until: date | None = None
    number_prefix: str | None = None


def list_invoices(tenant: Tenant, *, where: InvoiceFilter, today: date) -> sa.Select[Invoice]:
    """Invoices without their documents, to be paged by the caller."""
    statement = scoped(Invoice, tenant).options(defer(Invoice.document))
    if where.kind:
        statement = statement.where(Invoice.kind == where.kind)
    if where.state == "overdue":
        statement = statement.where(
            Invoice.state == "issued", Invoice.kind == "invoice", Invoice.due_on < today
        )
    elif where.state:
        statement = statement.where(Invoice.state == where.state)
    if where.client_id:
        statement = statement.where(Invoice.client_id == where.client_id)
    if where.issued_from:
        statement = statement.where(Invoice.issued_on >= where.issued_from)
    if where.issued_until:
        statement = statement.where(Invoice.issued_on < where.issued_until)
    if where.number_prefix:
        first, after = where.number_prefix, where.number_prefix + "\U0010ffff"
        statement = statement.where(Invoice.number >= first, Invoice.number < after)
    return statement


def get_invoice(session: Session, tenant: Tenant, *, invoice_id: str) -> Invoice:
    """The invoice or credit note.

    :raises NotFound: if this tenant has none by that id.
    """
    invoice = session.scalar(scoped(Invoice, tenant).where(Invoice.id == invoice_id))
    if invoice is None:
        raise NotFound(f"There is no invoice {invoice_id}.")
    return invoice


def lock_invoice(session: Session, tenant: Tenant, *, invoice_id: str) -> Invoice:
    """The invoice, locked until the transaction ends.

    :raises NotFound: if this tenant has none by that id.
    """
    invoice = session.scalar(
        scoped(Invoice, tenant)
        .where(Invoice.id == invoice_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if invoice is None:
        raise NotFound(f"There is no invoice {invoice_id}.")
    return invoice


def lines_of(session: Session, tenant: Tenant, *, invoice_id: str) -> list[InvoiceLine]:
    """An invoice's lines as printed."""
    return list(
        session.scalars(
            scoped(InvoiceLine, tenant)
            .where(InvoiceLine.invoice_id == invoice_id)
            .order_by(InvoiceLine.position)
        )
    )


def credits_of(session: Session, tenant: Tenant, *, invoice_id: str) -> Sequence[Invoice]:
    """Credit notes that refer to the invoice, oldest first."""
    return session.scalars(
        scoped(Invoice, tenant).where(Invoice.credits_invoice_id == invoice_id).order_by(Invoice.id)
    ).all()


def payments_of(session: Session, tenant: Tenant, *, invoice_id: str) -> Sequence[Payment]:
    """Money received against the invoice, oldest first."""
    return session.scalars(
        scoped(Payment, tenant).where(Payment.invoice_id == invoice_id).order_by(Payment.id)
    ).all()


def open_amount(session: Session, tenant: Tenant, *, invoice: Invoice) -> Decimal:
    """What is still to be paid: total less credits less payments; never below zero."""
    given_back = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Invoice.total), 0)).where(
            Invoice.partner_id == tenant.partner_id, Invoice.credits_invoice_id == invoice.id
        )
    )
    return max(invoice.total + Decimal(given_back or 0) - invoice.paid_total, Decimal(0))


def get_run(session: Session, tenant: Tenant, *, run_id: str) -> BillingRun:
    """A billing run.

    :raises NotFound: if this tenant has none by that id.
    """
    run = session.scalar(scoped(BillingRun, tenant).where(BillingRun.id == run_id))
    if run is None:
        raise NotFound(f"There is no billing run {run_id}.")
    return run


def recent_runs(session: Session, tenant: Tenant, *, limit: int = 20) -> Sequence[BillingRun]:
    """The latest billing runs, newest first."""
    return session.scalars(
        scoped(BillingRun, tenant).order_by(BillingRun.started_at.desc(), BillingRun.id.desc()).limit(limit)
    ).all()


def chunks_of(session: Session, tenant: Tenant, *, run_id: str) -> Sequence[BillingChunk]:
    """The chunks of a run in order."""
    return session.scalars(
        scoped(BillingChunk, tenant).where(BillingChunk.run_id == run_id).order_by(BillingChunk.position)
    ).all()
