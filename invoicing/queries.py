"""Reads: invoices by filter, what is open, what is overdue, billing runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, defer

from haas.db import starts_with
from haas.errors import NotFound
from haas.progress import LongJob
from haas.tenancy.scope import Tenant, scoped
from invoicing.credit_reasons import EARLY_DISCOUNT
from invoicing.document_parts import EarlyDiscount
from invoicing.models import BillingChunk, BillingRun, Invoice, InvoiceLine, Payment
from invoicing.open_items import OpenItem
from leases.models import Assignment, ReturnOrder

# What a list may be narrowed to beside the states in the table.
OPEN, OVERDUE = "open", "overdue"


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """What a list or an export of invoices is narrowed to. Dates are half-open."""

    kind: str | None = None
    state: str | None = None  # issued | paid | credited | open | overdue
    client_id: str | None = None
    issued_from: date | None = None
    issued_until: date | None = None
    number_prefix: str | None = None
    run_id: str | None = None
    is_sent: bool | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What a set of documents adds up to, in one currency. Credit notes count negative."""

    currency: str
    documents: int
    net: Decimal
    tax: Decimal
    total: Decimal
    open: Decimal


def list_invoices(tenant: Tenant, *, where: InvoiceFilter, today: date) -> sa.Select[Invoice]:
    """Invoices without their documents, to be paged by the caller."""
    return scoped(Invoice, tenant).where(*fits(where, today=today)).options(defer(Invoice.document))


def fits(where: InvoiceFilter, *, today: date) -> list[sa.ColumnElement[bool]]:
    """The conditions of a filter. `today` decides what is overdue."""
    equal = {
        Invoice.kind: where.kind,
        Invoice.client_id: where.client_id,
        Invoice.billing_run_id: where.run_id,
    }
    found: list[sa.ColumnElement[bool]] = [column == value for column, value in equal.items() if value]
    if where.state in (OPEN, OVERDUE):
        found += [Invoice.state == "issued", Invoice.kind == "invoice"]
        if where.state == OVERDUE:
            found.append(Invoice.due_on < today)
    elif where.state:
        found.append(Invoice.state == where.state)
    if where.issued_from:
        found.append(Invoice.issued_on >= where.issued_from)
    if where.issued_until:
        found.append(Invoice.issued_on < where.issued_until)
    if where.number_prefix:
        found.append(starts_with(Invoice.number, where.number_prefix))
    if where.is_sent is not None:
        found.append(Invoice.sent_at.is_not(None) if where.is_sent else Invoice.sent_at.is_(None))
    return found


def invoices_of_asset(
    session: Session, tenant: Tenant, *, asset_id: str, count: int = 100
) -> Sequence[Invoice]:
    """The newest documents with a line for days of this asset, or for damage to it; three queries."""
    stood = session.execute(
        scoped(Assignment, tenant)
        .where(Assignment.asset_id == asset_id)
        .with_only_columns(Assignment.line_id, Assignment.serial)
    ).all()
    returns = session.scalars(
        scoped(ReturnOrder, tenant).where(ReturnOrder.asset_id == asset_id).with_only_columns(ReturnOrder.id)
    ).all()
    if not stood and not returns:
        return []
    bears = [
        sa.and_(InvoiceLine.source_id == row.line_id, InvoiceLine.serials.contains([{"serial": row.serial}]))
        for row in stood
    ]
    named = sa.select(InvoiceLine.invoice_id).where(
        InvoiceLine.partner_id == tenant.partner_id,
        sa.or_(InvoiceLine.source_id.in_(returns), *bears),
    )
    return session.scalars(
        scoped(Invoice, tenant)
        .where(Invoice.id.in_(named))
        .options(defer(Invoice.document))
        .order_by(Invoice.issued_on.desc(), Invoice.id.desc())
        .limit(count)
    ).all()


def given_back(tenant: Tenant) -> sa.Subquery:
    """What credit notes took back of each invoice (negative), for a left join on `invoice_id`."""
    return (
        sa.select(Invoice.credits_invoice_id.label("invoice_id"), sa.func.sum(Invoice.total).label("amount"))
        .where(Invoice.partner_id == tenant.partner_id, Invoice.credits_invoice_id.is_not(None))
        .group_by(Invoice.credits_invoice_id)
        .subquery("given_back")
    )


