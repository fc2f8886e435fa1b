"""What an invoice prints of the credit that paid it. Pure."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from haas.documents.words import words
from invoicing.document import InvoiceDocument
from invoicing.payment_terms import of_less, terms_text


def paid_out_of_credit(document: InvoiceDocument, *, amount: Decimal) -> InvoiceDocument:
    """The document with `amount` paid before (EN 16931: BT-113), and with a note that says by what."""
    note = words(document.language).gettext("Your credit with us was put to this invoice.")
    left = document.payable - amount
    discounts = of_less(document.early_discounts, base=left, currency=document.currency)
    return replace(
        document,
        prepaid=document.prepaid + amount,
        payable=left,
        early_discounts=discounts,
        payment_terms=terms_text(
            discounts,
            due_on=document.due_on or document.issued_on,
            base=left,
            currency=document.currency,
            language=document.language,
        ),
        notes=(*document.notes, note),
    )
