"""The billing run: bill = due less billed, a chunk of clients a transaction, done again without harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from haas import outbox, progress
from haas.errors import Conflict, HaasError, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.book import load
from invoicing.charges.models import Charge
from invoicing.charges.queries import billed_of, get_charge
from invoicing.document_parts import TaxInOwnCurrency
from invoicing.drafts import CreditedInvoice, Draft, Drafted, draft_within_orders
from invoicing.exchange import with_exchange
from invoicing.issuing import issue
from invoicing.models import BillingChunk, BillingRun, Invoice
from invoicing.proposals import Proposal, propose
from leases.models import Lease, ReturnOrder

CHUNK_LEASES = 500
AHEAD_MAX = timedelta(days=31)  # rent in advance is billed some weeks ahead, not years
# What may be owed without a lease.
_WITHOUT_LEASE = (
    (ReturnOrder.client_id, ReturnOrder.partner_id),
    (Charge.client_id, Charge.partner_id),
)
STALLED_AFTER = timedelta(minutes=10)  # a run that took longer has its chunks handed out again


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
    """Cut the partner's clients into chunks of about `chunk_leases` leases; one event for each.

    A run as of the same day that is still under way is the answer instead; if it has stalled, what is left
    of it is handed out once more.

    :raises InvalidInput: for a day so far ahead that it must be a slip.
    """
    if as_of > at.date() + AHEAD_MAX:
        raise InvalidInput(f"Choose a day until {at.date() + AHEAD_MAX:%d %B %Y}.", field="as_of")
    if (running := queries.run_under_way(session, tenant, as_of=as_of)) is not None:
        _push(session, tenant, run=running, at=at)
        return running
    try:
        with session.begin_nested():
            return _begin_run(session, tenant, as_of=as_of, at=at, chunk_leases=chunk_leases)
    except sa.exc.IntegrityError:
        # Somebody else started it since we looked.
        if (running := queries.run_under_way(session, tenant, as_of=as_of)) is None:
            raise
        return running


def _begin_run(
    session: Session, tenant: Tenant, *, as_of: date, at: datetime, chunk_leases: int
) -> BillingRun:
    counts = session.execute(
        sa.select(Lease.client_id, sa.func.count())
        .where(Lease.partner_id == tenant.partner_id)
        .group_by(Lease.client_id)
    ).all()
    leases: dict[str, int] = {client_id: int(number) for client_id, number in counts}
    for column, partner_id in _WITHOUT_LEASE:
        others = sa.select(column).where(partner_id == tenant.partner_id).distinct()
        for client_id in session.scalars(others):
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


def _push(session: Session, tenant: Tenant, *, run: BillingRun, at: datetime) -> None:
    if at - run.started_at < STALLED_AFTER:
        return
    for chunk in queries.chunks_of(session, tenant, run_id=run.id):
        if chunk.done_at is None:
            outbox.publish(session, tenant, "billing.chunk_due", chunk_id=chunk.id)


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

    A client that cannot be billed (no tax rate on file) is put off with the reason; the others go on. So is
    what a purchase order does not allow, while the rest of its client is billed.
    """
    client_ids = billable_clients(session, tenant, first=first_client_id, last=last_client_id)
    book = with_exchange(session, tenant, load(session, tenant, client_ids=client_ids, as_of=as_of))
    proposals = propose(book)
    credited = credited_by(session, tenant, proposals)
    drafts: list[Draft] = []
    problems: list[dict[str, str]] = []
    for client_id, rows in proposals.items():
        client = book.clients[client_id]
        try:
            drafted = draft_within_orders(book, client_id, rows, credited=credited)
        except HaasError as refusal:
            problems.append({"client_id": client_id, "client": client.name, "problem": refusal.message})
            continue
        drafts += drafted.papers
        problems += [
            {"client_id": client_id, "client": client.name, "problem": why}
            for why in drafted.waiting.values()
        ]
    issued = issue(session, tenant, drafts, at=at, run_id=run_id, portal_url=portal_url)
    return ChunkResult(
        leases=len(book.leases),
        invoices=sum(1 for row in issued if row["kind"] == "invoice"),
        credit_notes=sum(1 for row in issued if row["kind"] == "credit_note"),
        total=sum((row["total"] for row in issued), Decimal(0)),
        problems=problems,
    )


