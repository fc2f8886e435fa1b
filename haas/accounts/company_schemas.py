"""Shapes of the company's API."""

from __future__ import annotations

import marshmallow as ma

from haas.accounts.company import ACCOUNTS_MAX, DAMAGES
from haas.accounts.schemas import lines
from haas.rest.fields import one_of, text
from haas.rest.openapi import Request


class BankAccountResource(ma.Schema):
    """A bank account that invoices in its currency name."""

    currency = ma.fields.String()
    holder = ma.fields.String()
    iban = ma.fields.String()
    bic = ma.fields.String()
    account_number = ma.fields.String(metadata={"description": "where there is no IBAN"})
    bank_code = ma.fields.String(metadata={"description": "such as a routing number or sort code"})


class BankAccountRequest(Request):
    """A bank account; an IBAN or a number is needed."""

    currency = text(3, least=3, required=True)
    holder = text(140)
    iban = text(42)
    bic = text(14)
    account_number = text(40)
    bank_code = text(40)


class CompanyResource(ma.Schema):
    """The partner's company. BT numbers are terms of EN 16931."""

    legal_name = ma.fields.String()
    country = ma.fields.String()
    address = ma.fields.List(ma.fields.String())
    postcode = ma.fields.String()
    city = ma.fields.String()
    region = ma.fields.String()
    tax_id = ma.fields.String(metadata={"description": "VAT number with its country (BT-31)"})
    tax_registration = ma.fields.String(metadata={"description": "number at the tax office (BT-32)"})
    legal_id = ma.fields.String(metadata={"description": "of the register of companies (BT-30)"})
    tax_currency = ma.fields.String(metadata={"description": "empty: the partner's currency (BT-6)"})
    damages = ma.fields.String(metadata={"description": "whether damage and loss are taxed or outside"})
    contact_name = ma.fields.String()
    phone = ma.fields.String()
    email = ma.fields.String()
    endpoint_scheme = ma.fields.String(metadata={"description": "EAS (BT-34-1)"})
    endpoint_id = ma.fields.String()
    creditor_id = ma.fields.String(metadata={"description": "SEPA creditor identifier (BT-90)"})
    accounts = ma.fields.List(ma.fields.Nested(BankAccountResource))


class CompanyChange(Request):
    """What may be changed; fields that are left out stay, `accounts` are replaced as a whole."""

    legal_name = text(160, least=1)
    country = text(2, least=2)
    address = lines()
    postcode = text(16)
    city = text(80)
    region = text(40)
    tax_id = text(40)
    tax_registration = text(40)
    legal_id = text(40)
    tax_currency = text(3)
    damages = one_of(*DAMAGES)
    contact_name = text(120)
    phone = text(40)
    email = text(254)
    endpoint_scheme = text(4)
    endpoint_id = text(120)
    creditor_id = text(42)
    accounts = ma.fields.List(
        ma.fields.Nested(BankAccountRequest), validate=ma.validate.Length(max=ACCOUNTS_MAX)
    )
