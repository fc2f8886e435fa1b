"""JSON and form shapes of invoices, credits, payments, billing runs, tax rates and exports."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import marshmallow as ma

from haas.rest.fields import Amount, Day, Signed, one_of, row_id, text
from haas.rest.openapi import Request
from invoicing.credit_reasons import CREDIT_REASONS
from invoicing.crediting import Part
from invoicing.document_parts import TAX_CATEGORIES
from invoicing.exports.requests import FORMATS
from invoicing.exports.rows import CONTENTS
from invoicing.money.schemas import METHODS
from invoicing.rates import CLASSES

KINDS = ("invoice", "credit_note")
STATES = ("open", "overdue", "paid", "credited", "issued")


class InvoiceFilterSchema(Request):
    """What a list or an export is narrowed to. Days are half-open: until is not included."""

    kind = one_of(*KINDS)
    state = one_of(*STATES)
    client_id = row_id()
    run_id = row_id(metadata={"description": "issued by this billing run"})
    issued_from = Day()
    issued_until = Day()
    number = text(40, least=1, metadata={"description": "beginning of the number"})
    sent = ma.fields.Boolean(metadata={"description": "whether it was mailed"})


class InvoiceListed(InvoiceFilterSchema):
    """Query parameters of the invoices."""

    cursor = ma.fields.String(metadata={"description": "`next` of the page before"})
    limit = ma.fields.Integer(load_default=50, validate=ma.validate.Range(1, 200))


class SerialResource(ma.Schema):
    """One device's share of a line."""

    serial = ma.fields.String()
    days = ma.fields.Integer()
    amount = ma.fields.String(allow_none=True)


class InvoiceLineResource(ma.Schema):
    """What was billed for one line and period; `period_end` is not included."""

    id = ma.fields.String()
    position = ma.fields.Integer()
    kind = ma.fields.String()
    description = ma.fields.String()
    lease_id = ma.fields.String(allow_none=True)
    line_id = ma.fields.String(allow_none=True)
    period_start = ma.fields.Date(allow_none=True)
    period_end = ma.fields.Date(allow_none=True)
    quantity = Signed()
    unit_price = Signed()
    net = Signed(
        metadata={"description": "what it charges: its share of the document's allowances is taken off"}
    )
    document_net = Signed(metadata={"description": "as the document prints it, before `allowances`"})
    credited_by = ma.fields.String(
        allow_none=True, metadata={"description": "of a credit by hand: amount, quantity or days"}
    )
    tax_category = ma.fields.String()
    tax_rate_pct = Signed()
    tax = Signed()
    serials = ma.fields.List(ma.fields.Nested(SerialResource))


class PaymentResource(ma.Schema):
    """Money received."""

    id = ma.fields.String()
    invoice_id = ma.fields.String()
    amount = Signed()
    currency = ma.fields.String()
    received_on = ma.fields.Date()
    method = ma.fields.String()
    reference = ma.fields.String()
    recorded_at = ma.fields.AwareDateTime()


class InvoiceResource(ma.Schema):
    """An invoice or credit note as issued. Amounts of a credit note are negative."""

    id = ma.fields.String()
    number = ma.fields.String()
    kind = ma.fields.String()
    state = ma.fields.String()
    is_overdue = ma.fields.Boolean()
    client_id = ma.fields.String()
    currency = ma.fields.String()
    issued_on = ma.fields.Date()
    due_on = ma.fields.Date()
    net_total = Signed()
    tax_total = Signed()
    total = Signed()
    paid_total = Signed()
    open_amount = Signed()
    credits_invoice_id = ma.fields.String(allow_none=True)
    reason_code = ma.fields.String()
    reason = ma.fields.String()
    billing_run_id = ma.fields.String(allow_none=True)
    document_hash = ma.fields.String(metadata={"description": "SHA-256 of what was frozen"})
    pdf_file_id = ma.fields.String(allow_none=True, metadata={"description": "null until it is rendered"})
    sent_at = ma.fields.AwareDateTime(allow_none=True)
    created_at = ma.fields.AwareDateTime()


