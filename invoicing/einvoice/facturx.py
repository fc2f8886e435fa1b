"""The Factur-X (ZUGFeRD) file inside a PDF: its name, its XML, and the XMP properties that announce it."""

from __future__ import annotations

from haas.documents.attachments import Attachment, XmpProperty, XmpSchema
from invoicing.document import InvoiceDocument
from invoicing.einvoice import missing
from invoicing.einvoice.cii import cii_xml

FILE_NAME = "factur-x.xml"

# Factur-X 1.0, chapter 6.2: the name, the version and the profile's name are the specification's own words.
_SCHEMA = XmpSchema(
    title="Factur-X PDFA Extension Schema",
    namespace="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#",
    prefix="fx",
    properties=(
        XmpProperty("DocumentType", "INVOICE", "INVOICE"),  # also of a credit note
        XmpProperty("DocumentFileName", FILE_NAME, "name of the embedded XML invoice file"),
        XmpProperty("Version", "1.0", "The actual version of the Factur-X XML schema"),
        XmpProperty("ConformanceLevel", "EN 16931", "The conformance level of the embedded Factur-X data"),
    ),
)


def attachment_of(document: InvoiceDocument) -> Attachment | None:
    """The e-invoice to embed; none if something mandatory is missing: a wrong one is worse than none."""
    if missing.for_cii(document):
        return None
    return Attachment(
        name=FILE_NAME,
        content=cii_xml(document),
        description=f"Factur-X {document.number}",
        schema=_SCHEMA,
    )
