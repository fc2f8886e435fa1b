"""JSON and form shapes of books: events, splits, costs, and how a partner keeps its books."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import marshmallow as ma

from haas.rest.fields import Amount, Day, Signed, one_of, row_id, text
from haas.rest.openapi import Request
from leases.book_models import COST_KINDS
from leases.depreciation import DayBasis, FirstMonth, LastMonth, Method
from leases.depreciation.events import CountsFrom, EventKind
from leases.return_schemas import BookResource, DepreciationRowResource

# What people record by hand, with the figures that each needs; what else happens has doors of its own.
RECORDED: dict[str, tuple[str, ...]] = {
    EventKind.CAPITALISE: ("amount",),
    EventKind.REVALUE: ("book_value",),
    EventKind.IMPAIR: ("amount",),
    EventKind.REVERSE_IMPAIRMENT: ("amount",),
    EventKind.ESTIMATE: ("useful_life_months",),
    EventKind.DISPOSE: ("proceeds",),
    EventKind.REINSTATE: (),
}
ALSO: dict[str, tuple[str, ...]] = {
    EventKind.CAPITALISE: ("extra_months", "residual_value"),
    EventKind.ESTIMATE: ("residual_value",),
    EventKind.REINSTATE: ("book_value",),
}
FIGURES = ("amount", "book_value", "useful_life_months", "residual_value", "extra_months", "proceeds")


class BookAsked(Request):
    """As of which day, and as it was known at which moment; today and now if left out."""

    as_of = Day()
    known_at = ma.fields.AwareDateTime(
        metadata={"description": "what the books showed then, whatever became known later"}
    )


class KeptBookResource(BookResource):
    """How the asset is written off in one book."""

    id = ma.fields.String()
    name = ma.fields.String()
    switch = ma.fields.Boolean()
    rate_pct = Amount(allow_none=True)
    recovery_years = ma.fields.Integer(allow_none=True)
    tax_convention = ma.fields.String()
    year_end_month = ma.fields.Integer()
    opened_on = ma.fields.Date(allow_none=True)


class MovementResource(ma.Schema):
    """What an event did to cost, to what is written off, and to the value beside both."""

    on = ma.fields.Date()
    kind = ma.fields.String()
    event_id = ma.fields.String()
    cost = Signed()
    accumulated = Signed()
    adjustment = Signed()
    gain = Signed(allow_none=True)


class BookSummaryResource(ma.Schema):
    """A book and its value at the end of the day `as_of`."""

    book = ma.fields.Nested(KeptBookResource)
    as_of = ma.fields.Date()
    value = Signed()
    accumulated = Signed()
    gain = Signed(allow_none=True)


class PlannedMonthResource(DepreciationRowResource):
    """One calendar month; a convention of the year may give some back in the month of disposal."""

    charge = Signed()
    accumulated = Signed()
    book_value = Signed()


class BookWholeResource(BookSummaryResource):
    """The same with its schedule and all that has moved it."""

    entries = ma.fields.List(ma.fields.Nested(PlannedMonthResource))
    movements = ma.fields.List(ma.fields.Nested(MovementResource), attribute="history.movements")


class EventRequest(Request):
    """Something that happens to a book. Each kind has figures of its own; others are refused."""

    kind = one_of(*(kind.value for kind in map(EventKind, RECORDED)), required=True)
    effective_on = Day(required=True)
    counts_from = one_of(*(each.value for each in CountsFrom), load_default=CountsFrom.SAME_MONTH.value)
    reason = text(500, load_default="")
    amount = Amount(load_default=None, allow_none=True)
    book_value = Amount(load_default=None, allow_none=True)
    useful_life_months = ma.fields.Integer(
        load_default=None, allow_none=True, validate=ma.validate.Range(1, 600)
    )
    residual_value = Amount(load_default=None, allow_none=True)
    extra_months = ma.fields.Integer(load_default=None, allow_none=True, validate=ma.validate.Range(0, 120))
    proceeds = Amount(load_default=None, allow_none=True)

    @ma.validates_schema
    def has_its_figures(self, data: dict[str, Any], **_: Any) -> None:
        """Each kind has figures of its own: a missing one is named, and so is one too many."""
        kind = data.get("kind", "")
        needed = RECORDED.get(kind, ())
        wrong = {name: ["Fill this in."] for name in needed if data.get(name) is None}
        foreign = set(FIGURES) - {*needed, *ALSO.get(kind, ())}
        wrong |= {
            name: [f"This does not belong to {kind}: leave it out."]
            for name in sorted(foreign)
            if data.get(name) is not None
        }
        if wrong:
            raise ma.ValidationError(wrong)


def event_of_request(data: Mapping[str, Any]) -> dict[str, Any]:
    """A request -> the arguments of an event."""
    told = {name: value for name, value in data.items() if name not in FIGURES}
    figures = {name: data[name] for name in FIGURES if data.get(name) is not None}
    return {**told, "figures": figures}


class EventPreviewResource(ma.Schema):
    """A book before an event and with it."""

    kind = ma.fields.String()
    effective_on = ma.fields.Date()
    value_before = Signed()
    value_after = Signed()
    gain = Signed(allow_none=True)
    before = ma.fields.List(ma.fields.Nested(PlannedMonthResource), attribute="before.entries")
    after = ma.fields.List(ma.fields.Nested(PlannedMonthResource), attribute="after.entries")


class EventResource(ma.Schema):
    """An event on the record. `reverses_id`: the event that it takes back."""

    id = ma.fields.String()
    book_id = ma.fields.String()
    kind = ma.fields.String()
    effective_on = ma.fields.Date()
    counts_from = ma.fields.String()
    figures = ma.fields.Dict()
    reverses_id = ma.fields.String(allow_none=True)
    reason = ma.fields.String()
    actor = ma.fields.String()
    recorded_at = ma.fields.AwareDateTime()


class ReverseRequest(Request):
    """Why an event is taken back."""

    reason = text(500, least=1, required=True)


class SplitRequest(Request):
    """Part of the cost becomes another asset's, in every book."""

    to_asset_id = row_id(required=True)
    cost = Amount(required=True)
    effective_on = Day(required=True)
    counts_from = one_of(*(each.value for each in CountsFrom), load_default=CountsFrom.SAME_MONTH.value)
    reason = text(500, load_default="")


