"""InvoiceDocument -> UBL 2.1 Invoice or CreditNote, as Peppol BIS Billing 3.0 wants it.

The order of elements is the XSD's. Amounts are the document's own; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from invoicing.document import Allowance, DocumentLine, Endpoint, InvoiceDocument, PaymentMeans
from invoicing.einvoice import terms
from invoicing.einvoice.terms import Address, amount, figure
from invoicing.einvoice.xml import Element

CUSTOMIZATION = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"  # BT-24
PROFILE = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"  # BT-23

_OASIS = "urn:oasis:names:specification:ubl:schema:xsd:"
NAMESPACES = {
    "cac": f"{_OASIS}CommonAggregateComponents-2",
    "cbc": f"{_OASIS}CommonBasicComponents-2",
}
ROOTS = {"invoice": "Invoice", "credit_note": "CreditNote"}


def ubl_xml(document: InvoiceDocument) -> bytes:
    """The e-invoice of an invoice or credit note; the same document gives the same bytes.

    What the document lacks is left out: `missing.for_bis` names it.
    """
    is_invoice = document.kind == "invoice"
    root = Element.root(ROOTS[document.kind], NAMESPACES, default=f"{_OASIS}{ROOTS[document.kind]}-2")
    root.put("cbc:CustomizationID", CUSTOMIZATION)
    root.put("cbc:ProfileID", PROFILE)
    root.put("cbc:ID", document.number)
    root.put("cbc:IssueDate", document.issued_on.isoformat())
    if is_invoice and document.due_on:
        root.put("cbc:DueDate", document.due_on.isoformat())
    root.put(f"cbc:{ROOTS[document.kind]}TypeCode", terms.TYPE_CODES[document.kind])
    # One at most (PEPPOL-EN16931-R002); UBL has no place for the code of its subject but the text.
    root.put(
        "cbc:Note", "\n".join(f"#{code}#{text}" if code else text for code, text in terms.notes(document))
    )
    root.put("cbc:DocumentCurrencyCode", document.currency)
    if document.accounting is not None:
        root.put("cbc:TaxCurrencyCode", document.accounting.currency)
    root.put("cbc:BuyerReference", document.buyer.reference)
    period = terms.period(document)
    if period is not None:
        _span(root.add("cac:InvoicePeriod"), *period)
    root.add("cac:OrderReference").put("cbc:ID", terms.order(document))
    _earlier(root, document)
    root.add("cac:ContractDocumentReference").put("cbc:ID", terms.contract(document))
    _supplier(root.add("cac:AccountingSupplierParty").add("cac:Party"), document)
    _customer(root.add("cac:AccountingCustomerParty").add("cac:Party"), document)
    _delivery(root.add("cac:Delivery"), document)
    for way in terms.means(document):
        _means(root.add("cac:PaymentMeans"), way, document.payer_reference)
    root.add("cac:PaymentTerms").put("cbc:Note", terms.payment_terms(document))
    for allowance in document.allowances:
        parent = root.add("cac:AllowanceCharge")
        _allowance(parent, allowance, document.currency)
        _category(parent.add("cac:TaxCategory"), allowance.tax_category, allowance.tax_rate_pct)
    _taxes(root, document)
    _sums(root.add("cac:LegalMonetaryTotal"), document)
    serial_word = terms.serial_word(document.language)
    for number, line in enumerate(document.lines, start=1):
        item = root.add(f"cac:{ROOTS[document.kind]}Line")
        _line(item, number, line, document=document, serial_word=serial_word)
    root.prune()
    return root.to_bytes()


def _span(parent: Element, first: date, last: date) -> None:
    parent.put("cbc:StartDate", first.isoformat())
    parent.put("cbc:EndDate", last.isoformat())


def _earlier(root: Element, document: InvoiceDocument) -> None:
    for reference in document.references:
        if reference.kind == "invoice":
            earlier = root.add("cac:BillingReference").add("cac:InvoiceDocumentReference")
            earlier.put("cbc:ID", reference.number)
            earlier.put("cbc:IssueDate", reference.issued_on.isoformat() if reference.issued_on else "")


def _supplier(party: Element, document: InvoiceDocument) -> None:
    supplier = document.supplier
    _endpoint(party, supplier.endpoint)
    creditor = next((each.creditor_id for each in terms.means(document)), "")
    party.add("cac:PartyIdentification").put("cbc:ID", terms.seller_identifier(document))
    party.add("cac:PartyIdentification").put("cbc:ID", creditor, schemeID="SEPA")  # BT-90
    party.add("cac:PartyName").put("cbc:Name", terms.trading_name(document))
    _address(party.add("cac:PostalAddress"), terms.seller_address(document))
    _tax_id(party, terms.seller_tax_id(document), "VAT")
    _tax_id(party, supplier.tax_registration, "TAX")
    company = party.add("cac:PartyLegalEntity")
    company.put("cbc:RegistrationName", terms.seller_name(document))
    company.put("cbc:CompanyID", supplier.legal_id)
    contact = party.add("cac:Contact")
    contact.put("cbc:Name", supplier.contact_name)
    contact.put("cbc:Telephone", supplier.phone)
    contact.put("cbc:ElectronicMail", supplier.email)


def _customer(party: Element, document: InvoiceDocument) -> None:
    buyer = document.buyer
    _endpoint(party, buyer.endpoint)
    party.add("cac:PartyIdentification").put("cbc:ID", buyer.customer_number)
    _address(party.add("cac:PostalAddress"), terms.buyer_address(document))
    _tax_id(party, terms.buyer_tax_id(document), "VAT")
    company = party.add("cac:PartyLegalEntity")
    company.put("cbc:RegistrationName", buyer.name)
    company.put("cbc:CompanyID", buyer.legal_id)
    party.add("cac:Contact").put("cbc:ElectronicMail", buyer.email)


def _endpoint(party: Element, endpoint: Endpoint | None) -> None:
    if endpoint is not None:
        party.put("cbc:EndpointID", endpoint.id, schemeID=endpoint.scheme)


def _address(parent: Element, address: Address) -> None:
    lines = iter(address.lines)
    parent.put("cbc:StreetName", next(lines, ""))
    parent.put("cbc:AdditionalStreetName", next(lines, ""))
    parent.put("cbc:CityName", address.city)
    parent.put("cbc:PostalZone", address.postcode)
    parent.add("cac:AddressLine").put("cbc:Line", next(lines, ""))
    parent.add("cac:Country").put("cbc:IdentificationCode", address.country)


def _tax_id(party: Element, number: str, scheme: str) -> None:
    if number:
        registration = party.add("cac:PartyTaxScheme")
        registration.put("cbc:CompanyID", number)
        registration.add("cac:TaxScheme").put("cbc:ID", scheme)


def _delivery(delivery: Element, document: InvoiceDocument) -> None:
    delivery.put("cbc:ActualDeliveryDate", (document.delivered_on or document.issued_on).isoformat())
    if document.site is not None and document.site.country:
        _address(delivery.add("cac:DeliveryLocation").add("cac:Address"), terms.site_address(document.site))
        delivery.add("cac:DeliveryParty").add("cac:PartyName").put("cbc:Name", document.site.name)


def _means(parent: Element, way: PaymentMeans, reference: str) -> None:
    parent.put("cbc:PaymentMeansCode", way.code)
    parent.put("cbc:PaymentID", reference)
    if way.code in terms.DEBITS:
        mandate = parent.add("cac:PaymentMandate")
        mandate.put("cbc:ID", way.mandate_reference)
        mandate.add("cac:PayerFinancialAccount").put("cbc:ID", way.iban)
    elif way.code in terms.TRANSFERS:
        account = parent.add("cac:PayeeFinancialAccount")
        account.put("cbc:ID", way.iban)
        account.put("cbc:Name", way.account_name)
        account.add("cac:FinancialInstitutionBranch").put("cbc:ID", way.bic)


def _allowance(parent: Element, allowance: Allowance, currency: str) -> None:
    parent.put("cbc:ChargeIndicator", "false" if allowance.amount < 0 else "true")
    parent.put("cbc:AllowanceChargeReasonCode", allowance.reason_code)
    parent.put("cbc:AllowanceChargeReason", allowance.description)
    is_share = allowance.percent is not None and allowance.base is not None  # both or neither (R041, R042)
    if is_share:
        parent.put("cbc:MultiplierFactorNumeric", figure(allowance.percent or Decimal(0)))
    parent.put("cbc:Amount", amount(abs(allowance.amount), currency), currencyID=currency)
    if is_share:
        parent.put("cbc:BaseAmount", amount(abs(allowance.base or Decimal(0)), currency), currencyID=currency)


def _category(parent: Element, category: str, rate_pct: Decimal, *, reason: str = "", code: str = "") -> None:
    parent.put("cbc:ID", category)
    if category != terms.NOT_SUBJECT:
        parent.put("cbc:Percent", figure(rate_pct))
    parent.put("cbc:TaxExemptionReasonCode", code)
    parent.put("cbc:TaxExemptionReason", reason)
    parent.add("cac:TaxScheme").put("cbc:ID", "VAT")


def _taxes(root: Element, document: InvoiceDocument) -> None:
    currency = document.currency
    total = root.add("cac:TaxTotal")
    total.put("cbc:TaxAmount", amount(document.tax_total, currency), currencyID=currency)
    for row in document.tax_totals:
        part = total.add("cac:TaxSubtotal")
        part.put("cbc:TaxableAmount", amount(row.taxable, currency), currencyID=currency)
        part.put("cbc:TaxAmount", amount(row.tax, currency), currencyID=currency)
        _category(
            part.add("cac:TaxCategory"),
            row.category,
            row.rate_pct,
            reason=terms.tax_reason(row.category, row.reason, document.language),
            code=terms.tax_reason_code(row.category, row.reason_code),
        )
    own = document.accounting
    if own is not None:
        root.add("cac:TaxTotal").put(
            "cbc:TaxAmount", amount(own.tax_total, own.currency), currencyID=own.currency
        )


def _sums(sums: Element, document: InvoiceDocument) -> None:
    put = _in_currency(sums, document.currency)
    put("cbc:LineExtensionAmount", terms.lines_total(document.lines))
    put("cbc:TaxExclusiveAmount", document.net_total)
    put("cbc:TaxInclusiveAmount", document.total)
    if document.allowances:
        put("cbc:AllowanceTotalAmount", terms.discounts(document.allowances))
        put("cbc:ChargeTotalAmount", terms.charges(document.allowances))
    if document.prepaid:
        put("cbc:PrepaidAmount", document.prepaid)
    if document.rounding:
        put("cbc:PayableRoundingAmount", document.rounding)
    put("cbc:PayableAmount", document.payable)


def _in_currency(parent: Element, currency: str) -> Callable[[str, Decimal], None]:
    def put(tag: str, value: Decimal) -> None:
        parent.put(tag, amount(value, currency), currencyID=currency)

    return put


def _line(
    item: Element, number: int, line: DocumentLine, *, document: InvoiceDocument, serial_word: str
) -> None:
    currency = document.currency
    item.put("cbc:ID", str(number))
    counted = "Invoiced" if document.kind == "invoice" else "Credited"
    item.put(f"cbc:{counted}Quantity", figure(line.quantity), unitCode=line.unit_code)
    item.put("cbc:LineExtensionAmount", amount(line.net, currency), currencyID=currency)
    span = item.add("cac:InvoicePeriod")
    if line.start and line.until:
        _span(span, line.start, terms.last_day(line.until))
    item.add("cac:OrderLineReference").put("cbc:LineID", line.order_reference)
    for allowance in line.allowances:
        _allowance(item.add("cac:AllowanceCharge"), allowance, currency)
    product = item.add("cac:Item")
    product.put("cbc:Description", line.details)
    product.put("cbc:Name", line.description)
    _category(product.add("cac:ClassifiedTaxCategory"), line.tax_category, line.tax_rate_pct)
    for device in line.serials:
        about = product.add("cac:AdditionalItemProperty")
        about.put("cbc:Name", serial_word)
        about.put("cbc:Value", device.serial)
    price = item.add("cac:Price")
    price.put("cbc:PriceAmount", figure(line.unit_price), currencyID=currency)
    if line.base_quantity != 1:
        price.put("cbc:BaseQuantity", figure(line.base_quantity), unitCode=line.unit_code)
