"""JSON and form shapes of orders that pay refunds."""

from __future__ import annotations

import marshmallow as ma

from haas.rest.fields import Amount, Day, row_id, text
from haas.rest.openapi import Request


class PayeeRequest(Request):
    """To whom a refund is paid."""

    refund_id = row_id(required=True)
    name = text(70, least=1, required=True)
    iban = text(42, least=5, required=True)


class TransferOrderRequest(Request):
    """Which refunds to pay, from which account, and when."""

    bank_account_id = row_id(required=True)
    pay_on = Day(required=True)
    payees = ma.fields.List(
        ma.fields.Nested(PayeeRequest), required=True, validate=ma.validate.Length(1, 2000)
    )


class PayeeForm(Request):
    """A refund on the page: paid if it is ticked."""

    wanted = ma.fields.Boolean(load_default=False)
    refund_id = row_id(required=True)
    name = text(70, load_default="")
    iban = text(42, load_default="")


class TransferOrderForm(Request):
    """The same by the page."""

    bank_account_id = row_id(required=True)
    pay_on = Day(required=True)
    payees = ma.fields.List(ma.fields.Nested(PayeeForm), load_default=list)


class TransferFailedRequest(Request):
    """What the bank said of a transfer that it refused."""

    failure = text(300, least=1, required=True)


class TransferItemResource(ma.Schema):
    """One refund of an order; of the IBAN the ends alone."""

    id = ma.fields.String()
    refund_id = ma.fields.String()
    client_id = ma.fields.String()
    amount = Amount()
    name = ma.fields.String()
    iban_shown = ma.fields.String()
    end_to_end_id = ma.fields.String()
    state = ma.fields.String()
    failure = ma.fields.String()


class TransferOrderResource(ma.Schema):
    """An order to the bank."""

    id = ma.fields.String()
    number = ma.fields.String()
    bank_account_id = ma.fields.String(attribute="account_id")
    pay_on = ma.fields.Date()
    total = Amount()
    file_id = ma.fields.String()
    created_at = ma.fields.AwareDateTime()
    sent_at = ma.fields.AwareDateTime(allow_none=True)
    cancelled_at = ma.fields.AwareDateTime(allow_none=True)


class TransferOrderWhole(TransferOrderResource):
    """The same with what it pays."""

    items = ma.fields.List(ma.fields.Nested(TransferItemResource))
