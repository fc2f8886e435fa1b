"""InvoiceDocument: everything an invoice or credit note prints, frozen at issue. A value."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from typing import Literal, Self, get_type_hints

import msgspec

from haas.money import exponent
from haas.tenancy.branding import Branding

SCHEMA = 1

Kind = Literal["invoice", "credit_note"]

# EN 16931 (UNCL 5305): standard, zero, exempt, reverse charge, intra-community, export, outside scope.
TaxCategory = Literal["S", "Z", "E", "AE", "K", "G", "O"]
ReferenceKind = Literal["invoice", "credit_note", "agreement", "lease", "order", "site", "contact"]


class _Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the document; its figures lose trailing zeros, so that 10.0 and 10.00 freeze alike."""

    def __post_init__(self) -> None:
        for name in _figures(type(self)):
            value = getattr(self, name)
            if value is not None:
                msgspec.structs.force_setattr(self, name, _plain(value))


class SerialRow(_Frozen, frozen=True, kw_only=True):
    """One device under a line: from `start` until (not including) `until`, and its share of the net."""

    serial: str
    tag: str = ""
    description: str = ""
    start: date
    until: date
    days: int
    amount: Decimal | None = None


class DocumentLine(_Frozen, frozen=True, kw_only=True):
    """One line; `net` is what was billed, never recomputed. Its period is half-open."""

    description: str
    details: str = ""
    start: date | None = None
    until: date | None = None
    quantity: Decimal = Decimal(1)
    unit: str = ""
    unit_price: Decimal
    net: Decimal
    tax_rate_pct: Decimal = Decimal(0)
    tax_category: TaxCategory = "S"
    serials: tuple[SerialRow, ...] = ()


class Allowance(_Frozen, frozen=True, kw_only=True):
    """A discount (negative) or charge (positive) on the whole document."""

    description: str
    amount: Decimal
    tax_rate_pct: Decimal = Decimal(0)
    tax_category: TaxCategory = "S"


class TaxTotal(_Frozen, frozen=True, kw_only=True):
    """The tax of one category and rate; `reason` is the sentence the law wants when there is none."""

    category: TaxCategory = "S"
    rate_pct: Decimal
    taxable: Decimal
    tax: Decimal
    reason: str = ""


class Reference(_Frozen, frozen=True, kw_only=True):
    """Another paper this one belongs to: the credited invoice, the order, the lease."""

    kind: ReferenceKind
    number: str
    issued_on: date | None = None


class Buyer(_Frozen, frozen=True, kw_only=True):
    """Who is billed. The address goes into the envelope's window: six lines fit."""

    name: str
    address_lines: tuple[str, ...] = ()
    tax_id: str = ""
    customer_number: str = ""


class InvoiceDocument(_Frozen, frozen=True, kw_only=True):
    """What was issued, complete: it can be printed again in ten years from these values alone.

    Amounts of a credit note are positive, as EN 16931 wants them; the kind says which way they go.
    :raises ValueError: if the document does not add up to the last cent.
    """

    kind: Kind = "invoice"
    number: str
    seller: Branding
    seller_tax_id: str = ""
    buyer: Buyer
    issued_on: date
    due_on: date | None = None
    start: date | None = None
    until: date | None = None
    currency: str
    language: str = "en"
    tax_name: str = ""  # "VAT", "MwSt.", "Sales tax"; empty: the language's own word
    lines: tuple[DocumentLine, ...]
    allowances: tuple[Allowance, ...] = ()
    tax_totals: tuple[TaxTotal, ...] = ()
    net_total: Decimal
    tax_total: Decimal
    total: Decimal
    prepaid: Decimal = Decimal(0)
    rounding: Decimal = Decimal(0)
    payable: Decimal
    references: tuple[Reference, ...] = ()
    payment_terms: str = ""
    payment_reference: str = ""  # what the payer writes on the transfer; empty: the number
    notes: tuple[str, ...] = ()
    portal_url: str = ""
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.schema > SCHEMA:
            raise ValueError(f"document schema {self.schema} is newer than this release ({SCHEMA})")
        _check_digits(self)
        _check_lines(self)
        _check_sums(self)
        _check_taxes(self)

    def to_json(self) -> bytes:
        """Canonical JSON with the logo named by its hash: equal documents give equal bytes."""
        lean = self.seller.lean()
        # Replacing checks the whole document again: a billing run has thousands that are lean already.
        document = self if lean is self.seller else msgspec.structs.replace(self, seller=lean)
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