def open_of(credits: sa.Subquery) -> sa.ColumnElement[Decimal]:  # noqa: A002 - the trade's word
    """What is still to be paid of an invoice joined with `given_back`; nothing of a credit note."""
    left = Invoice.total + sa.func.coalesce(credits.c.amount, 0) - Invoice.paid_total
    is_open = sa.and_(Invoice.kind == "invoice", Invoice.state == "issued")
    return sa.case((is_open, sa.func.greatest(left, 0)), else_=0)


def sum_up(session: Session, tenant: Tenant, *, where: InvoiceFilter, today: date) -> list[Totals]:
    """What all documents that fit add up to, a row for each currency, the largest first."""
    credits = given_back(tenant)  # noqa: A001 - the trade's word
    count = sa.func.count()
    statement = (
        sa.select(
            Invoice.currency,
            count,
            sa.func.sum(Invoice.net_total),
            sa.func.sum(Invoice.tax_total),
            sa.func.sum(Invoice.total),
            sa.func.sum(open_of(credits)),
        )
        .outerjoin(credits, credits.c.invoice_id == Invoice.id)
        .where(Invoice.partner_id == tenant.partner_id, *fits(where, today=today))
        .group_by(Invoice.currency)
        .order_by(count.desc(), Invoice.currency)
    )
    if tenant.client_id is not None:
        statement = statement.where(Invoice.client_id == tenant.client_id)
    rows = session.execute(statement)
    return [Totals(row[0], row[1], row[2], row[3], row[4], Decimal(row[5])) for row in rows]


def open_items(session: Session, tenant: Tenant, *, client_id: str | None = None) -> list[OpenItem]:
    """Every invoice of which something is to be paid, of a client or of all, longest due first; one query."""
    credits = given_back(tenant)  # noqa: A001 - the trade's word
    left = open_of(credits)
    statement = (
        scoped(Invoice, tenant)
        .outerjoin(credits, credits.c.invoice_id == Invoice.id)
        .where(Invoice.kind == "invoice", Invoice.state == "issued", left > 0)
        .order_by(Invoice.due_on, Invoice.issued_on, Invoice.number)
    )
    if client_id is not None:
        statement = statement.where(Invoice.client_id == client_id)
    return read_items(session, statement, left=left)


def read_items(
    session: Session, statement: sa.Select[Invoice], *, left: sa.ColumnElement[Decimal]
) -> list[OpenItem]:
    """The invoices of a statement as open items, each with what is `left` of it to be paid."""
    columns = statement.with_only_columns(
        Invoice.id,
        Invoice.number,
        Invoice.client_id,
        Invoice.currency,
        Invoice.issued_on,
        Invoice.due_on,
        Invoice.total,
        left.label("left_open"),
        _offered().label("offered"),
    )
    return [
        OpenItem(
            invoice_id=row.id,
            number=row.number,
            client_id=row.client_id,
            currency=row.currency,
            issued_on=row.issued_on,
            due_on=row.due_on,
            total=row.total,
            open=row.left_open,
            discounts=msgspec.convert(row.offered or (), type=tuple[EarlyDiscount, ...]),
        )
        for row in session.execute(columns)
    ]


def _offered() -> sa.ColumnElement[Any]:
    """The discounts that a document offers for early payment, unless the invoice had its own already.

    Only a document that offers one is looked into: reading a document costs more than the rest of the row.
    """
    credit = sa.orm.aliased(Invoice)
    had = sa.exists().where(
        credit.partner_id == Invoice.partner_id,
        credit.credits_invoice_id == Invoice.id,
        credit.reason_code == EARLY_DISCOUNT,
    )
    is_open = sa.and_(Invoice.discount_until.is_not(None), ~had)
    return sa.case((is_open, Invoice.document["early_discounts"]), else_=sa.null())


def had_discount(session: Session, tenant: Tenant, *, invoice_id: str) -> bool:
    """Whether a credit note gave an invoice its discount for early payment, with its money or by hand."""
    given = scoped(Invoice, tenant).where(
        Invoice.credits_invoice_id == invoice_id, Invoice.reason_code == EARLY_DISCOUNT
    )
    return bool(session.scalar(sa.select(given.exists())))


def open_amounts(session: Session, tenant: Tenant, *, invoices: Sequence[Invoice]) -> dict[str, Decimal]:
    """What is still to be paid of each; one query. Nothing of credit notes and of what is settled."""
    ids = {row.id for row in invoices if row.kind == "invoice" and row.state == "issued"}
    found = session.execute(
        sa.select(Invoice.credits_invoice_id, sa.func.sum(Invoice.total))
        .where(Invoice.partner_id == tenant.partner_id, Invoice.credits_invoice_id.in_(ids))
        .group_by(Invoice.credits_invoice_id)
    )
    back: dict[str | None, Decimal] = {row[0]: row[1] for row in found}
    return {row.id: left_open(row, given_back=back.get(row.id, Decimal(0))) for row in invoices}


