"""How a client is known to tax offices and e-invoices: checked facts on its row."""

from __future__ import annotations

from datetime import date
from typing import Any

from haas.accounts import checks, registered_numbers
from haas.errors import InvalidInput
from haas.tenancy.models import TAX_TREATMENTS, Client

_TEXTS = {
    "postcode": 16,
    "city": 80,
    "region": 40,
    "legal_id": 40,
    "buyer_reference": 100,
    "exemption_number": 60,
    "exemption_text": 300,
}


def fill_tax_facts(client: Client, facts: dict[str, Any], *, today: date) -> None:
    """Take over what `facts` say of tax; the country must be the client's already.

    A tax id is looked at when it or the country changes: what was accepted before stays.

    :raises InvalidInput: naming the field, for a wrong number, or an exemption without its certificate.
    """
    for field, most in _TEXTS.items():
        if field in facts:
            text = checks.check_text(facts[field], field=field, most=most, required=False)
            setattr(client, field, text.upper() if field == "region" else text)
    _fill_tax_id(client, facts, today)
    if "endpoint_scheme" in facts or "endpoint_id" in facts:
        client.endpoint_scheme, client.endpoint_id = registered_numbers.check_endpoint(
            facts.get("endpoint_scheme", client.endpoint_scheme or ""),
            facts.get("endpoint_id", client.endpoint_id or ""),
        )
    if "prices_include_tax" in facts:
        client.prices_include_tax = facts["prices_include_tax"]
        client.once_included_tax = client.once_included_tax or client.prices_include_tax
    if "wants_ubl" in facts:
        client.wants_ubl = facts["wants_ubl"]
    if "exemption_valid_until" in facts:
        client.exemption_valid_until = facts["exemption_valid_until"]
    if "tax_treatment" in facts:
        if facts["tax_treatment"] not in TAX_TREATMENTS:
            raise InvalidInput("Choose one of the ways shown.", field="tax_treatment")
        client.tax_treatment = facts["tax_treatment"]
    if client.tax_treatment == "exempt" and not client.exemption_number:
        raise InvalidInput("Give the number of the exemption certificate.", field="exemption_number")
    if client.tax_treatment == "reverse_charge" and not client.tax_id:
        raise InvalidInput("Reverse charge needs the client's tax id.", field="tax_id")


def _fill_tax_id(client: Client, facts: dict[str, Any], today: date) -> None:
    if "tax_id" not in facts and not ("country" in facts and client.tax_id_checked_on):
        return
    given = facts.get("tax_id", client.tax_id)
    if given == client.tax_id and client.tax_id_checked_on and "country" not in facts:
        return
    client.tax_id = registered_numbers.check_tax_id(given, country=client.country)
    client.tax_id_checked_on = registered_numbers.checked_on(client.tax_id, today=today)
