"""The posting run: everything dated up to the end of a month, a chunk a transaction, done again without harm.

The first wave posts what happened and what was depreciated; the last what stands on it: disposals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import audit, clock, db, outbox, progress
from haas.calendar import add_months
from haas.errors import InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing.ledger import (
    accounts,
    depreciation,
    exchange,
    facts,
    funders,
    journal,
    net_investments,
    periods,
    recognition,
    revenue,
)
from invoicing.ledger.chart import Book, month_of
from invoicing.ledger.journal import Posted, Unposted
from invoicing.ledger.models import PostingChunk, PostingRun
from leases.book_plans import ensure_plans

CHUNK_BOOKS = 25_000  # about a second of work; each chunk reads the fleet once
CHUNK_PAPERS = 2_500  # a month's papers are shared by all workers
STALLED_AFTER = timedelta(minutes=10)  # a run that took longer has its chunks handed out again
_FIRST, _LAST = 1, 2
_NOTHING = Decimal(0)
# Steps that read rows and compute, by ranges of ids.
_BY_RULE = {
    revenue.STEP: revenue.post,
    net_investments.STEP: net_investments.post,
    exchange.STEP: exchange.post,
}


@dataclass(frozen=True, slots=True)
class _Piece:
    """A chunk before it has a place in a run."""

    wave: int
    step: str
    book: Book
    first_id: str = ""
    last_id: str = ""
    items: int = 0


def start_run(
    session: Session,
    tenant: Tenant,
    *,
    month: date,
    today: date,
    at: datetime,
    chunk_books: int = CHUNK_BOOKS,
) -> PostingRun:
    """Post all that is dated up to the end of `month`, also of months before it; a job a chunk.

    A run that is still under way is the answer instead; if it has stalled, what is left of it is handed out
    once more.

    :raises InvalidInput: for a month that has not ended where the partner is.
    """
    month = month_of(month)
    if add_months(month, 1) > today:
        raise InvalidInput(
            f"{month:%B %Y} has not ended: post it from {add_months(month, 1):%d %B %Y} on.", field="month"
        )
    if (running := run_under_way(session, tenant)) is not None:
        _push(session, tenant, run=running, at=at)
        return running
    accounts.ensure_chart(session, tenant)
    ensure_plans(session, tenant)
    recognition.recognise_lines(session, tenant, until=add_months(month, 1), at=at)
    try:
        with session.begin_nested():
            return _begin_run(session, tenant, month=month, at=at, chunk_books=chunk_books)
    except sa.exc.IntegrityError:
        # Somebody else started it since we looked.
        if (running := run_under_way(session, tenant)) is None:
            raise
        return running


def preview(session: Session, tenant: Tenant, *, month: date, book: Book) -> list[Unposted]:
    """What a run for that month would post in one book, by kind and currency. Nothing is written."""
    month = month_of(month)
    if book is not Book.FINANCIAL:  # the others know nothing of net investments
        return _unposted(session, tenant, month=month, book=book)
    partner = session.get_one(Partner, tenant.partner_id)  # once, for recognition and differences
    with db.taken_back(session):
        # Finance leases as they would be recognised, and then are not.
        recognition.recognise_lines(session, tenant, until=add_months(month, 1), at=clock.now())
        found = _unposted(session, tenant, month=month, book=book)
        return found + exchange.preview(session, tenant, month=month, partner=partner)


def _unposted(session: Session, tenant: Tenant, *, month: date, book: Book) -> list[Unposted]:
    locked = periods.last_locked(session, tenant, book=book)
    first_open = journal.BEFORE_ALL if locked is None else add_months(locked, 1)
    found = journal.preview(
        session,
        tenant,
        sources=[source for source in (*facts.FIRST_WAVE, *facts.LAST_WAVE) if book in source.books],
        book=book,
        until=add_months(month, 1),
        first_open=first_open,
    )
    found += depreciation.preview(session, tenant, book=book, month=month, first_open=first_open)
    if book is Book.FINANCIAL:
        found += revenue.preview(session, tenant, month=month)
        found += net_investments.preview(session, tenant, month=month)
        found += funders.preview(session, tenant, month=month)
    return found


def post_chunk(session: Session, tenant: Tenant, *, chunk_id: str, at: datetime) -> Posted:
    """Post one chunk and mark it done, in one transaction. A second call changes nothing."""
    chunk = session.scalar(scoped(PostingChunk, tenant).where(PostingChunk.id == chunk_id).with_for_update())
    if chunk is None:
        raise NotFound(f"There is no chunk {chunk_id}.")
    if chunk.done_at is not None:
        return Posted(0, _NOTHING)
    run = get_run(session, tenant, run_id=chunk.run_id)
    posted = _post(session, tenant, chunk=chunk, run=run, at=at)
    chunk.done_at, chunk.posted = at, posted.entries
    session.flush()
    if posted.entries:
        audit.note(
            session,
            action="posted",
            subject="posting_chunk",
            subject_id=chunk.id,
            details={
                "run": run.id,
                "month": run.month.isoformat(),
                "book": chunk.book,
                "step": chunk.step,
                "entries": posted.entries,
                "debits": str(posted.amount),
            },
        )
    return posted


def _post(session: Session, tenant: Tenant, *, chunk: PostingChunk, run: PostingRun, at: datetime) -> Posted:
    book = Book(chunk.book)
    if chunk.step == depreciation.STEP:
        return depreciation.post(
            session,
            tenant,
            book=book,
            month=run.month,
            first_id=chunk.first_id,
            last_id=chunk.last_id,
            chunk_id=chunk.id,
            run_id=run.id,
            at=at,
        )
    if chunk.step == funders.STEP:
        return funders.post(session, tenant, month=run.month, run_id=run.id, at=at)
    if chunk.step in _BY_RULE:
        return _BY_RULE[chunk.step](
            session,
            tenant,
            month=run.month,
            first_id=chunk.first_id,
            last_id=chunk.last_id,
            run_id=run.id,
            at=at,
        )
    return journal.post(
        session,
        tenant,
        source=facts.SOURCES[chunk.step],
        book=book,
        until=add_months(run.month, 1),
        run_id=run.id,
        at=at,
        after_id=chunk.first_id,
        last_id=chunk.last_id,
    )


def note_progress(session: Session, tenant: Tenant, *, chunk_id: str, at: datetime) -> None:
    """Show how far the run is, begin the next wave or close the run. A transaction of its own."""
    chunk = session.scalars(scoped(PostingChunk, tenant).where(PostingChunk.id == chunk_id)).one()
    run = session.scalars(
        scoped(PostingRun, tenant).where(PostingRun.id == chunk.run_id).with_for_update()
    ).one()
    chunks = chunks_of(session, tenant, run_id=run.id)
    job = progress.get(session, tenant, job_id=run.long_job_id)
    job.state = "running" if job.state == "queued" else job.state
    job.done = sum(max(row.items, 1) for row in chunks if row.done_at is not None)
    if run.finished_at is not None:
        return
    waiting = [row for row in chunks if row.done_at is None]
    if not waiting:
        _finish(session, tenant, run=run, chunks=chunks, at=at)
    elif min(row.wave for row in waiting) > chunk.wave:
        _hand_out(session, tenant, [row for row in waiting if row.wave == waiting[0].wave], once=True)


def run_now(session: Session, tenant: Tenant, *, run: PostingRun, at: datetime) -> None:
    """Do all chunks of a run in this transaction, in their order: for the command line and tests."""
    for chunk in chunks_of(session, tenant, run_id=run.id):
        post_chunk(session, tenant, chunk_id=chunk.id, at=at)
        note_progress(session, tenant, chunk_id=chunk.id, at=at)


def get_run(session: Session, tenant: Tenant, *, run_id: str) -> PostingRun:
    """One run.

    :raises NotFound: if this partner has no such run.
    """
    run = session.scalar(scoped(PostingRun, tenant).where(PostingRun.id == run_id))
    if run is None:
        raise NotFound(f"There is no posting run {run_id}.")
    return run


def run_under_way(session: Session, tenant: Tenant) -> PostingRun | None:
    """The run that is not finished, if there is one."""
    return session.scalar(scoped(PostingRun, tenant).where(PostingRun.finished_at.is_(None)))


def recent_runs(session: Session, tenant: Tenant, *, limit: int) -> Sequence[PostingRun]:
    """The latest runs, the newest first."""
    return session.scalars(
        scoped(PostingRun, tenant).order_by(PostingRun.started_at.desc(), PostingRun.id.desc()).limit(limit)
    ).all()


def chunks_of(session: Session, tenant: Tenant, *, run_id: str) -> Sequence[PostingChunk]:
    """A run's chunks in the order in which they are to be done."""
    return session.scalars(
        scoped(PostingChunk, tenant).where(PostingChunk.run_id == run_id).order_by(PostingChunk.position)
    ).all()


