"""InvoiceDocument -> UN/CEFACT Cross Industry Invoice, as Factur-X (ZUGFeRD) embeds it, profile EN 16931.

The order of elements is the XSD's. Amounts are the document's own; nothing is computed here.
"""

from __future__ import annotations

from datetime import date

from invoicing.document import Allowance, DocumentLine, Endpoint, InvoiceDocument, PaymentMeans
from invoicing.einvoice import terms
from invoicing.einvoice.terms import Address, amount, figure
from invoicing.einvoice.xml import Element

GUIDELINE = "urn:cen.eu:en16931:2017"  # BT-24

NAMESPACES = {
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
}


def cii_xml(document: InvoiceDocument) -> bytes:
    """The e-invoice of an invoice or credit note; the same document gives the same bytes.

    What the document lacks is left out: `missing.for_cii` names it.
    """
    root = Element.root("rsm:CrossIndustryInvoice", NAMESPACES)
    context = root.add("rsm:ExchangedDocumentContext")
    context.add("ram:GuidelineSpecifiedDocumentContextParameter").put("ram:ID", GUIDELINE)
    head = root.add("rsm:ExchangedDocument")
    head.put("ram:ID", document.number)
    head.put("ram:TypeCode", terms.TYPE_CODES[document.kind])
    _date(head.add("ram:IssueDateTime"), document.issued_on)
    for code, text in terms.notes(document):
        note = head.add("ram:IncludedNote")
        note.put("ram:Content", text)
        note.put("ram:SubjectCode", code)
    trade = root.add("rsm:SupplyChainTradeTransaction")
    serial_word = terms.serial_word(document.language)
    for number, line in enumerate(document.lines, start=1):
        item = trade.add("ram:IncludedSupplyChainTradeLineItem")
        _line(item, number, line, currency=document.currency, serial_word=serial_word)
    _agreement(trade.add("ram:ApplicableHeaderTradeAgreement"), document)
    delivery = trade.add("ram:ApplicableHeaderTradeDelivery")
    _delivery(delivery, document)
    _settlement(trade.add("ram:ApplicableHeaderTradeSettlement"), document)
    root.prune()
    return root.to_bytes()


def _date(parent: Element, day: date, *, prefix: str = "udt") -> None:
    parent.put(f"{prefix}:DateTimeString", f"{day:%Y%m%d}", format="102")


def _line(item: Element, number: int, line: DocumentLine, *, currency: str, serial_word: str) -> None:
    item.add("ram:AssociatedDocumentLineDocument").put("ram:LineID", str(number))
    product = item.add("ram:SpecifiedTradeProduct")
    product.put("ram:Name", line.description)
    product.put("ram:Description", line.details)
    for device in line.serials:
        about = product.add("ram:ApplicableProductCharacteristic")
        about.put("ram:Description", serial_word)
        about.put("ram:Value", device.serial)
    agreement = item.add("ram:SpecifiedLineTradeAgreement")
    agreement.add("ram:BuyerOrderReferencedDocument").put("ram:LineID", line.order_reference)
    price = agreement.add("ram:NetPriceProductTradePrice")
    price.put("ram:ChargeAmount", figure(line.unit_price))
    if line.base_quantity != 1:
        price.put("ram:BasisQuantity", figure(line.base_quantity), unitCode=line.unit_code)
    item.add("ram:SpecifiedLineTradeDelivery").put(
        "ram:BilledQuantity", figure(line.quantity), unitCode=line.unit_code
    )
    settlement = item.add("ram:SpecifiedLineTradeSettlement")
    tax = settlement.add("ram:ApplicableTradeTax")
    tax.put("ram:TypeCode", "VAT")
    tax.put("ram:CategoryCode", line.tax_category)
    _rate(tax, line.tax_category, figure(line.tax_rate_pct))
    span = settlement.add("ram:BillingSpecifiedPeriod")
    if line.start and line.until:
        _span(span, line.start, terms.last_day(line.until))
    for allowance in line.allowances:
        _allowance(settlement.add("ram:SpecifiedTradeAllowanceCharge"), allowance, currency)
    settlement.add("ram:SpecifiedTradeSettlementLineMonetarySummation").put(
        "ram:LineTotalAmount", amount(line.net, currency)
    )


def _rate(tax: Element, category: str, rate: str) -> None:
    if category != terms.NOT_SUBJECT:
        tax.put("ram:RateApplicablePercent", rate)


