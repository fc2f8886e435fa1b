"""Documents that together have everything an e-invoice can have, by the name of what is special."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from haas.money import round_places
from haas.tenancy.payment_terms import DiscountStep
from invoicing.document import (
    Allowance,
    Buyer,
    DeliverySite,
    DocumentLine,
    Endpoint,
    InvoiceDocument,
    Party,
    PaymentMeans,
    Reference,
    TaxInOwnCurrency,
    TaxTotal,
)
from invoicing.payment_terms import offered, terms_text
from invoicing.totals import AllowanceCharge, PricedLine, invoice_totals
from tests import paper

D = Decimal
SELLER = Party(
    country="DE",
    postcode="20457",
    city="Hamburg",
    tax_id="DE136695976",
    tax_registration="27/123/45678",
    legal_id="HRB 123456",
    endpoint=Endpoint(scheme="9930", id="DE136695976"),
    contact_name="Billing",
    phone="+49 40 5550 100",
    email="billing@northwind.example",
)
BUYER = Buyer(
    name="Contoso Logistics SE",
    address_lines=("Speicherweg 4", "20097 Hamburg"),
    tax_id="DE129273398",
    customer_number="C-1042",
    country="DE",
    postcode="20097",
    city="Hamburg",
    endpoint=Endpoint(scheme="9930", id="DE129273398"),
    reference="04011000-12345-34",
    email="ap@contoso.example",
)
ABROAD = Buyer(
    name="Fabrikam SARL",
    address_lines=("12 rue de la Paix", "75002 Paris"),
    tax_id="FR40303265045",
    country="FR",
    postcode="75002",
    city="Paris",
    endpoint=Endpoint(scheme="9957", id="FR40303265045"),
    reference="PO-77",
)
TRANSFER = PaymentMeans(
    code="58", iban="DE02120300000000202051", bic="BYLADEM1001", account_name="Northwind IT"
)


def line(price: str = "29.90", **changes: Any) -> DocumentLine:
    """A line whose net follows from quantity, price and its own allowances."""
    values: dict[str, Any] = {
        "description": "HP EliteBook 840 G11",
        "details": "Rent, 36 months",
        "start": paper.START,
        "until": paper.UNTIL,
        "quantity": D(1),
        "unit_code": "MON",
        "unit_price": D(price),
        "base_quantity": D(1),
        "tax_rate_pct": D(19),
        "tax_category": "S",
    }
    values |= changes
    if "net" not in values:
        gross = values["quantity"] * values["unit_price"] / values["base_quantity"]
        values["net"] = round_places(gross, 2) + sum((a.amount for a in values.get("allowances", ())), D(0))
    return DocumentLine(**values)


def document(*lines: DocumentLine, **changes: Any) -> InvoiceDocument:
    """An invoice with all its totals, computed by the rule that billing uses."""
    allowances: tuple[Allowance, ...] = changes.get("allowances", ())
    totals = invoice_totals(
        [_priced(row) for row in lines],
        currency=changes.get("currency", "EUR"),
        allowances=[_charged(each) for each in allowances],
        prepaid=changes.get("prepaid", D(0)),
        rounding=changes.get("rounding", D(0)),
    )
    values: dict[str, Any] = {
        "supplier": SELLER,
        "buyer": BUYER,
        "delivered_on": date(2026, 11, 30),
        "payment_means": (TRANSFER,),
        "payment_reference": "RF18539007547034",
        "tax_totals": tuple(
            TaxTotal(category=row.category, rate_pct=row.rate_pct or D(0), taxable=row.basis, tax=row.tax)  # type: ignore[arg-type]
            for row in totals.vat
        ),
        "net_total": totals.tax_exclusive,
        "tax_total": totals.tax_total,
        "total": totals.tax_inclusive,
        "payable": totals.payable,
    }
    return paper.invoice(tuple(lines), **values | changes)


def _priced(row: DocumentLine) -> PricedLine:
    return PricedLine(
        row.quantity, row.unit_price, row.tax_category, row.tax_rate_pct, row.base_quantity,
        tuple(_charged(each) for each in row.allowances),
    )  # fmt: skip


def _charged(each: Allowance) -> AllowanceCharge:
    return AllowanceCharge(each.amount >= 0, abs(each.amount), each.tax_category, each.tax_rate_pct)


def _untaxed(category: str, **changes: Any) -> InvoiceDocument:
    return document(line(tax_rate_pct=D(0), tax_category=category), **changes)


def _discounted(printed: InvoiceDocument) -> InvoiceDocument:
    steps = (DiscountStep(7, D(3)), DiscountStep(10, D("2.5")))
    day, due = printed.issued_on, printed.due_on or printed.issued_on
    early = offered(steps, issued_on=day, due_on=due, base=printed.payable, currency="EUR")
    told = terms_text(early, due_on=due, base=printed.payable, currency="EUR", language="de")
    return replace(printed, early_discounts=early, payment_terms=told)


def everything() -> dict[str, InvoiceDocument]:
    """Each by what is special about it."""
    loyalty = Allowance(
        description="Loyalty discount", amount=D("-5.00"), percent=D(10), base=D("50.00"), reason_code="95",
        tax_rate_pct=D(19),
    )  # fmt: skip
    courier = Allowance(description="Courier", amount=D("7.50"), reason_code="FC", tax_rate_pct=D(19))
    off_line = Allowance(description="Scratched lid", amount=D("-2.00"), reason_code="100")
    on_line = Allowance(description="Express", amount=D("3.00"), reason_code="FC")
    earlier = Reference(kind="invoice", number="NW-2026-00099", issued_on=date(2026, 10, 31))
    swap = {"quantity": D(-1), "tax_rate_pct": D(19)}
    debit = PaymentMeans(
        code="59", iban="DE21500500009876543210", mandate_reference="M-17", creditor_id="DE98ZZZ09999999999"
    )
    return {
        "mixed rates and periods": document(line(), line("4.99", tax_rate_pct=D(7), quantity=D(3))),
        "allowances of lines and document": document(
            line("50", allowances=(off_line, on_line)), line("12.345", quantity=D("2.5")),
            allowances=(loyalty, courier),
        ),
        "credit note": document(
            line(), kind="credit_note", number="NW-C-7", references=(earlier,), due_on=None,
            notes=("Returned early.", "With thanks."),
        ),
        "reverse charge": _untaxed("AE", buyer=ABROAD),
        "exempt": _untaxed("E"),
        "zero rated": _untaxed("Z"),
        "within the Union": _untaxed(
            "K", buyer=ABROAD, site=DeliverySite(name="Paris depot", address_lines=("Quai 4",), country="FR"),
        ),
        "export": _untaxed("G", buyer=Buyer(name="Adventure Works", country="US"), buyer_order="4711"),
        "not subject to tax": _untaxed("O", supplier=Party(country="DE", legal_id="HRB 1")),
        "foreign currency with tax in the own": document(
            line("1000"), currency="USD",
            accounting=TaxInOwnCurrency(
                currency="EUR", rate=D("0.92"), rate_on=date(2026, 11, 20), source="ECB",
                tax_total=D("174.80"),
            ),
        ),
        "yen": document(line("4980", net=D(4980)), currency="JPY"),
        "prepaid and rounded": document(line("99.99"), prepaid=D("50.00"), rounding=D("0.01")),
        "negative lines": document(line(), line("12.50", **swap)),
        "price per hundred": document(line("7.77", quantity=D(250), base_quantity=D(100), unit_code="C62")),
        "direct debit": document(line(), payment_means=(debit,)),
        "two ways to pay": document(
            line(), payment_means=(TRANSFER, PaymentMeans(code="58", iban="DE21500500009876543210")),
        ),
        "names of every script": document(
            line(), buyer=Buyer(
                name="Café 🚀 شركة النور 北京联想科技", country="CN", reference="R-1",
                address_lines=("1 <b>&amp; Co</b>\x0b",),
            ),
        ),
        "discounts for early payment": _discounted(document(line("100"), line("50", tax_rate_pct=D(7)))),
        "200 lines": document(*(line(f"{price}.37") for price in range(1, 201))),
    }  # fmt: skip
