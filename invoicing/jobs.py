"""Jobs: bill a chunk, bill every partner, render the PDF, mail it to the client, write an export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from haas import clock, db, mail, outbox
from haas.calendar import local_day
from haas.crash import crashpoint
from haas.errors import NotFound
from haas.files import store_file
from haas.settings import Settings
from haas.settings import current as current_settings
from haas.tenancy.brands import logo_png
from haas.tenancy.models import Partner
from haas.tenancy.partners import working_partners
from haas.tenancy.scope import Tenant
from invoicing import billing, e_invoices, early_discounts, queries, rounds, sending, titles
from invoicing.document import InvoiceDocument
from invoicing.exports import requests as export_requests
from invoicing.models import Invoice
from invoicing.paper import invoice_pdf
from leases.pricing import wholesale

# (step, done, total): how a long run tells how far it is.
Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class BillingReport:
    """What billing one partner came to."""

    partner: str
    leases: int
    invoices: int
    credit_notes: int
    total: Decimal
    currency: str
    problems: list[dict[str, str]]


def bill_chunk(*, partner_id: str, event_id: str, chunk_id: str) -> None:
    """Bill one chunk of a run. A second run of this job finds it done."""
    tenant = Tenant(partner_id, actor="job:billing")
    portal_url = current_settings().base_url
    with db.unit_of_work(tenant) as session:
        billing.bill_chunk(session, tenant, chunk_id=chunk_id, at=clock.now(), portal_url=portal_url)
    crashpoint("billing.chunk_committed")
    with db.unit_of_work(tenant) as session:
        billing.note_progress(session, tenant, chunk_id=chunk_id, at=clock.now())


def pass_issued_titles(*, partner_id: str, event_id: str, invoice_id: str) -> None:
    """What is the client's with its invoice leaves the fleet."""
    _pass_titles(partner_id, event_id, invoice_id)


def pass_paid_titles(*, partner_id: str, event_id: str, payment_id: str, invoice_id: str) -> None:
    """What is the client's with its payment leaves the fleet."""
    _pass_titles(partner_id, event_id, invoice_id)


def take_back_discounts(*, partner_id: str, event_id: str, invoice_id: str, **_: Any) -> None:
    """Charge again what an invoice that is open again had taken off it. A second run finds it charged."""
    tenant = Tenant(partner_id, actor="job:discounts", request_id=event_id)
    with db.unit_of_work(tenant) as session:
        early_discounts.take_back(session, tenant, invoice_id=invoice_id, at=clock.now())


def pass_due_titles(settings: Settings, now: datetime) -> None:
    """What was invoiced or paid before the day of the purchase leaves the fleet on that day."""
    for partner in working_partners(actor="job:billing"):
        tenant = Tenant(partner.id, actor="job:titles")
        with db.unit_of_work(tenant) as session:
            titles.pass_due(session, tenant, today=local_day(now, partner.time_zone), at=now)


def _pass_titles(partner_id: str, event_id: str, invoice_id: str) -> None:
    tenant = Tenant(partner_id, actor="job:titles", request_id=event_id)
    with db.unit_of_work(tenant) as session:
        zone = session.get_one(Partner, partner_id).time_zone
        titles.pass_due(session, tenant, today=clock.today(zone), at=clock.now(), invoice_ids=(invoice_id,))


def run_round_part(*, partner_id: str, event_id: str, part_id: str) -> None:
    """Start one house's part of the operator's round. A second run of this job finds it started."""
    rounds.run_part(Tenant(partner_id, actor="job:billing_round"), part_id=part_id)


def note_round(*, partner_id: str, event_id: str, run_id: str) -> None:
    """Tell the operator's rounds that a partner's run is over."""
    rounds.note_finished(Tenant(partner_id, actor="job:billing_round"), run_id=run_id)


def bill_daily(settings: Settings, now: datetime) -> None:
    """Once a day: start a run for each partner, as of the day it is there."""
    for partner in working_partners(actor="job:billing"):
        tenant = Tenant(partner.id, actor="job:timetable")
        today = clock.today(partner.time_zone)
        with db.unit_of_work(tenant) as session:
            if any(run.as_of == today for run in queries.recent_runs(session, tenant, limit=5)):
                continue
        if partner.is_operator:
            wholesale.sync_everyone(as_of=today)
        with db.unit_of_work(tenant) as session:
            billing.start_run(session, tenant, as_of=today, at=now)


def bill_all(
    settings: Settings,
    *,
    as_of: date,
    partner: str | None = None,
    dry_run: bool = False,
    report: Report | None = None,
) -> list[BillingReport]:
    """Bill every partner (or one, by id or slug) as of a day, in this process; `dry_run` writes nothing.

    :raises NotFound: if there is no such partner.
    """
    tell = report or _silent
    everyone = working_partners(actor="job:billing")
    partners = [found for found in everyone if partner is None or partner in (found.id, found.slug)]
    if partner is not None and not partners:
        raise NotFound(f"There is no partner {partner}.")
    if not dry_run and any(found.is_operator for found in partners):
        wholesale.sync_everyone(as_of=as_of)
    bill = _preview_partner if dry_run else _bill_partner
    return [bill(settings, found, as_of, tell) for found in partners]


