"""Invoices by the operations themselves: dull defaults for tests of what comes after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import HardwareModel
from haas.files import StoredFile, store_file
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing import billing, queries
from invoicing.models import Invoice, TaxRate
from tests.leases.fleet import lease_in_service

ACCEPTED = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
PORTAL = "https://portal.example"
APRIL = date(2026, 4, 1)
PDF = b"%PDF-1.7 pretended"


def a_rate(session: Session, tenant: Tenant, *, pct: str = "8.000", country: str = "US") -> None:
    """Sales tax from 2020 on, unless it is on file."""
    if session.scalar(scoped(TaxRate, tenant).where(TaxRate.country == country)) is not None:
        return
    session.add(
        TaxRate(
            partner_id=tenant.partner_id,
            id=new_id("tax"),
            country=country,
            category="S",
            rate_pct=Decimal(pct),
            name="Sales tax",
            valid_from=date(2020, 1, 1),
        )
    )
    session.flush()


def keep_operating(session: Session, tenant: Tenant) -> None:
    """Draw the lines so that the laptops' leases are operating, though they last as long as the laptops."""
    partner = session.get_one(Partner, tenant.partner_id)
    drawn = {"major_part": "1.1", "substantially_all": "9", "end_of_life": "0"}
    partner.policies = {**partner.policies, "classification": drawn}
    session.flush()


def a_lease(session: Session, tenant: Tenant, *, client_id: str, rent: str = "93.00", lines: int = 1) -> None:
    """Laptops in service since 11 March 2026, the base term from 1 April."""
    model = session.scalar(scoped(HardwareModel, tenant).limit(1))
    lease_in_service(
        session, tenant, client_id=client_id, accepted_at=ACCEPTED, rent=rent, lines=lines, model=model
    )


def bill(session: Session, tenant: Tenant, as_of: date = APRIL, at: datetime = NOW) -> list[Invoice]:
    """A whole run; what it issued, by number."""
    before = set(session.scalars(scoped(Invoice, tenant).with_only_columns(Invoice.id)))
    run = billing.start_run(session, tenant, as_of=as_of, at=at)
    for chunk in queries.chunks_of(session, tenant, run_id=run.id):
        billing.bill_chunk(session, tenant, chunk_id=chunk.id, at=at, portal_url=PORTAL)
        billing.note_progress(session, tenant, chunk_id=chunk.id, at=at)
    found = session.scalars(scoped(Invoice, tenant).order_by(Invoice.kind.desc(), Invoice.number))
    return [row for row in found if row.id not in before]


def an_invoice(session: Session, tenant: Tenant, *, client_id: str) -> Invoice:
    """63.00 of interim rent, 93.00 of rent and 12.48 of tax, due on 15 April: 168.48."""
    a_rate(session, tenant)
    a_lease(session, tenant, client_id=client_id)
    (invoice,) = bill(session, tenant)
    return invoice


def pretend_rendered(session: Session, tenant: Tenant, invoice: Invoice) -> StoredFile:
    """A file in the place of the PDF, which takes a second to render."""
    stored = store_file(
        session,
        tenant,
        kind="invoice_pdf",
        name=f"{invoice.number}.pdf",
        media_type="application/pdf",
        content=PDF,
        client_id=invoice.client_id,
    )
    invoice.pdf_file_id = stored.id
    session.flush()
    return stored


@contextmanager
def counted_statements(session: Session) -> Iterator[list[int]]:
    """How many statements ran within."""
    counted = [0]

    def count(*_: object) -> None:
        counted[0] += 1

    engine = session.get_bind()
    sa.event.listen(engine, "before_cursor_execute", count)
    try:
        yield counted
    finally:
        sa.event.remove(engine, "before_cursor_execute", count)
