"""Hand outbox rows to workers: expand events into deliveries, lease what is due, put it on RQ.

PostgreSQL is the truth and RQ the transport. A delivery is leased by moving its `due_at` ahead; when the
worker dies, or RQ loses the job, the lease runs out and the row is handed over again.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import sqlalchemy as sa
from redis import Redis
from rq import Queue
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job, JobStatus
from sqlalchemy.dialects.postgresql import insert

from haas import db
from haas.crash import crashpoint
from haas.ids import new_id
from haas.outbox import OutboxDelivery, OutboxEvent
from haas.reactions import QUEUES, REACTIONS
from haas.tenancy.scope import Platform

log = logging.getLogger(__name__)

BATCH = 200
ATTEMPTS_MAX = 8
JOB_TIMEOUT_SECONDS = 600
RELAY = Platform("relay", actor="job:relay")


def backoff(attempts: int) -> timedelta:
    """How long to wait after the nth failure: 2 s, 4 s, 8 s … at most 15 minutes."""
    return timedelta(seconds=min(2**attempts, 900))


def step(connection: Redis, *, now: datetime, lease: timedelta) -> int:
    """Expand new events and hand over what is due. Answers how many rows moved; 0 means: rest a moment."""
    expanded = _expand(now)
    handed = _hand_over(connection, now, lease)
    return expanded + handed


def _expand(now: datetime) -> int:
    with db.unit_of_work(RELAY) as session:
        events = session.scalars(
            sa.select(OutboxEvent)
            .where(OutboxEvent.expanded_at.is_(None))
            .order_by(OutboxEvent.published_at)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        ).all()
        if not events:
            return 0
        deliveries = [
            {
                "partner_id": event.partner_id,
                "id": new_id("dlv"),
                "event_id": event.id,
                "reaction": reaction,
                "queue": queue,
                "state": "pending",
                "attempts": 0,
                "handed": 0,
                "due_at": now,
            }
            for event in events
            for reaction, queue in REACTIONS.get(event.name, [])
        ]
        if deliveries:
            session.execute(insert(OutboxDelivery).on_conflict_do_nothing(), deliveries)
        session.execute(
            sa.update(OutboxEvent)
            .where(
                sa.tuple_(OutboxEvent.partner_id, OutboxEvent.id).in_([(e.partner_id, e.id) for e in events])
            )
            .values(expanded_at=now)
            .execution_options(synchronize_session=False)
        )
        crashpoint("relay.expanded")
        return len(events)


def _hand_over(connection: Redis, now: datetime, lease: timedelta) -> int:
    queues = {name: Queue(name, connection=connection) for name in QUEUES}
    with db.unit_of_work(RELAY) as session:
        due = session.scalars(
            sa.select(OutboxDelivery)
            .where(OutboxDelivery.state == "pending", OutboxDelivery.due_at <= now)
            .order_by(OutboxDelivery.due_at)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        ).all()
        for delivery in due:
            delivery.due_at = now + lease
            if not _waits(connection, delivery):
                delivery.handed += 1
    crashpoint("relay.leased")
    # After the commit: a worker may look at the row before this function goes on.
    for delivery in due:
        try:
            queues[delivery.queue].enqueue(
                "haas.worker.perform",
                kwargs={"partner_id": delivery.partner_id, "delivery_id": delivery.id},
                job_id=_job_id(delivery),
                unique=True,
                job_timeout=JOB_TIMEOUT_SECONDS,
                result_ttl=0,
                failure_ttl=3600,
            )
        except DuplicateJobError:
            continue  # it still waits its turn: a long queue is no reason to add to it
    return len(due)


def _job_id(delivery: OutboxDelivery) -> str:
    return f"{delivery.id}-{delivery.handed}"


def _waits(connection: Redis, delivery: OutboxDelivery) -> bool:
    """Whether the last hand-over is still queued. A job that RQ calls started may be a dead worker's."""
    try:
        job = Job.fetch(_job_id(delivery), connection=connection)
        # As it was fetched: asked for again, a job that ends in between has no status, and RQ raises.
        return job.get_status(refresh=False) == JobStatus.QUEUED
    except NoSuchJobError:
        return False
