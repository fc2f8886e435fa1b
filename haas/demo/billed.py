"""A billing run of the demo, done at once instead of by workers."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant
from invoicing import billing, queries


def bill(session: Session, tenant: Tenant, *, as_of: date, at: datetime, portal_url: str) -> None:
    """Everything due by that day."""
    run = billing.start_run(session, tenant, as_of=as_of, at=at)
    for chunk in queries.chunks_of(session, tenant, run_id=run.id):
        billing.bill_chunk(session, tenant, chunk_id=chunk.id, at=at, portal_url=portal_url)
        billing.note_progress(session, tenant, chunk_id=chunk.id, at=at)