def bill_charge(
    session: Session, tenant: Tenant, *, charge_id: str, issued_on: date, at: datetime, portal_url: str
) -> str:
    """Bill what has fallen due of a charge on an invoice of its own; answers the invoice's id.

    A second call changes nothing and answers the same invoice.

    :raises InvalidInput: if nothing has fallen due yet.
    :raises Conflict: if it was voided, or its purchase order does not allow it.
    """
    charge = get_charge(session, tenant, charge_id=charge_id)
    if charge.voided_at is not None:
        raise Conflict("This charge was voided.")
    drafted = draft_charge(session, tenant, charge=charge, as_of=issued_on, lock=True)
    if drafted.waiting:
        raise Conflict(" ".join(drafted.waiting.values()))
    if drafted.papers:
        rows = issue(session, tenant, drafted.papers, at=at, portal_url=portal_url)
        return str(rows[0]["id"])
    billed = billed_of(session, tenant, charge_ids=[charge.id]).get(charge.id)
    if billed is None:
        raise InvalidInput(f"It falls due on {charge.charged_on:%d %B %Y}.", field="charged_on")
    return billed.invoice_id


def draft_charge(
    session: Session, tenant: Tenant, *, charge: Charge, as_of: date, lock: bool = False
) -> Drafted:
    """The paper of what is due of one charge; none if nothing is."""
    book = with_exchange(
        session, tenant, load(session, tenant, client_ids=[charge.client_id], lock=lock, as_of=as_of)
    )
    rows = propose(book).get(charge.client_id, [])
    rows = [row for row in rows if row.change.line_id == charge.id]
    credited = credited_by(session, tenant, {charge.client_id: rows})
    return draft_within_orders(book, charge.client_id, rows, credited=credited)


def preview(
    session: Session, tenant: Tenant, *, as_of: date, client_ids: Sequence[str] | None = None
) -> dict[str, list[Proposal]]:
    """What a run as of that day would bill, client by client; nothing is locked or written."""
    ids = billable_clients(session, tenant) if client_ids is None else client_ids
    return propose(load(session, tenant, client_ids=ids, as_of=as_of, lock=False))


def billable_clients(
    session: Session, tenant: Tenant, *, first: str | None = None, last: str | None = None
) -> list[str]:
    """The ids of clients that have a lease, return or charge, in order; of all, or from `first` to `last`."""

    def of(column: InstrumentedAttribute[str], partner_id: InstrumentedAttribute[str]) -> sa.Select[str]:
        statement = sa.select(column).where(partner_id == tenant.partner_id)
        if first is not None:
            statement = statement.where(column >= first)
        return statement if last is None else statement.where(column <= last)

    leases = of(Lease.client_id, Lease.partner_id)
    return sorted(session.scalars(leases.union(*(of(*columns) for columns in _WITHOUT_LEASE))))


def credited_by(
    session: Session, tenant: Tenant, proposals: dict[str, list[Proposal]]
) -> dict[str, CreditedInvoice]:
    """The invoices that these proposals correct, by id; one query."""
    wanted = {row.credits_invoice_id for rows in proposals.values() for row in rows if row.credits_invoice_id}
    if not wanted:
        return {}
    found = session.execute(
        sa.select(
            Invoice.id, Invoice.number, Invoice.issued_on, Invoice.document["accounting"].label("accounting")
        ).where(Invoice.partner_id == tenant.partner_id, Invoice.id.in_(wanted))
    )
    return {
        row.id: CreditedInvoice(
            row.id,
            row.number,
            row.issued_on,
            msgspec.convert(row.accounting, type=TaxInOwnCurrency) if row.accounting else None,
        )
        for row in found
    }


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
