"""JSON shapes of what the operator bills a partner."""

from __future__ import annotations

import marshmallow as ma

from haas.rest.fields import Amount, Signed
from leases.pricing.schemas import PriceEntryResource


class WholesaleBookResource(ma.Schema):
    """A wholesale book that is assigned to the partner and holds today."""

    id = ma.fields.String()
    name = ma.fields.String()
    currency = ma.fields.String()
    valid_from = ma.fields.Date()
    interval_months = ma.fields.Integer()
    entries = ma.fields.List(ma.fields.Nested(PriceEntryResource))


class WholesaleResource(ma.Schema):
    """The partner's account at the operator's house."""

    currency = ma.fields.String()
    book_name = ma.fields.String()
    tier_basis = ma.fields.String(metadata={"description": "which units of a month make its tier"})
    books = ma.fields.List(ma.fields.Nested(WholesaleBookResource))


class LeaseMarginResource(ma.Schema):
    """A month of one lease's hardware. The margin is null where both are not in one currency."""

    lease_id = ma.fields.String()
    number = ma.fields.String()
    currency = ma.fields.String()
    rent = Amount()
    cost = Amount(allow_none=True, metadata={"description": "what the operator bills"})
    cost_currency = ma.fields.String()
    margin = Signed(allow_none=True)
    margin_pct = Signed(allow_none=True)


class WholesaleInvoiceResource(ma.Schema):
    """An invoice or credit note of the operator's."""

    id = ma.fields.String()
    number = ma.fields.String()
    kind = ma.fields.String()
    issued_on = ma.fields.Date()
    due_on = ma.fields.Date()
    currency = ma.fields.String()
    net_total = Signed()
    tax_total = Signed()
    total = Signed()
    open = Signed()


class WholesaleInvoices(ma.Schema):
    """The latest papers of the operator's."""

    items = ma.fields.List(ma.fields.Nested(WholesaleInvoiceResource))
