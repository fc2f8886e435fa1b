"""LongJob: work that a person waits for: how far it is, what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from haas import clock, db
from haas.db import Base, PartnerOwned, owned_by_partner
from haas.errors import NotFound
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped


class LongJob(PartnerOwned, Base):
    """An import, an export, a billing run: shown with its progress while it runs and its outcome after."""

    __tablename__ = "long_job"
    __table_args__ = (
        owned_by_partner("file_id", "stored_file"),
        sa.CheckConstraint("state in ('queued', 'running', 'done', 'failed')", name="state"),
        sa.Index("ix_long_job_recent", "partner_id", "created_at"),
    )

    kind: Mapped[str]  # asset_import, invoice_export, billing_run …
    title: Mapped[str]
    state: Mapped[str] = mapped_column(default="queued")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    arguments: Mapped[dict[str, Any]] = mapped_column(default=dict)
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    message: Mapped[str] = mapped_column(default="")
    file_id: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


def start(
    session: Session,
    tenant: Tenant,
    *,
    kind: str,
    title: str,
    arguments: dict[str, Any],
    total: int = 0,
) -> LongJob:
    """Note work to be done; the caller publishes the event whose reaction does it."""
    job = LongJob(
        partner_id=tenant.partner_id,
        id=new_id("job"),
        kind=kind,
        title=title,
        arguments=arguments,
        total=total,
        created_by=tenant.actor,
        created_at=clock.now(),
    )
    session.add(job)
    session.flush()
    return job


def get(session: Session, tenant: Tenant, *, job_id: str) -> LongJob:
    """The job with its progress.

    :raises NotFound: if this tenant has no such job.
    """
    job = session.scalar(scoped(LongJob, tenant).where(LongJob.id == job_id))
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    return job


def advance(
    tenant: Tenant,
    *,
    job_id: str,
    done: int,
    total: int | None = None,
    message: str = "",
) -> None:
    """Show progress at once: a transaction of its own beside the long one."""
    with db.unit_of_work(tenant) as session:
        job = get(session, tenant, job_id=job_id)
        job.state, job.done = "running", done
        job.total = job.total if total is None else total
        job.message = message or job.message


def finish(
    session: Session,
    tenant: Tenant,
    *,
    job_id: str,
    result: dict[str, Any] | None = None,
    file_id: str | None = None,
    error: str | None = None,
) -> None:
    """Close the job in the transaction that holds its effect."""
    job = get(session, tenant, job_id=job_id)
    job.state = "failed" if error else "done"
    job.message = error or job.message
    job.result = result or {}
    job.file_id = file_id
    job.finished_at = clock.now()
    if not error:
        job.done = job.total
    session.flush()
