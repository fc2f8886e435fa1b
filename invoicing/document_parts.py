"""What an InvoiceDocument is made of: parties, lines, allowances, tax, ways to pay. Values.

BT and BG numbers are the business terms of EN 16931-1.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from typing import Literal, get_args, get_type_hints

import msgspec

from haas.tenancy.electronic_addresses import ADDRESS_SCHEMES
from invoicing.codes import ALLOWANCE_REASONS, CHARGE_REASONS, EXEMPTIONS, UNITS

Kind = Literal["invoice", "credit_note", "proforma"]

# EN 16931 (UNCL 5305): standard, zero, exempt, reverse charge, intra-community, export, outside scope.
TaxCategory = Literal["S", "Z", "E", "AE", "K", "G", "O"]
TAX_CATEGORIES: tuple[TaxCategory, ...] = get_args(TaxCategory)
ReferenceKind = Literal["invoice", "credit_note", "agreement", "lease", "order", "site", "contact"]

# UNCL 4461 (BT-81): not agreed, transfer, card, SEPA transfer, SEPA direct debit.
PaymentCode = Literal["1", "30", "48", "58", "59"]


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the document; its figures lose trailing zeros, so that 10.0 and 10.00 freeze alike."""

    def __post_init__(self) -> None:
        for name in _figures(type(self)):
            value = getattr(self, name)
            if value is not None:
                msgspec.structs.force_setattr(self, name, _plain(value))


class Endpoint(Frozen, frozen=True, kw_only=True):
    """Where e-invoices reach a party (BT-34, BT-49): a register of EAS and the address in it.

    :raises ValueError: if EAS has no such register.
    """

    scheme: str
    id: str

    def __post_init__(self) -> None:
        _demand(self.scheme, ADDRESS_SCHEMES, "register of electronic addresses (EAS)")


class Party(Frozen, frozen=True, kw_only=True):
    """Who supplies (BG-4), but for name and address lines, which stand in `seller`."""

    country: str = ""  # BT-40
    postcode: str = ""  # BT-38
    city: str = ""  # BT-37
    tax_id: str = ""  # BT-31: the VAT identifier, with its country
    tax_registration: str = ""  # BT-32: the number at the tax office
    legal_id: str = ""  # BT-30: of the register of companies
    endpoint: Endpoint | None = None  # BT-34
    contact_name: str = ""  # BT-41
    phone: str = ""  # BT-42
    email: str = ""  # BT-43


class Buyer(Frozen, frozen=True, kw_only=True):
    """Who is billed (BG-7). The address goes into the envelope's window: six lines fit."""

    name: str  # BT-44
    address_lines: tuple[str, ...] = ()  # as printed, postcode and city among them
    tax_id: str = ""  # BT-48
    customer_number: str = ""
    country: str = ""  # BT-55
    postcode: str = ""  # BT-53
    city: str = ""  # BT-52
    legal_id: str = ""  # BT-47
    endpoint: Endpoint | None = None  # BT-49
    reference: str = ""  # BT-10: what the buyer wants to read, such as a Leitweg-ID
    email: str = ""  # BT-58


class DeliverySite(Frozen, frozen=True, kw_only=True):
    """Where it was delivered (BG-13 to BG-15), when that is one place."""

    name: str = ""  # BT-70
    address_lines: tuple[str, ...] = ()
    country: str = ""  # BT-80
    postcode: str = ""  # BT-78
    city: str = ""  # BT-77


def iban_ends(iban: str) -> str:
    """Its ends alone: enough for the holder to know it by."""
    return f"{iban[:4]} … {iban[-4:]}"


class PaymentMeans(Frozen, frozen=True, kw_only=True):
    """One way to pay (BG-16). With code 30 `iban` may hold another account number of the seller."""

    code: PaymentCode = "30"  # BT-81
    iban: str = ""  # BT-84; of a direct debit the payer's account (BT-91)
    bic: str = ""  # BT-86
    account_name: str = ""  # BT-85
    mandate_reference: str = ""  # BT-89
    creditor_id: str = ""  # BT-90

    @property
    def iban_shown(self) -> str:
        """Its ends alone: enough for the payer to know it by."""
        return iban_ends(self.iban)


class SerialRow(Frozen, frozen=True, kw_only=True):
    """One device under a line: from `start` until (not including) `until`, and its share of the net."""

    serial: str
    tag: str = ""
    description: str = ""
    start: date
    until: date
    days: int
    amount: Decimal | None = None


