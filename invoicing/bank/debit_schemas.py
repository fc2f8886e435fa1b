"""JSON and form shapes of mandates and collections."""

from __future__ import annotations

import marshmallow as ma

from haas.rest.fields import Amount, Day, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from invoicing.bank.debit_policy import NOTICE_MOST
from invoicing.mandate_models import SCHEMES, USES


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
    notice_days = ma.fields.Integer(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Range(1, NOTICE_MOST),
        metadata={"description": "agreed days between announcement and debit; none: the partner's policy"},
    )


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
    notice_days = ma.fields.Integer(allow_none=True)
    state = ma.fields.String()
    signed_on = ma.fields.Date(allow_none=True)
    revoked_on = ma.fields.Date(allow_none=True)


class CollectionRequest(Request):
    """What to collect, to which account, and when."""

    bank_account_id = row_id(required=True)
    invoice_ids = ma.fields.List(row_id(), required=True, validate=ma.validate.Length(1, 2000))
    collect_on = Day(required=True)
    scheme = one_of(*SCHEMES, load_default="CORE")


class AnnouncementRequest(Request):
    """What is to be collected, and when: told to the clients."""

    invoice_ids = ma.fields.List(row_id(), required=True, validate=ma.validate.Length(1, 2000))
    collect_on = Day(required=True)
    scheme = one_of(*SCHEMES, load_default="CORE")


class AnnouncementResource(ma.Schema):
    """A client was told of a debit."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    invoice_id = ma.fields.String()
    mandate_id = ma.fields.String()
    amount = Amount()
    collect_on = ma.fields.Date()
    channel = ma.fields.String()
    announced_on = ma.fields.Date()
    sent_at = ma.fields.AwareDateTime(allow_none=True)  # null: it has not left yet, and tells nobody


class AnnouncementsResource(ma.Schema):
    """What was announced now."""

    items = ma.fields.List(ma.fields.Nested(AnnouncementResource))


class DebitPolicyForm(Request):
    """A partner's conventions of direct debits."""

    notice_days = ma.fields.Integer(required=True, validate=ma.validate.Range(1, NOTICE_MOST))
    lead_days = ma.fields.Integer(required=True, validate=ma.validate.Range(1, 14))
    announces = ma.fields.Boolean(load_default=False)


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
