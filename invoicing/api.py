"""REST: /v1/invoices, /v1/billing-runs, /v1/tax-rates, /v1/invoice-exports."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app
from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import Conflict
from haas.files import get_file
from haas.pages.downloads import download
from haas.rest.limits import EXPENSIVE, limiter
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from invoicing import billing, corrections, e_invoices, early_discounts, previews, queries, rates, sending
from invoicing.exports import requests as exports
from invoicing.models import Invoice
from invoicing.schemas import (
    CreditRequest,
    ExportJob,
    ExportRequest,
    InvoiceListed,
    InvoiceResource,
    InvoiceWhole,
    PaymentRequest,
    PaymentResource,
    PreviewPage,
    PreviewQuestion,
    RunRequest,
    RunResource,
    TaxRateRequest,
    TaxRateResource,
    TaxRates,
    part_of,
)
from invoicing.shapes import read_filter, shape_invoices, shape_run, shape_whole

blueprint = Blueprint("invoices_api", __name__, url_prefix="/v1/invoices", description="Invoices")
runs_api = Blueprint("billing_runs_api", __name__, url_prefix="/v1/billing-runs", description="Billing runs")
rates_api = Blueprint("tax_rates_api", __name__, url_prefix="/v1/tax-rates", description="Tax rates")
exports_api = Blueprint(
    "invoice_exports_api", __name__, url_prefix="/v1/invoice-exports", description="Invoices as files"
)

Answer = dict[str, Any]


@blueprint.get("")
@requires("invoice.read")
@blueprint.arguments(InvoiceListed, location="query")
@blueprint.response(200, page_of(InvoiceResource))
def list_invoices(query: dict[str, Any]) -> Answer:
    """Invoices and credit notes, the newest first. A client's people see their own."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    page = fetch_page(
        caller.session,
        queries.list_invoices(caller.tenant, where=read_filter(query), today=today),
        sort=Sort(Invoice.issued_on, Invoice.id, descending=True),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    items = shape_invoices(caller.session, caller.tenant, page.rows, today=today)
    return {"items": items, "next": page.older}


@blueprint.get("/<invoice_id>")
@requires("invoice.read")
@blueprint.response(200, InvoiceWhole)
def get_invoice(invoice_id: str) -> Answer:
    """One invoice with its lines, totals by tax, credit notes and payments."""
    caller = current_caller()
    invoice = queries.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    today = clock.today(caller.partner.time_zone)
    return shape_whole(caller.session, caller.tenant, invoice, today=today)


@blueprint.get("/<invoice_id>/pdf")
@requires("invoice.read")
@blueprint.response(
    200, {"type": "string", "format": "binary"}, content_type="application/pdf", description="The document"
)
def get_pdf(invoice_id: str) -> Response:
    """The document as it was issued; 409 while it is being rendered."""
    caller = current_caller()
    invoice = queries.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    if invoice.pdf_file_id is None:
        raise sending.NotReady(invoice.number)
    stored = get_file(caller.session, caller.tenant, file_id=invoice.pdf_file_id)
    answer = download(stored.content, name=stored.name, media_type=stored.media_type)
    answer.headers["ETag"] = f'"{stored.sha256}"'
    return answer


@blueprint.get("/<invoice_id>/factur-x.xml")
@requires("invoice.read")
@blueprint.response(
    200, {"type": "string", "format": "binary"}, content_type=e_invoices.MEDIA_TYPE, description="Factur-X"
)
def get_factur_x(invoice_id: str) -> Response:
    """The e-invoice that lies in the PDF (Factur-X, EN 16931); 422 names what the document lacks for it."""
    caller = current_caller()
    return _xml(e_invoices.factur_x(caller.session, caller.tenant, invoice_id=invoice_id))


@blueprint.get("/<invoice_id>/ubl.xml")
@requires("invoice.read")
@blueprint.response(
    200, {"type": "string", "format": "binary"}, content_type=e_invoices.MEDIA_TYPE, description="UBL 2.1"
)
def get_ubl(invoice_id: str) -> Response:
    """The e-invoice for Peppol (BIS Billing 3.0, UBL 2.1); 422 names what the document lacks for it."""
    caller = current_caller()
    return _xml(e_invoices.peppol(caller.session, caller.tenant, invoice_id=invoice_id))


def _xml(file: e_invoices.EInvoiceFile) -> Response:
    return download(file.content, name=file.name, media_type=e_invoices.MEDIA_TYPE)


