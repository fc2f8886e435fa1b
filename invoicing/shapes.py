"""Rows -> what the API answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from haas import progress
from haas.tenancy.scope import Tenant
from invoicing import queries
from invoicing.document import InvoiceDocument
from invoicing.models import BillingRun, Invoice, InvoiceLine
from invoicing.queries import InvoiceFilter

_COLUMNS = tuple(column.key for column in Invoice.__table__.columns if column.key != "document")
_LINE_COLUMNS = tuple(column.key for column in InvoiceLine.__table__.columns)


def read_filter(given: dict[str, Any]) -> InvoiceFilter:
    """The filter of a query or body."""
    return InvoiceFilter(
        kind=given.get("kind"),
        state=given.get("state"),
        client_id=given.get("client_id"),
        run_id=given.get("run_id"),
        issued_from=given.get("issued_from"),
        issued_until=given.get("issued_until"),
        number_prefix=given.get("number"),
        is_sent=given.get("sent"),
    )


def shape_invoices(
    session: Session, tenant: Tenant, invoices: Sequence[Invoice], *, today: date
) -> list[dict[str, Any]]:
    """Invoices with what is open of each; one query."""
    still_open = queries.open_amounts(session, tenant, invoices=invoices)
    return [_shape(invoice, still_open[invoice.id], today) for invoice in invoices]


def shape_whole(session: Session, tenant: Tenant, invoice: Invoice, *, today: date) -> dict[str, Any]:
    """One invoice with all that belongs to it."""
    credits_of = queries.credits_of(session, tenant, invoice_id=invoice.id)
    (shape,) = shape_invoices(session, tenant, [invoice], today=today)
    document = msgspec.convert(invoice.document, type=InvoiceDocument)
    sign = -1 if invoice.kind == "credit_note" else 1  # on paper a credit note's amounts are positive
    return {
        **shape,
        "payment_terms": document.payment_terms,
        "early_discounts": document.early_discounts,
        "lines": [
            {name: getattr(row, name) for name in _LINE_COLUMNS} | {"document_net": sign * printed.net}
            for row, printed in zip(
                queries.lines_of(session, tenant, invoice_id=invoice.id), document.lines, strict=True
            )
        ],
        "allowances": [
            {
                "description": row.description,
                "amount": sign * row.amount,
                "percent": row.percent,
                "tax_category": row.tax_category,
                "tax_rate_pct": row.tax_rate_pct,
            }
            for row in document.allowances
        ],
        "tax_totals": [
            {
                "category": row.category,
                "rate_pct": row.rate_pct,
                "taxable": sign * row.taxable,
                "tax": sign * row.tax,
            }
            for row in document.tax_totals
        ],
        "credits": shape_invoices(session, tenant, credits_of, today=today),
        "payments": queries.payments_of(session, tenant, invoice_id=invoice.id),
    }


def shape_run(session: Session, tenant: Tenant, run: BillingRun) -> dict[str, Any]:
    """A run with its progress and outcome."""
    job = progress.get(session, tenant, job_id=run.long_job_id)
    chunks = queries.chunks_of(session, tenant, run_id=run.id)
    return {
        "id": run.id,
        "as_of": run.as_of,
        "job_id": job.id,
        "state": job.state,
        "leases_done": job.done,
        "leases_total": job.total,
        "invoices": sum(chunk.invoices for chunk in chunks),
        "credit_notes": sum(chunk.credit_notes for chunk in chunks),
        "problems": queries.problems_of(chunks),
        "started_by": run.started_by,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def _shape(invoice: Invoice, still_open: Decimal, today: date) -> dict[str, Any]:
    shape = {name: getattr(invoice, name) for name in _COLUMNS}
    overdue = queries.state_shown(invoice, today=today) == queries.OVERDUE
    return {**shape, "open_amount": still_open, "is_overdue": overdue}
