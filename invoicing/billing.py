"""The billing run: bill = due less billed, a chunk of clients a transaction, done again without harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import outbox, progress
from haas.crash import crashpoint
from haas.errors import HaasError, NotFound
from haas.ids import new_id
from haas.outbox import OutboxEvent
from haas.tenancy.branding import Branding
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing.bulk import insert_rows
from invoicing.document import InvoiceDocument, hash_of
from invoicing.drafts import CreditedInvoice, Draft, document_of, draft_papers
from invoicing.models import BillingChunk, BillingRun, Invoice, InvoiceLine
from invoicing.numbering import next_numbers
from invoicing.proposals import Proposal, load, propose
from leases.models import Lease, ReturnOrder

CHUNK_LEASES = 500


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What one chunk came to."""

    leases: int
    invoices: int
    credit_notes: int
    total: Decimal
    problems: Sequence[dict[str, str]]


def start_run(
    session: Session, tenant: Tenant, *, as_of: date, at: datetime, chunk_leases: int = CHUNK_LEASES
) -> BillingRun:
    """Cut the partner's clients into chunks of about `chunk_leases` leases; one event for each."""
    counts = session.execute(
        sa.select(Lease.client_id, sa.func.count())
        .where(Lease.partner_id == tenant.partner_id)
        .group_by(Lease.client_id)
    ).all()
    leases: dict[str, int] = {client_id: int(number) for client_id, number in counts}
    for client_id in session.scalars(
        sa.select(ReturnOrder.client_id).where(ReturnOrder.partner_id == tenant.partner_id).distinct()
    ):
        leases.setdefault(client_id, 0)
    chunks = list(_chunks(sorted(leases.items()), chunk_leases))
    job = progress.start(
        session,
        tenant,
        kind="billing_run",
        title=f"Billing as of {as_of.isoformat()}",
        arguments={"as_of": as_of.isoformat()},
        total=sum(leases.values()),
    )
    run = BillingRun(
        partner_id=tenant.partner_id,
        id=new_id("run"),
        as_of=as_of,
        long_job_id=job.id,
        started_at=at,
        started_by=tenant.actor,
    )
    session.add(run)
    session.flush()
    for position, (first, last, number) in enumerate(chunks, start=1):
        chunk = BillingChunk(
            partner_id=tenant.partner_id,
            id=new_id("chk"),
            run_id=run.id,
            position=position,
            first_client_id=first,
            last_client_id=last,
            leases=number,
        )
        session.add(chunk)
        outbox.publish(session, tenant, "billing.chunk_due", chunk_id=chunk.id)
    session.flush()
    if not chunks:
        _finish(session, tenant, run=run, at=at)
    return run


def bill_chunk(
    session: Session, tenant: Tenant, *, chunk_id: str, at: datetime, portal_url: str
) -> ChunkResult:
    """Bill one chunk and mark it done, in one transaction. A second call changes nothing."""
    chunk = session.scalar(scoped(BillingChunk, tenant).where(BillingChunk.id == chunk_id).with_for_update())
    if chunk is None:
        raise NotFound(f"There is no chunk {chunk_id}.")
    if chunk.done_at is not None:
        return ChunkResult(chunk.leases, chunk.invoices, chunk.credit_notes, Decimal(0), chunk.problems)
    run = session.scalars(scoped(BillingRun, tenant).where(BillingRun.id == chunk.run_id)).one()
    result = bill_clients(
        session,
        tenant,
        first_client_id=chunk.first_client_id,
        last_client_id=chunk.last_client_id,
        as_of=run.as_of,
        at=at,
        run_id=run.id,
        portal_url=portal_url,
    )
    chunk.done_at = at
    chunk.invoices, chunk.credit_notes = result.invoices, result.credit_notes
    chunk.problems = list(result.problems)
    session.flush()
    return result


def note_progress(session: Session, tenant: Tenant, *, chunk_id: str, at: datetime) -> None:
    """Show how far the run is, and close it after its last chunk. A transaction of its own."""
    chunk = session.scalars(scoped(BillingChunk, tenant).where(BillingChunk.id == chunk_id)).one()
    run = session.scalars(
        scoped(BillingRun, tenant).where(BillingRun.id == chunk.run_id).with_for_update()
    ).one()
    chunks = session.scalars(scoped(BillingChunk, tenant).where(BillingChunk.run_id == run.id)).all()
    job = progress.get(session, tenant, job_id=run.long_job_id)
    job.state = "running" if job.state == "queued" else job.state
    job.done = sum(row.leases for row in chunks if row.done_at is not None)
    if run.finished_at is None and all(row.done_at is not None for row in chunks):
        _finish(session, tenant, run=run, at=at)


