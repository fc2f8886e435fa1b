"""/pay/<secret>: what the code on an invoice opens, for whoever holds the paper, in the partner's brand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
from flask import Blueprint, Response, g, redirect, render_template, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from haas import clock, db
from haas.auth.caller import public
from haas.errors import HaasError, NotFound
from haas.files import get_file
from haas.pages import downloads
from haas.rest.limits import GUESSABLE, limiter
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from invoicing import pay_links, pay_to, queries
from invoicing.bank.under_way import ComingDebit, coming_debit
from invoicing.document import InvoiceDocument
from invoicing.early_discounts import discount_due
from invoicing.models import Invoice
from invoicing.pay_links import Holder
from invoicing.payments import checkouts
from invoicing.payments import queries as payments
from invoicing.payments.doors import settings
from invoicing.payments.lifecycle import OPEN, PAID_PERHAPS
from invoicing.payments.models import PaymentAttempt
from invoicing.payments.portal.leaving import leave_for
from invoicing.payments.portal.words import reason_words
from invoicing.payments.protocol import ProviderUnreachable

blueprint = Blueprint("pay_links", __name__, url_prefix="/pay")

WHY = "the address itself, printed on the invoice, says which one it is"


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody with a link, within one transaction in the name of that link."""

    session: Session
    tenant: Tenant
    invoice: Invoice
    document: InvoiceDocument
    last: PaymentAttempt | None
    still_open: Decimal
    discount: Decimal  # for paying today
    debit: ComingDebit | None  # the bank is told to collect it, or will be
    instead: Sequence[str]  # where to transfer what the paper says is collected, and is not any more


@blueprint.after_request
def stay_unlisted(answer: Response) -> Response:
    """The paper and a link that is gone are no page that could say it of itself."""
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


@blueprint.get("/<secret>")
@public(WHY)
@limiter.limit(GUESSABLE)
def show(secret: str) -> Any:
    """The invoice: what is open, until when, and the way to pay it; or what became of it."""
    return _visit(secret, lambda visit: _page(visit, secret))


@blueprint.post("/<secret>")
@public(WHY)
@limiter.limit(GUESSABLE)
def pay(secret: str) -> Any:
    """Go to the provider's page."""
    here = url_for(".show", secret=secret)
    try:
        holder = _holder(secret)
        found = checkouts.open_checkout(
            _house(holder),
            invoice_id=holder.invoice_id,
            return_url=settings().base_url + url_for(".back", secret=secret),
            settings=settings(),
        )
        url = found.checkout_url or ""
    except NotFound as gone:
        return _gone(gone)
    except HaasError as refusal:
        problem = refusal
        return _visit(secret, lambda visit: (_page(visit, secret, problem.message), problem.status))
    return _visit(secret, lambda _visit: leave_for(url, back=here))


@blueprint.get("/<secret>/back")
@public(WHY)
@limiter.limit(GUESSABLE)
def back(secret: str) -> Any:
    """Somebody comes back from the provider's page: the provider is asked, nobody else is believed."""
    try:
        holder = _holder(secret)
        with db.unit_of_work(_house(holder)) as session:
            waiting = payments.find_open_attempt(session, _house(holder), invoice_id=holder.invoice_id)
        if waiting is not None:
            checkouts.refresh(_house(holder), attempt_id=waiting.id, settings=settings())
    except NotFound as gone:
        return _gone(gone)
    except ProviderUnreachable:
        # The page says that it waits; the sweep asks again.
        return redirect(url_for(".show", secret=secret), 303)
    return redirect(url_for(".show", secret=secret), 303)


@blueprint.get("/<secret>/invoice.pdf")
@public(WHY)
@limiter.limit(GUESSABLE)
def pdf(secret: str) -> Any:
    """The paper."""

    def page(visit: Visit) -> Response:
        if visit.invoice.pdf_file_id is None:
            raise NotFound(_("The paper is being printed. Try again in a moment."))
        stored = get_file(visit.session, visit.tenant, file_id=visit.invoice.pdf_file_id)
        return downloads.download(stored.content, name=stored.name, media_type=stored.media_type, inline=True)

    return _visit(secret, page)


def state_told(visit: Visit) -> str:
    """What is true of the invoice now: a key of the page's sentences."""
    if visit.invoice.state == "credited":
        return "credited"
    if visit.invoice.state == "paid" or not visit.still_open:
        return "paid"
    if visit.debit is not None and visit.debit.order_number:
        return "debited"
    last = visit.last
    waits = OPEN if last is not None and last.kind == "charge" else PAID_PERHAPS
    if last is not None and last.state in waits:
        return "pending"
    if last is not None and last.state == "declined":
        return "failed"
    return "open"


def _page(visit: Visit, secret: str, problem: str = "") -> str:
    return render_template(
        "portal/payments/by_link.html",
        invoice=visit.invoice,
        document=visit.document,
        still_open=visit.still_open,
        discount=visit.discount,
        asked=visit.still_open - visit.discount,
        state=state_told(visit),
        last=visit.last,
        debit=visit.debit,
        instead=visit.instead,
        reason=reason_words(visit.last.reason) if visit.last and visit.last.reason else "",
        problem=problem,
        secret=secret,
        today=clock.today(visit.document.seller.time_zone),
    )


def _visit(secret: str, page: Callable[[Visit], Any]) -> Any:
    """Draw a page for whoever holds the link, in the invoice's language and the partner's brand."""
    try:
        holder = _holder(secret)
    except NotFound as gone:
        return _gone(gone)
    with db.unit_of_work(_house(holder)) as session:
        today = clock.today(session.get_one(Partner, holder.tenant.partner_id).time_zone)
        debit = coming_debit(session, _house(holder), invoice_id=holder.invoice_id, today=today)
    with db.unit_of_work(holder.tenant) as session:
        g.brand_partner = session.get_one(Partner, holder.tenant.partner_id)
        invoice = queries.get_invoice(session, holder.tenant, invoice_id=holder.invoice_id)
        document = msgspec.convert(invoice.document, type=InvoiceDocument)
        attempts = payments.attempts_of(session, holder.tenant, invoice_id=invoice.id)
        still_open = (
            queries.open_amount(session, holder.tenant, invoice=invoice)
            if invoice.state == "issued"
            else Decimal(0)
        )
        visit = Visit(
            session,
            holder.tenant,
            invoice,
            document,
            attempts[0] if attempts else None,
            still_open,
            discount_due(session, holder.tenant, invoice=invoice, on=clock.today(document.seller.time_zone)),
            debit,
            _instead(holder, document) if still_open and debit is None else (),
        )
        with force_locale(document.language):
            return page(visit)


def _instead(holder: Holder, document: InvoiceDocument) -> Sequence[str]:
    if document.debit is None:
        return ()
    with db.unit_of_work(_house(holder)) as session:
        return pay_to.instead_of_debit(session, _house(holder), document=document)


def _holder(secret: str) -> Holder:
    return pay_links.find_holder(secret, now=clock.now(), request_id=str(g.get("request_id", "")))


def _house(holder: Holder) -> Tenant:
    """The partner, acting for whoever holds the link: its accounts are no client's to see."""
    return Tenant(holder.tenant.partner_id, actor=holder.tenant.actor, door="portal")


def _gone(gone: NotFound) -> tuple[str, int]:
    return render_template("portal/payments/link_gone.html", message=gone.message), 404
