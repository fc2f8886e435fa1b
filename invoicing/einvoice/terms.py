"""The business terms (BT) of EN 16931 that a document holds in another shape. Pure; no amount is computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import zip_longest

from haas.documents.words import words
from invoicing.document import Allowance, DeliverySite, DocumentLine, InvoiceDocument, PaymentMeans
from invoicing.totals import amount_places

# BT-3, UNCL 1001. A pro-forma is no invoice: EN 16931 has no code for it.
TYPE_CODES = {"invoice": "380", "credit_note": "381"}

# The account of a transfer (BG-17) and the debit (BG-19) by the code of the means (UNCL 4461).
TRANSFERS = frozenset({"30", "58"})
DEBITS = frozenset({"59"})

# XRechnung (BR-DE-1) and Peppol's rules for Germany (DE-R-001) want BG-16 on credit notes, too, on which
# nobody pays to the seller's account: the code that says that no way is agreed needs none.
_NOTHING_TO_PAY = PaymentMeans(code="1")

REASON = "ACD"  # UNCL 4451 (BT-21): the note says a reason

NOT_SUBJECT = "O"  # no rate, and no VAT identifier of either party (BR-O-02 to BR-O-05)
EXEMPT = frozenset({"E", "AE", "K", "G", NOT_SUBJECT})  # categories that say why (BT-120, BT-121)

GERMANY = "DE"

_REASON_CODES = {"AE": "VATEX-EU-AE", "K": "VATEX-EU-IC", "G": "VATEX-EU-G", NOT_SUBJECT: "VATEX-EU-O"}


@dataclass(frozen=True, slots=True)
class Address:
    """BG-5, BG-8 or BG-15: at most three lines beside postcode, city and country."""

    lines: tuple[str, ...]
    postcode: str
    city: str
    country: str


def amount(value: Decimal, currency: str) -> str:
    """An amount with the digits of its currency, and at most two (BR-DEC)."""
    return f"{value:.{amount_places(currency)}f}"


def figure(value: Decimal) -> str:
    """A quantity, price or rate, without an exponent."""
    return f"{value:f}"


def last_day(until: date) -> date:
    """The last day of a half-open period: EN 16931 names both ends of one."""
    return until - timedelta(days=1)


def period(document: InvoiceDocument) -> tuple[date, date] | None:
    """BT-73 and BT-74, unless a line's period lies outside of them (PEPPOL-EN16931-R110, R111)."""
    if document.start is None or document.until is None:
        return None
    for line in document.lines:
        if (line.start and line.start < document.start) or (line.until and line.until > document.until):
            return None
    return document.start, last_day(document.until)


def seller_name(document: InvoiceDocument) -> str:
    """BT-27: the registered name, else the one it is known by."""
    return document.seller.legal_name or document.seller.display_name


def trading_name(document: InvoiceDocument) -> str:
    """BT-28, if it is another."""
    return document.seller.display_name if document.seller.display_name != seller_name(document) else ""


def seller_identifier(document: InvoiceDocument) -> str:
    """BT-29: the number at the tax office, where there is nothing else to know the seller by (BR-CO-26)."""
    supplier = document.supplier
    if supplier.legal_id or seller_tax_id(document):
        return ""
    return supplier.tax_registration


def seller_tax_id(document: InvoiceDocument) -> str:
    """BT-31, which must not stand where nothing is subject to VAT (BR-O-02)."""
    return "" if is_not_subject(document) else document.supplier.tax_id


def buyer_tax_id(document: InvoiceDocument) -> str:
    """BT-48, as `seller_tax_id`."""
    return "" if is_not_subject(document) else document.buyer.tax_id


def is_not_subject(document: InvoiceDocument) -> bool:
    """Whether all of it is outside the scope of VAT."""
    return any(row.category == NOT_SUBJECT for row in document.tax_totals)


def seller_address(document: InvoiceDocument) -> Address:
    """BG-5."""
    supplier = document.supplier
    return _address(document.seller.address_lines, supplier.postcode, supplier.city, supplier.country)


def buyer_address(document: InvoiceDocument) -> Address:
    """BG-8."""
    buyer = document.buyer
    return _address(buyer.address_lines, buyer.postcode, buyer.city, buyer.country)


