"""JSON and form shapes of amendments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import marshmallow as ma

from haas.rest.fields import Amount, Day, Signed, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from leases.amendment_models import KINDS, STATES
from leases.amendments import operations
from leases.amendments.wanted import Wanted

LINES_AT_ONCE = 500
_WANTED = frozenset(Wanted.__struct_fields__)


class _Change(ma.fields.Decimal):
    """A percentage that may go either way, as text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            places=4, as_string=True, validate=ma.validate.Range(Decimal(-100), Decimal(1000)), **options
        )


class ScaleDownRequest(Request):
    """Places of a lease that are given back from a day on, or fewer of one quantity."""

    effective_on = Day(required=True, metadata={"description": "the first day without rent"})
    line_ids = ma.fields.List(row_id(), load_default=list, validate=ma.validate.Length(max=LINES_AT_ONCE))
    quantity = Amount(places=6, load_default=None, allow_none=True)
    reason = text(500, load_default="")


class ApproveRequest(Request):
    """Why a client may go beyond its credit limit, where it would."""

    over_limit_reason = text(300, load_default="", metadata={"description": "needs credit.release"})


class AmendmentRequest(ScaleDownRequest, ApproveRequest):
    """A change of a lease from a day on. Each kind reads its own fields and leaves the others alone."""

    kind = one_of(*operations.KINDS, required=True)
    effective_on = Day(required=True, metadata={"description": "the first day on which it holds"})
    unit_price = Amount(places=6, load_default=None, allow_none=True)
    change_pct = _Change(load_default=None, allow_none=True)
    model_id = row_id(load_default=None, allow_none=True)
    count = ma.fields.Integer(
        load_default=None, allow_none=True, validate=ma.validate.Range(1, LINES_AT_ONCE)
    )
    description = text(300, load_default="")
    residual_value = Amount(load_default=None, allow_none=True)
    site_id = row_id(load_default=None, allow_none=True)
    months = ma.fields.Integer(load_default=None, allow_none=True, validate=ma.validate.Range(1, 120))
    last_day = Day(load_default=None, allow_none=True)
    share_pct = Amount(most=Decimal(100), load_default=None, allow_none=True)
    fair_market_value = Amount(load_default=None, allow_none=True)
    recall_assets = ma.fields.Boolean(load_default=True)


class AmendmentForm(AmendmentRequest):
    """The same as people fill it in; `key` makes a second press count once."""

    key = text(64, least=1, required=True)
    confirmed = ma.fields.Boolean(load_default=False)
    shown_charge = text(40, load_default="", metadata={"description": "what was on the page"})


class ScaleDownForm(ScaleDownRequest):
    """What a client asks for."""

    key = text(64, least=1, required=True)
    confirmed = ma.fields.Boolean(load_default=False)
    shown_charge = text(40, load_default="", metadata={"description": "what was on the page"})


class RejectRequest(Request):
    """Why it is turned down."""

    reason = text(500, least=1, required=True)


class AmendmentListed(Paged):
    """Query parameters of the amendments."""

    state = one_of(*STATES)


class AmendmentResource(ma.Schema):
    """An amendment: what was asked, what it changed, what it costs."""

    id = ma.fields.String()
    number = ma.fields.String()
    lease_id = ma.fields.String()
    kind = one_of(*KINDS)
    state = one_of(*STATES)
    effective_on = ma.fields.Date()
    line_ids = ma.fields.List(ma.fields.String())
    before = ma.fields.Dict()
    after = ma.fields.Dict()
    shown = ma.fields.Dict(metadata={"description": "the figures that were shown: charges and allowance"})
    charge = Amount()
    charge_kind = ma.fields.String(allow_none=True)
    covered_lines = ma.fields.Integer(metadata={"description": "lines that the allowance let go free"})
    reason = ma.fields.String()
    requested_by = ma.fields.String()
    requested_at = ma.fields.AwareDateTime()
    decided_by = ma.fields.String()
    decided_at = ma.fields.AwareDateTime(allow_none=True)
    decision = ma.fields.String()
    applied_at = ma.fields.AwareDateTime(allow_none=True)
    file_id = ma.fields.String(allow_none=True)


class _PaperResource(ma.Schema):
    """A paper that would be issued; the amounts of a credit note are negative."""

    kind = ma.fields.String()
    lines = ma.fields.Integer()
    net = Signed()
    tax = Signed()
    total = Signed()


class _BillResource(ma.Schema):
    """What the client would be billed."""

    total = Signed()
    problem = ma.fields.String()
    papers = ma.fields.List(ma.fields.Nested(_PaperResource))


class AmendmentPreviewResource(ma.Schema):
    """What an amendment would do. `charge` 0 is no penalty."""

    kind = ma.fields.String()
    effective_on = ma.fields.Date()
    charge = Amount()
    covered_lines = ma.fields.Integer()
    shown = ma.fields.Dict()
    before = ma.fields.Dict()
    after = ma.fields.Dict()
    ends_on_before = ma.fields.Date(allow_none=True)
    ends_on_after = ma.fields.Date(allow_none=True)
    bill_on = ma.fields.Date(metadata={"description": "the next day on which rent falls due"})
    bill_before = ma.fields.Nested(_BillResource)
    bill_after = ma.fields.Nested(_BillResource)
    difference = Signed()
    currency = ma.fields.String()


def wanted_of(data: dict[str, Any]) -> Wanted:
    """What an amendment asks for, from the fields of a body or form."""
    given = {name: value for name, value in data.items() if name in _WANTED and value is not None}
    return Wanted.of({**given, "line_ids": tuple(given.get("line_ids", ()))})