def bill_clients(
    session: Session,
    tenant: Tenant,
    *,
    first_client_id: str,
    last_client_id: str,
    as_of: date,
    at: datetime,
    portal_url: str,
    run_id: str | None = None,
) -> ChunkResult:
    """Issue what is due for a range of clients: set-based reads, set-based writes, numbers last.

    A client that cannot be billed (no tax rate on file) is put off with the reason; the others go on.
    """
    client_ids = list(
        session.scalars(
            sa.select(Lease.client_id)
            .where(
                Lease.partner_id == tenant.partner_id,
                Lease.client_id >= first_client_id,
                Lease.client_id <= last_client_id,
            )
            .union(
                sa.select(ReturnOrder.client_id).where(
                    ReturnOrder.partner_id == tenant.partner_id,
                    ReturnOrder.client_id >= first_client_id,
                    ReturnOrder.client_id <= last_client_id,
                )
            )
        )
    )
    book = load(session, tenant, client_ids=client_ids)
    proposals = propose(book, as_of=as_of)
    credited = _credited(session, tenant, proposals)
    drafts: list[Draft] = []
    problems: list[dict[str, str]] = []
    for client_id, rows in proposals.items():
        client = book.clients[client_id]
        try:
            drafts += draft_papers(client, rows, issued_on=as_of, rates=book.rates, credited=credited)
        except HaasError as refusal:
            problems.append({"client_id": client_id, "client": client.name, "problem": refusal.message})
    issued = issue(session, tenant, drafts, at=at, run_id=run_id, portal_url=portal_url)
    return ChunkResult(
        leases=len(book.leases),
        invoices=sum(1 for row in issued if row["kind"] == "invoice"),
        credit_notes=sum(1 for row in issued if row["kind"] == "credit_note"),
        total=sum((row["total"] for row in issued), Decimal(0)),
        problems=problems,
    )


def preview(session: Session, tenant: Tenant, *, as_of: date) -> dict[str, list[Proposal]]:
    """What a run as of that day would bill, client by client; nothing is locked or written."""
    client_ids = list(
        session.scalars(
            sa.select(Lease.client_id)
            .where(Lease.partner_id == tenant.partner_id)
            .union(sa.select(ReturnOrder.client_id).where(ReturnOrder.partner_id == tenant.partner_id))
        )
    )
    return propose(load(session, tenant, client_ids=client_ids, lock=False), as_of=as_of)


def issue(
    session: Session,
    tenant: Tenant,
    drafts: Sequence[Draft],
    *,
    at: datetime,
    portal_url: str,
    run_id: str | None = None,
) -> list[dict[str, Any]]:
    """Freeze, number and store papers with their lines and events. Answers the invoice rows.

    The numbers are taken when nothing else can fail but a rival on the same period, whom the unique key
    stops: then all of it rolls back, the numbers too.
    """
    if not drafts:
        return []
    seller = _seller(session, tenant)
    ids = [new_id("crn" if draft.kind == "credit_note" else "inv") for draft in drafts]
    lines = [
        row
        for invoice_id, draft in zip(ids, drafts, strict=True)
        for row in _line_rows(tenant, draft, invoice_id=invoice_id)
    ]
    numbers = _take_numbers(session, tenant, drafts)
    crashpoint("billing.after_number")
    rows = [
        _invoice_row(
            tenant,
            draft,
            invoice_id=invoice_id,
            document=document_of(
                draft,
                number=number,
                seller=seller,
                portal_url=f"{portal_url}/invoices/{invoice_id}",
            ),
            at=at,
            run_id=run_id,
        )
        for invoice_id, draft, number in zip(ids, drafts, numbers, strict=True)
    ]
    insert_rows(session, Invoice, rows)
    insert_rows(session, InvoiceLine, lines)
    crashpoint("billing.after_lines")
    credited = {draft.credits.id for draft in drafts if draft.credits is not None}
    if credited:
        _mark_credited(session, tenant, credited)
    insert_rows(
        session,
        OutboxEvent,
        [
            {
                "partner_id": tenant.partner_id,
                "id": new_id("evt"),
                "name": "invoice.issued",
                "payload": {"invoice_id": row["id"]},
                "once_key": f"issued:{row['id']}",
                "published_at": at,
            }
            for row in rows
        ],
    )
    return rows


def _take_numbers(session: Session, tenant: Tenant, drafts: Sequence[Draft]) -> list[str]:
    taken: dict[tuple[str, date], list[str]] = {}
    for kind, issued_on in sorted({(draft.kind, draft.issued_on) for draft in drafts}):
        count = sum(1 for draft in drafts if (draft.kind, draft.issued_on) == (kind, issued_on))
        numbers = next_numbers(session, tenant, kind=kind, issued_on=issued_on, count=count)
        taken[kind, issued_on] = numbers[::-1]
    return [taken[draft.kind, draft.issued_on].pop() for draft in drafts]


