"""The rules that Peppol BIS Billing 3.0 adds to EN 16931, written anew from its published list.

No package carries the network's own schematron, so these are exact checks of ours (the sums without its
slack of 0.02); what EN 16931 itself wants is judged by the CEN's own rules beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from lxml import etree

from haas.money import round_places
from invoicing.einvoice.ubl import CUSTOMIZATION, NAMESPACES


def broken_bis_rules(xml: bytes) -> set[str]:
    """The names of the rules that fail."""
    return set(_broken(etree.fromstring(xml)))


def _broken(root: Any) -> Iterator[str]:
    def text(path: str, node: Any = root) -> str:
        return str(node.findtext(path, "", NAMESPACES))

    def every(path: str, node: Any = root) -> list[Any]:
        return list(node.iterfind(path, NAMESPACES))

    currency, tax_currency = text("cbc:DocumentCurrencyCode"), text("cbc:TaxCurrencyCode")
    profile = text("cbc:ProfileID").split(":")
    taxes = every("cac:TaxTotal")
    yield from _named(
        ("R001", bool(text("cbc:ProfileID"))),
        ("R002", len(every("cbc:Note")) <= 1),
        ("R003", bool(text("cbc:BuyerReference") or text("cac:OrderReference/cbc:ID"))),
        ("R004", text("cbc:CustomizationID") == CUSTOMIZATION),
        ("R005", tax_currency != currency),
        ("R007", profile[:6] == ["urn", "fdc", "peppol.eu", "2017", "poacc", "billing"]),
        ("R008", all(len(node) or (node.text or "").strip() for node in root.iter())),
        ("R010", bool(text("cac:AccountingCustomerParty/cac:Party/cbc:EndpointID"))),
        ("R020", bool(text("cac:AccountingSupplierParty/cac:Party/cbc:EndpointID"))),
        ("R053", sum(1 for tax in taxes if every("cac:TaxSubtotal", tax)) == 1),
        ("R054", sum(1 for tax in taxes if not every("cac:TaxSubtotal", tax)) == int(bool(tax_currency))),
    )
    countries = {
        text(f"cac:Accounting{role}Party/cac:Party/cac:PostalAddress/cac:Country/cbc:IdentificationCode")
        for role in ("Supplier", "Customer")
    }
    if countries == {"DE"} and not every("cac:PaymentMeans"):
        yield "DE-R-001"  # of credit notes, too, as BR-DE-1 of XRechnung
    for means in every("cac:PaymentMeans"):
        if text("cbc:PaymentMeansCode", means) in {"49", "59"}:
            yield from _named(("R061", bool(text("cac:PaymentMandate/cbc:ID", means))))
    for each in root.iter():
        own = each.get("currencyID")
        if own is not None and own != currency:
            yield from _named(("R051", own == tax_currency and not every("../cac:TaxSubtotal", each)))
    for each in every(".//cac:AllowanceCharge"):
        base, percent = text("cbc:BaseAmount", each), text("cbc:MultiplierFactorNumeric", each)
        yield from _named(("R041", bool(base) or not percent), ("R042", bool(percent) or not base))
        if base and percent:
            share = round_places(Decimal(base) * Decimal(percent) / 100, 2)
            yield from _named(("R040", share == Decimal(text("cbc:Amount", each))))
    for line in every("cac:InvoiceLine") + every("cac:CreditNoteLine"):
        yield from _of_line(root, line, text, every)


def _of_line(root: Any, line: Any, text: Any, every: Any) -> Iterator[str]:
    kind = "Invoiced" if root.tag.endswith("Invoice") else "Credited"
    quantity = Decimal(text(f"cbc:{kind}Quantity", line))
    base = Decimal(text("cac:Price/cbc:BaseQuantity", line) or "1")
    net = round_places(quantity * Decimal(text("cac:Price/cbc:PriceAmount", line)) / base, 2)
    for each in every("cac:AllowanceCharge", line):
        sign = 1 if text("cbc:ChargeIndicator", each) == "true" else -1
        net += sign * Decimal(text("cbc:Amount", each))
    first, last = (text(f"cac:InvoicePeriod/cbc:{end}Date", line) for end in ("Start", "End"))
    earliest, latest = (text(f"cac:InvoicePeriod/cbc:{end}Date") for end in ("Start", "End"))
    yield from _named(
        ("R110", not (first and earliest) or first >= earliest),
        ("R111", not (last and latest) or last <= latest),
        ("R120", net == Decimal(text("cbc:LineExtensionAmount", line))),
        ("R121", base > 0),
    )
    units = {
        each.get("unitCode") for path in (f"cbc:{kind}Quantity", "cac:Price/cbc:BaseQuantity")
        for each in every(path, line)
    }  # fmt: skip
    yield from _named(("R130", len(units) == 1))


def _named(*rules: tuple[str, bool]) -> Iterator[str]:
    yield from (f"PEPPOL-EN16931-{name}" for name, holds in rules if not holds)