def _span(span: Element, first: date, last: date) -> None:
    _date(span.add("ram:StartDateTime"), first)
    _date(span.add("ram:EndDateTime"), last)


def _allowance(parent: Element, allowance: Allowance, currency: str) -> None:
    parent.add("ram:ChargeIndicator").put("udt:Indicator", "false" if allowance.amount < 0 else "true")
    if allowance.percent is not None and allowance.base is not None:
        parent.put("ram:CalculationPercent", figure(allowance.percent))
        parent.put("ram:BasisAmount", amount(abs(allowance.base), currency))
    parent.put("ram:ActualAmount", amount(abs(allowance.amount), currency))
    parent.put("ram:ReasonCode", allowance.reason_code)
    parent.put("ram:Reason", allowance.description)


def _agreement(agreement: Element, document: InvoiceDocument) -> None:
    supplier, buyer = document.supplier, document.buyer
    agreement.put("ram:BuyerReference", buyer.reference)
    seller = agreement.add("ram:SellerTradeParty")
    seller.put("ram:ID", terms.seller_identifier(document))
    seller.put("ram:Name", terms.seller_name(document))
    company = seller.add("ram:SpecifiedLegalOrganization")
    company.put("ram:ID", supplier.legal_id)
    company.put("ram:TradingBusinessName", terms.trading_name(document))
    contact = seller.add("ram:DefinedTradeContact")
    contact.put("ram:PersonName", supplier.contact_name)
    contact.add("ram:TelephoneUniversalCommunication").put("ram:CompleteNumber", supplier.phone)
    contact.add("ram:EmailURIUniversalCommunication").put("ram:URIID", supplier.email)
    _address(seller.add("ram:PostalTradeAddress"), terms.seller_address(document))
    _endpoint(seller, supplier.endpoint)
    _tax_id(seller, terms.seller_tax_id(document), "VA")
    _tax_id(seller, supplier.tax_registration, "FC")
    customer = agreement.add("ram:BuyerTradeParty")
    customer.put("ram:ID", buyer.customer_number)
    customer.put("ram:Name", buyer.name)
    customer.add("ram:SpecifiedLegalOrganization").put("ram:ID", buyer.legal_id)
    customer.add("ram:DefinedTradeContact").add("ram:EmailURIUniversalCommunication").put(
        "ram:URIID", buyer.email
    )
    _address(customer.add("ram:PostalTradeAddress"), terms.buyer_address(document))
    _endpoint(customer, buyer.endpoint)
    _tax_id(customer, terms.buyer_tax_id(document), "VA")
    agreement.add("ram:BuyerOrderReferencedDocument").put("ram:IssuerAssignedID", terms.order(document))
    agreement.add("ram:ContractReferencedDocument").put("ram:IssuerAssignedID", terms.contract(document))


def _address(parent: Element, address: Address) -> None:
    parent.put("ram:PostcodeCode", address.postcode)
    for tag, line in zip(("ram:LineOne", "ram:LineTwo", "ram:LineThree"), address.lines, strict=False):
        parent.put(tag, line)
    parent.put("ram:CityName", address.city)
    parent.put("ram:CountryID", address.country)


def _endpoint(party: Element, endpoint: Endpoint | None) -> None:
    if endpoint is not None:
        party.add("ram:URIUniversalCommunication").put("ram:URIID", endpoint.id, schemeID=endpoint.scheme)


def _tax_id(party: Element, number: str, scheme: str) -> None:
    party.add("ram:SpecifiedTaxRegistration").put("ram:ID", number, schemeID=scheme)


def _delivery(delivery: Element, document: InvoiceDocument) -> None:
    if document.site is not None and document.site.country:
        place = delivery.add("ram:ShipToTradeParty")
        place.put("ram:Name", document.site.name)
        _address(place.add("ram:PostalTradeAddress"), terms.site_address(document.site))
    day = document.delivered_on or document.issued_on
    _date(delivery.add("ram:ActualDeliverySupplyChainEvent").add("ram:OccurrenceDateTime"), day)


