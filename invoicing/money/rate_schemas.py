"""JSON and form shapes of exchange rates."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from haas.rest.fields import Amount, Day, text
from haas.rest.openapi import Paged, Request
from invoicing.money.rate_rules import RATE_MAX


class RatesListed(Paged):
    """Which rates."""

    base = text(3, least=3)
    quote = text(3, least=3)


class RateRequest(Request):
    """What one unit of `base` is worth in `quote` on a day."""

    base = text(3, least=3, required=True)
    quote = text(3, least=3, required=True)
    day = Day(required=True)
    rate = Amount(required=True, places=8, most=RATE_MAX)


class RateResource(ma.Schema):
    """A rate on file; it is never changed."""

    id = ma.fields.String()
    base = ma.fields.String()
    quote = ma.fields.String()
    day = ma.fields.Date()
    rate = ma.fields.Decimal(as_string=True)
    source = ma.fields.String(metadata={"description": "ecb, manual or import"})


class RatesSince(Request):
    """What of a file is taken."""

    since = Day(metadata={"description": "the first day to take; the ECB's history begins in 1999"})


class RatesUpload(Request):
    """The ECB's XML, CSV or archive with one of them, or a CSV of day, base, quote and rate."""

    file: Any = ma.fields.Raw(required=True, metadata={"type": "string", "format": "binary"})


class RatesImported(ma.Schema):
    """What a file held, and how much of it was new."""

    rows = ma.fields.Integer()
    new = ma.fields.Integer()
