"""InvoiceDocument -> XHTML -> PDF, in the partner's brand, with the same as an e-invoice inside."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from stdnum import iban

from haas.documents.formatting import places_of
from haas.documents.pages import fill
from haas.documents.renderer import render_in_own_process
from haas.documents.words import words
from haas.errors import InvalidInput
from haas.money import exponent
from haas.tenancy.branding import Branding
from invoicing.document import InvoiceDocument
from invoicing.document_parts import PaymentMeans
from invoicing.einvoice.facturx import attachment_of
from invoicing.epc import epc_qr

_TRANSFERS = ("30", "58")  # UNCL4461
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
        transfer_lines=transfer_lines(document),
        transfer_code=transfer_code(document),
        price_places=max(
            (places_of(line.unit_price, least=places) for line in document.lines), default=places
        ),
        quantity_places=max((places_of(line.quantity) for line in document.lines), default=0),
    )


def transfer_lines(document: InvoiceDocument) -> tuple[str, ...]:
    """Where what is due is to be transferred, as it is printed: see `lines_of_account`."""
    return lines_of_account(document.seller, document.payment_means, language=document.language)


def lines_of_account(branding: Branding, means: Iterable[PaymentMeans], *, language: str) -> tuple[str, ...]:
    """What the partner has its papers say; else holder and account of each way to pay by transfer."""
    if branding.payment_lines:
        return branding.payment_lines
    say = words(language).gettext
    lines: list[str] = []
    for way in means:
        if way.code in _TRANSFERS:
            is_iban = way.iban[:2].isalpha()
            named = (
                (say("Holder"), way.account_name),
                (say("IBAN") if is_iban else say("Account"), iban.format(way.iban) if is_iban else way.iban),
                (say("BIC"), way.bic),
            )
            lines += [f"{name}: {value}" for name, value in named if value]
    return tuple(lines)


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
