"""What a client takes along when it leaves: certificates, receipts, bills of sale and statement, as a ZIP."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import WipeCertificate
from haas.calendar import ONE_DAY
from haas.files import StoredFile
from haas.pages.downloads import csv_bytes
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.models import InvoiceLine
from invoicing.statements import statements_of


def bundle_of(session: Session, tenant: Tenant, *, client: Client, today: date) -> bytes:
    """Wipe certificates, receipts, bills of sale and the statement; the same content gives the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bundle:
        for folder, stored in _papers(session, tenant, client_id=client.id):
            bundle.writestr(_entry(f"{folder}/{stored.name}", today), stored.content)
        bundle.writestr(_entry("statement.csv", today), _statement(session, tenant, client, today))
    return made.getvalue()


def _papers(session: Session, tenant: Tenant, *, client_id: str) -> list[tuple[str, StoredFile]]:
    folders = {
        "return_receipt": "receipts",
        "buyout_bill_of_sale": "bills-of-sale",
        "invoice_pdf": "invoices",
    }
    files = session.scalars(
        scoped(StoredFile, tenant)
        .where(StoredFile.client_id == client_id, StoredFile.kind.in_(folders))
        .order_by(StoredFile.id)
    ).all()
    certificates = session.scalars(
        scoped(StoredFile, tenant)
        .where(
            StoredFile.id.in_(
                scoped(WipeCertificate, tenant)
                .where(WipeCertificate.client_id == client_id, WipeCertificate.file_id.is_not(None))
                .with_only_columns(WipeCertificate.file_id)
            )
        )
        .order_by(StoredFile.id)
    ).all()
    return [("certificates", row) for row in certificates] + [(folders[row.kind], row) for row in files]


def _statement(session: Session, tenant: Tenant, client: Client, today: date) -> bytes:
    first = session.scalar(
        sa.select(sa.func.min(InvoiceLine.fell_due_on)).where(
            InvoiceLine.partner_id == tenant.partner_id, InvoiceLine.client_id == client.id
        )
    )
    start = min(first or today, today)
    found = statements_of(session, tenant, client_id=client.id, start=start, until=today + ONE_DAY)
    return csv_bytes(
        header=["date", "kind", "document", "due on", "amount", "balance", "currency"],
        rows=(
            [entry.on, entry.kind, entry.text, entry.due_on, entry.amount, entry.balance, account.currency]
            for account in found
            for entry in account.entries
        ),
    )


def _entry(name: str, day: date) -> zipfile.ZipInfo:
    """A fixed date: when the bundle was packed says nothing."""
    return zipfile.ZipInfo(name, date_time=(day.year, day.month, day.day, 0, 0, 0))