def render_pdf(*, partner_id: str, event_id: str, invoice_id: str) -> None:
    """Render an issued document once; the same inputs find the file that is there."""
    tenant = Tenant(partner_id, actor="job:render_pdf")
    with db.unit_of_work(tenant) as session:
        invoice = queries.get_invoice(session, tenant, invoice_id=invoice_id)
        if invoice.pdf_file_id is not None:
            return
        document = msgspec.convert(invoice.document, type=InvoiceDocument)
        png = logo_png(session, document.seller, partner_id=partner_id)
    content = invoice_pdf(document, logo=png)  # seconds of work: no transaction is held open for it
    crashpoint("render.before_store")
    with db.unit_of_work(tenant) as session:
        stored = store_file(
            session,
            tenant,
            kind="invoice_pdf",
            name=f"{document.number}.pdf",
            media_type="application/pdf",
            content=content,
            client_id=invoice.client_id,
            once_key=f"invoice_pdf:{invoice.document_hash}",
        )
        e_invoices.keep_peppol(session, tenant, invoice=invoice, document=document)
        written = session.execute(
            sa.update(Invoice)
            .where(Invoice.partner_id == partner_id, Invoice.id == invoice_id, Invoice.pdf_file_id.is_(None))
            .values(pdf_file_id=stored.id)
        )
        if written.rowcount == 1:  # type: ignore[attr-defined]
            outbox.publish(
                session, tenant, "invoice.rendered", invoice_id=invoice_id, once_key=f"rendered:{invoice_id}"
            )
        crashpoint("render.before_commit")


def mail_invoice(*, partner_id: str, event_id: str, invoice_id: str) -> None:
    """Mail a document that was just rendered, unless it was mailed before or documents are held back.

    A second run of this job sends the same Message-ID, so that a mail program shows it once.
    """
    tenant = Tenant(partner_id, actor="job:mail_invoice")
    with db.unit_of_work(tenant) as session:
        invoice = queries.get_invoice(session, tenant, invoice_id=invoice_id)
        if invoice.sent_at is not None or sending.is_held(session.get_one(Partner, partner_id)):
            return
    _mail(tenant, invoice_id=invoice_id, message_id=invoice_id)


def mail_invoice_again(*, partner_id: str, event_id: str, invoice_id: str) -> None:
    """Mail a document because somebody asked: a message of its own for each time."""
    tenant = Tenant(partner_id, actor="job:mail_invoice")
    _mail(tenant, invoice_id=invoice_id, message_id=event_id)


def export_invoices(*, partner_id: str, event_id: str, job_id: str) -> None:
    """Write an export into its file. A second run finds it written."""
    export_requests.run(Tenant(partner_id, actor="job:export"), job_id=job_id)


def _mail(tenant: Tenant, *, invoice_id: str, message_id: str) -> None:
    own = current_settings()
    with db.unit_of_work(tenant) as session:
        invoice = queries.get_invoice(session, tenant, invoice_id=invoice_id)
        letter = sending.letter_for(
            session, tenant, invoice=invoice, message_id=message_id, base_url=own.base_url
        )
    if letter is None:
        return
    crashpoint("mail.before_send")
    mail.send(own, letter, now=clock.now())  # the server may take its time: no transaction is held open
    crashpoint("mail.after_send")
    with db.unit_of_work(tenant) as session:
        sending.note_sent(session, tenant, invoice_id=invoice_id, at=clock.now())


def _silent(_step: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def _bill_partner(settings: Settings, partner: Partner, as_of: date, tell: Report) -> BillingReport:
    tenant = Tenant(partner.id, actor="job:billing", door="cli")
    with db.unit_of_work(tenant) as session:
        run = billing.start_run(session, tenant, as_of=as_of, at=clock.now())
        chunks = [(chunk.id, chunk.leases) for chunk in queries.chunks_of(session, tenant, run_id=run.id)]
    total, done, results = sum(leases for _, leases in chunks), 0, []
    for chunk_id, leases in chunks:
        with db.unit_of_work(tenant) as session:
            results.append(
                billing.bill_chunk(
                    session, tenant, chunk_id=chunk_id, at=clock.now(), portal_url=settings.base_url
                )
            )
        with db.unit_of_work(tenant) as session:
            billing.note_progress(session, tenant, chunk_id=chunk_id, at=clock.now())
        done += leases
        tell(f"billing {partner.name}", done, total)
    return BillingReport(
        partner=partner.name,
        leases=sum(row.leases for row in results),
        invoices=sum(row.invoices for row in results),
        credit_notes=sum(row.credit_notes for row in results),
        total=sum((row.total for row in results), Decimal(0)),
        currency=partner.currency,
        problems=[problem for row in results for problem in row.problems],
    )


def _preview_partner(settings: Settings, partner: Partner, as_of: date, tell: Report) -> BillingReport:
    tenant = Tenant(partner.id, actor="job:billing", door="cli")
    with db.unit_of_work(tenant) as session:
        proposals = billing.preview(session, tenant, as_of=as_of)
    rows = [row for found in proposals.values() for row in found]
    credited = {row.credits_invoice_id for row in rows if row.change.amount < 0}
    tell(f"reading {partner.name}", len(rows), len(rows))
    return BillingReport(
        partner=partner.name,
        leases=len({row.lease.id for row in rows if row.lease is not None}),
        invoices=sum(1 for found in proposals.values() if any(row.change.amount > 0 for row in found)),
        credit_notes=len(credited),
        total=sum((row.change.amount for row in rows), Decimal(0)),
        currency=partner.currency,
        problems=[],
    )
