"""What an invoice prints of the credit that paid it. Pure."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from haas.documents.words import words
from invoicing.document import InvoiceDocument


def paid_out_of_credit(document: InvoiceDocument, *, amount: Decimal) -> InvoiceDocument:
    """The document with `amount` paid before (EN 16931: BT-113), and with a note that says by what."""
    note = words(document.language).gettext("Your credit with us was put to this invoice.")
    return replace(
        document,
        prepaid=document.prepaid + amount,
        payable=document.payable - amount,
        notes=(*document.notes, note),
    )
