"""Seller and buyer as the tax rules and the frozen document need them: values made from rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from haas.accounts.registered_numbers import EU, check_tax_id
from haas.errors import HaasError, InvalidInput
from haas.tenancy.company import Company
from haas.tenancy.models import Client, Partner, Site
from invoicing.document_parts import Buyer, DeliverySite, Endpoint, Party, PaymentMeans
from invoicing.tax.supplies import Place, TaxDecision


class TaxNumberMissing(HaasError):
    """An invoice would lack a tax number that the law wants on it."""

    status = 422
    code = "tax_number_missing"


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells: `party` is frozen into documents, the rest decides."""

    place: Place
    party: Party
    tax_currency: str
    address_lines: tuple[str, ...] = ()
    compensation_is_outside: bool = False
    creditor_id: str = ""  # of direct debits; empty: nothing is collected
    accounts: Mapping[str, PaymentMeans] = field(default_factory=dict)  # by currency

    def means(self, currency: str) -> tuple[PaymentMeans, ...]:
        """How an invoice in this currency can be paid by transfer."""
        account = self.accounts.get(currency)
        return () if account is None else (account,)


def seller_of(partner: Partner, company: Company) -> Seller:
    """The partner as a seller."""
    return Seller(
        place=Place(partner.country, company.region),
        party=Party(
            country=partner.country,
            postcode=company.postcode,
            city=company.city,
            tax_id=company.tax_id,
            tax_registration=company.tax_registration,
            legal_id=company.legal_id,
            endpoint=_endpoint(company.endpoint_scheme, company.endpoint_id),
            contact_name=company.contact_name,
            phone=company.phone,
            email=company.email,
        ),
        tax_currency=company.tax_currency or partner.currency,
        address_lines=_lines(company),
        compensation_is_outside=company.damages == "outside",
        creditor_id=company.creditor_id,
        accounts={row["currency"]: _means(row, partner.legal_name) for row in company.accounts},
    )


def buyer_of(client: Client) -> Buyer:
    """The client as it is printed and written into the e-invoice."""
    return Buyer(
        name=client.printed_name,
        address_lines=tuple(client.printed_address),
        tax_id=client.tax_id,
        customer_number=client.number,
        country=client.country,
        postcode=client.postcode,
        city=client.city,
        legal_id=client.legal_id,
        endpoint=_endpoint(client.endpoint_scheme, client.endpoint_id),
        reference=client.buyer_reference,
        email=client.email,
    )


def site_of(site: Site) -> DeliverySite:
    """The place of delivery."""
    return DeliverySite(
        name=site.name,
        address_lines=tuple(site.address),
        country=site.country,
        postcode=site.postcode,
        city=site.city,
    )


def is_business(client: Client) -> bool:
    """Whether its tax id shows a taxable person; in the Union the VAT number's form and digits must hold."""
    return bool(client.tax_id) and (client.country not in EU or _holds(client.tax_id, client.country))


def has_exemption(client: Client, *, day: date) -> bool:
    """Whether the client is exempt by a certificate that is valid on `day`."""
    until = client.exemption_valid_until
    return client.tax_treatment == "exempt" and (until is None or day < until)


def demand_numbers(decision: TaxDecision, *, seller: Party, client: Client) -> None:
    """Refuse a line that lacks a number the law wants: BT-31 or BT-32, and BT-48 for reverse charge.

    Outside the scope of the tax none is needed (EN 16931 BR-S-02 to BR-G-02; art. 226(3) and (4)).

    :raises TaxNumberMissing: saying whose number is to be added, and where.
    """
    if decision.category == "O":
        return
    if not (seller.tax_id or seller.tax_registration):
        raise TaxNumberMissing("Add your tax number under Settings, Company and bank.")
    if not decision.needs_both_ids:
        return
    if not seller.tax_id:
        raise TaxNumberMissing(
            "Without your VAT number nothing is billed under reverse charge or to another member state."
            " Add it under Settings, Company and bank."
        )
    if not client.tax_id:
        raise TaxNumberMissing(
            f"Without the tax id of {client.name} nothing is billed under reverse charge or to another"
            " member state. Add it to the client."
        )


@lru_cache(maxsize=8192)
def _holds(number: str, country: str) -> bool:
    try:
        return bool(check_tax_id(number, country=country))
    except InvalidInput:
        return False


def _endpoint(scheme: str, address: str) -> Endpoint | None:
    return Endpoint(scheme=scheme, id=address) if scheme else None


def _means(account: Mapping[str, str], holder: str) -> PaymentMeans:
    iban = account.get("iban", "")
    number = " ".join(filter(None, (account.get("bank_code", ""), account.get("account_number", ""))))
    return PaymentMeans(
        code="58" if iban and account["currency"] == "EUR" else "30",
        iban=iban or number,
        bic=account.get("bic", ""),
        account_name=account.get("holder", "") or holder,
    )


def _lines(company: Company) -> tuple[str, ...]:
    city = f"{company.postcode} {company.city}".strip()
    return (*company.address, city) if city else tuple(company.address)
