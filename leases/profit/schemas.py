"""Shapes of profit as the API sends it. Money that may go either way is signed."""

from __future__ import annotations

import marshmallow as ma

from haas.rest.fields import Amount, Day, Signed, one_of, text
from haas.rest.openapi import Paged
from leases.profit.league import Dimension
from leases.profit.queries import SORTS


class SumsResource(ma.Schema):
    """What an asset has brought and cost by the end of a day."""

    on = ma.fields.Date()
    cost = Amount()
    rent = Signed()
    income = Amount(metadata={"description": "charged for damage and for leaving early"})
    costs = Amount(metadata={"description": "repairs and other costs"})
    proceeds = Amount(metadata={"description": "what its disposal brought in"})
    value = Amount(metadata={"description": "book value"})
    lost = Signed(metadata={"description": "cost less book value less proceeds"})
    margin = Signed(metadata={"description": "rent and income less costs less what was lost in value"})
    cash = Signed(metadata={"description": "what came in less what went out, the purchase included"})


class MonthPointResource(ma.Schema):
    """Added up since the purchase, at the end of a month or on the last day."""

    month = ma.fields.Date()
    cash = Signed()
    margin = Signed()
    value = Amount()


class ProfitResource(ma.Schema):
    """The profit of one asset: by a day, and by the last day of what is agreed.

    Yields are rates of a year as shares (0.12 is 12 percent) by actual days over 365; none where money flows
    one way only. The one to date takes the book value as if it were paid on the day.
    """

    asset_id = ma.fields.String(attribute="profit.facts.id")
    currency = ma.fields.String(attribute="profit.facts.currency")
    as_of = ma.fields.Date(attribute="profit.as_of")
    to_date = ma.fields.Nested(SumsResource, attribute="profit.to_date")
    to_end = ma.fields.Nested(SumsResource, attribute="profit.to_end")
    yield_to_date = Signed(allow_none=True, attribute="yields.to_date")
    yield_to_end = Signed(allow_none=True, attribute="yields.to_end")
    payback_month = ma.fields.Date(allow_none=True, attribute="profit.payback")
    months = ma.fields.List(ma.fields.Nested(MonthPointResource), attribute="profit.months")


class LeagueAsked(Paged):
    """Query parameters of the league: by what, for which days, narrowed to what."""

    by = one_of(*Dimension, load_default=Dimension.MODEL.value)
    since = Day(metadata={"description": "first day; since each asset was bought if left out"})
    as_of = Day(metadata={"description": "last day; today if left out"})
    sort = one_of(*SORTS, *(f"-{name}" for name in SORTS), load_default="-margin")
    model = text(40)
    category = text(40)
    age = text(4, metadata={"description": 'whole years in service, or "none"'})
    client = text(40, metadata={"description": 'id of a client, or "none" for what is in stock'})
    lease = text(40, metadata={"description": 'id of a lease, or "none" for what is in stock'})


class FiguresResource(ma.Schema):
    """What assets cost, earned and are worth, in one currency."""

    currency = ma.fields.String()
    assets = ma.fields.Integer()
    cost = Amount()
    rent = Signed()
    income = Amount()
    costs = Amount()
    lost = Signed()
    value = Amount()
    margin = Signed()
    margin_pct = Signed(allow_none=True, metadata={"description": "of what came in"})
    rent_per_cost = Signed(allow_none=True)


class LeagueRowResource(FiguresResource):
    """One row: `key` is the id of what it is by, or "none"."""

    key = ma.fields.String()
    name = ma.fields.String()
    detail = ma.fields.String()


class LeagueResource(ma.Schema):
    """One page of a league, and the sums of all its rows, one for each currency."""

    by = ma.fields.String()
    since = ma.fields.Date(allow_none=True)
    as_of = ma.fields.Date()
    totals = ma.fields.List(ma.fields.Nested(FiguresResource))
    items = ma.fields.List(ma.fields.Nested(LeagueRowResource))
    next = ma.fields.String(allow_none=True, metadata={"description": "cursor of the next page"})
