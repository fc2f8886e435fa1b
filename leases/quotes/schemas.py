"""JSON shapes of quotes, options, lines, terms of contract and purchase needs."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from devices.tax_classes import TaxClass
from haas.rest.fields import Amount, Day, Signed, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from leases.quotes.lifecycle import NeedState, QuoteState
from leases.terms import END_OPTIONS, INTERVALS, CommercialModel, Component, LineKind, Timing

_INTERVAL = ma.validate.OneOf(INTERVALS)
_MONTHS = ma.validate.Range(1, 120)
_TAXES = ("S", "Z", "E", "AE", "K", "G", "O")


class QuoteListed(Paged):
    """Query parameters of the quotes."""

    state = one_of(*(state.value for state in QuoteState))
    client_id = row_id()
    number = text(40, metadata={"description": "beginning of the number"})


class OfferedLineRequest(Request):
    """So many of one thing. Cost and residual value are taken from the model where they are left out."""

    kind = one_of(*LineKind, load_default=LineKind.ASSET.value)
    component = one_of(*Component, load_default=None, allow_none=True)
    model_id = row_id(load_default=None, allow_none=True)
    description = text(300, load_default="")
    quantity = Amount(places=6, load_default=Decimal(1))
    unit_price = Amount(
        places=6,
        load_default=None,
        allow_none=True,
        metadata={"description": "of one, each period; by the price books if left out"},
    )
    standalone_price = Amount(places=6, load_default=None, allow_none=True)
    unit_cost = Amount(load_default=None, allow_none=True)
    residual_value = Amount(load_default=None, allow_none=True)
    tax_category = one_of(*_TAXES, load_default="S")
    tax_class = one_of(
        *TaxClass, load_default=None, allow_none=True, metadata={"description": "the model's if left out"}
    )


class OptionRequest(Request):
    """One way to have it."""

    title = text(80, least=1, required=True)
    commercial_model = one_of(*CommercialModel, load_default=CommercialModel.TERM.value)
    term_months = ma.fields.Integer(required=True, validate=_MONTHS)
    timing = one_of(*(timing.value for timing in Timing), load_default=Timing.ADVANCE.value)
    interval_months = ma.fields.Integer(load_default=1, validate=_INTERVAL)
    anchor_day = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, 31))
    interim_rent = ma.fields.Boolean(load_default=True)
    end_option = one_of(*END_OPTIONS, load_default=END_OPTIONS[0])
    buyout_price = Amount(load_default=None, allow_none=True, metadata={"description": "of all of it"})
    early_return_pct = Amount(
        most=Decimal(100), load_default=Decimal(0), metadata={"description": "of the rents still to come"}
    )


class OptionChange(Request):
    """What of an option may be changed; fields that are left out stay."""

    title = text(80, least=1)
    commercial_model = one_of(*CommercialModel)
    term_months = ma.fields.Integer(validate=_MONTHS)
    timing = one_of(*(timing.value for timing in Timing))
    interval_months = ma.fields.Integer(validate=_INTERVAL)
    anchor_day = ma.fields.Integer(validate=ma.validate.Range(1, 31))
    interim_rent = ma.fields.Boolean()
    end_option = one_of(*END_OPTIONS)
    buyout_price = Amount(allow_none=True)
    early_return_pct = Amount(most=Decimal(100))


class CopyOptionRequest(Request):
    """The same once more."""

    title = text(80, least=1, required=True)


class QuoteHeadRequest(Request):
    """A new quote, as a draft."""

    client_id = row_id(required=True)
    site_id = row_id(load_default=None, allow_none=True)
    title = text(120, load_default="")
    contact_name = text(160, load_default="")
    contact_email = ma.fields.Email(load_default=None, allow_none=True, validate=ma.validate.Length(max=254))
    intro = text(4000, load_default="")
    valid_until = Day(load_default=None, allow_none=True)
    deliver_by = Day(load_default=None, allow_none=True)
    terms_version_id = row_id(load_default=None, allow_none=True)


class QuoteHeadChange(Request):
    """What of a draft's head may be changed; fields that are left out stay."""

    site_id = row_id(allow_none=True)
    title = text(120)
    contact_name = text(160)
    contact_email = ma.fields.Email(validate=ma.validate.Length(max=254))
    intro = text(4000)
    valid_until = Day(allow_none=True)
    deliver_by = Day(allow_none=True)
    terms_version_id = row_id(allow_none=True)


