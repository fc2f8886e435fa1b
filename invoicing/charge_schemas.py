"""JSON and form shapes of charges by hand, purchase orders, discounts and what parts a client's papers."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from devices.tax_classes import TaxClass
from haas.rest.fields import Amount, Day, Signed, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from invoicing.allowances.operations import LINE_KINDS
from invoicing.allowances.rules import SCOPES
from invoicing.charges.models import CATEGORIES
from invoicing.charges.queries import STATES
from invoicing.charges.recurrence import ONCE, RECURRENCES
from invoicing.document_parts import TAX_CATEGORIES
from invoicing.grouping import Grouping

_GROUPINGS = tuple(each.value for each in Grouping)
_SHARE = Decimal(1000)


class ChargeListed(Paged):
    """Query parameters of the charges."""

    client_id = row_id()
    lease_id = row_id()
    category = one_of(*CATEGORIES)
    state = one_of(*STATES)


class ChargeRequest(Request):
    """Something to bill by hand; tax comes on top. A reference is taken once and answers the same charge."""

    client_id = row_id(required=True)
    over_limit_reason = text(
        300, load_default="", metadata={"description": "to go beyond the credit limit; needs credit.release"}
    )
    description = text(200, least=1, required=True)
    category = one_of(*CATEGORIES, load_default="other")
    quantity = Amount(places=6, load_default=Decimal(1))
    unit_price = Amount(places=6, required=True)
    tax_category = one_of(*TAX_CATEGORIES, load_default="S")
    tax_class = one_of(
        *TaxClass,
        load_default=TaxClass.STANDARD.value,
        metadata={"description": "which rate of the place holds, where tax is added (category S)"},
    )
    charged_on = Day(required=True, metadata={"description": "falls due; of a monthly one the first time"})
    recurs = one_of(*RECURRENCES, load_default=ONCE)
    until = Day(load_default=None, allow_none=True, metadata={"description": "no month begins then or later"})
    lease_id = row_id(load_default=None, allow_none=True)
    site_id = row_id(load_default=None, allow_none=True)
    asset_id = row_id(load_default=None, allow_none=True)
    purchase_order_id = row_id(load_default=None, allow_none=True)
    reference = text(80, load_default=None, allow_none=True)


class VoidRequest(Request):
    """Why a charge is taken back."""

    reason = text(300, least=1, required=True)


class EndRequest(Request):
    """From when on nothing more falls due."""

    until = Day(required=True)


class ChargeImportRequest(Request):
    """A table as CSV text. A dry run reads it whole and brings in nothing."""

    csv = text(1_000_000, least=1, required=True)
    dry_run = ma.fields.Boolean(load_default=True)
    over_limit_reason = text(300, load_default="", metadata={"description": "needs credit.release"})


class ImportErrorResource(ma.Schema):
    """What is wrong with one row; the heading is row 1."""

    row = ma.fields.Integer()
    column = ma.fields.String()
    message = ma.fields.String()


class ChargeImportResource(ma.Schema):
    """What was read, or brought in."""

    rows = ma.fields.Integer()
    made = ma.fields.Integer(metadata={"description": "charges that were not there yet"})
    errors = ma.fields.List(ma.fields.Nested(ImportErrorResource))


class ChargeResource(ma.Schema):
    """A charge with what became of it."""

    id = ma.fields.String(attribute="charge.id")
    client_id = ma.fields.String(attribute="charge.client_id")
    lease_id = ma.fields.String(attribute="charge.lease_id", allow_none=True)
    site_id = ma.fields.String(attribute="charge.site_id", allow_none=True)
    asset_id = ma.fields.String(attribute="charge.asset_id", allow_none=True)
    purchase_order_id = ma.fields.String(attribute="charge.purchase_order_id", allow_none=True)
    category = ma.fields.String(attribute="charge.category")
    description = ma.fields.String(attribute="charge.description")
    quantity = Amount(attribute="charge.quantity")
    unit_price = Amount(attribute="charge.unit_price")
    amount = Amount(attribute="charge.terms.amount", metadata={"description": "of one time, before tax"})
    currency = ma.fields.String(attribute="charge.currency")
    tax_category = ma.fields.String(attribute="charge.tax_category")
    tax_class = ma.fields.String(attribute="charge.tax_class")
    charged_on = ma.fields.Date(attribute="charge.charged_on")
    recurs = ma.fields.String(attribute="charge.recurs")
    until = ma.fields.Date(attribute="charge.until", allow_none=True)
    reference = ma.fields.String(attribute="charge.reference", allow_none=True)
    state = one_of(*STATES)
    billed_until = ma.fields.Date(attribute="billed.until", dump_default=None, allow_none=True)
    invoice_id = ma.fields.String(attribute="billed.invoice_id", dump_default=None, allow_none=True)
    void_reason = ma.fields.String(attribute="charge.void_reason", allow_none=True)
    created_at = ma.fields.AwareDateTime(attribute="charge.created_at")


class OrderListed(Paged):
    """Query parameters of the purchase orders."""

    client_id = row_id()
    number = text(60, metadata={"description": "beginning of the number"})


class OrderFacts(Request):
    """Dates and limit of an order; the limit is before tax."""

    description = text(200, load_default="")
    valid_from = Day(load_default=None, allow_none=True)
    valid_until = Day(load_default=None, allow_none=True, metadata={"description": "not included"})
    amount_limit = Amount(load_default=None, allow_none=True)


class OrderRequest(OrderFacts):
    """A client's order, in the client's currency."""

    client_id = row_id(required=True)
    number = text(60, least=1, required=True)


class OrderOfLease(Request):
    """The order that a lease's invoices name; null for none."""

    purchase_order_id = row_id(required=True, allow_none=True)