@cache
def _figures(kind: type[_Frozen]) -> tuple[str, ...]:
    """The fields that hold a figure, or may."""
    hints = get_type_hints(kind)
    return tuple(name for name in kind.__struct_fields__ if hints[name] in (Decimal, Decimal | None))


@lru_cache(maxsize=8192)  # the same prices and rates stand on most lines of a run
def _plain(value: Decimal) -> Decimal:
    if not value:
        return Decimal(0)  # never -0: a credit note's zero is nothing, too
    stripped = value.normalize()
    return stripped if stripped.as_tuple().exponent <= 0 else stripped.quantize(Decimal(1))  # type: ignore[operator]


def _check_digits(document: InvoiceDocument) -> None:
    """No posted amount may carry more digits than its currency has."""
    places = exponent(document.currency)
    amounts = [
        document.net_total, document.tax_total, document.total, document.prepaid,
        document.rounding, document.payable,
        *(line.net for line in document.lines),
        *(allowance.amount for allowance in document.allowances),
        *(amount for row in document.tax_totals for amount in (row.taxable, row.tax)),
    ]  # fmt: skip
    for amount in amounts:
        if _places(amount) > places:
            raise ValueError(f"{amount} has more than the {places} digits of {document.currency}")


@lru_cache(maxsize=8192)
def _places(plain: Decimal) -> int:
    """Decimal places of a figure without trailing zeros."""
    digits = plain.as_tuple().exponent
    return -digits if isinstance(digits, int) else 99  # not a number has too many for any currency


def _check_lines(document: InvoiceDocument) -> None:
    for line in document.lines:
        if line.start and line.until and line.start >= line.until:
            raise ValueError(f"the period of {line.description!r} ends before it starts")
        shares = [row.amount for row in line.serials if row.amount is not None]
        if shares and (len(shares) != len(line.serials) or sum(shares) != line.net):
            raise ValueError(f"the devices of {line.description!r} do not add up to {line.net}")


def _check_sums(document: InvoiceDocument) -> None:
    net = sum((line.net for line in document.lines), Decimal(0))
    net += sum((allowance.amount for allowance in document.allowances), Decimal(0))
    tax = sum((row.tax for row in document.tax_totals), Decimal(0))
    for name, stated, summed in (
        ("net total", document.net_total, net),
        ("tax total", document.tax_total, tax),
        ("total", document.total, document.net_total + document.tax_total),
        ("amount due", document.payable, document.total - document.prepaid + document.rounding),
    ):
        if stated != summed:
            raise ValueError(f"the {name} is {stated}, but its parts add up to {summed}")


def _check_taxes(document: InvoiceDocument) -> None:
    """Every line's net stands in exactly one tax row, by category and rate."""
    taxable: defaultdict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    for line in document.lines:
        taxable[line.tax_category, line.tax_rate_pct] += line.net
    for allowance in document.allowances:
        taxable[allowance.tax_category, allowance.tax_rate_pct] += allowance.amount
    stated: dict[tuple[str, Decimal], Decimal] = {
        (row.category, row.rate_pct): row.taxable for row in document.tax_totals
    }
    if len(stated) != len(document.tax_totals):
        raise ValueError("a tax category and rate stands twice among the tax totals")
    for key in taxable.keys() | stated.keys():
        if taxable.get(key, Decimal(0)) != stated.get(key, Decimal(0)):
            category, rate = key
            raise ValueError(
                f"{taxable.get(key, 0)} is taxed by {category} at {rate} %, but the tax totals"
                f" say {stated.get(key, 0)}"
            )