class CostRequest(Request):
    """What was spent on an asset. `capitalise` left out: the partner's rule decides."""

    kind = one_of(*COST_KINDS, required=True)
    amount = Amount(required=True)
    incurred_on = Day(required=True)
    warranty_recovered = Amount(load_default=Decimal(0))
    supplier = text(160, load_default="")
    reference = text(120, load_default="")
    notes = text(1000, load_default="")
    capitalise = ma.fields.Boolean(load_default=None, allow_none=True)
    extra_months = ma.fields.Integer(load_default=0, validate=ma.validate.Range(0, 120))
    idempotency_key = text(64, load_default=None, allow_none=True)


class CostResource(ma.Schema):
    """A cost and whether it adds to the asset's cost in the books."""

    id = ma.fields.String()
    asset_id = ma.fields.String()
    kind = ma.fields.String()
    amount = Amount()
    warranty_recovered = Amount()
    currency = ma.fields.String()
    incurred_on = ma.fields.Date()
    supplier = ma.fields.String()
    reference = ma.fields.String()
    notes = ma.fields.String()
    capitalised = ma.fields.Boolean()
    decided_by = ma.fields.String()
    extra_months = ma.fields.Integer()
    created_at = ma.fields.AwareDateTime()


class PolicyRequest(Request):
    """The conventions of a book that opens; a life and a percentage left out are the hardware model's."""

    method = one_of(*(method.value for method in Method), required=True)
    first_month = one_of(*(rule.value for rule in FirstMonth), load_default=FirstMonth.FULL.value)
    last_month = one_of(*(rule.value for rule in LastMonth), load_default=LastMonth.NONE.value)
    day_basis = one_of(*(basis.value for basis in DayBasis), load_default=DayBasis.MONTHS.value)
    factor = Amount(places=6, most=Decimal(10), load_default=Decimal(2))
    switch = ma.fields.Boolean(load_default=True)
    rate_pct = Amount(places=6, most=Decimal(100), load_default=None, allow_none=True)
    recovery_years = ma.fields.Integer(
        load_default=None, allow_none=True, validate=ma.validate.OneOf([3, 5, 7, 10, 15, 20])
    )
    year_end_month = ma.fields.Integer(load_default=12, validate=ma.validate.Range(1, 12))
    life_months = ma.fields.Integer(load_default=None, allow_none=True, validate=ma.validate.Range(1, 600))
    residual_pct = Amount(places=3, most=Decimal(100), load_default=None, allow_none=True)
    total_units = Amount(places=6, load_default=None, allow_none=True)


class PolicyResource(ma.Schema):
    """How one book is kept, and for which hardware models otherwise. Not `kept`: it is not opened."""

    name = ma.fields.String()
    kept = ma.fields.Boolean()
    conventions = ma.fields.Dict()
    models = ma.fields.Dict(metadata={"description": "hardware model id -> conventions"})


class RepairPolicyRequest(Request):
    """When later costs are capitalised. No threshold: repairs never are."""

    capitalise_from = Amount(load_default=None, allow_none=True)
    capitalise_upgrades = ma.fields.Boolean(load_default=True)


class RepairPolicyResource(ma.Schema):
    """The rule as it holds."""

    capitalise_from = Amount(allow_none=True)
    capitalise_upgrades = ma.fields.Boolean()
