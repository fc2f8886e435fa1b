"""Jobs of the books: post a chunk; propose, each month, what has ended."""

from __future__ import annotations

from datetime import datetime

from haas import clock, db, outbox
from haas.calendar import add_months
from haas.settings import Settings
from haas.tenancy.partners import working_partners
from haas.tenancy.scope import Tenant
from invoicing.ledger import periods, posting
from invoicing.ledger.chart import Book, month_of


def post_chunk(*, partner_id: str, event_id: str, chunk_id: str) -> None:
    """Post one chunk of a run. A second run of this job finds it done."""
    tenant = Tenant(partner_id, actor="job:posting")
    with db.unit_of_work(tenant) as session:
        posting.post_chunk(session, tenant, chunk_id=chunk_id, at=clock.now())
    with db.unit_of_work(tenant) as session:
        posting.note_progress(session, tenant, chunk_id=chunk_id, at=clock.now())


def propose_posting(settings: Settings, now: datetime) -> None:
    """Once a month has ended where a partner is: propose to post it. A person decides."""
    for partner in working_partners(actor="job:timetable"):
        tenant = Tenant(partner.id, actor="job:timetable")
        month = add_months(month_of(clock.today(partner.time_zone)), -1)
        with db.unit_of_work(tenant) as session:
            if not periods.is_proposable(session, tenant, month=month):
                continue
            for book in Book:
                periods.lock_row(session, tenant, book=book, month=month).proposed_at = now
            outbox.publish(
                session,
                tenant,
                "ledger.posting_proposed",
                month=month.isoformat(),
                once_key=f"proposed:{month.isoformat()}",
            )