class TaxTotalResource(ma.Schema):
    """The tax of one category and rate."""

    category = ma.fields.String()
    rate_pct = Signed()
    taxable = Signed()
    tax = Signed()


class AllowanceResource(ma.Schema):
    """A discount (negative) or charge on the whole document, before tax, as it is printed."""

    description = ma.fields.String()
    amount = Signed()
    percent = Signed(allow_none=True)
    tax_category = ma.fields.String()
    tax_rate_pct = Signed()


class EarlyDiscountResource(ma.Schema):
    """What paying by a day takes off: so many per cent of what the invoice asks for."""

    percent = Signed()
    last_on = ma.fields.Date()
    amount = Signed()


class InvoiceWhole(InvoiceResource):
    """One invoice with its terms, lines, totals by tax, credit notes and payments."""

    payment_terms = ma.fields.String(metadata={"description": "in the client's language, a line each"})
    early_discounts = ma.fields.List(ma.fields.Nested(EarlyDiscountResource))
    lines = ma.fields.List(ma.fields.Nested(InvoiceLineResource))
    allowances = ma.fields.List(ma.fields.Nested(AllowanceResource))
    tax_totals = ma.fields.List(ma.fields.Nested(TaxTotalResource))
    credits = ma.fields.List(ma.fields.Nested(InvoiceResource))
    payments = ma.fields.List(ma.fields.Nested(PaymentResource))


class CreditLine(Request):
    """How much of a line goes back: a net amount, pieces, or days of its period (half-open).

    One of them; with none, all that is left of the line.
    """

    line_id = row_id(required=True)
    net = Amount(load_default=None, allow_none=True, metadata={"description": "before tax"})
    quantity = Amount(places=6, load_default=None, allow_none=True, metadata={"description": "of the pieces"})
    unused_from = Day(load_default=None, allow_none=True)
    unused_until = Day(
        load_default=None,
        allow_none=True,
        metadata={"description": "not included; the end of the period if left out"},
    )


class CreditRequest(Request):
    """A credit note: of the lines named, or of all that is left when none is."""

    reason_code = one_of(*CREDIT_REASONS, load_default="", metadata={"description": "printed by its name"})
    reason = text(300, load_default="", metadata={"description": "printed behind it; one of them is needed"})
    issued_on = Day(metadata={"description": "the partner's today if left out"})
    lines = ma.fields.List(ma.fields.Nested(CreditLine), validate=ma.validate.Length(1, 500))
    excess = one_of(
        "credit",
        "refund",
        load_default="credit",
        metadata={"description": "where what was paid and is not owed any more goes"},
    )

    @ma.validates_schema
    def _each_line_once(self, data: dict[str, object], **_: object) -> None:
        lines = data.get("lines")
        if isinstance(lines, list) and len({line["line_id"] for line in lines}) != len(lines):
            raise ma.ValidationError("A line stands here twice.", "lines")


def part_of(line: dict[str, Any]) -> Part:
    """How much of a line goes back, of what `CreditLine` read."""
    return Part(line["net"], line["quantity"], line["unused_from"], line["unused_until"])


class PaymentRequest(Request):
    """Money that came in for an invoice. The reference is the bank's or provider's: it is taken once."""

    amount = Amount(required=True)
    received_on = Day(required=True)
    method = one_of(*METHODS, load_default="transfer")
    reference = text(140, least=1, required=True)
    excess = one_of(
        "refuse",
        "credit",
        load_default="refuse",
        metadata={"description": "what is done with more than is open: refused, or the client's credit"},
    )
    discount = Amount(
        load_default=Decimal(0),
        metadata={
            "description": "taken off for early payment and credited; the amount is then all the rest of it"
        },
    )


class RunRequest(Request):
    """Bill everything that has fallen due by a day."""

    as_of = Day(required=True)


class ProblemResource(ma.Schema):
    """A client that was put off, and why."""

    client_id = ma.fields.String()
    client = ma.fields.String()
    problem = ma.fields.String()


