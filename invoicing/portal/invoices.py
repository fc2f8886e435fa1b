"""/invoices: the list with its totals and export, one document with its story, its PDF when it is there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from markupsafe import Markup

from devices.choices import names_of_people
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.calendar import ONE_DAY
from haas.documents import formatting, pictures
from haas.files import StoredFile
from haas.pages.downloads import download
from haas.pages.lists import ListNames, ListState, read_list
from haas.rest.paging import Sort, fetch_page
from haas.saved_views.lists import ViewedList, views_shown
from haas.tenancy.models import Client
from haas.tenancy.scope import scoped
from invoicing import e_invoices, queries, sending
from invoicing.credit_reasons import EARLY_DISCOUNT
from invoicing.document import InvoiceDocument
from invoicing.einvoice import missing
from invoicing.einvoice.words import remedy
from invoicing.exports import requests as exports
from invoicing.models import Invoice
from invoicing.queries import InvoiceFilter
from leases.models import Lease

# What rooms above show on an invoice's own page: (caller, invoice, what is open) -> a card, or nothing.
parts: list[Callable[[Caller, Invoice, Decimal], str]] = []

blueprint = Blueprint("invoices", __name__, url_prefix="/invoices")

_SORTS = {
    "issued": Sort(Invoice.issued_on, Invoice.id),
    "due": Sort(Invoice.due_on, Invoice.id),
    "number": Sort(Invoice.number, Invoice.id),
    "total": Sort(Invoice.total, Invoice.id),
}
_FILTERS = ("state", "client", "from", "until", "sent", "run")
INVOICES = ViewedList(
    name="invoices",
    endpoint="invoices.index",
    permission="invoice.read",
    names=ListNames(sorts=_SORTS, default="-issued", filters=_FILTERS),
)
_STATES = ("open", "overdue", "paid", "credited")
CREDIT_NOTES = "credit_notes"
CHOICES_MAX = 300  # a longer list of clients is no help: search or the client's own page is


@blueprint.get("")
@requires("invoice.read")
def index() -> str:
    """Invoices and credit notes, the newest first, with what all that is shown adds up to."""
    caller = current_caller()
    listed = read_list(sorts=_SORTS, default="-issued", filters=_FILTERS)
    today, where = _today(caller), wanted(listed)
    page = fetch_page(
        caller.session,
        queries.list_invoices(caller.tenant, where=where, today=today),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    return render_template(
        "portal/invoices/index.html",
        page=page,
        listed=listed,
        tabs=_tabs(),
        saved=views_shown(caller, INVOICES),
        totals=queries.sum_up(caller.session, caller.tenant, where=where, today=today),
        still_open=queries.open_amounts(caller.session, caller.tenant, invoices=page.rows),
        states={row.id: queries.state_shown(row, today=today) for row in page.rows},
        clients=client_choices(
            caller, also={row.client_id for row in page.rows} | {listed.filters.get("client", "")}
        ),
        today=today,
    )


@blueprint.get("/export.<any(csv, xlsx):file_format>")
@requires("invoice.export")
def export(file_format: exports.Format) -> Any:
    """Exactly what is filtered, whole or line by line; a long list becomes a job."""
    caller = current_caller()
    listed = read_list(sorts=_SORTS, default="-issued", filters=_FILTERS)
    asked = exports.Export(
        where=wanted(listed),
        content="lines" if request.args.get("content") == "lines" else "documents",
        file_format=file_format,
        today=_today(caller),
    )
    if exports.size(caller.session, caller.tenant, export=asked) > exports.AT_ONCE_MAX:
        job = exports.start(caller.session, caller.tenant, export=asked)
        return redirect(url_for("jobs.show", job_id=job.id), 303)
    content = exports.write_now(caller.session, caller.tenant, export=asked)
    return download(content, name=asked.name, media_type=asked.media_type)


@blueprint.get("/<invoice_id>")
@requires("invoice.read")
def show(invoice_id: str) -> str:
    """One document: what is open, what was billed, and what happened to it."""
    caller = current_caller()
    session, tenant = caller.session, caller.tenant
    invoice = queries.get_invoice(session, tenant, invoice_id=invoice_id)
    credits_of = queries.credits_of(session, tenant, invoice_id=invoice.id)
    payments = queries.payments_of(session, tenant, invoice_id=invoice.id)
    lines = queries.lines_of(session, tenant, invoice_id=invoice.id)
    leases = session.scalars(scoped(Lease, tenant).where(Lease.id.in_({row.lease_id for row in lines})))
    credited = (
        queries.get_invoice(session, tenant, invoice_id=invoice.credits_invoice_id)
        if invoice.credits_invoice_id
        else None
    )
    pdf = _pdf_of(caller, invoice)
    document = msgspec.convert(invoice.document, type=InvoiceDocument)
    given_back = sum((row.total for row in credits_of), Decimal(0))
    still_open = queries.left_open(invoice, given_back=given_back)
    return render_template(
        "portal/invoices/show.html",
        invoice=invoice,
        document=document,
        is_factur_x=not missing.for_cii(document),
        lacks=list(dict.fromkeys(remedy(lack) for lack in missing.for_bis(document))),
        sign=-1 if invoice.kind == "credit_note" else 1,
        state=queries.state_shown(invoice, today=_today(caller)),
        client=session.scalars(scoped(Client, tenant).where(Client.id == invoice.client_id)).one(),
        lines=list(zip(lines, document.lines, strict=True)),
        leases={lease.id: lease for lease in leases},
        credits=credits_of,
        had_discount=any(row.reason_code == EARLY_DISCOUNT for row in credits_of),
        credited=credited,
        payments=payments,
        still_open=still_open,
        given_back=given_back,
        parts=[Markup(part(caller, invoice, still_open)) for part in parts],  # noqa: S704 # nosec B704 # our own templates
        pdf=pdf,
        is_held=sending.is_held(caller.partner),
        charges=_charges(),
        period_text=period_text,
        decimal=Decimal,
        pages=pictures.count_pages(pdf.content) if pdf else 0,
        story=_story(caller, invoice, pdf, credits_of, payments),
    )


@blueprint.get("/<invoice_id>/pdf")
@requires("invoice.read")
def pdf(invoice_id: str) -> Response:
    """The links to the PDF alone; asked for again until it is rendered, then the page is read anew."""
    caller = current_caller()
    invoice = queries.get_invoice(caller.session, caller.tenant, invoice_id=invoice_id)
    found = _pdf_of(caller, invoice)
    answer = make_response(render_template("portal/invoices/pdf.html", invoice=invoice, pdf=found))
    if found is not None and request.headers.get("HX-Request"):
        answer.headers["HX-Refresh"] = "true"
    return answer


@blueprint.get("/<invoice_id>/factur-x.xml")
@requires("invoice.read")
def factur_x(invoice_id: str) -> Response:
    """The e-invoice that lies in the PDF."""
    caller = current_caller()
    file = e_invoices.factur_x(caller.session, caller.tenant, invoice_id=invoice_id)
    return download(file.content, name=file.name, media_type=e_invoices.MEDIA_TYPE)


@blueprint.get("/<invoice_id>/ubl.xml")
@requires("invoice.read")
def ubl(invoice_id: str) -> Response:
    """The e-invoice for Peppol."""
    caller = current_caller()
    file = e_invoices.peppol(caller.session, caller.tenant, invoice_id=invoice_id)
    return download(file.content, name=file.name, media_type=e_invoices.MEDIA_TYPE)


def wanted(listed: ListState) -> InvoiceFilter:
    """The filter that the list's URL says; what cannot be read narrows nothing."""
    given = listed.filters
    state = given.get("state")
    return InvoiceFilter(
        kind="credit_note" if state == CREDIT_NOTES else None,
        state=state if state in _STATES else None,
        client_id=given.get("client"),
        issued_from=_day(given.get("from")),
        # People mean the last day too, so the half-open end is the day after.
        issued_until=_day_after(given.get("until")),
        number_prefix=listed.search or None,
        run_id=given.get("run"),
        is_sent={"yes": True, "no": False}.get(given.get("sent", "")),
    )


