"""JSON and form shapes of returns, the rent schedule and depreciation."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from haas.rest.fields import Amount, Day, Happened, Signed, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from leases.depreciation import DayBasis, FirstMonth, LastMonth, Method
from leases.returns import GRADES

STATES = ("requested", "collected", "received", "inspected", "closed", "cancelled")


class ReturnListed(Paged):
    """Query parameters of the returns."""

    state = one_of(*STATES)
    client_id = row_id()
    lease_id = row_id()
    asset_id = row_id()
    number = text(40, metadata={"description": "beginning of the number"})


class ReturnRequest(Request):
    """Ask an asset back."""

    asset_id = row_id(required=True)
    reason = text(500, least=1, required=True)
    due_on = Day(required=True)


class CollectRequest(Request):
    """It left the client."""

    carrier = text(120, load_default="")
    tracking = text(120, load_default="")
    at = Happened()


class ReceiveRequest(Request):
    """It arrived: the serial number that was scanned on the dock."""

    serial_seen = text(120, least=1, required=True)
    at = Happened()


class InspectRequest(Request):
    """What the inspection found. The client pays the smaller of repair cost and fair market value."""

    grade = one_of(*GRADES, required=True)
    fair_market_value = Amount(required=True)
    repair_cost = Amount(load_default=Decimal(0))
    kit_missing = ma.fields.List(text(120), load_default=list, validate=ma.validate.Length(max=50))
    damage_notes = text(2000, load_default="")
    at = Happened()


class SettleRequest(Request):
    """Close the charge at an agreed figure, never above what was charged."""

    charge = Amount(required=True)


class ReturnResource(ma.Schema):
    """A return order."""

    id = ma.fields.String()
    number = ma.fields.String()
    state = ma.fields.String()
    lease_id = ma.fields.String(allow_none=True)
    line_id = ma.fields.String(allow_none=True)
    asset_id = ma.fields.String()
    client_id = ma.fields.String()
    reason = ma.fields.String()
    notice_on = ma.fields.Date()
    due_on = ma.fields.Date()
    kit = ma.fields.List(ma.fields.String())
    collected_at = ma.fields.AwareDateTime(allow_none=True)
    carrier = ma.fields.String()
    tracking = ma.fields.String()
    received_at = ma.fields.AwareDateTime(allow_none=True)
    inspected_at = ma.fields.AwareDateTime(allow_none=True)
    grade = ma.fields.String(allow_none=True)
    kit_missing = ma.fields.List(ma.fields.String())
    damage_notes = ma.fields.String()
    repair_cost = Amount(allow_none=True)
    fair_market_value = Amount(allow_none=True)
    damage_charge = Amount(allow_none=True)
    dispute_until = ma.fields.Date(allow_none=True)
    disputed_at = ma.fields.AwareDateTime(allow_none=True)
    receipt_file_id = ma.fields.String(allow_none=True)
    created_at = ma.fields.AwareDateTime()


class AsOf(Request):
    """The date at which the answer is true; today at the partner if left out."""

    as_of = Day()


class RentRowResource(ma.Schema):
    """What one line owes for one period; `period_end` is exclusive."""

    line_id = ma.fields.String()
    description = ma.fields.String()
    kind = ma.fields.String()
    period_start = ma.fields.Date()
    period_end = ma.fields.Date()
    days = ma.fields.Integer()
    basis_days = ma.fields.Integer()
    amount = Amount()
    due_on = ma.fields.Date()
    is_due = ma.fields.Boolean()


class RentScheduleResource(ma.Schema):
    """The rent schedule. `provisional`: as if the hardware were accepted on `as_of`."""

    as_of = ma.fields.Date()
    currency = ma.fields.String()
    provisional = ma.fields.Boolean()
    total = Amount()
    due_total = Amount()
    rows = ma.fields.List(ma.fields.Nested(RentRowResource))


class DepreciationRowResource(ma.Schema):
    """One calendar month of a book; `month` is its last day."""

    month = ma.fields.Date()
    charge = Amount()
    accumulated = Amount()
    book_value = Amount()


class BookResource(ma.Schema):
    """How the asset is written off."""

    asset_id = ma.fields.String()
    method = ma.fields.String()
    first_month = ma.fields.String()
    last_month = ma.fields.String()
    day_basis = ma.fields.String()
    factor = Amount()
    cost = Amount()
    residual_value = Amount()
    currency = ma.fields.String()
    in_service_on = ma.fields.Date()
    life_months = ma.fields.Integer()
    total_units = Amount(allow_none=True)
    disposed_on = ma.fields.Date(allow_none=True)
    proceeds = Amount(allow_none=True)


class DepreciationResource(ma.Schema):
    """A book with its schedule, and its value at the end of the day `as_of`.

    `gain`: proceeds less book value once it is closed, negative for a loss.
    """

    book = ma.fields.Nested(BookResource)
    as_of = ma.fields.Date()
    value = Amount()
    accumulated = Amount()
    gain = Signed(allow_none=True)
    entries = ma.fields.List(ma.fields.Nested(DepreciationRowResource))


class ConventionsRequest(Request):
    """Keep the asset's book by these conventions, from its first day."""

    method = one_of(*(method.value for method in Method), required=True)
    first_month = one_of(*(rule.value for rule in FirstMonth), load_default=FirstMonth.FULL.value)
    last_month = one_of(*(rule.value for rule in LastMonth), load_default=LastMonth.NONE.value)
    day_basis = one_of(*(basis.value for basis in DayBasis), load_default=DayBasis.MONTHS.value)
    life_months = ma.fields.Integer(required=True, validate=ma.validate.Range(1, 600))
    residual_value = Amount(required=True)
    factor = Amount(places=6, most=Decimal(10), load_default=Decimal(2))
    total_units = Amount(places=6, load_default=None, allow_none=True)
    switch = ma.fields.Boolean(load_default=True)
    rate_pct = Amount(places=6, most=Decimal(100), load_default=None, allow_none=True)
    recovery_years = ma.fields.Integer(
        load_default=None, allow_none=True, validate=ma.validate.OneOf([3, 5, 7, 10, 15, 20])
    )


class UsageRequest(Request):
    """What the asset was used in a month."""

    units = Amount(places=6, required=True)
