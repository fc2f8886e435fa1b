"""What a document lacks for an e-invoice, each with the rule that would fail. Pure.

The rules are those of EN 16931 (BR-*) and of Peppol BIS Billing 3.0 (PEPPOL-*, DE-R-*). A frozen document
stays as it is: what is filled in helps the next one. `words.py` says the remedies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from haas.money import exponent
from invoicing.document import InvoiceDocument
from invoicing.einvoice import terms
from invoicing.totals import EN_16931_PLACES


class Lack(NamedTuple):
    """One thing that is missing: its name in `words.py`, the business term, the rule that wants it."""

    name: str
    term: str
    rule: str


def for_cii(document: InvoiceDocument) -> tuple[Lack, ...]:
    """What keeps the document from being an EN 16931 invoice, in either syntax."""
    if document.schema < 2:
        return (Lack("schema", "", ""),)
    if document.kind not in terms.TYPE_CODES:
        return (Lack("kind", "BT-3", "BR-04"),)
    return tuple(dict.fromkeys((*_parties(document), *_figures(document))))


def for_bis(document: InvoiceDocument) -> tuple[Lack, ...]:
    """What keeps it from being a Peppol BIS Billing 3.0 invoice: the same, and what the network wants."""
    lacks = for_cii(document)
    if lacks and lacks[0].name in {"schema", "kind"}:
        return lacks
    return (*lacks, *_network(document), *_germany(document))


def _parties(document: InvoiceDocument) -> Iterator[Lack]:
    supplier, buyer = document.supplier, document.buyer
    categories = {row.category for row in document.tax_totals}
    if not supplier.country:
        yield Lack("seller_country", "BT-40", "BR-09")
    if not buyer.country:
        yield Lack("buyer_country", "BT-55", "BR-11")
    if not (supplier.legal_id or supplier.tax_registration or terms.seller_tax_id(document)):
        yield Lack("seller_identity", "BT-30", "BR-CO-26")
    if categories - {terms.NOT_SUBJECT} and not (supplier.tax_id or supplier.tax_registration):
        yield Lack("seller_tax_id", "BT-31", "BR-S-02")
    if categories & {"K", "G"} and not supplier.tax_id:
        yield Lack("seller_tax_id", "BT-31", "BR-IC-02" if "K" in categories else "BR-G-02")
    if "AE" in categories and not (buyer.tax_id or buyer.legal_id):
        yield Lack("buyer_tax_id", "BT-48", "BR-AE-02")
    if "K" in categories and not buyer.tax_id:
        yield Lack("buyer_tax_id", "BT-48", "BR-IC-02")
    if "K" in categories and not (document.site and document.site.country):
        yield Lack("delivery_country", "BT-80", "BR-IC-12")


def _figures(document: InvoiceDocument) -> Iterator[Lack]:
    categories = {row.category for row in document.tax_totals}
    if not document.tax_totals:
        yield Lack("tax_category", "BG-23", "BR-CO-18")
    if terms.NOT_SUBJECT in categories and len(categories) > 1:
        yield Lack("one_scope", "BT-118", "BR-O-11")
    if any(row.category == "S" and not row.rate_pct for row in document.tax_totals):
        yield Lack("standard_rate", "BT-119", "BR-S-05")
    if exponent(document.currency) > EN_16931_PLACES:
        yield Lack("currency_digits", "BT-5", "BR-DEC-12")
    own = document.accounting
    if own is not None and exponent(own.currency) > EN_16931_PLACES:
        yield Lack("currency_digits", "BT-6", "BR-DEC-15")
    if (
        document.kind == "invoice"
        and document.payable > 0
        and not (document.due_on or document.payment_terms)
    ):
        yield Lack("due", "BT-9", "BR-CO-25")


def _network(document: InvoiceDocument) -> Iterator[Lack]:
    if document.supplier.endpoint is None:
        yield Lack("seller_endpoint", "BT-34", "PEPPOL-EN16931-R020")
    if document.buyer.endpoint is None:
        yield Lack("buyer_endpoint", "BT-49", "PEPPOL-EN16931-R010")
    if not document.buyer.reference and not terms.order(document):
        yield Lack("buyer_reference", "BT-10", "PEPPOL-EN16931-R003")
    if any(way.code in terms.DEBITS and not way.mandate_reference for way in terms.means(document)):
        yield Lack("mandate", "BT-89", "PEPPOL-EN16931-R061")


def _germany(document: InvoiceDocument) -> Iterator[Lack]:
    """What a German seller owes a German buyer besides."""
    supplier, buyer = document.supplier, document.buyer
    if supplier.country != "DE" or buyer.country != "DE":
        return
    if not terms.means(document):
        yield Lack("payment_means", "BG-16", "DE-R-001")
    if not (supplier.contact_name and supplier.phone and supplier.email):
        yield Lack("seller_contact", "BG-6", "DE-R-002")
    if not (supplier.city and supplier.postcode):
        yield Lack("seller_place", "BT-37", "DE-R-003")
    if not (buyer.city and buyer.postcode):
        yield Lack("buyer_place", "BT-52", "DE-R-008")
    if not buyer.reference:
        yield Lack("buyer_reference", "BT-10", "DE-R-015")