class Allowance(Frozen, frozen=True, kw_only=True):
    """A discount (negative) or charge (positive), before tax: of a line, or of the whole document.

    Of a line it is taxed as the line is, and `tax_rate_pct` and `tax_category` say nothing.

    :raises ValueError: for a reason code that UNCL 5189 (discounts) or 7161 (charges) does not have.
    """

    description: str  # BT-97, BT-104, BT-139, BT-144
    amount: Decimal  # BT-92, BT-99, BT-136, BT-141; signed
    tax_rate_pct: Decimal = Decimal(0)
    tax_category: TaxCategory = "S"
    reason_code: str = ""
    base: Decimal | None = None  # BT-93, BT-100, BT-137, BT-142: what `percent` is taken of
    percent: Decimal | None = None  # never negative

    def __post_init__(self) -> None:
        super().__post_init__()
        known = ALLOWANCE_REASONS if self.amount < 0 else CHARGE_REASONS
        _demand(self.reason_code, known, "reason of a discount or charge")


class EarlyDiscount(Frozen, frozen=True, kw_only=True):
    """What paying within so many days of issue takes off (Skonto): so many per cent of what is asked for.

    It is part of the terms of payment (BT-20) and in no total: who takes it gets a credit note.
    """

    percent: Decimal
    days: int
    last_on: date
    base: Decimal
    amount: Decimal


class DocumentLine(Frozen, frozen=True, kw_only=True):
    """One line; `net` is what was billed, never recomputed. Its period is half-open.

    `net` is `quantity` times `unit_price` for `base_quantity` units, rounded, with the line's
    allowances. Where prices include tax, `price_with_tax` and `gross` are what was agreed.

    :raises ValueError: for a unit or a reason that the code lists do not have.
    """

    description: str
    details: str = ""
    start: date | None = None  # BT-134
    until: date | None = None  # the day after BT-135
    quantity: Decimal = Decimal(1)  # BT-129
    unit: str = ""  # as printed
    unit_code: str = "C62"  # BT-130, UN/ECE recommendation 20
    unit_price: Decimal  # BT-146
    base_quantity: Decimal = Decimal(1)  # BT-149
    net: Decimal  # BT-131
    price_with_tax: Decimal | None = None
    gross: Decimal | None = None
    tax_rate_pct: Decimal = Decimal(0)
    tax_category: TaxCategory = "S"
    tax_reason_code: str = ""  # VATEX
    allowances: tuple[Allowance, ...] = ()  # BG-27, BG-28
    order_reference: str = ""  # BT-132: the line of the buyer's order
    serials: tuple[SerialRow, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        _demand(self.unit_code, UNITS, "unit (UN/ECE recommendation 20)")
        _demand(self.tax_reason_code, EXEMPTIONS, "reason for no tax (VATEX)")


class TaxTotal(Frozen, frozen=True, kw_only=True):
    """The tax of one category and rate (BG-23); `reason` is the sentence the law wants when there is none.

    On a credit note the rate makes `tax` and `tax_before` of `taxable` and `taxable_before`, which the credit
    notes before it gave back of the same invoice: all of them together come to what was charged.
    """

    category: TaxCategory = "S"
    rate_pct: Decimal
    taxable: Decimal
    tax: Decimal
    taxable_before: Decimal = Decimal(0)
    tax_before: Decimal = Decimal(0)
    reason: str = ""  # BT-120
    reason_code: str = ""  # BT-121, VATEX

    def __post_init__(self) -> None:
        super().__post_init__()
        _demand(self.reason_code, EXEMPTIONS, "reason for no tax (VATEX)")


class TaxInOwnCurrency(Frozen, frozen=True, kw_only=True):
    """The tax total in the currency the seller accounts for tax in (BT-6, BT-111).

    `rate` is how much of it one unit of the document's currency is worth, as `source` said on `rate_on`.
    """

    currency: str
    rate: Decimal
    rate_on: date
    source: str
    tax_total: Decimal


class Reference(Frozen, frozen=True, kw_only=True):
    """Another paper this one belongs to: the credited invoice, the order, the lease."""

    kind: ReferenceKind
    number: str
    issued_on: date | None = None


def _demand(code: str, known: frozenset[str], words: str) -> None:
    if code and code not in known:
        raise ValueError(f"{code!r} is no {words}")


@cache
def _figures(kind: type[Frozen]) -> tuple[str, ...]:
    """The fields that hold a figure, or may."""
    hints = get_type_hints(kind)
    return tuple(name for name in kind.__struct_fields__ if hints[name] in (Decimal, Decimal | None))


@lru_cache(maxsize=8192)  # the same prices and rates stand on most lines of a run
def _plain(value: Decimal) -> Decimal:
    if not value:
        return Decimal(0)  # never -0: a credit note's zero is nothing, too
    stripped = value.normalize()
    return stripped if stripped.as_tuple().exponent <= 0 else stripped.quantize(Decimal(1))  # type: ignore[operator]
