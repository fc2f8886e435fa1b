"""Shapes of the cash forecast: what is asked, and the answer."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from haas.rest.fields import Signed, one_of, row_id, text
from haas.rest.openapi import Request
from invoicing.dunning.forecast import WEEKS_LEAST, WEEKS_MOST
from invoicing.dunning.outstanding import DsoMethod

WEEKS, OVER_MONTHS = 13, 3  # where nobody chooses: a quarter


class ForecastAsked(Request):
    """How far ahead, by what, in which currency, of whom; and how days of sales are reckoned."""

    weeks = ma.fields.Integer(load_default=WEEKS, validate=ma.validate.Range(WEEKS_LEAST, WEEKS_MOST))
    span = one_of("week", "month", load_default="week")
    currency = text(3, metadata={"description": "left out: the partner's own"})
    client_id = row_id()
    dso_method = one_of(
        *DsoMethod,
        load_default=DsoMethod.SIMPLE.value,
        metadata={"description": "simple: open / billed x days; count_back: whole months, newest first"},
    )
    dso_months = ma.fields.Integer(
        load_default=OVER_MONTHS,
        validate=ma.validate.Range(1, 12),
        metadata={"description": "how many months the simple formula takes"},
    )


class BucketResource(ma.Schema):
    """A week from Monday on, or a month."""

    start = ma.fields.Date()
    best = Signed(metadata={"description": "if everybody pays in time"})
    expected = Signed(metadata={"description": "as they use to pay"})


class ForecastPart(ma.Schema):
    """What comes for one reason."""

    why = ma.fields.String()
    best = Signed()
    expected = Signed()


class ForecastClient(ma.Schema):
    """What comes from one client."""

    client_id = ma.fields.String()
    best = Signed()
    expected = Signed()


class OutstandingMonth(ma.Schema):
    """A month that was, the newest as of today."""

    start = ma.fields.Date()
    billed = Signed()
    open = Signed(metadata={"description": "at its end"})
    dso_days = Signed(allow_none=True)
    fell_due = Signed()
    paid = Signed(metadata={"description": "of what fell due in it, until today"})
    collected_pct = Signed(allow_none=True)


class ForecastResource(ma.Schema):
    """What is to come in, with tax, in one currency."""

    currency = ma.fields.String()
    span = ma.fields.String()
    start = ma.fields.Date()
    until = ma.fields.Date(metadata={"description": "exclusive"})
    best = Signed()
    expected = Signed()
    disputed = Signed(metadata={"description": "in the best case alone"})
    is_taxed = ma.fields.Boolean(
        metadata={"description": "false: of some rent the tax cannot be told yet, and is in no sum"}
    )
    buckets = ma.fields.List(ma.fields.Nested(BucketResource))
    parts = ma.fields.List(ma.fields.Nested(ForecastPart))
    clients = ma.fields.List(ma.fields.Nested(ForecastClient))
    dso_method = ma.fields.String()
    dso_months = ma.fields.Integer()
    history = ma.fields.List(ma.fields.Nested(OutstandingMonth))


Answer = dict[str, Any]