class OrderResource(ma.Schema):
    """A client's order with what was billed under it, before tax."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    number = ma.fields.String()
    description = ma.fields.String()
    currency = ma.fields.String()
    valid_from = ma.fields.Date(allow_none=True)
    valid_until = ma.fields.Date(allow_none=True)
    amount_limit = Amount(allow_none=True)
    billed_total = Signed()
    closed_at = ma.fields.AwareDateTime(allow_none=True)


class RuleFacts(Request):
    """A discount (or, with `is_charge`, a surcharge): a percentage, or an amount on each invoice."""

    is_charge = ma.fields.Boolean(load_default=False)
    scope = one_of(*SCOPES, load_default="paper", metadata={"description": "of each line, or of the whole"})
    percent = Amount(load_default=None, allow_none=True, most=_SHARE)
    amount = Amount(load_default=None, allow_none=True)
    kinds = ma.fields.List(one_of(*LINE_KINDS), load_default=list, validate=ma.validate.Length(max=20))
    agreement_id = row_id(load_default=None, allow_none=True)
    lease_id = row_id(load_default=None, allow_none=True)
    reason = text(120, least=1, required=True, metadata={"description": "as printed"})
    reason_code = text(3, load_default="", metadata={"description": "UNCL 5189, of a surcharge UNCL 7161"})
    position = ma.fields.Integer(load_default=10, validate=ma.validate.Range(1, 999))
    net_from = Amount(load_default=None, allow_none=True)
    net_below = Amount(load_default=None, allow_none=True)
    valid_from = Day(required=True)
    valid_until = Day(load_default=None, allow_none=True, metadata={"description": "not included"})


class RuleRequest(RuleFacts):
    """The same, of a client."""

    client_id = row_id(required=True)


class RuleListed(Request):
    """Whose discounts and surcharges."""

    client_id = row_id(required=True)


class RuleResource(ma.Schema):
    """What was agreed, in the order in which it is applied."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    agreement_id = ma.fields.String(allow_none=True)
    lease_id = ma.fields.String(allow_none=True)
    is_charge = ma.fields.Boolean()
    scope = ma.fields.String()
    kinds = ma.fields.List(ma.fields.String())
    percent = Amount(allow_none=True)
    amount = Amount(allow_none=True)
    currency = ma.fields.String()
    reason = ma.fields.String()
    reason_code = ma.fields.String()
    position = ma.fields.Integer()
    net_from = Amount(allow_none=True)
    net_below = Amount(allow_none=True)
    valid_from = ma.fields.Date()
    valid_until = ma.fields.Date(allow_none=True)


class Rules(ma.Schema):
    """Every discount and surcharge of a client."""

    items = ma.fields.List(ma.fields.Nested(RuleResource))


class GroupingRequest(Request):
    """What gets an invoice of its own."""

    grouping = one_of(*_GROUPINGS, required=True)


class AgreementGroupingRequest(Request):
    """The same for the leases of one agreement; null: as the client has it."""

    grouping = one_of(*_GROUPINGS, required=True, allow_none=True)


class GroupingResource(ma.Schema):
    """What gets an invoice of its own."""

    grouping = ma.fields.String(attribute="billing_grouping", allow_none=True)