def period_text(start: date, until: date) -> str:
    """A half-open period as people write it, with its last day."""
    return formatting.period(start, until, language=str(get_locale() or "en"))


def client_choices(caller: Caller, *, also: Collection[str]) -> dict[str, str]:
    """The names of the first few hundred clients to choose from, and of these, by id."""
    names = scoped(Client, caller.tenant).with_only_columns(Client.id, Client.name, Client.name_norm)
    found = caller.session.execute(
        names.where(Client.id.in_(also)).union(
            names.where(Client.archived_at.is_(None)).order_by(Client.name_norm).limit(CHOICES_MAX)
        )
    )
    return {row[0]: row[1] for row in sorted(found, key=lambda row: (row[2], row[0]))}


def _tabs() -> list[tuple[str | None, str]]:
    return [
        (None, _("All")),
        ("open", _("Open")),
        ("overdue", _("Overdue")),
        ("paid", _("Paid")),
        (CREDIT_NOTES, _("Credit notes")),
    ]


def _charges() -> dict[str, str]:
    """What a line is charged for, where it is not plain rent."""
    return {
        "interim_rent": _("Rent before the term"),
        "holdover": _("Rent after the term"),
        "one_off": _("Single charge"),
        "charge": _("Single charge"),
        "damage": _("Damage"),
        "early_return": _("Charge for leaving before the end of the term"),
        "manual": _("Correction"),
    }


def _pdf_of(caller: Caller, invoice: Invoice) -> StoredFile | None:
    if invoice.pdf_file_id is None:
        return None
    return caller.session.scalar(
        scoped(StoredFile, caller.tenant).where(StoredFile.id == invoice.pdf_file_id)
    )


def _story(
    caller: Caller, invoice: Invoice, stored: StoredFile | None, credits_of: Any, payments: Any
) -> list[dict[str, Any]]:
    """What happened, the newest first. The figures stand in the template's words."""
    names = names_of_people(caller.session, (payment.actor for payment in payments))
    events: list[dict[str, Any]] = [{"what": "issued", "at": invoice.created_at}]
    if stored is not None:
        events.append({"what": "rendered", "at": stored.created_at})
    if invoice.sent_at is not None:
        events.append({"what": "sent", "at": invoice.sent_at})
    # Who recorded a payment is the partner's own affair.
    shows_people = caller.tenant.client_id is None
    events += [
        {
            "what": "paid",
            "at": payment.recorded_at,
            "payment": payment,
            "actor": names.get(payment.actor, "") if shows_people else "",
        }
        for payment in payments
    ]
    events += [{"what": "credited", "at": credit.created_at, "credit": credit} for credit in credits_of]
    return sorted(events, key=lambda event: event["at"], reverse=True)


def _today(caller: Caller) -> date:
    return clock.today(caller.partner.time_zone)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _day_after(text: str | None) -> date | None:
    day = _day(text)
    return day + ONE_DAY if day is not None and day < date.max else None
