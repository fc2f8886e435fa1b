"""JSON and form shapes of pro-formas."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from haas.rest.fields import Day, Signed, row_id, text
from haas.rest.openapi import Paged, Request
from invoicing.pro_forma.models import ProForma
from invoicing.pro_forma.queries import ProFormaFilter, document_of
from invoicing.schemas import TaxTotalResource

CHARGES_MAX = 200  # that are named in one request

_COLUMNS = tuple(column.key for column in ProForma.__table__.columns if column.key != "document")


class ProFormasListed(Paged):
    """Query parameters of the pro-formas. Days are half-open: until is not included."""

    client_id = row_id()
    issued_from = Day()
    issued_until = Day()
    number = text(40, least=1, metadata={"description": "beginning of the number"})
    sent = ma.fields.Boolean(metadata={"description": "whether it was mailed"})


class ProFormaRequest(Request):
    """What is to stand on it: all that falls due by a day and is not billed, or of it the charges named."""

    client_id = row_id(required=True)
    as_of = Day(load_default=None, allow_none=True, metadata={"description": "today if left out"})
    charge_ids = ma.fields.List(
        row_id(),
        load_default=list,
        validate=ma.validate.Length(max=CHARGES_MAX),
        metadata={"description": "charges that wait for billing; none: everything that is due"},
    )


class ProFormaResource(ma.Schema):
    """A pro-forma invoice: what would be billed. It asks for no money and stands in no book."""

    id = ma.fields.String()
    number = ma.fields.String()
    client_id = ma.fields.String()
    currency = ma.fields.String()
    issued_on = ma.fields.Date()
    as_of = ma.fields.Date(metadata={"description": "everything that falls due by this day stands on it"})
    net_total = Signed()
    tax_total = Signed()
    total = Signed()
    document_hash = ma.fields.String(metadata={"description": "SHA-256 of what was frozen"})
    pdf_file_id = ma.fields.String(allow_none=True, metadata={"description": "null until it is rendered"})
    sent_at = ma.fields.AwareDateTime(allow_none=True)
    created_at = ma.fields.AwareDateTime()


class ProFormasMade(ma.Schema):
    """One for each invoice that it would be."""

    items = ma.fields.List(ma.fields.Nested(ProFormaResource))


class ProFormaLineResource(ma.Schema):
    """One line as printed; `until` is not included."""

    description = ma.fields.String()
    details = ma.fields.String()
    start = ma.fields.Date(allow_none=True)
    until = ma.fields.Date(allow_none=True)
    quantity = Signed()
    unit_price = Signed()
    net = Signed()
    tax_category = ma.fields.String()
    tax_rate_pct = Signed()


class ProFormaWhole(ProFormaResource):
    """One pro-forma with its lines and totals by tax, as frozen."""

    lines = ma.fields.List(ma.fields.Nested(ProFormaLineResource))
    tax_totals = ma.fields.List(ma.fields.Nested(TaxTotalResource))


def read_filter(given: dict[str, Any]) -> ProFormaFilter:
    """The filter of a query."""
    return ProFormaFilter(
        client_id=given.get("client_id"),
        issued_from=given.get("issued_from"),
        issued_until=given.get("issued_until"),
        number_prefix=given.get("number"),
        is_sent=given.get("sent"),
    )


def shape_whole(pro_forma: ProForma) -> dict[str, Any]:
    """One pro-forma with what its document says."""
    document = document_of(pro_forma)
    return {
        **{name: getattr(pro_forma, name) for name in _COLUMNS},
        "lines": document.lines,
        "tax_totals": document.tax_totals,
    }