def left_open(invoice: Invoice, *, given_back: Decimal) -> Decimal:
    """What is still to be paid, where credit notes took `given_back` (negative) off it."""
    if invoice.kind != "invoice" or invoice.state != "issued":
        return Decimal(0)
    return max(invoice.total + given_back - invoice.paid_total, Decimal(0))


def state_shown(invoice: Invoice, *, today: date) -> str:
    """The state as people name it: a key of the states that the portal draws."""
    if invoice.kind == "credit_note":
        return "credit_note"
    if invoice.state != "issued":
        return invoice.state
    if invoice.due_on < today:
        return OVERDUE
    if invoice.paid_total:
        return "part_paid"
    return "issued" if invoice.sent_at is None else "sent"


def get_invoice(session: Session, tenant: Tenant, *, invoice_id: str) -> Invoice:
    """The invoice or credit note.

    :raises NotFound: if this tenant has none by that id.
    """
    invoice = session.scalar(scoped(Invoice, tenant).where(Invoice.id == invoice_id))
    if invoice is None:
        raise NotFound(f"There is no invoice {invoice_id}.")
    return invoice


def numbers_of(session: Session, tenant: Tenant, *, invoice_ids: Sequence[str]) -> dict[str, str]:
    """Id -> number; one query."""
    rows = session.execute(
        scoped(Invoice, tenant)
        .where(Invoice.id.in_(invoice_ids))
        .with_only_columns(Invoice.id, Invoice.number)
    )
    return {row[0]: row[1] for row in rows}


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


def invoices_of_payments(session: Session, tenant: Tenant, *, payment_ids: Sequence[str]) -> dict[str, str]:
    """The invoices' numbers by the ids of payments; one query."""
    rows = session.execute(
        sa.select(Payment.id, Invoice.number)
        .join(
            Invoice,
            sa.and_(Invoice.partner_id == Payment.partner_id, Invoice.id == Payment.invoice_id),
        )
        .where(Payment.partner_id == tenant.partner_id, Payment.id.in_(payment_ids))
    )
    return {row[0]: row[1] for row in rows}


def open_amount(session: Session, tenant: Tenant, *, invoice: Invoice) -> Decimal:
    """What is still to be paid: total less credits less payments; never below zero."""
    credited = credited_of(session, tenant, invoice_id=invoice.id)
    return max(invoice.total + credited - invoice.paid_total, Decimal(0))


def credited_of(session: Session, tenant: Tenant, *, invoice_id: str) -> Decimal:
    """What credit notes took back of one invoice (negative)."""
    found = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Invoice.total), 0)).where(
            Invoice.partner_id == tenant.partner_id, Invoice.credits_invoice_id == invoice_id
        )
    )
    return Decimal(found or 0)


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


def run_under_way(session: Session, tenant: Tenant, *, as_of: date) -> BillingRun | None:
    """The run as of that day that is not over yet, if there is one."""
    return session.scalar(
        scoped(BillingRun, tenant).where(BillingRun.as_of == as_of, BillingRun.finished_at.is_(None))
    )


def jobs_of(session: Session, tenant: Tenant, *, runs: Sequence[BillingRun]) -> dict[str, LongJob]:
    """The jobs of these runs, by their ids: how far each is."""
    ids = [run.long_job_id for run in runs]
    return {job.id: job for job in session.scalars(scoped(LongJob, tenant).where(LongJob.id.in_(ids)))}


def chunks_of(session: Session, tenant: Tenant, *, run_id: str) -> Sequence[BillingChunk]:
    """The chunks of a run in order."""
    return session.scalars(
        scoped(BillingChunk, tenant).where(BillingChunk.run_id == run_id).order_by(BillingChunk.position)
    ).all()


def problems_of(chunks: Sequence[BillingChunk]) -> list[dict[str, str]]:
    """The clients that were put off, each with the reason."""
    return [problem for chunk in chunks for problem in chunk.problems]


def run_totals(session: Session, tenant: Tenant, *, run_id: str) -> list[Totals]:
    """What a run issued, a row for each currency."""
    # No document is overdue or not by being summed: the day does not matter here.
    return sum_up(session, tenant, where=InvoiceFilter(run_id=run_id), today=date.min)
