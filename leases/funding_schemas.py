"""JSON and form shapes of funders, fundings and lease classifications. A client's people never see one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import marshmallow as ma

from haas.rest.fields import Amount, Day, Signed, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from leases.finance.funding import Recourse, SettlementBasis, TitleHolder
from leases.finance.rates import Compounding
from leases.funding.operations import Agreed
from leases.terms import INTERVALS, Timing

_PERCENT = Decimal(100)


class FunderListed(Paged):
    """Query parameters of the funders."""

    name = text(160, metadata={"description": "beginning of the name"})
    archived = ma.fields.Boolean(load_default=False, metadata={"description": "those too"})


class FunderRequest(Request):
    """A finance house."""

    name = text(160, least=1, required=True)
    email = text(254, load_default="")
    account = text(120, load_default="", metadata={"description": "our number in its books"})
    notes = text(2000, load_default="")


class FunderChange(FunderRequest):
    """The same, all of it; an archived funder funds no further lease."""

    archived = ma.fields.Boolean(load_default=False)


class FunderResource(ma.Schema):
    """A finance house."""

    id = ma.fields.String()
    name = ma.fields.String()
    email = ma.fields.String()
    account = ma.fields.String()
    notes = ma.fields.String()
    created_at = ma.fields.AwareDateTime()
    archived_at = ma.fields.AwareDateTime(allow_none=True)


class FundingTermsAsked(Request):
    """What is agreed with a funder; what is left out is the lease's own. Give the rate or the payment."""

    amount = Amount(required=True)
    annual_rate_pct = Amount(places=6, most=_PERCENT, load_default=None, allow_none=True)
    payment = Amount(load_default=None, allow_none=True)
    compounding = one_of(*Compounding, load_default=Compounding.NOMINAL.value)
    payments = ma.fields.Integer(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Range(1, 240),
        metadata={"description": "how many"},
    )
    interval_months = ma.fields.Integer(
        load_default=None, allow_none=True, validate=ma.validate.OneOf(INTERVALS)
    )
    timing = one_of(*Timing, load_default=None, allow_none=True)
    starts_on = Day(load_default=None, allow_none=True)
    balloon = Amount(load_default=Decimal(0))
    settlement_basis = one_of(*SettlementBasis, load_default=SettlementBasis.BALANCE.value)
    settlement_fee_pct = Amount(most=_PERCENT, load_default=Decimal(0))


class FundingRequest(FundingTermsAsked):
    """Fund a lease: with whom, and who bears what."""

    funder_id = row_id(required=True)
    recourse = one_of(*Recourse, load_default=Recourse.FULL.value)
    title_holder = one_of(*TitleHolder, load_default=TitleHolder.FUNDER.value)
    residual_share_pct = Amount(most=_PERCENT, load_default=Decimal(0))
    reference = text(120, load_default="")


class FundingForm(FundingRequest):
    """The same as people fill it in: shown first, then confirmed."""

    confirmed = ma.fields.Boolean(load_default=False)


def terms_and_others(funding: dict[str, Any]) -> tuple[Agreed, dict[str, Any]]:
    """What of a request are the terms, and the rest of it."""
    names = tuple(FundingTermsAsked().fields)
    others = {name: value for name, value in funding.items() if name not in names}
    return Agreed(**{name: funding[name] for name in names}), others


class FundingPaymentRequest(Request):
    """A payment that was made to the funder, by its number in the schedule."""

    number = ma.fields.Integer(required=True, validate=ma.validate.Range(1, 241))
    paid_on = Day(required=True)
    amount = Amount(load_default=None, allow_none=True, metadata={"description": "as scheduled if left out"})
    reference = text(120, load_default="")


class FundingSettlementQuestion(Request):
    """On which day."""

    on = Day(required=True)


class FundingSettlementRequest(FundingSettlementQuestion):
    """Pay the funder back on a day."""

    amount = Amount(
        load_default=None,
        allow_none=True,
        metadata={"description": "what the funder asked for, if it differs"},
    )


class FundingSettlementForm(FundingSettlementRequest):
    """The same as people fill it in: shown first, then confirmed."""

    confirmed = ma.fields.Boolean(load_default=False)


