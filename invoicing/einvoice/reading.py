"""An e-invoice read back: its lines and allowances, and the sums it states. Hostile until read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lxml import etree

from haas.errors import InvalidInput
from haas.money import exponent
from invoicing.einvoice import cii, terms, ubl
from invoicing.totals import AllowanceCharge, InvoiceTotals, PricedLine, VatGroup

MOST_BYTES = 20 * 1024 * 1024

# xs:decimal: without an exponent, which could write a number that fills the memory in ten letters.
_FIGURE = re.compile(r"[+-]?[0-9]{1,24}(\.[0-9]{1,24})?")


class NotAnInvoice(InvalidInput):
    """The file is not an e-invoice in one of the two syntaxes."""

    code = "not_an_invoice"

    def __init__(self, message: str) -> None:
        super().__init__(message, field="file")


@dataclass(frozen=True, slots=True)
class Stated:
    """What an e-invoice says: its parts, and the sums that it makes of them."""

    number: str
    currency: str
    lines: tuple[PricedLine, ...]
    allowances: tuple[AllowanceCharge, ...]
    totals: InvoiceTotals
    credits: str = ""  # BT-25: of a credit note, the invoice of which it gives back


def read(xml: bytes) -> Stated:
    """The parts and sums of an e-invoice, as they stand in it.

    :raises NotAnInvoice: if it is neither CII nor UBL, or an amount of it is missing or no number.
    """
    root = parse(xml)
    space, _, name = str(root.tag)[1:].partition("}")
    if name == "CrossIndustryInvoice" and space == cii.NAMESPACES["rsm"]:
        return _cii(_Node(root, cii.NAMESPACES))
    if name in ubl.ROOTS.values():
        return _ubl(_Node(root, ubl.NAMESPACES), name)
    raise NotAnInvoice("The file is neither a Cross Industry Invoice nor a UBL invoice or credit note.")


def parse(xml: bytes) -> Any:
    """An XML file, without entities, external files or a network.

    :raises NotAnInvoice: if it is none, or larger than `MOST_BYTES`.
    """
    if len(xml) > MOST_BYTES:
        raise NotAnInvoice(f"The file is larger than {MOST_BYTES // 1024 // 1024} MB.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as mistake:
        raise NotAnInvoice(f"The file is not XML: {mistake.msg}.") from mistake
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr] # their stubs know no file without one
        raise NotAnInvoice("The file declares a document type, which an e-invoice never does.")
    return root


class _Node:
    """Looks things up below one element."""

    def __init__(self, node: Any, namespaces: Mapping[str, str]) -> None:
        self._node = node
        self._namespaces = dict(namespaces)

    def each(self, path: str) -> Iterator[_Node]:
        for node in self._node.iterfind(path, self._namespaces):
            yield _Node(node, self._namespaces)

    def one(self, path: str) -> _Node:
        found = next(self.each(path), None)
        if found is None:
            raise NotAnInvoice(f"The file has no {path.rpartition(':')[2]}.")
        return found

    def text(self, path: str) -> str:
        return str(self._node.findtext(path, "", self._namespaces)).strip()

    def figure(self, path: str, default: str = "0") -> Decimal:
        said = self.text(path) or default
        if not _FIGURE.fullmatch(said):
            raise NotAnInvoice(f"{said[:40]!r} in {path.rpartition(':')[2]} is not a number.")
        return Decimal(said)

    def rate(self, path: str) -> Decimal | None:
        return self.figure(path) if self.text(path) else None


def _currency(code: str) -> str:
    try:
        exponent(code)
    except ValueError as unknown:
        raise NotAnInvoice(f"{code[:10]!r} is not a currency of ISO 4217.") from unknown
    return code


def _cii(root: _Node) -> Stated:
    trade = root.one("rsm:SupplyChainTradeTransaction")
    head = trade.one("ram:ApplicableHeaderTradeSettlement")
    currency = _currency(head.text("ram:InvoiceCurrencyCode"))
    sums = head.one("ram:SpecifiedTradeSettlementHeaderMonetarySummation")
    items = list(trade.each("ram:IncludedSupplyChainTradeLineItem"))
    net = "ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount"
    return Stated(
        number=root.text("rsm:ExchangedDocument/ram:ID"),
        credits=head.text("ram:InvoiceReferencedDocument/ram:IssuerAssignedID")
        if root.text("rsm:ExchangedDocument/ram:TypeCode") == terms.TYPE_CODES["credit_note"]
        else "",
        currency=currency,
        lines=tuple(_cii_line(item) for item in items),
        allowances=tuple(_cii_allowance(each) for each in head.each("ram:SpecifiedTradeAllowanceCharge")),
        totals=InvoiceTotals(
            line_nets=tuple(item.one("ram:SpecifiedLineTradeSettlement").figure(net) for item in items),
            vat=tuple(
                VatGroup(
                    tax.text("ram:CategoryCode"),
                    tax.rate("ram:RateApplicablePercent"),
                    tax.figure("ram:BasisAmount"),
                    tax.figure("ram:CalculatedAmount"),
                )
                for tax in head.each("ram:ApplicableTradeTax")
            ),
            line_total=sums.figure("ram:LineTotalAmount"),
            allowance_total=sums.figure("ram:AllowanceTotalAmount"),
            charge_total=sums.figure("ram:ChargeTotalAmount"),
            tax_exclusive=sums.figure("ram:TaxBasisTotalAmount"),
            tax_total=sums.figure(f"ram:TaxTotalAmount[@currencyID='{currency}']"),
            tax_inclusive=sums.figure("ram:GrandTotalAmount"),
            prepaid=sums.figure("ram:TotalPrepaidAmount"),
            rounding=sums.figure("ram:RoundingAmount"),
            payable=sums.figure("ram:DuePayableAmount"),
        ),
    )


def _cii_line(item: _Node) -> PricedLine:
    price = item.one("ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice")
    settlement = item.one("ram:SpecifiedLineTradeSettlement")
    return PricedLine(
        quantity=item.figure("ram:SpecifiedLineTradeDelivery/ram:BilledQuantity"),
        price=price.figure("ram:ChargeAmount"),
        base_quantity=price.figure("ram:BasisQuantity", "1"),
        vat_category=settlement.text("ram:ApplicableTradeTax/ram:CategoryCode"),
        vat_rate_pct=settlement.rate("ram:ApplicableTradeTax/ram:RateApplicablePercent"),
        allowances=tuple(
            _cii_allowance(each) for each in settlement.each("ram:SpecifiedTradeAllowanceCharge")
        ),
    )


def _cii_allowance(node: _Node) -> AllowanceCharge:
    return AllowanceCharge(
        is_charge=node.text("ram:ChargeIndicator/udt:Indicator") == "true",
        amount=node.figure("ram:ActualAmount"),
        vat_category=node.text("ram:CategoryTradeTax/ram:CategoryCode"),
        vat_rate_pct=node.rate("ram:CategoryTradeTax/ram:RateApplicablePercent"),
    )


def _ubl(root: _Node, name: str) -> Stated:
    sums = root.one("cac:LegalMonetaryTotal")
    items = list(root.each(f"cac:{name}Line"))
    taxes = [each for each in root.each("cac:TaxTotal") if next(each.each("cac:TaxSubtotal"), None)]
    return Stated(
        number=root.text("cbc:ID"),
        credits=root.text("cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID")
        if name == ubl.ROOTS["credit_note"]
        else "",
        currency=_currency(root.text("cbc:DocumentCurrencyCode")),
        lines=tuple(_ubl_line(item) for item in items),
        allowances=tuple(_ubl_allowance(each) for each in root.each("cac:AllowanceCharge")),
        totals=InvoiceTotals(
            line_nets=tuple(item.figure("cbc:LineExtensionAmount") for item in items),
            vat=tuple(
                VatGroup(
                    tax.text("cac:TaxCategory/cbc:ID"),
                    tax.rate("cac:TaxCategory/cbc:Percent"),
                    tax.figure("cbc:TaxableAmount"),
                    tax.figure("cbc:TaxAmount"),
                )
                for total in taxes
                for tax in total.each("cac:TaxSubtotal")
            ),
            line_total=sums.figure("cbc:LineExtensionAmount"),
            allowance_total=sums.figure("cbc:AllowanceTotalAmount"),
            charge_total=sums.figure("cbc:ChargeTotalAmount"),
            tax_exclusive=sums.figure("cbc:TaxExclusiveAmount"),
            tax_total=sum((each.figure("cbc:TaxAmount") for each in taxes), Decimal(0)),
            tax_inclusive=sums.figure("cbc:TaxInclusiveAmount"),
            prepaid=sums.figure("cbc:PrepaidAmount"),
            rounding=sums.figure("cbc:PayableRoundingAmount"),
            payable=sums.figure("cbc:PayableAmount"),
        ),
    )


def _ubl_line(item: _Node) -> PricedLine:
    category = "cac:Item/cac:ClassifiedTaxCategory"
    return PricedLine(
        quantity=item.figure("cbc:InvoicedQuantity") or item.figure("cbc:CreditedQuantity"),
        price=item.figure("cac:Price/cbc:PriceAmount"),
        base_quantity=item.figure("cac:Price/cbc:BaseQuantity", "1"),
        vat_category=item.text(f"{category}/cbc:ID"),
        vat_rate_pct=item.rate(f"{category}/cbc:Percent"),
        allowances=tuple(_ubl_allowance(each) for each in item.each("cac:AllowanceCharge")),
    )


def _ubl_allowance(node: _Node) -> AllowanceCharge:
    return AllowanceCharge(
        is_charge=node.text("cbc:ChargeIndicator") == "true",
        amount=node.figure("cbc:Amount"),
        vat_category=node.text("cac:TaxCategory/cbc:ID"),
        vat_rate_pct=node.rate("cac:TaxCategory/cbc:Percent"),
    )
