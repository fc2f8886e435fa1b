"""JSON and form shapes of rises of prices and of indexes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import marshmallow as ma

from haas.rest.fields import Amount, Day, Signed, row_id, text
from haas.rest.openapi import Request

_CHANGE = re.compile(r"[+-]?\d{1,3}(\.\d{1,6})?")


class Change(ma.fields.String):
    """A percentage up or down, such as "3.5" or "-2"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        typed = super()._deserialize(value, attr, data, **kwargs).strip()
        if not _CHANGE.fullmatch(typed):
            raise ma.ValidationError("Write a percentage, such as 3.5 or -2.")
        return Decimal(typed)


class RiseRequest(Request):
    """A percentage, or an index with its two months; from a day ahead, for one client or all."""

    title = text(120, least=1, required=True, metadata={"description": "the letter's reason"})
    change_pct = Change(load_default=None, allow_none=True)
    index_name = text(60, load_default=None, allow_none=True)
    base_month = Day(load_default=None, allow_none=True)
    index_month = Day(load_default=None, allow_none=True)
    effective_on = Day(required=True)
    notice_days = ma.fields.Integer(load_default=30, validate=ma.validate.Range(1, 730))
    client_id = row_id(load_default=None, allow_none=True)


class MonthField(Day):
    """A month as browsers send it, "2026-01", or a day of it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        whole = f"{value}-01" if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}", value) else value
        return super()._deserialize(whole, attr, data, **kwargs)


class RiseForm(RiseRequest):
    """A rise, as people fill it in."""

    base_month = MonthField(load_default=None, allow_none=True)
    index_month = MonthField(load_default=None, allow_none=True)


class RiseResource(ma.Schema):
    """A rise of prices: draft, announced, applying, applied."""

    id = ma.fields.String()
    title = ma.fields.String()
    kind = ma.fields.String()
    change_pct = Signed()
    index_name = ma.fields.String(allow_none=True)
    base_month = ma.fields.Date(allow_none=True)
    index_month = ma.fields.Date(allow_none=True)
    client_id = ma.fields.String(allow_none=True)
    effective_on = ma.fields.Date()
    notice_days = ma.fields.Integer()
    state = ma.fields.String()
    announced_on = ma.fields.Date(allow_none=True)
    created_at = ma.fields.AwareDateTime()


class RiseLineResource(ma.Schema):
    """A line before and after; `note` says why one was left as it is."""

    id = ma.fields.String()
    lease_id = ma.fields.String()
    line_id = ma.fields.String()
    client_id = ma.fields.String()
    old_price = Amount()
    new_price = Amount()
    state = ma.fields.String()
    note = ma.fields.String()


class IndexForm(Request):
    """Months of an index: a row each, such as "2026-01 118.4"."""

    index_name = text(60, least=1, required=True)
    rows = text(20000, least=1, required=True)


class IndexValueRequest(Request):
    """What an index stood at in a month."""

    month = Day(required=True, metadata={"description": "any day of it"})
    value = Amount(places=6, required=True)


class IndexRequest(Request):
    """Months of an index."""

    index_name = text(60, least=1, required=True)
    values = ma.fields.List(
        ma.fields.Nested(IndexValueRequest), required=True, validate=ma.validate.Length(1, 600)
    )


class IndexAdded(ma.Schema):
    """How many months are new."""

    added = ma.fields.Integer()
