"""JSON and form shapes of off-boarding."""

from __future__ import annotations

import marshmallow as ma

from haas.rest.fields import Day, Signed, text
from haas.rest.openapi import Request


class OffboardRequest(Request):
    """When the client gave notice, and why."""

    noticed_on = Day(load_default=None, allow_none=True)
    reason = text(500, load_default="")


class OffboardForm(Request):
    """The same on a page."""

    noticed_on = Day(required=True)
    reason = text(500, load_default="")


class OffboardAsked(Request):
    """As if notice was given that day; today if left out."""

    noticed_on = Day()


class EndingLeaseResource(ma.Schema):
    """A lease and the day it ends, exclusive; none for an offer, which is dropped."""

    lease_id = ma.fields.String(attribute="lease.id")
    number = ma.fields.String(attribute="lease.number")
    state = ma.fields.String(attribute="lease.state")
    ends_on = ma.fields.Date(allow_none=True)


class ToCollectResource(ma.Schema):
    """One device to fetch."""

    asset_id = ma.fields.String(attribute="asset.id")
    tag = ma.fields.String(attribute="asset.tag")
    serial = ma.fields.String(attribute="standing.serial")
    lease_id = ma.fields.String(attribute="lease.id")


class StopResource(ma.Schema):
    """One site with what is fetched there."""

    site_id = ma.fields.String(attribute="site.id", allow_none=True)
    devices = ma.fields.List(ma.fields.Nested(ToCollectResource), attribute="places")


class FinalLineResource(ma.Schema):
    """One line of the last invoices as they would be; a credit is negative."""

    kind = ma.fields.String(attribute="change.kind")
    description = ma.fields.String()
    period_start = ma.fields.Date(attribute="change.period_start")
    period_end = ma.fields.Date(attribute="change.period_end")
    amount = Signed(attribute="change.amount")


class OffboardingPlanResource(ma.Schema):
    """What off-boarding would do."""

    leases = ma.fields.List(ma.fields.Nested(EndingLeaseResource))
    stops = ma.fields.List(ma.fields.Nested(StopResource))
    devices = ma.fields.Integer()
    open_returns = ma.fields.Function(lambda plan: [order.number for order in plan.returns])
    uncertified = ma.fields.Function(lambda plan: [asset.tag for asset in plan.uncertified])
    deposits = ma.fields.Function(
        lambda plan: [
            {"number": row.deposit.number, "held": str(row.balance), "currency": row.deposit.currency}
            for row in plan.deposits
        ]
    )
    final = ma.fields.List(ma.fields.Nested(FinalLineResource))
    final_net = Signed()


class OffboardingResource(ma.Schema):
    """How far it is."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    state = ma.fields.String()
    noticed_on = ma.fields.Date()
    reason = ma.fields.String()
    problems = ma.fields.List(ma.fields.Dict())
    started_at = ma.fields.AwareDateTime()
    finished_at = ma.fields.AwareDateTime(allow_none=True)
    bundle_file_id = ma.fields.String(allow_none=True)
