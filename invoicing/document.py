"""InvoiceDocument: everything an invoice or credit note prints, frozen at issue. A value.

The one source of all amounts that stand in list, PDF, XML, API, export and payment.
"""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any, Self

import msgspec

from haas.tenancy.branding import Branding
from invoicing.document_checks import check_document
from invoicing.document_parts import (
    Allowance,
    Buyer,
    DeliverySite,
    DocumentLine,
    EarlyDiscount,
    Endpoint,
    Frozen,
    Kind,
    Party,
    PaymentMeans,
    Reference,
    SerialRow,
    TaxCategory,
    TaxInOwnCurrency,
    TaxTotal,
)

__all__ = [
    "SCHEMA", "Allowance", "Buyer", "DeliverySite", "DocumentLine", "EarlyDiscount", "Endpoint",
    "InvoiceDocument", "Kind", "Party", "PaymentMeans", "Reference", "SerialRow", "TaxCategory",
    "TaxInOwnCurrency", "TaxTotal", "hash_of",
]  # fmt: skip

# 1 had no supplier, no codes and no ways to pay; 2 no early discounts, and no reasons and shares of credits.
SCHEMA = 3


class InvoiceDocument(Frozen, frozen=True, kw_only=True):
    """What was issued, complete: it can be printed again in ten years from these values alone.

    Amounts of a credit note are positive, as EN 16931 wants them; the kind says which way they go.
    A pro-forma has the shape of an invoice and asks for no money.
    :raises ValueError: if the document does not add up to the last cent, or a code is unknown.
    """

    kind: Kind = "invoice"
    number: str  # BT-1
    seller: Branding  # BT-27, BT-28 and the address lines, beside all that dresses the paper
    seller_tax_id: str = ""  # of schema 1; since 2 `supplier` has it
    supplier: Party = Party()
    buyer: Buyer
    site: DeliverySite | None = None
    issued_on: date  # BT-2
    due_on: date | None = None  # BT-9
    delivered_on: date | None = None  # BT-72: the last day of what is billed
    start: date | None = None  # BT-73
    until: date | None = None  # the day after BT-74
    currency: str  # BT-5
    language: str = "en"
    tax_name: str = ""  # "VAT", "MwSt.", "Sales tax"; empty: the language's own word
    prices_include_tax: bool = False
    lines: tuple[DocumentLine, ...]
    allowances: tuple[Allowance, ...] = ()
    tax_totals: tuple[TaxTotal, ...] = ()
    net_total: Decimal  # BT-109
    tax_total: Decimal  # BT-110
    total: Decimal  # BT-112
    prepaid: Decimal = Decimal(0)  # BT-113: paid before, credit balance that was applied among it
    rounding: Decimal = Decimal(0)  # BT-114
    payable: Decimal  # BT-115
    accounting: TaxInOwnCurrency | None = None
    references: tuple[Reference, ...] = ()
    buyer_order: str = ""  # BT-13
    payment_terms: str = ""  # BT-20 in words, a line for each term
    early_discounts: tuple[EarlyDiscount, ...] = ()  # the shortest time first
    payment_reference: str = ""  # BT-83, ISO 11649: what the payer writes; empty: the number
    payment_means: tuple[PaymentMeans, ...] = ()
    credit_reason: str = ""  # of a credit note: a code of `invoicing.credit_reasons`, whose name is a note
    notes: tuple[str, ...] = ()  # BT-22; of a credit note the first says why
    portal_url: str = ""
    pay_url: str = ""  # where whoever holds the paper can pay it; empty: nowhere
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.schema > SCHEMA:
            raise ValueError(f"document schema {self.schema} is newer than this release ({SCHEMA})")
        check_document(self)

    @property
    def debit(self) -> PaymentMeans | None:
        """How the bank collects it, where it does: then nobody is asked to transfer anything."""
        return next((each for each in self.payment_means if each.code == "59"), None)

    @property
    def payer_reference(self) -> str:
        """What the payer writes on the transfer."""
        return self.payment_reference or self.number

    @property
    def supplier_tax_id(self) -> str:
        """The seller's VAT identifier, or the number at the tax office where there is none."""
        return self.supplier.tax_id or self.seller_tax_id or self.supplier.tax_registration

    def to_json(self) -> bytes:
        """Canonical JSON with the logo named by its hash: equal documents give equal bytes.

        A document of an older schema gives the bytes that it was frozen with.
        """
        lean = self.seller.lean()
        # Replacing checks the whole document again: a billing run has thousands that are lean already.
        document = self if lean is self.seller else msgspec.structs.replace(self, seller=lean)
        if document.schema < SCHEMA:
            return msgspec.json.encode(_as_older(document, document.schema))
        return msgspec.json.encode(document, order="deterministic")

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """The document as it was frozen; the logo's bytes are not in it (`Branding.with_logo`)."""
        return msgspec.json.decode(data, type=cls)

    def content_hash(self) -> str:
        """SHA-256 of the canonical JSON; the logo counts by its own hash."""
        return hash_of(self.to_json())


def hash_of(canonical: bytes) -> str:
    """The content hash of a document that is canonical JSON already."""
    return hashlib.sha256(canonical).hexdigest()


# What schemas 2 and 3 added, by the part it was added to.
_SINCE_2 = {
    InvoiceDocument: {
        "supplier", "site", "delivered_on", "prices_include_tax", "accounting", "buyer_order",
        "payment_means", "pay_url",
    },
    Buyer: {"country", "postcode", "city", "legal_id", "endpoint", "reference", "email"},
    DocumentLine: {
        "unit_code", "base_quantity", "price_with_tax", "gross", "tax_reason_code", "allowances",
        "order_reference",
    },
    Allowance: {"reason_code", "base", "percent"},
    TaxTotal: {"reason_code"},
}  # fmt: skip
_SINCE_3 = {
    InvoiceDocument: {"early_discounts", "credit_reason"},
    TaxTotal: {"taxable_before", "tax_before"},
}


def _as_older(value: Any, schema: int) -> Any:
    """The value as schema 1 or 2 wrote it: without what came later, fields in their order."""
    if isinstance(value, tuple):
        return [_as_older(each, schema) for each in value]
    if not isinstance(value, Frozen):
        return value
    later = _SINCE_3.get(type(value), set())
    if schema == 1:
        later = later | _SINCE_2.get(type(value), set())
    return {
        name: _as_older(getattr(value, name), schema) for name in value.__struct_fields__ if name not in later
    }
