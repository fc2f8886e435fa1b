"""JSON and form shapes of deposits."""

from __future__ import annotations

import marshmallow as ma

from haas.rest.fields import Amount, Day, Signed, row_id, text
from haas.rest.openapi import Paged, Request


class DepositListed(Paged):
    """Query parameters of the deposits."""

    client_id = row_id()
    lease_id = row_id()


class DepositRequest(Request):
    """Ask for security on a lease."""

    lease_id = row_id(required=True)
    amount = Amount(required=True)
    asked_on = Day(load_default=None, allow_none=True)


class MovementRequest(Request):
    """Money that came in or goes back."""

    amount = Amount(required=True)
    on = Day(required=True)
    reference = text(120, least=1, required=True)


class ApplyRequest(Request):
    """Pay an invoice out of the deposit."""

    amount = Amount(required=True)
    on = Day(required=True)
    invoice_id = row_id(required=True)


class DepositEntryResource(ma.Schema):
    """One movement; what goes out is negative."""

    position = ma.fields.Integer()
    kind = ma.fields.String()
    amount = Signed()
    balance_after = Signed()
    on = ma.fields.Date()
    reference = ma.fields.String()
    invoice_id = ma.fields.String(allow_none=True)


class DepositResource(ma.Schema):
    """A deposit with what it holds."""

    id = ma.fields.String(attribute="deposit.id")
    number = ma.fields.String(attribute="deposit.number")
    lease_id = ma.fields.String(attribute="deposit.lease_id")
    client_id = ma.fields.String(attribute="deposit.client_id")
    currency = ma.fields.String(attribute="deposit.currency")
    asked = Amount(attribute="deposit.asked")
    asked_on = ma.fields.Date(attribute="deposit.asked_on")
    balance = Amount()


class DepositDetailResource(DepositResource):
    """The same with its ledger."""

    entries = ma.fields.List(ma.fields.Nested(DepositEntryResource))
