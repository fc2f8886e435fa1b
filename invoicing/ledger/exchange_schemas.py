"""JSON and form shapes of exchange differences."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from haas.rest.fields import Day, Signed, one_of
from haas.rest.openapi import Request
from invoicing.ledger.exchange_rules import DifferencesPosted


class DifferencesQuestion(Request):
    """Query parameters of the exchange differences: days, both included."""

    first = Day(required=True)
    last = Day(required=True)

    @ma.validates_schema
    def _in_order(self, data: dict[str, Any], **_: object) -> None:
        if data["last"] < data["first"]:
            raise ma.ValidationError("The last day lies before the first.", "last")


class DifferencesPolicy(Request):
    """Whether differences are posted, and from payments of which day on."""

    posted = one_of(*(rule.value for rule in DifferencesPosted), required=True)
    since = Day(allow_none=True)


class DifferencesPolicyResource(ma.Schema):
    """Whether differences are posted: `none`, or `on_payment` for payments from a day on."""

    posted = one_of(*(rule.value for rule in DifferencesPosted))
    since = ma.fields.Date(allow_none=True)


class _DifferenceResource(ma.Schema):
    invoice_id = ma.fields.String(attribute="billed.invoice_id")
    number = ma.fields.String(attribute="billed.number")
    client_id = ma.fields.String(attribute="billed.client_id")
    currency = ma.fields.String(attribute="billed.currency")
    billed_rate = ma.fields.Decimal(attribute="billed.rate.rate", as_string=True)
    gain = Signed(
        allow_none=True,
        metadata={"description": "in the partner's currency, below 0 a loss; null while a rate is missing"},
    )
    missing_on = ma.fields.Date(allow_none=True)


class RealisedResource(_DifferenceResource):
    """What a payment gained; what is taken off has an amount below 0."""

    payment_id = ma.fields.String()
    on = ma.fields.Date()
    amount = Signed()
    paid_rate = ma.fields.Decimal(attribute="paid_rate.rate", as_string=True)
    is_posted = ma.fields.Boolean()


class UnrealisedResource(_DifferenceResource):
    """What is open of an invoice would gain at the last day's rate."""

    open = Signed()
    rate = ma.fields.Decimal(attribute="rate.rate", as_string=True)


class DifferencesResource(ma.Schema):
    """Exchange differences in the partner's currency. What lacks a rate is in no total."""

    currency = ma.fields.String()
    realised = ma.fields.List(ma.fields.Nested(RealisedResource))
    realised_total = Signed()
    unrealised = ma.fields.List(ma.fields.Nested(UnrealisedResource))
    unrealised_total = Signed()
