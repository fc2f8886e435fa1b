"""InvoiceDocument -> XHTML -> PDF, in the partner's brand, with the same as an e-invoice inside."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from haas.documents.formatting import places_of
from haas.documents.pages import fill
from haas.documents.renderer import render_in_own_process
from haas.errors import InvalidInput
from haas.money import exponent
from invoicing.document import InvoiceDocument
from invoicing.einvoice.facturx import attachment_of
from invoicing.epc import epc_qr

TEMPLATES = {"invoice": "invoice.html", "credit_note": "credit_note.html", "proforma": "pro_forma.html"}


def invoice_pdf(
    document: InvoiceDocument,
    *,
    logo: bytes | None = None,
    render: Callable[..., bytes] = render_in_own_process,
) -> bytes:
    """The PDF of an invoice, credit note or pro-forma; the same document gives the same bytes.

    It is a PDF/A-3b with Factur-X inside, unless the document lacks what an e-invoice must have: a pro-forma
    is none, and has nothing inside.

    `logo` is needed when the document was read back from its JSON, which names the logo by hash.
    :raises InvalidInput: if the logo is missing or is not the one that was frozen.
    :raises DocumentTooCostly, RenderFailed: as `render_in_own_process` does.
    """
    return render(invoice_html(document, logo=logo), attachment=attachment_of(document))


def invoice_html(document: InvoiceDocument, *, logo: bytes | None = None) -> str:
    """The document as the XHTML that is rendered."""
    seller = document.seller
    if logo is not None:
        seller = seller.with_logo(logo)
    if seller.logo is not None and seller.logo.png is None:
        raise InvalidInput("The document's logo must be given to print it.", field="logo")
    places = exponent(document.currency)
    return fill(
        TEMPLATES[document.kind],
        branding=seller,
        language=document.language,
        document=msgspec.structs.replace(document, seller=seller),
        transfer_code=transfer_code(document),
        price_places=max(
            (places_of(line.unit_price, least=places) for line in document.lines), default=places
        ),
        quantity_places=max((places_of(line.quantity) for line in document.lines), default=0),
    )


def transfer_code(document: InvoiceDocument) -> str | None:
    """The text that banking apps read as a SEPA transfer of what is due; none where it can be none."""
    for means in document.payment_means:
        if means.code != "58" or not means.iban or document.currency != "EUR" or document.payable <= 0:
            continue
        structured = document.payment_reference if document.payment_reference.startswith("RF") else ""
        try:
            return epc_qr(
                name=means.account_name or document.seller.legal_name,
                iban=means.iban,
                bic=means.bic,
                amount=document.payable,
                reference=structured,
                text="" if structured else document.payer_reference,
            )
        except ValueError:
            continue  # frozen as it is: what no bank would take is printed in words alone
    return None