def _invoice_row(
    tenant: Tenant,
    draft: Draft,
    *,
    invoice_id: str,
    document: InvoiceDocument,
    at: datetime,
    run_id: str | None,
) -> dict[str, Any]:
    frozen = document.to_json()
    return {
        "partner_id": tenant.partner_id,
        "id": invoice_id,
        "client_id": draft.client.id,
        "kind": draft.kind,
        "number": document.number,
        "state": "issued",
        "currency": draft.currency,
        "issued_on": draft.issued_on,
        "due_on": draft.due_on,
        "net_total": draft.net_total,
        "tax_total": draft.taxed.tax_total,
        "total": draft.total,
        "paid_total": Decimal(0),
        "credits_invoice_id": draft.credits.id if draft.credits else None,
        "reason": "",
        "document": msgspec.Raw(frozen),
        "document_hash": hash_of(frozen),
        "billing_run_id": run_id,
        "created_at": at,
    }


def _line_rows(tenant: Tenant, draft: Draft, *, invoice_id: str) -> list[dict[str, Any]]:
    rows = []
    for position, (proposal, net, rate, tax) in enumerate(
        zip(draft.proposals, draft.nets, draft.rates, draft.taxed.taxes, strict=True), start=1
    ):
        change = proposal.change
        due_on = getattr(change.owed.source, "due_on", None) if change.owed is not None else None
        rows.append(
            {
                "partner_id": tenant.partner_id,
                "id": new_id("ivl"),
                "invoice_id": invoice_id,
                "client_id": draft.client.id,
                "lease_id": proposal.lease.id if proposal.lease else None,
                "line_id": proposal.line.id if proposal.line else None,
                "source_id": change.line_id,
                "position": position,
                "kind": change.kind,
                "description": proposal.description,
                "period_start": change.period_start,
                "period_end": change.period_end,
                "revision": change.revision,
                "fell_due_on": due_on or change.period_start,
                "quantity": proposal.quantity,
                "unit_price": proposal.unit_price,
                "net": net,
                "tax_category": proposal.tax_category,
                "tax_rate_pct": rate,
                "tax": tax,
                "serials": [
                    {"serial": share.serial, "days": share.days, "amount": str(share.amount)}
                    for share, _, _ in proposal.serials
                ],
            }
        )
    return rows


def _credited(
    session: Session, tenant: Tenant, proposals: dict[str, list[Proposal]]
) -> dict[str, CreditedInvoice]:
    wanted = {row.credits_invoice_id for rows in proposals.values() for row in rows if row.credits_invoice_id}
    if not wanted:
        return {}
    found = session.execute(
        sa.select(Invoice.id, Invoice.number, Invoice.issued_on).where(
            Invoice.partner_id == tenant.partner_id, Invoice.id.in_(wanted)
        )
    )
    return {row.id: CreditedInvoice(row.id, row.number, row.issued_on) for row in found}


def _mark_credited(session: Session, tenant: Tenant, invoice_ids: set[str]) -> None:
    """An invoice whose credit notes take all of it back owes nothing more."""
    credit = sa.orm.aliased(Invoice)
    given_back = (
        sa.select(sa.func.sum(credit.total))
        .where(credit.partner_id == Invoice.partner_id, credit.credits_invoice_id == Invoice.id)
        .scalar_subquery()
    )
    session.execute(
        sa.update(Invoice)
        .where(
            Invoice.partner_id == tenant.partner_id,
            Invoice.id.in_(invoice_ids),
            Invoice.state == "issued",
            Invoice.total + given_back <= 0,
        )
        .values(state="credited")
        .execution_options(synchronize_session=False)
    )


def _seller(session: Session, tenant: Tenant) -> Branding:
    partner = session.get_one(Partner, tenant.partner_id)
    return branding_of(session, partner, with_logo=False)


def _chunks(counts: Sequence[tuple[str, int]], size: int) -> list[tuple[str, str, int]]:
    """(first client, last client, leases) of each chunk: a client is never cut."""
    chunks: list[tuple[str, str, int]] = []
    first, last, held = "", "", 0
    for client_id, leases in counts:
        if first and held + leases > size:
            chunks.append((first, last, held))
            first, held = "", 0
        first, last, held = first or client_id, client_id, held + leases
    if first:
        chunks.append((first, last, held))
    return chunks


def _finish(session: Session, tenant: Tenant, *, run: BillingRun, at: datetime) -> None:
    chunks = session.scalars(scoped(BillingChunk, tenant).where(BillingChunk.run_id == run.id)).all()
    run.finished_at = at
    progress.finish(
        session,
        tenant,
        job_id=run.long_job_id,
        result={
            "invoices": sum(row.invoices for row in chunks),
            "credit_notes": sum(row.credit_notes for row in chunks),
            "problems": [problem for row in chunks for problem in row.problems],
        },
    )
    outbox.publish(session, tenant, "billing.run_finished", run_id=run.id, once_key=f"finished:{run.id}")