def _begin_run(
    session: Session, tenant: Tenant, *, month: date, at: datetime, chunk_books: int
) -> PostingRun:
    pieces = list(_pieces(session, tenant, month=month, chunk_books=chunk_books))
    job = progress.start(
        session,
        tenant,
        kind="posting_run",
        title=f"Posting {month:%B %Y}",
        arguments={"month": month.isoformat()},
        total=sum(max(piece.items, 1) for piece in pieces),
    )
    run = PostingRun(
        partner_id=tenant.partner_id,
        id=new_id("prn"),
        month=month,
        long_job_id=job.id,
        started_at=at,
        started_by=tenant.actor,
    )
    session.add(run)
    session.flush()
    chunks = [
        PostingChunk(
            partner_id=tenant.partner_id,
            id=new_id("pch"),
            run_id=run.id,
            position=position,
            wave=piece.wave,
            step=piece.step,
            book=piece.book.value,
            first_id=piece.first_id,
            last_id=piece.last_id,
            items=piece.items,
        )
        for position, piece in enumerate(pieces, start=1)
    ]
    session.add_all(chunks)
    _hand_out(session, tenant, [chunk for chunk in chunks if chunk.wave == _FIRST])
    session.flush()
    return run


def _pieces(session: Session, tenant: Tenant, *, month: date, chunk_books: int) -> Iterator[_Piece]:
    for source in facts.FIRST_WAVE:
        for book in source.books:
            for after_id, last_id, number in journal.shares_of(
                session, tenant, source=source, book=book, until=add_months(month, 1), size=CHUNK_PAPERS
            ):
                yield _Piece(_FIRST, source.name, book, after_id, last_id, number)
    for book in Book:
        for first_id, last_id, number in depreciation.ranges(
            session, tenant, book=book, month=month, size=chunk_books
        ):
            yield _Piece(_FIRST, depreciation.STEP, book, first_id, last_id, number)
    yield _Piece(_FIRST, funders.STEP, Book.FINANCIAL)
    for first_id, last_id, number in net_investments.ranges(session, tenant, month=month):
        yield _Piece(_FIRST, net_investments.STEP, Book.FINANCIAL, first_id, last_id, number)
    for first_id, last_id, number in revenue.ranges(session, tenant, month=month):
        yield _Piece(_FIRST, revenue.STEP, Book.FINANCIAL, first_id, last_id, number)
    for first_id, last_id, number in exchange.ranges(session, tenant, month=month):
        yield _Piece(_FIRST, exchange.STEP, Book.FINANCIAL, first_id, last_id, number)
    for source in facts.LAST_WAVE:
        for book in source.books:
            yield _Piece(_LAST, source.name, book)