def _settlement(settlement: Element, document: InvoiceDocument) -> None:
    currency = document.currency
    ways = terms.means(document)
    settlement.put("ram:CreditorReferenceID", next((each.creditor_id for each in ways), ""))
    settlement.put("ram:PaymentReference", document.payer_reference)
    if document.accounting is not None:
        settlement.put("ram:TaxCurrencyCode", document.accounting.currency)
    settlement.put("ram:InvoiceCurrencyCode", currency)
    for way in ways:
        _means(settlement.add("ram:SpecifiedTradeSettlementPaymentMeans"), way)
    for row in document.tax_totals:
        tax = settlement.add("ram:ApplicableTradeTax")
        tax.put("ram:CalculatedAmount", amount(row.tax, currency))
        tax.put("ram:TypeCode", "VAT")
        tax.put("ram:ExemptionReason", terms.tax_reason(row.category, row.reason, document.language))
        tax.put("ram:BasisAmount", amount(row.taxable, currency))
        tax.put("ram:CategoryCode", row.category)
        tax.put("ram:ExemptionReasonCode", terms.tax_reason_code(row.category, row.reason_code))
        _rate(tax, row.category, figure(row.rate_pct))
    period = terms.period(document)
    if period is not None:
        _span(settlement.add("ram:BillingSpecifiedPeriod"), *period)
    for allowance in document.allowances:
        parent = settlement.add("ram:SpecifiedTradeAllowanceCharge")
        _allowance(parent, allowance, currency)
        tax = parent.add("ram:CategoryTradeTax")
        tax.put("ram:TypeCode", "VAT")
        tax.put("ram:CategoryCode", allowance.tax_category)
        _rate(tax, allowance.tax_category, figure(allowance.tax_rate_pct))
    _terms(settlement, document, ways)
    _sums(settlement.add("ram:SpecifiedTradeSettlementHeaderMonetarySummation"), document)
    for reference in document.references:
        if reference.kind == "invoice":
            earlier = settlement.add("ram:InvoiceReferencedDocument")
            earlier.put("ram:IssuerAssignedID", reference.number)
            if reference.issued_on:
                _date(earlier.add("ram:FormattedIssueDateTime"), reference.issued_on, prefix="qdt")


def _means(parent: Element, way: PaymentMeans) -> None:
    parent.put("ram:TypeCode", way.code)
    if way.code in terms.DEBITS:
        parent.add("ram:PayerPartyDebtorFinancialAccount").put("ram:IBANID", way.iban)
    elif way.code in terms.TRANSFERS:
        account = parent.add("ram:PayeePartyCreditorFinancialAccount")
        is_iban = terms.is_iban(way.iban)
        account.put("ram:IBANID", way.iban if is_iban else "")
        account.put("ram:AccountName", way.account_name)
        account.put("ram:ProprietaryID", "" if is_iban else way.iban)
        parent.add("ram:PayeeSpecifiedCreditorFinancialInstitution").put("ram:BICID", way.bic)


def _terms(settlement: Element, document: InvoiceDocument, ways: list[PaymentMeans]) -> None:
    paid = settlement.add("ram:SpecifiedTradePaymentTerms")
    paid.put("ram:Description", terms.payment_terms(document))
    if document.due_on is not None and document.kind == "invoice":
        _date(paid.add("ram:DueDateDateTime"), document.due_on)
    paid.put("ram:DirectDebitMandateID", next((w.mandate_reference for w in ways if w.mandate_reference), ""))


def _sums(sums: Element, document: InvoiceDocument) -> None:
    currency = document.currency
    sums.put("ram:LineTotalAmount", amount(terms.lines_total(document.lines), currency))
    if document.allowances:
        sums.put("ram:ChargeTotalAmount", amount(terms.charges(document.allowances), currency))
        sums.put("ram:AllowanceTotalAmount", amount(terms.discounts(document.allowances), currency))
    sums.put("ram:TaxBasisTotalAmount", amount(document.net_total, currency))
    sums.put("ram:TaxTotalAmount", amount(document.tax_total, currency), currencyID=currency)
    own = document.accounting
    if own is not None:
        sums.put("ram:TaxTotalAmount", amount(own.tax_total, own.currency), currencyID=own.currency)
    if document.rounding:
        sums.put("ram:RoundingAmount", amount(document.rounding, currency))
    sums.put("ram:GrandTotalAmount", amount(document.total, currency))
    if document.prepaid:
        sums.put("ram:TotalPrepaidAmount", amount(document.prepaid, currency))
    sums.put("ram:DuePayableAmount", amount(document.payable, currency))
