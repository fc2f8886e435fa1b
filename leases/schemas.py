"""JSON and form shapes of agreements, leases, lines, hand-overs and swaps."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from devices.tax_classes import TaxClass
from haas.rest.fields import Amount, Day, Happened, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from haas.tenancy.payment_terms import TermsKind
from leases.amendments.early_return import Policy
from leases.daycount import ALIASES, DAY_COUNTS
from leases.lifecycle import LeaseState
from leases.swaps import REASONS
from leases.terms import END_OPTIONS, INTERVALS, CommercialModel, Component, LineKind, Proration, Timing

_INTERVAL = ma.validate.OneOf(INTERVALS)


class AgreementListed(Paged):
    """Query parameters of the agreements."""

    client_id = row_id()
    number = text(40, metadata={"description": "beginning of the number"})


class EarlyReturnStep(Request):
    """A row of a table that falls by the month of the term."""

    from_month = ma.fields.Integer(required=True, validate=ma.validate.Range(1, 240))
    pct = Amount(most=Decimal(100), required=True)


class AgreementRequest(Request):
    """A new master agreement; what is left out is the usual."""

    client_id = row_id(required=True)
    number = text(40, least=1, load_default=None, allow_none=True)
    terms_version = text(40, least=1, load_default="2026-01")
    signed_on = Day(load_default=None, allow_none=True)
    day_count = one_of(*sorted({*DAY_COUNTS, *ALIASES}), load_default="actual")
    proration = one_of(*(rule.value for rule in Proration), load_default=Proration.ACTUAL_PERIOD.value)
    notice_days = ma.fields.Integer(load_default=90, validate=ma.validate.Range(0, 730))
    payment_terms_days = ma.fields.Integer(load_default=14, validate=ma.validate.Range(0, 365))
    payment_terms_kind = one_of(*TermsKind, load_default=TermsKind.DAYS.value)
    flex_down_pct = Amount(most=Decimal(100), load_default=Decimal(0))
    holdover_rate_pct = Amount(most=Decimal(500), load_default=Decimal(100))
    acceptance_silent_days = ma.fields.Integer(load_default=5, validate=ma.validate.Range(0, 90))
    damage_dispute_days = ma.fields.Integer(load_default=14, validate=ma.validate.Range(0, 90))
    flex_down_lines_a_quarter = ma.fields.Integer(load_default=0, validate=ma.validate.Range(0, 10_000))
    flex_down_notice_days = ma.fields.Integer(load_default=30, validate=ma.validate.Range(0, 730))
    early_return_policy = one_of(*Policy, load_default=Policy.NONE.value)
    early_return_pct = Amount(most=Decimal(100), load_default=Decimal(0))
    early_return_discount_pct = Amount(most=Decimal(100), load_default=Decimal(0))
    early_return_steps = ma.fields.List(
        ma.fields.Nested(EarlyReturnStep), load_default=list, validate=ma.validate.Length(max=120)
    )
    service_level_days = ma.fields.Integer(
        load_default=None, allow_none=True, validate=ma.validate.Range(0, 365)
    )


class AgreementResource(ma.Schema):
    """A master agreement: the conventions that its leases follow."""

    id = ma.fields.String()
    number = ma.fields.String()
    client_id = ma.fields.String()
    terms_version = ma.fields.String()
    signed_on = ma.fields.Date(allow_none=True)
    currency = ma.fields.String()
    time_zone = ma.fields.String()
    day_count = ma.fields.String()
    proration = ma.fields.String()
    notice_days = ma.fields.Integer()
    payment_terms_days = ma.fields.Integer()
    payment_terms_kind = ma.fields.String()
    flex_down_pct = Amount()
    acceptance_silent_days = ma.fields.Integer()
    holdover_rate_pct = Amount()
    damage_dispute_days = ma.fields.Integer()
    flex_down_lines_a_quarter = ma.fields.Integer()
    flex_down_notice_days = ma.fields.Integer()
    early_return_policy = ma.fields.String()
    early_return_pct = Amount()
    early_return_discount_pct = Amount()
    early_return_steps = ma.fields.List(
        ma.fields.List(ma.fields.Raw()), metadata={"description": "month, percent"}
    )
    service_level_days = ma.fields.Integer(allow_none=True)
    created_at = ma.fields.AwareDateTime()


class LeaseListed(Paged):
    """Query parameters of the leases."""

    state = one_of(*(state.value for state in LeaseState))
    client_id = row_id()
    agreement_id = row_id()
    number = text(40, metadata={"description": "beginning of the number"})
    ends_before = Day()


class LeaseChange(Request):
    """What of a draft may be changed; fields that are left out stay."""

    title = text(200)
    site_id = row_id(allow_none=True)
    term_months = ma.fields.Integer(validate=ma.validate.Range(1, 120))
    timing = one_of(*(timing.value for timing in Timing))
    anchor_day = ma.fields.Integer(validate=ma.validate.Range(1, 31))
    interval_months = ma.fields.Integer(validate=_INTERVAL)
    interim_rent = ma.fields.Boolean()
    end_option = one_of(*END_OPTIONS)
    commercial_model = one_of(*CommercialModel)


class LeaseRequest(Request):
    """A new lease schedule, as a draft."""

    agreement_id = row_id(required=True)
    site_id = row_id(load_default=None, allow_none=True)
    title = text(200, load_default="")
    term_months = ma.fields.Integer(required=True, validate=ma.validate.Range(1, 120))
    timing = one_of(*(timing.value for timing in Timing), load_default=Timing.ADVANCE.value)
    anchor_day = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, 31))
    interval_months = ma.fields.Integer(load_default=1, validate=_INTERVAL)
    interim_rent = ma.fields.Boolean(load_default=True)
    end_option = one_of(*END_OPTIONS, load_default=END_OPTIONS[0])
    commercial_model = one_of(*CommercialModel, load_default=CommercialModel.TERM.value)


class LeaseResource(ma.Schema):
    """A lease schedule. `ends_on` is the first day after the base term."""

    id = ma.fields.String()
    number = ma.fields.String()
    title = ma.fields.String()
    state = ma.fields.String()
    commercial_model = ma.fields.String()
    agreement_id = ma.fields.String()
    client_id = ma.fields.String()
    site_id = ma.fields.String(allow_none=True)
    currency = ma.fields.String()
    time_zone = ma.fields.String()
    term_months = ma.fields.Integer()
    timing = ma.fields.String()
    anchor_day = ma.fields.Integer()
    interval_months = ma.fields.Integer()
    interim_rent = ma.fields.Boolean()
    day_count = ma.fields.String()
    proration = ma.fields.String()
    commences_on = ma.fields.Date(allow_none=True)
    accepted_on = ma.fields.Date(allow_none=True)
    ends_on = ma.fields.Date(allow_none=True)
    notice_given_on = ma.fields.Date(allow_none=True)
    closed_on = ma.fields.Date(allow_none=True)
    quote_valid_until = ma.fields.Date(allow_none=True)
    end_option = ma.fields.String()
    created_at = ma.fields.AwareDateTime()


class LineRequest(Request):
    """A rent. An asset line is the place of one asset: its quantity is 1; pooled lines have no places."""

    kind = one_of(*LineKind, load_default=LineKind.ASSET.value)
    description = text(300, least=1, required=True)
    model_id = row_id(load_default=None, allow_none=True)
    quantity = Amount(places=6, load_default=Decimal(1))
    unit_price = Amount(
        places=6,
        load_default=None,
        allow_none=True,
        metadata={"description": "of one, a period of the lease; left out: what the price books say"},
    )
    residual_value = Amount(load_default=None, allow_none=True)
    component = one_of(*Component, load_default=None, allow_none=True)
    standalone_price = Amount(places=6, load_default=None, allow_none=True)
    flexible = ma.fields.Boolean(load_default=False)
    tax_category = one_of("S", "Z", "E", "AE", "K", "G", "O", load_default="S")
    tax_class = one_of(
        *TaxClass, load_default=None, allow_none=True, metadata={"description": "the model's if left out"}
    )


class LineResource(ma.Schema):
    """A line. `ends_on` is the first day without rent."""

    id = ma.fields.String()
    lease_id = ma.fields.String()
    kind = ma.fields.String()
    description = ma.fields.String()
    model_id = ma.fields.String(allow_none=True)
    quantity = Amount()
    unit_price = Amount()
    residual_value = Amount(allow_none=True)
    component = ma.fields.String()
    standalone_price = Amount(allow_none=True)
    flexible = ma.fields.Boolean()
    tax_category = ma.fields.String()
    tax_class = ma.fields.String()
    starts_on = ma.fields.Date(allow_none=True)
    ends_on = ma.fields.Date(allow_none=True)


class StandingResource(ma.Schema):
    """An asset's time on a line: from `since` up to `until`, none while it stands there."""

    id = ma.fields.String()
    asset_id = ma.fields.String()
    serial = ma.fields.String()
    since = ma.fields.AwareDateTime(attribute="during.lower", allow_none=True)
    until = ma.fields.AwareDateTime(attribute="during.upper", allow_none=True)
    reason = ma.fields.String(metadata={"description": "why it ended"})