class FundingSettlementResource(ma.Schema):
    """What it takes to be quit with the funder on a day."""

    on = ma.fields.Date()
    unpaid = Amount()
    outstanding = Signed()
    interest = Amount()
    fee = Signed()
    total = Signed()


class FundingPaymentResource(ma.Schema):
    """A payment that was made."""

    id = ma.fields.String()
    funding_id = ma.fields.String()
    number = ma.fields.Integer()
    amount = Amount()
    paid_on = ma.fields.Date()
    reference = ma.fields.String()


class FundingResource(ma.Schema):
    """What was agreed with a funder for a lease; `annual_rate` is a share, 0.06 is six per cent."""

    id = ma.fields.String()
    number = ma.fields.String()
    lease_id = ma.fields.String()
    funder_id = ma.fields.String()
    state = ma.fields.String()
    currency = ma.fields.String()
    amount = Amount()
    annual_rate = ma.fields.Decimal(as_string=True)
    compounding = ma.fields.String()
    payment = Amount()
    payments = ma.fields.Integer()
    interval_months = ma.fields.Integer()
    timing = ma.fields.String()
    starts_on = ma.fields.Date()
    balloon = Amount()
    residual_share_pct = Amount()
    recourse = ma.fields.String()
    title_holder = ma.fields.String()
    settlement_basis = ma.fields.String()
    settlement_fee_pct = Amount()
    reference = ma.fields.String()
    settled_on = ma.fields.Date(allow_none=True)
    settlement = Amount(allow_none=True)
    created_at = ma.fields.AwareDateTime()


class FundingOwedResource(ma.Schema):
    """One payment of the funder's schedule."""

    number = ma.fields.Integer(attribute="row.number")
    due_on = ma.fields.Date(attribute="row.due_on")
    payment = Amount(attribute="row.payment")
    interest = Signed(attribute="row.interest")
    principal = Signed(attribute="row.principal")
    balance = Signed(attribute="row.balance")
    is_balloon = ma.fields.Boolean()
    paid_on = ma.fields.Date(attribute="paid.paid_on", allow_none=True)


class FundingMonthResource(ma.Schema):
    """What falls due in a month from the client and to the funder; `month` is its last day."""

    month = ma.fields.Date()
    rent = Signed()
    to_funder = Signed()
    margin = Signed()
    margin_so_far = Signed()


class FundingViewResource(ma.Schema):
    """A funding beside the rents of its lease; `funding` is null for what is only asked for."""

    funding = ma.fields.Nested(FundingResource, allow_none=True)
    payment = Amount(attribute="terms.payment")
    annual_rate = ma.fields.Decimal(as_string=True, attribute="terms.annual_rate")
    schedule = ma.fields.List(ma.fields.Nested(FundingOwedResource), attribute="rows")
    months = ma.fields.List(ma.fields.Nested(FundingMonthResource), attribute="margin.months")
    rent_total = Signed(attribute="margin.rent")
    to_funder_total = Signed(attribute="margin.to_funder")
    margin_total = Signed(attribute="margin.total")
    outstanding = Signed()


class ClassificationRequest(Request):
    """As of when: the day of a modification, or commencement if left out."""

    as_of = Day(load_default=None, allow_none=True)


class ClassificationTestResource(ma.Schema):
    """One test of a classification; a figure stands beside its threshold where there is one."""

    test = ma.fields.String()
    is_met = ma.fields.Boolean()
    figure = ma.fields.String(allow_none=True)
    threshold = ma.fields.String(allow_none=True)


class ClassificationResource(ma.Schema):
    """What kind of lease a lease is to its lessor, by one framework."""

    framework = ma.fields.String()
    result = ma.fields.String()
    inputs = ma.fields.Dict(keys=ma.fields.String())
    tests = ma.fields.List(ma.fields.Nested(ClassificationTestResource))
    cautions = ma.fields.List(ma.fields.String())
    decided_at = ma.fields.AwareDateTime()


class ClassificationsResource(ma.Schema):
    """By every framework; empty for a lease that has not commenced or has no hardware.

    `decisions` are all that were taken, those that were replaced too, newest first.
    """

    items = ma.fields.List(ma.fields.Nested(ClassificationResource))
    decisions = ma.fields.List(ma.fields.Nested(ClassificationResource))