@blueprint.post("/<invoice_id>/credits")
@requires("invoice.credit")
@blueprint.arguments(CreditRequest)
@blueprint.response(201, InvoiceResource)
def credit_invoice(credit: dict[str, Any], invoice_id: str) -> Any:
    """Give back all that is left of an invoice, or of each line named an amount, pieces or days."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    lines = credit.get("lines")
    issued = corrections.credit_invoice(
        caller.session,
        caller.tenant,
        invoice_id=invoice_id,
        reason=credit["reason"],
        reason_code=credit["reason_code"],
        issued_on=credit.get("issued_on") or today,
        at=clock.now(),
        portal_url=current_app.config["HAAS"].base_url,
        amounts={line["line_id"]: part_of(line) for line in lines} if lines else None,
        excess=credit["excess"],
    )
    (shape,) = shape_invoices(caller.session, caller.tenant, [issued], today=today)
    return shape, 201, {"Location": f"/v1/invoices/{issued.id}"}


@blueprint.post("/<invoice_id>/payments")
@requires("payment.record")
@blueprint.arguments(PaymentRequest)
@blueprint.response(201, PaymentResource)
def record_payment(payment: dict[str, Any], invoice_id: str) -> Any:
    """Note money that came in for an invoice; the same reference is taken once."""
    caller = current_caller()
    return early_discounts.record_payment(
        caller.session, caller.tenant, invoice_id=invoice_id, at=clock.now(), **payment
    )


@blueprint.post("/<invoice_id>/send")
@requires("invoice.send")
@blueprint.response(202, InvoiceResource)
def send_invoice(invoice_id: str) -> Answer:
    """Mail the document to the client, also if it was mailed before; `sent_at` says when it left."""
    caller = current_caller()
    invoice = sending.request(caller.session, caller.tenant, invoice_id=invoice_id)
    today = clock.today(caller.partner.time_zone)
    return shape_invoices(caller.session, caller.tenant, [invoice], today=today)[0]


@runs_api.post("")
@requires("invoice.issue")
@runs_api.arguments(RunRequest)
@runs_api.response(202, RunResource)
def start_run(run: dict[str, Any]) -> Any:
    """Bill everything that has fallen due by a day. What is billed already is not billed again."""
    caller = current_caller()
    started = billing.start_run(caller.session, caller.tenant, as_of=run["as_of"], at=clock.now())
    shape = shape_run(caller.session, caller.tenant, started)
    return shape, 202, {"Location": f"/v1/billing-runs/{started.id}"}


@runs_api.get("/<run_id>")
@requires("invoice.issue")
@runs_api.response(200, RunResource)
def get_run(run_id: str) -> Answer:
    """How far a run is, what it issued, and which clients it put off."""
    caller = current_caller()
    run = queries.get_run(caller.session, caller.tenant, run_id=run_id)
    return shape_run(caller.session, caller.tenant, run)


@runs_api.get("/preview")
@limiter.limit(EXPENSIVE)
@requires("invoice.issue")
@runs_api.arguments(PreviewQuestion, location="query")
@runs_api.response(200, PreviewPage)
def preview_run(question: dict[str, Any]) -> Any:
    """What a run would issue, client by client. Nothing is written."""
    caller = current_caller()
    return previews.preview_run(
        caller.session,
        caller.tenant,
        as_of=question["as_of"],
        after=question.get("cursor"),
        limit=question["limit"],
    )


@rates_api.get("")
@requires("tax.manage")
@rates_api.response(200, TaxRates)
def list_rates() -> Answer:
    """Every rate by place and category, the newest first."""
    caller = current_caller()
    return {"items": rates.list_rates(caller.session, caller.tenant)}


@rates_api.post("")
@requires("tax.manage")
@rates_api.arguments(TaxRateRequest)
@rates_api.response(201, TaxRateResource)
def add_rate(rate: dict[str, Any]) -> Any:
    """Put a rate on file from a day on. Rates are never edited: a change is a new one."""
    caller = current_caller()
    return rates.add_rate(caller.session, caller.tenant, **rate)


@exports_api.post("")
@limiter.limit(EXPENSIVE)
@requires("invoice.export")
@exports_api.arguments(ExportRequest)
@exports_api.response(202, ExportJob)
def export_invoices(export: dict[str, Any]) -> Any:
    """Write the documents that the filter names into a file; the job says when it is there."""
    caller = current_caller()
    wanted = exports.Export(
        where=read_filter(export),
        content=export["content"],
        file_format=export["format"],
        today=clock.today(caller.partner.time_zone),
    )
    return exports.start(caller.session, caller.tenant, export=wanted)


@exports_api.get("/<job_id>")
@requires("invoice.export")
@exports_api.response(200, ExportJob)
def get_export(job_id: str) -> Any:
    """How far an export is."""
    caller = current_caller()
    return exports.get(caller.session, caller.tenant, job_id=job_id)


@exports_api.get("/<job_id>/file")
@requires("invoice.export")
@exports_api.response(
    200, {"type": "string", "format": "binary"}, content_type="text/csv", description="CSV or XLSX"
)
def get_export_file(job_id: str) -> Response:
    """The file of an export that is done; 409 before."""
    caller = current_caller()
    job = exports.get(caller.session, caller.tenant, job_id=job_id)
    if job.file_id is None:
        raise Conflict(f"{job.title} is not written yet: its state is {job.state}.")
    stored = get_file(caller.session, caller.tenant, file_id=job.file_id)
    return download(stored.content, name=stored.name, media_type=stored.media_type)
