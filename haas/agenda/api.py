"""REST: /v1/calendar and /v1/cash-flow."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_smorest import Blueprint

from haas import clock
from haas.agenda.cash_flow import cash_flow
from haas.agenda.entries import entries_between
from haas.auth.caller import current_caller, requires
from haas.rest.fields import Amount, Day
from haas.rest.openapi import Request

calendar_api = Blueprint(
    "calendar_api", __name__, url_prefix="/v1/calendar", description="What falls on which day"
)
cash_flow_api = Blueprint("cash_flow_api", __name__, url_prefix="/v1/cash-flow", description="Rents to come")


class CalendarAsked(Request):
    """From which day, up to and not including which; at most 400 days."""

    start = Day(required=True)
    until = Day(required=True)


class CalendarEntryResource(ma.Schema):
    """One thing on one day; `page` and `row_id` say what it is."""

    on = ma.fields.Date()
    kind = ma.fields.String()
    subject = ma.fields.String()
    client_id = ma.fields.String(allow_none=True)
    row_id = ma.fields.String()
    amount = Amount(allow_none=True)
    currency = ma.fields.String()


class CalendarResource(ma.Schema):
    """Everything in order of its days."""

    items = ma.fields.List(ma.fields.Nested(CalendarEntryResource))


class CashFlowAsked(Request):
    """From which day on; today at the partner if left out."""

    start = Day()


class CashDayResource(ma.Schema):
    """What falls due on a day, net."""

    on = ma.fields.Date()
    amount = Amount()


class CashFlowCurrencyResource(ma.Schema):
    """One currency's rents of twelve months."""

    currency = ma.fields.String()
    total = Amount()
    days = ma.fields.List(ma.fields.Nested(CashDayResource))


class CashFlowResource(ma.Schema):
    """The rents to come, by currency."""

    items = ma.fields.List(ma.fields.Nested(CashFlowCurrencyResource))


@calendar_api.get("")
@requires("calendar.read")
@calendar_api.arguments(CalendarAsked, location="query")
@calendar_api.response(200, CalendarResource)
def list_entries(asked: dict[str, Any]) -> dict[str, Any]:
    """What falls on these days, as far as the caller may see it."""
    caller = current_caller()
    found = entries_between(
        caller.session, caller.tenant, may=caller.may, policies=caller.partner.policies, **asked
    )
    return {"items": found}


@cash_flow_api.get("")
@requires("calendar.cash")
@cash_flow_api.arguments(CashFlowAsked, location="query")
@cash_flow_api.response(200, CashFlowResource)
def get_cash_flow(asked: dict[str, Any]) -> dict[str, Any]:
    """Rents that fall due in twelve months, by day; holdover and renewals are not agreed and not in it."""
    caller = current_caller()
    start = asked.get("start") or clock.today(caller.partner.time_zone)
    return {
        "items": [
            {
                "currency": flow.currency,
                "total": flow.total,
                "days": [{"on": on, "amount": amount} for on, amount in sorted(flow.days.items())],
            }
            for flow in cash_flow(caller.session, caller.tenant, start=start)
        ]
    }