class SendQuoteRequest(Request):
    """Freeze it and mail it."""

    valid_until = Day(load_default=None, allow_none=True)


class WithdrawQuoteRequest(Request):
    """Take it back."""

    reason = text(500, load_default="")


class AcceptQuoteRequest(Request):
    """Agree to one option, having read the terms."""

    option_id = row_id(required=True)
    signer_name = text(160, least=1, required=True)
    signer_title = text(160, load_default="")
    agreed = ma.fields.Boolean(required=True, metadata={"description": "to the terms of the quote"})
    document_sha256 = text(
        64, load_default=None, allow_none=True, metadata={"description": "of the version that was read"}
    )
    over_limit_reason = text(
        300, load_default="", metadata={"description": "to go beyond the credit limit; needs credit.release"}
    )


class DeclineQuoteRequest(Request):
    """Turn it down."""

    reason = text(1000, least=1, required=True)


class QuestionRequest(Request):
    """Ask before deciding."""

    text = text(2000, least=1, required=True)


class OfferedLineResource(ma.Schema):
    """A line as the client reads it."""

    kind = ma.fields.String()
    component = ma.fields.String()
    description = ma.fields.String()
    quantity = Amount()
    unit_price = Amount()
    amount = Amount()


class LeavingEarlyResource(ma.Schema):
    """What giving everything back costs after so many months."""

    after_months = ma.fields.Integer()
    charge = Amount()


class OfferedOptionResource(ma.Schema):
    """An option as the client reads it."""

    id = ma.fields.String()
    title = ma.fields.String()
    commercial_model = ma.fields.String()
    term_months = ma.fields.Integer()
    timing = ma.fields.String()
    interval_months = ma.fields.Integer()
    end_option = ma.fields.String()
    buyout_price = Amount(allow_none=True)
    rent = Amount(metadata={"description": "of a full period"})
    monthly = Amount()
    one_off = Amount()
    total = Amount(metadata={"description": "over the term"})
    early_return_pct = Amount()
    leaving_early = ma.fields.List(ma.fields.Nested(LeavingEarlyResource))
    lines = ma.fields.List(ma.fields.Nested(OfferedLineResource))


class QuoteResource(ma.Schema):
    """One version of a quote."""

    id = ma.fields.String()
    number = ma.fields.String()
    revision = ma.fields.Integer()
    state = ma.fields.String()
    client_id = ma.fields.String()
    site_id = ma.fields.String(allow_none=True)
    title = ma.fields.String()
    currency = ma.fields.String()
    contact_name = ma.fields.String()
    contact_email = ma.fields.String()
    intro = ma.fields.String()
    valid_until = ma.fields.Date(allow_none=True)
    deliver_by = ma.fields.Date(allow_none=True)
    terms_version_id = ma.fields.String(allow_none=True)
    created_at = ma.fields.AwareDateTime()
    sent_at = ma.fields.AwareDateTime(allow_none=True)
    decided_at = ma.fields.AwareDateTime(allow_none=True)
    reason = ma.fields.String(metadata={"description": "why it was declined or withdrawn"})
    lease_id = ma.fields.String(allow_none=True)
    document_sha256 = ma.fields.String(allow_none=True)
    file_id = ma.fields.String(allow_none=True)


class TestedResource(ma.Schema):
    """One test of a classification with its figures."""

    test = ma.fields.String()
    is_met = ma.fields.Boolean()
    figure = Signed(allow_none=True)
    threshold = Signed(allow_none=True)


class ClassResource(ma.Schema):
    """What an option is to its lessor by one framework."""

    framework = ma.fields.String()
    result = ma.fields.String()
    tests = ma.fields.List(ma.fields.Nested(TestedResource))
    cautions = ma.fields.List(ma.fields.String())


class AssessmentResource(ma.Schema):
    """What only the partner sees of an option."""

    cost = Amount(attribute="margin.cost")
    residual = Amount(attribute="margin.residual")
    hardware_rent = Amount(attribute="margin.hardware_rent")
    margin = Signed(attribute="margin.margin")
    margin_pct = Signed(attribute="margin.margin_pct", allow_none=True)
    lease_rate_factor = Signed(attribute="margin.lease_rate_factor", allow_none=True)
    yield_nominal = Signed(
        attribute="nominal", allow_none=True, metadata={"description": "per annum, a share"}
    )
    yield_effective = Signed(attribute="effective", allow_none=True)
    is_nominal = ma.fields.Boolean(metadata={"description": "a price at the end that everybody would pay"})
    classes = ma.fields.List(ma.fields.Nested(ClassResource))


