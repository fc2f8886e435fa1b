"""The e-invoices of an issued document as files: Factur-X from inside its PDF, and UBL for Peppol."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from sqlalchemy.orm import Session

from haas.documents.pictures import attached_file
from haas.files import StoredFile, get_file, store_file
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.document import InvoiceDocument
from invoicing.einvoice import facturx, missing, ubl
from invoicing.einvoice.words import refusal
from invoicing.models import Invoice

MEDIA_TYPE = "application/xml"


class EInvoiceFile(NamedTuple):
    """An e-invoice to download or to attach."""

    name: str
    content: bytes


def factur_x(session: Session, tenant: Tenant, *, invoice_id: str) -> EInvoiceFile:
    """The XML that lies in the PDF; while that is being rendered, the same from the frozen document.

    :raises NotAnEInvoice: if the document lacks something mandatory, which `fields` name with the remedy.
    """
    invoice = queries.get_invoice(session, tenant, invoice_id=invoice_id)
    document = msgspec.convert(invoice.document, type=InvoiceDocument)
    inside = None
    if invoice.pdf_file_id is not None:
        pdf = get_file(session, tenant, file_id=invoice.pdf_file_id).content
        inside = attached_file(pdf, name=facturx.FILE_NAME)
    if inside is None:
        made = facturx.attachment_of(document)
        if made is None:
            raise refusal(invoice.number, missing.for_cii(document))
        inside = made.content
    return EInvoiceFile(f"{invoice.number}-{facturx.FILE_NAME}", inside)


def peppol(session: Session, tenant: Tenant, *, invoice_id: str) -> EInvoiceFile:
    """The UBL file that was kept when the PDF was rendered, else the same from the frozen document.

    :raises NotAnEInvoice: if the document lacks something mandatory, which `fields` name with the remedy.
    """
    invoice = queries.get_invoice(session, tenant, invoice_id=invoice_id)
    kept = find_peppol(session, tenant, invoice=invoice)
    if kept is not None:
        return EInvoiceFile(kept.name, kept.content)
    document = msgspec.convert(invoice.document, type=InvoiceDocument)
    lacks = missing.for_bis(document)
    if lacks:
        raise refusal(invoice.number, lacks)
    return EInvoiceFile(_name(invoice), ubl.ubl_xml(document))


def keep_peppol(
    session: Session, tenant: Tenant, *, invoice: Invoice, document: InvoiceDocument
) -> StoredFile | None:
    """Keep the UBL file beside the PDF, so that a later release gives the same bytes; none if invalid."""
    if missing.for_bis(document):
        return None
    return store_file(
        session,
        tenant,
        kind="invoice_ubl",
        name=_name(invoice),
        media_type=MEDIA_TYPE,
        content=ubl.ubl_xml(document),
        client_id=invoice.client_id,
        once_key=_once(invoice),
    )


def find_peppol(session: Session, tenant: Tenant, *, invoice: Invoice) -> StoredFile | None:
    """The UBL file that was kept, without its bytes until they are read."""
    return session.scalar(scoped(StoredFile, tenant).where(StoredFile.once_key == _once(invoice)))


def _once(invoice: Invoice) -> str:
    return f"invoice_ubl:{invoice.document_hash}"


def _name(invoice: Invoice) -> str:
    return f"{invoice.number}-ubl.xml"