def _hand_out(
    session: Session, tenant: Tenant, chunks: Sequence[PostingChunk], *, once: bool = False
) -> None:
    for chunk in chunks:
        outbox.publish(
            session,
            tenant,
            "ledger.chunk_due",
            chunk_id=chunk.id,
            once_key=f"posting:{chunk.id}" if once else None,
        )


def _push(session: Session, tenant: Tenant, *, run: PostingRun, at: datetime) -> None:
    if at - run.started_at < STALLED_AFTER:
        return
    waiting = [row for row in chunks_of(session, tenant, run_id=run.id) if row.done_at is None]
    _hand_out(session, tenant, [row for row in waiting if row.wave == waiting[0].wave])


def _finish(
    session: Session, tenant: Tenant, *, run: PostingRun, chunks: Sequence[PostingChunk], at: datetime
) -> None:
    run.finished_at = at
    progress.finish(
        session, tenant, job_id=run.long_job_id, result={"entries": sum(row.posted for row in chunks)}
    )
    for book in Book:
        period = periods.lock_row(session, tenant, book=book, month=run.month)
        period.posted_at = at
    session.flush()
    outbox.publish(
        session,
        tenant,
        "ledger.period_posted",
        run_id=run.id,
        month=run.month.isoformat(),
        once_key=f"posted:{run.id}",
    )