class DraftedLineResource(ma.Schema):
    """A line with what it costs; a client never reads this."""

    id = ma.fields.String()
    kind = ma.fields.String()
    component = ma.fields.String()
    model_id = ma.fields.String(allow_none=True)
    description = ma.fields.String()
    quantity = Amount()
    unit_price = Amount()
    standalone_price = Amount(allow_none=True)
    unit_cost = Amount(allow_none=True)
    residual_value = Amount(allow_none=True)
    tax_category = ma.fields.String()
    tax_class = ma.fields.String()


class DraftedOptionResource(ma.Schema):
    """An option as it is written, with what it comes to; a client never reads this."""

    id = ma.fields.String()
    position = ma.fields.Integer()
    title = ma.fields.String()
    commercial_model = ma.fields.String()
    term_months = ma.fields.Integer()
    timing = ma.fields.String()
    interval_months = ma.fields.Integer()
    anchor_day = ma.fields.Integer()
    interim_rent = ma.fields.Boolean()
    end_option = ma.fields.String()
    buyout_price = Amount(allow_none=True)
    early_return_pct = Amount()
    rent = Amount()
    monthly = Amount()
    one_off = Amount()
    total = Amount()
    assessment = ma.fields.Nested(AssessmentResource)
    lines = ma.fields.List(ma.fields.Nested(DraftedLineResource))


class QuoteDetailResource(QuoteResource):
    """A quote with what the client reads of it, and for the partner how it was written."""

    offer = ma.fields.List(
        ma.fields.Nested(OfferedOptionResource), metadata={"description": "as it was sent; empty for a draft"}
    )
    options = ma.fields.List(
        ma.fields.Nested(DraftedOptionResource), metadata={"description": "the partner's own view"}
    )


class AcceptanceOfQuoteResource(ma.Schema):
    """Who agreed to what."""

    id = ma.fields.String()
    quote_id = ma.fields.String()
    option_id = ma.fields.String()
    lease_id = ma.fields.String()
    via = ma.fields.String()
    signer_name = ma.fields.String()
    signer_title = ma.fields.String()
    accepted_at = ma.fields.AwareDateTime()
    terms_version_id = ma.fields.String()
    terms_sha256 = ma.fields.String()
    document_sha256 = ma.fields.String()
    file_id = ma.fields.String(allow_none=True)


class QuestionResource(ma.Schema):
    """What was asked."""

    id = ma.fields.String()
    quote_id = ma.fields.String()
    asked_by = ma.fields.String()
    text = ma.fields.String()
    asked_at = ma.fields.AwareDateTime()


class TermsListed(Paged):
    """Query parameters of the terms."""


class TermsRequest(Request):
    """Publish terms; they are never edited."""

    version = text(40, least=1, required=True)
    body = text(100_000, least=1, required=True)


class TermsResource(ma.Schema):
    """Published terms of contract."""

    id = ma.fields.String()
    version = ma.fields.String()
    body = ma.fields.String()
    sha256 = ma.fields.String()
    published_at = ma.fields.AwareDateTime()


class NeedListed(Paged):
    """Query parameters of the purchase needs."""

    state = one_of(*(state.value for state in NeedState))
    model_id = row_id()
    lease_id = row_id()


class OrderNeedRequest(Request):
    """It was ordered."""

    reference = text(80, load_default="")


class NeedResource(ma.Schema):
    """How many of a model a lease lacks, and by when."""

    id = ma.fields.String()
    lease_id = ma.fields.String()
    model_id = ma.fields.String()
    quantity = ma.fields.Integer()
    needed_by = ma.fields.Date()
    state = ma.fields.String()
    reference = ma.fields.String()
    created_at = ma.fields.AwareDateTime()
    ordered_at = ma.fields.AwareDateTime(allow_none=True)
    closed_at = ma.fields.AwareDateTime(allow_none=True)


class ReservedResource(ma.Schema):
    """How many devices were reserved."""

    reserved = ma.fields.Integer()
