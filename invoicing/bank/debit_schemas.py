"""JSON and form shapes of mandates and collections."""

from __future__ import annotations

import marshmallow as ma

from haas.rest.fields import Amount, Day, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from invoicing.bank.debit_models import SCHEMES, USES


class MandatesListed(Paged):
    """Query parameters of the mandates."""

    client_id = row_id()


class SepaMandateRequest(Request):
    """A mandate for a client to sign."""

    client_id = row_id(required=True)
    holder = text(70, least=1, required=True)
    iban = text(42, least=5, required=True)
    bic = text(11, load_default="")
    scheme = one_of(*SCHEMES, load_default="CORE")
    usage = one_of(*USES, load_default="recurrent")


class SepaMandateSigned(Request):
    """When the client signed."""

    signed_on = Day(required=True)


class SepaMandateResource(ma.Schema):
    """A client's leave to collect; of its IBAN the ends alone."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    reference = ma.fields.String()
    holder = ma.fields.String()
    iban_shown = ma.fields.String()
    scheme = ma.fields.String()
    usage = ma.fields.String()
    state = ma.fields.String()
    signed_on = ma.fields.Date(allow_none=True)
    revoked_on = ma.fields.Date(allow_none=True)


class CollectionRequest(Request):
    """What to collect, to which account, and when."""

    bank_account_id = row_id(required=True)
    invoice_ids = ma.fields.List(row_id(), required=True, validate=ma.validate.Length(1, 2000))
    collect_on = Day(required=True)
    scheme = one_of(*SCHEMES, load_default="CORE")


class CollectionItemResource(ma.Schema):
    """One invoice of an order."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    invoice_id = ma.fields.String()
    mandate_id = ma.fields.String()
    amount = Amount()
    sequence = ma.fields.String()
    end_to_end_id = ma.fields.String()
    state = ma.fields.String()
    return_reason = ma.fields.String()


class CollectionResource(ma.Schema):
    """An order to the bank."""

    id = ma.fields.String()
    number = ma.fields.String()
    bank_account_id = ma.fields.String(attribute="account_id")
    scheme = ma.fields.String()
    collect_on = ma.fields.Date()
    total = Amount()
    file_id = ma.fields.String()
    created_at = ma.fields.AwareDateTime()
