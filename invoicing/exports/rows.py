"""What an export is made of: its headings, its rows as typed cells, and how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.calendar import ONE_DAY
from haas.money import round_minor
from haas.pages.downloads import Cell
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant
from invoicing.models import Invoice, InvoiceLine
from invoicing.queries import InvoiceFilter, fits, given_back, open_of, state_shown
from leases.models import Lease

Content = Literal["documents", "lines"]
CONTENTS: tuple[Content, ...] = ("documents", "lines")

_PORTION = 2_000  # rows fetched at a time: a year of a large partner fits in memory

_DOCUMENTS = (
    "number", "kind", "state", "client number", "client", "issued on", "due on", "currency", "net", "tax",
    "total", "paid", "open", "credits number", "reason", "sent at", "id",
)  # fmt: skip
_LINES = (
    "number", "kind", "issued on", "client number", "client", "position", "lease", "charge", "description",
    "period from", "period to", "quantity", "unit price", "net", "tax category", "tax rate %", "tax",
    "currency", "serials", "id",
)  # fmt: skip


def header(content: Content) -> tuple[str, ...]:
    """The headings, in English whoever exports: books are fed by them."""
    return _LINES if content == "lines" else _DOCUMENTS


def rows(
    session: Session, tenant: Tenant, *, content: Content, where: InvoiceFilter, today: date
) -> Iterator[list[Cell]]:
    """One list of cells a document, or a line of one, in the order of issue. Credit notes are negative."""
    read = _lines if content == "lines" else _documents
    return read(session, tenant, where, today)


def count(session: Session, tenant: Tenant, *, content: Content, where: InvoiceFilter, today: date) -> int:
    """How many rows there are."""
    statement = sa.select(sa.func.count()).select_from(Invoice)
    if content == "lines":
        statement = statement.join(InvoiceLine, _same(InvoiceLine.invoice_id, Invoice.id))
    return session.scalar(statement.where(*_seen(tenant, where, today))) or 0


def told(cells: Iterator[list[Cell]], tell: Callable[[int], None], *, every: int) -> Iterator[list[Cell]]:
    """The same rows, telling how many have passed."""
    for number, row in enumerate(cells):
        if number % every == 0:
            tell(number)
        yield row


def _documents(session: Session, tenant: Tenant, where: InvoiceFilter, today: date) -> Iterator[list[Cell]]:
    back, credited = given_back(tenant), sa.orm.aliased(Invoice)
    columns = [column for column in Invoice.__table__.columns if column.key != "document"]
    statement = (
        sa.select(
            Invoice, Client.number, Client.name, open_of(back).label("open"), credited.number.label("credits")
        )
        .join(Client, _same(Client.id, Invoice.client_id))
        .outerjoin(back, back.c.invoice_id == Invoice.id)
        .outerjoin(
            credited,
            sa.and_(credited.partner_id == Invoice.partner_id, credited.id == Invoice.credits_invoice_id),
        )
        .options(sa.orm.load_only(*(getattr(Invoice, column.key) for column in columns)))
        .where(*_seen(tenant, where, today))
        .order_by(Invoice.issued_on, Invoice.id)
        .execution_options(yield_per=_PORTION)
    )
    for invoice, client_number, client, still_open, credits_number in session.execute(statement):
        yield [
            invoice.number,
            invoice.kind,
            state_shown(invoice, today=today),
            client_number,
            client,
            invoice.issued_on,
            invoice.due_on,
            invoice.currency,
            round_minor(invoice.net_total, invoice.currency),
            round_minor(invoice.tax_total, invoice.currency),
            round_minor(invoice.total, invoice.currency),
            round_minor(invoice.paid_total, invoice.currency),
            round_minor(still_open, invoice.currency),
            credits_number,
            invoice.reason,
            invoice.sent_at,
            invoice.id,
        ]


def _lines(session: Session, tenant: Tenant, where: InvoiceFilter, today: date) -> Iterator[list[Cell]]:
    statement = (
        sa.select(
            InvoiceLine, Invoice.number, Invoice.kind, Invoice.issued_on, Invoice.currency,
            Client.number, Client.name, Lease.number,
        )
        .join(InvoiceLine, _same(InvoiceLine.invoice_id, Invoice.id))
        .join(Client, _same(Client.id, Invoice.client_id))
        .outerjoin(
            Lease, sa.and_(Lease.partner_id == InvoiceLine.partner_id, Lease.id == InvoiceLine.lease_id)
        )
        .where(*_seen(tenant, where, today))
        .order_by(Invoice.issued_on, Invoice.id, InvoiceLine.position)
        .execution_options(yield_per=_PORTION)
    )  # fmt: skip
    for line, number, kind, issued_on, currency, client_number, client, lease in session.execute(statement):
        yield [
            number,
            kind,
            issued_on,
            client_number,
            client,
            line.position,
            lease,
            line.kind,
            line.description,
            line.period_start,
            line.period_end - ONE_DAY if line.period_end else None,  # the last day, as on paper
            line.quantity.normalize(),
            line.unit_price.normalize(),
            round_minor(line.net, currency),
            line.tax_category,
            line.tax_rate_pct.normalize(),
            round_minor(line.tax, currency),
            currency,
            ", ".join(str(share["serial"]) for share in line.serials),
            line.id,
        ]


def _seen(tenant: Tenant, where: InvoiceFilter, today: date) -> list[sa.ColumnElement[bool]]:
    own = [Invoice.partner_id == tenant.partner_id, *fits(where, today=today)]
    if tenant.client_id is not None:
        own.append(Invoice.client_id == tenant.client_id)
    return own


def _same(theirs: Any, ours: Any) -> sa.ColumnElement[bool]:
    """Join on the id and the partner, as every key begins with it."""
    return sa.and_(theirs.class_.partner_id == ours.class_.partner_id, theirs == ours)