def site_address(site: DeliverySite) -> Address:
    """BG-15."""
    return _address(site.address_lines, site.postcode, site.city, site.country)


def _address(printed: Iterable[str], postcode: str, city: str, country: str) -> Address:
    """Lines as printed, but for the one that only says postcode and city again."""
    lines = [line for line in printed if line.strip() and not _repeats(line, postcode, city)]
    if len(lines) > 3:
        lines[2:] = [", ".join(lines[2:])]
    return Address(tuple(lines), postcode, city, country)


def _repeats(line: str, postcode: str, city: str) -> bool:
    if not city or city not in line:
        return False
    rest = line.replace(city, "", 1)
    if postcode:
        rest = rest.replace(postcode, "", 1)
    return not rest.strip(" ,-·")


def order(document: InvoiceDocument) -> str:
    """BT-13: the buyer's order."""
    return document.buyer_order or _reference(document, "order")


def contract(document: InvoiceDocument) -> str:
    """BT-12: the agreement, else the lease."""
    return _reference(document, "agreement") or _reference(document, "lease")


def _reference(document: InvoiceDocument, kind: str) -> str:
    return next((each.number for each in document.references if each.kind == kind), "")


def tax_reason(category: str, reason: str, language: str) -> str:
    """BT-120: why no VAT is charged, in the document's language; nothing for S and Z (BR-S-10, BR-Z-10)."""
    if category not in EXEMPT:
        return ""
    said = words(language).gettext
    return (
        reason
        or {
            "AE": said("Reverse charge: the recipient of the service owes the tax."),
            "K": said("Tax-free supply within the European Union."),
            "G": said("Tax-free export."),
            "E": said("Exempt from tax."),
            NOT_SUBJECT: said("Not subject to tax."),
        }[category]
    )


def serial_word(language: str) -> str:
    """What a serial number is called as an attribute of the item (BT-160)."""
    return words(language).gettext("Serial number")


def tax_reason_code(category: str, code: str) -> str:
    """BT-121: the code of the same, which all categories but E imply."""
    return (code or _REASON_CODES.get(category, "")) if category in EXEMPT else ""


def means(document: InvoiceDocument) -> list[PaymentMeans]:
    """BG-16: the ways to pay that are complete; a transfer without an account is none (BR-50, BR-61).

    A credit note without any says that none is agreed.
    """
    ways = [each for each in document.payment_means if each.code not in TRANSFERS or each.iban]
    return [_NOTHING_TO_PAY] if not ways and document.kind == "credit_note" else ways


def payment_terms(document: InvoiceDocument) -> str:
    """BT-20: the terms in words; where Germany takes part, early-payment discounts in its form before them.

    A discount has a line of its own, which a line break ends (XRechnung BR-DE-18). Its base is what is to
    be paid (BT-115), so that it need not be named.
    """
    if GERMANY not in (document.supplier.country, document.buyer.country):
        return document.payment_terms
    steps = [f"#SKONTO#TAGE={step.days}#PROZENT={step.percent:.2f}#" for step in document.early_discounts]
    return "\n".join([*steps, document.payment_terms])


def notes(document: InvoiceDocument) -> list[tuple[str, str]]:
    """BG-1: each note with the code of its subject (BT-21); a credit note's first says why it was issued."""
    codes = [REASON] if document.kind == "credit_note" else []
    return [*zip_longest(codes, document.notes, fillvalue="")] if document.notes else []


def discounts(allowances: Iterable[Allowance]) -> Decimal:
    """BT-107 as it is stated: the allowances of the document, added up."""
    return sum((-each.amount for each in allowances if each.amount < 0), Decimal(0))


def charges(allowances: Iterable[Allowance]) -> Decimal:
    """BT-108, as `discounts`."""
    return sum((each.amount for each in allowances if each.amount >= 0), Decimal(0))


def lines_total(lines: Iterable[DocumentLine]) -> Decimal:
    """BT-106: the lines' nets, added up."""
    return sum((line.net for line in lines), Decimal(0))


def is_iban(account: str) -> bool:
    """Whether an account number has the shape of an IBAN (ISO 13616): country, two digits, the rest."""
    return len(account) >= 15 and account[:2].isalpha() and account[2:4].isdigit()