class RunResource(ma.Schema):
    """A billing run with how far it is. It is over when `finished_at` is set."""

    id = ma.fields.String()
    as_of = ma.fields.Date()
    job_id = ma.fields.String()
    state = one_of("queued", "running", "done", "failed")
    leases_done = ma.fields.Integer()
    leases_total = ma.fields.Integer()
    invoices = ma.fields.Integer()
    credit_notes = ma.fields.Integer()
    problems = ma.fields.List(ma.fields.Nested(ProblemResource))
    started_by = ma.fields.String()
    started_at = ma.fields.AwareDateTime()
    finished_at = ma.fields.AwareDateTime(allow_none=True)


class PreviewQuestion(Request):
    """Query parameters of a run's preview."""

    as_of = Day(required=True)
    cursor = text(40, metadata={"description": "`next` of the page before"})
    limit = ma.fields.Integer(load_default=200, validate=ma.validate.Range(1, 500))


class AllowancePreviewResource(ma.Schema):
    """What a discount (negative) or surcharge comes to on a document."""

    reason = ma.fields.Function(lambda told: told[0], metadata={"type": "string"})
    amount = ma.fields.Function(lambda told: str(told[1]), metadata={"type": "string"})


class PaperPreviewResource(ma.Schema):
    """A document that is not issued yet."""

    kind = ma.fields.String()
    lines = ma.fields.Integer()
    net = Signed()
    tax = Signed()
    total = Signed()
    due_on = ma.fields.Date()
    credits_number = ma.fields.String(allow_none=True)
    currency = ma.fields.String()
    grouping = ma.fields.String(metadata={"description": "why it is a paper of its own"})
    subject = ma.fields.String(metadata={"description": "the site, order, agreement or lease"})
    allowances = ma.fields.List(ma.fields.Nested(AllowancePreviewResource))


class ClientPreviewResource(ma.Schema):
    """What a client would get; with a problem it gets nothing."""

    client_id = ma.fields.String()
    client = ma.fields.String()
    currency = ma.fields.String()
    papers = ma.fields.List(ma.fields.Nested(PaperPreviewResource))
    problem = ma.fields.String()
    waiting = ma.fields.List(
        ma.fields.String(), metadata={"description": "what purchase orders do not allow"}
    )


class PreviewPage(ma.Schema):
    """Clients that would be billed. A page may be short or empty and still have a next one."""

    as_of = ma.fields.Date()
    items = ma.fields.List(ma.fields.Nested(ClientPreviewResource), attribute="clients")
    next = ma.fields.String(allow_none=True)


class TaxRateRequest(Request):
    """A rate that holds from a day on."""

    country = text(2, least=2, required=True)
    region = text(40, load_default="")
    category = one_of(*TAX_CATEGORIES, load_default="S")
    tax_class = one_of(*CLASSES, load_default="standard")
    rate_pct = Amount(required=True, most=Decimal("99.999"))
    name = text(60, least=1, required=True)
    valid_from = Day(required=True)


class TaxRateResource(ma.Schema):
    """A dated rate; the newest that has begun holds."""

    id = ma.fields.String()
    country = ma.fields.String()
    region = ma.fields.String(metadata={"description": "empty: where no region has its own"})
    tax_class = ma.fields.String()
    category = ma.fields.String()
    rate_pct = Signed()
    name = ma.fields.String()
    valid_from = ma.fields.Date()


class TaxRates(ma.Schema):
    """Every rate."""

    items = ma.fields.List(ma.fields.Nested(TaxRateResource))


class ExportRequest(InvoiceFilterSchema):
    """The filter of the list, what to write and how. `csv_raw` is for programs: texts as they are."""

    content = one_of(*CONTENTS, load_default="documents")
    format = one_of(*FORMATS, load_default="csv")


class ExportJob(ma.Schema):
    """An export under way; `file_id` is there when it is done."""

    id = ma.fields.String()
    title = ma.fields.String()
    state = ma.fields.String()
    done = ma.fields.Integer()
    total = ma.fields.Integer()
    file_id = ma.fields.String(allow_none=True)
    created_at = ma.fields.AwareDateTime()
    finished_at = ma.fields.AwareDateTime(allow_none=True)
