"""JSON and form shapes of accounts, methods, attempts, refunds and payouts. No secret is ever sent."""

from __future__ import annotations

import marshmallow as ma

from haas.rest.fields import Amount, Signed, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from invoicing.payments.models import KINDS


class PaymentAccountRequest(Request):
    """Connect an account at a provider."""

    kind = one_of(*KINDS, required=True)
    api_key = ma.fields.String(
        required=True,
        validate=[
            ma.validate.Length(8, 300),
            ma.validate.Regexp(r"^[!-~]+$", error="A key is letters, digits and signs without spaces."),
        ],
        metadata={"description": "never shown again"},
    )
    webhook_secret = text(
        200,
        load_default="",
        metadata={"description": "if left out, the provider is asked to tell us and makes one"},
    )


class PaymentAccountChange(Request):
    """What an account is used for."""

    webhook_secret = text(200, metadata={"description": "a new one; the last is good beside it"})
    charges_on_due_day = ma.fields.Boolean()
    is_default = ma.fields.Boolean(metadata={"description": "true: new payments go through it"})


class PaymentAccountForm(Request):
    """The same from the page."""

    webhook_secret = text(200, load_default="")
    charges_on_due_day = ma.fields.Boolean()
    is_default = ma.fields.Boolean()


class LinksForm(Request):
    """Whether new invoices bear a link to pay by."""

    wanted = ma.fields.Boolean()


class PaymentAccountResource(ma.Schema):
    """An account without its keys."""

    id = ma.fields.String()
    kind = ma.fields.String()
    name = ma.fields.String()
    external_id = ma.fields.String()
    is_live = ma.fields.Boolean()
    is_default = ma.fields.Boolean()
    charges_on_due_day = ma.fields.Boolean()
    api_key_tail = ma.fields.String(metadata={"description": "the last four characters of the key"})
    webhook_url = ma.fields.String()
    webhook_heard_at = ma.fields.AwareDateTime(allow_none=True)
    created_at = ma.fields.AwareDateTime()
    closed_at = ma.fields.AwareDateTime(allow_none=True)


class PaymentAccounts(ma.Schema):
    """All accounts of the partner."""

    items = ma.fields.List(ma.fields.Nested(PaymentAccountResource))


class ProviderAnswer(ma.Schema):
    """Whose account the key opens today."""

    id = ma.fields.String()
    name = ma.fields.String()
    is_live = ma.fields.Boolean()


class PaymentPageRequest(Request):
    """Where the browser is sent after the provider's page."""

    return_url = ma.fields.Url(
        required=True, schemes={"https", "http"}, validate=ma.validate.Length(max=1000)
    )


class PaymentSetupResource(ma.Schema):
    """A page to save a means of payment on."""

    id = ma.fields.String()
    url = ma.fields.String()


class PaymentMethodResource(ma.Schema):
    """A saved means of payment, as its provider shows it."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    account_id = ma.fields.String()
    kind = ma.fields.String()
    brand = ma.fields.String()
    last_four = ma.fields.String()
    expires_month = ma.fields.Integer(allow_none=True)
    expires_year = ma.fields.Integer(allow_none=True)
    mandate = ma.fields.String()
    is_default = ma.fields.Boolean()
    created_at = ma.fields.AwareDateTime()


class PaymentMethods(ma.Schema):
    """All that a client has saved."""

    items = ma.fields.List(ma.fields.Nested(PaymentMethodResource))


class ChargeBody(Request):
    """Charge what is open of an invoice."""

    method_id = row_id(load_default=None, allow_none=True, metadata={"description": "else the default"})


class PaymentAttemptListed(Paged):
    """Query parameters of the attempts."""

    invoice_id = row_id()


class PaymentAttemptResource(ma.Schema):
    """An attempt to be paid an invoice."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    invoice_id = ma.fields.String()
    account_id = ma.fields.String()
    method_id = ma.fields.String(allow_none=True)
    kind = ma.fields.String()
    state = ma.fields.String()
    amount = Amount()
    currency = ma.fields.String()
    attempt_no = ma.fields.Integer(allow_none=True)
    payment_id = ma.fields.String(allow_none=True)
    decline_kind = ma.fields.String(allow_none=True)
    reason = ma.fields.String()
    receipt_id = ma.fields.String(allow_none=True)
    created_at = ma.fields.AwareDateTime()
    sent_at = ma.fields.AwareDateTime(allow_none=True)
    settled_at = ma.fields.AwareDateTime(allow_none=True)


class CheckoutResource(PaymentAttemptResource):
    """The same with the page to pay on."""

    checkout_url = ma.fields.String(allow_none=True)
    checkout_expires_at = ma.fields.AwareDateTime(allow_none=True)


class PaymentRefundRequest(Request):
    """Give back all or part of a payment."""

    amount = Amount(required=True)
    reason = text(200, least=1, required=True)


class RefundForm(PaymentRefundRequest):
    """The same, looked at before it is confirmed."""

    step = one_of("preview", "confirm", load_default="preview")


class MoneyBackResource(ma.Schema):
    """Money that goes back."""

    id = ma.fields.String()
    attempt_id = ma.fields.String()
    kind = ma.fields.String()
    state = ma.fields.String()
    amount = Amount()
    currency = ma.fields.String()
    external_id = ma.fields.String(allow_none=True)
    reason = ma.fields.String()
    created_at = ma.fields.AwareDateTime()
    settled_at = ma.fields.AwareDateTime(allow_none=True)


class PayoutResource(ma.Schema):
    """A payout."""

    id = ma.fields.String()
    account_id = ma.fields.String()
    external_id = ma.fields.String()
    amount = Signed()
    currency = ma.fields.String()
    arrives_on = ma.fields.Date()
    status = ma.fields.String()


class PayoutLineResource(ma.Schema):
    """One entry beside what we recorded of it."""

    id = ma.fields.String(attribute="line.external_id")
    kind = ma.fields.String(attribute="line.kind")
    payment_id = ma.fields.String(attribute="line.payment_id")
    amount = Signed(attribute="line.amount")
    fee = Signed(attribute="line.fee")
    invoice_id = ma.fields.String(allow_none=True)
    recorded = Signed(allow_none=True)
    difference = Signed()


class PayoutReport(ma.Schema):
    """A payout line by line."""

    payout = ma.fields.Nested(PayoutResource)
    gross = Signed(attribute="amount")
    fees = Signed()
    unexplained = Signed()
    lines = ma.fields.List(ma.fields.Nested(PayoutLineResource))