class PlacedLineResource(LineResource):
    """A line with everyone who ever stood on it, oldest first."""

    standings = ma.fields.List(ma.fields.Nested(StandingResource))


class LeaseDetailResource(LeaseResource):
    """A lease with its lines."""

    lines = ma.fields.List(ma.fields.Nested(LineResource))


class QuoteRequest(Request):
    """Offer the draft."""

    valid_until = Day(required=True)


class AcceptRequest(Request):
    """The client agrees to the quote."""

    signer = text(160, least=1, required=True)
    accepted_on = Day(load_default=None, allow_none=True)
    over_limit_reason = text(300, load_default="", metadata={"description": "needs credit.release"})


class ActivateRequest(Request):
    """Start a lease without hardware."""

    first_day = Day(required=True)


class NoticeRequest(Request):
    """End the lease at the first day that its terms allow."""

    noticed_on = Day(load_default=None, allow_none=True)
    reason = text(500, load_default="")
    recall_assets = ma.fields.Boolean(
        load_default=False, metadata={"description": "order everything on it back at once"}
    )


class RenewRequest(Request):
    """Go on from where the term ended."""

    months = ma.fields.Integer(required=True, validate=ma.validate.Range(1, 120))


class CancelRequest(Request):
    """Drop a lease that never started."""

    reason = text(500, least=1, required=True)


class ReserveRequest(Request):
    """Pick an asset for a line."""

    asset_id = row_id(required=True)


class ShipRequest(Request):
    """Hand a reserved asset to a courier or a technician."""

    carrier = text(120, load_default="")
    tracking = text(120, load_default="")
    at = Happened()


class SignedRequest(Request):
    """The client signs for an asset: rent and depreciation begin."""

    signer_name = text(160, least=1, required=True)
    signer_title = text(160, load_default="")
    condition = text(1000, load_default="")
    kit = ma.fields.List(text(120), load_default=None, allow_none=True, validate=ma.validate.Length(max=50))
    at = Happened()


class AcceptanceResource(ma.Schema):
    """A certificate of acceptance."""

    id = ma.fields.String()
    lease_id = ma.fields.String()
    line_id = ma.fields.String()
    asset_id = ma.fields.String()
    accepted_at = ma.fields.AwareDateTime()
    signer_name = ma.fields.String()
    signer_title = ma.fields.String()
    condition = ma.fields.String()
    kit = ma.fields.List(ma.fields.String())
    file_id = ma.fields.String(allow_none=True)


class HandledAssetResource(ma.Schema):
    """An asset after a step of its hand-over."""

    id = ma.fields.String()
    tag = ma.fields.String()
    serial = ma.fields.String(allow_none=True)
    state = ma.fields.String()
    custodian = ma.fields.String()


class SwapListed(Paged):
    """Query parameters of the swaps."""

    lease_id = row_id()
    asset_id = row_id()


class SwapRequest(Request):
    """One asset in another's place."""

    outgoing_id = row_id(required=True)
    incoming_id = row_id(required=True)
    reason = one_of(*REASONS, required=True)
    condition = text(1000, load_default="")
    at = Happened()


class SwapQuestion(Request):
    """What a swap would do, as query parameters."""

    outgoing_id = row_id(required=True)
    incoming_id = row_id(required=True)
    reason = one_of(*REASONS, required=True)


class SwapResource(ma.Schema):
    """A swap that was made."""

    id = ma.fields.String()
    lease_id = ma.fields.String()
    line_id = ma.fields.String()
    outgoing_id = ma.fields.String()
    incoming_id = ma.fields.String()
    swapped_at = ma.fields.AwareDateTime()
    reason = ma.fields.String()
    condition = ma.fields.String()
    actor = ma.fields.String()
    file_id = ma.fields.String(allow_none=True)


class ShareResource(ma.Schema):
    """What one asset's days in a period cost."""

    serial = ma.fields.String()
    days = ma.fields.Integer()
    amount = Amount()


class SwapPreviewResource(ma.Schema):
    """What a swap would do: nothing of it is done."""

    lease_id = ma.fields.String(attribute="lease.id")
    line_id = ma.fields.String(attribute="line.id")
    outgoing_id = ma.fields.String(attribute="outgoing.id")
    incoming_id = ma.fields.String(attribute="incoming.id")
    reason = ma.fields.String()
    day = ma.fields.Date(metadata={"description": "the swap's day where the client is"})
    rent = Amount(attribute="line.unit_price")
    period_start = ma.fields.Date(attribute="payment.period_start")
    period_end = ma.fields.Date(attribute="payment.period_end")
    shares = ma.fields.List(ma.fields.Nested(ShareResource))


class MoveResource(ma.Schema):
    """A move of the lease's lifecycle."""

    verb = ma.fields.String()
    from_state = ma.fields.String(allow_none=True)
    to_state = ma.fields.String()
    effective_on = ma.fields.Date()
    moved_at = ma.fields.AwareDateTime()
    actor = ma.fields.String()
    reason = ma.fields.String()


class HistoryResource(ma.Schema):
    """The lease's moves, oldest first."""

    items = ma.fields.List(ma.fields.Nested(MoveResource))
