"""RQ worker entry: one queue a worker; perform() does one delivery, once."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import sqlalchemy as sa
from redis import Redis
from rq import Queue, SimpleWorker

from haas import clock, db, models, reactions
from haas.crash import crashpoint
from haas.outbox import OutboxDelivery, OutboxEvent
from haas.relay import ATTEMPTS_MAX, backoff
from haas.settings import Settings
from haas.settings import current as current_settings
from haas.settings import use as use_settings
from haas.tenancy.scope import Tenant, scoped
from invoicing.ledger.net_rents import tax_within
from leases import classifying

log = logging.getLogger(__name__)


def run(settings: Settings, *, queue: str, burst: bool = False) -> None:
    """Work on one queue until told to stop."""
    use_settings(settings)
    engine = db.configure(settings.database_url, pool_size=2)
    with engine.connect() as connection:
        db.assert_safe_role(connection)
    if not models.EVERY_TABLE:
        raise RuntimeError("no models were loaded")
    valkey = Redis.from_url(settings.redis_url)
    classifying.taxes_within.append(tax_within)  # as `haas.app` joins them
    settle()
    # No fork for each job: most are a few statements, and documents keep their renderer warm. What a fork
    # would save us from, a job that takes the process down, the lease of its delivery does too.
    SimpleWorker([Queue(queue, connection=valkey)], connection=valkey, job_monitoring_interval=5).work(
        burst=burst, with_scheduler=False, logging_level="WARNING"
    )


def settle() -> None:
    """Hide from the garbage collector what stays for good: modules, mappers, compiled templates.

    A job that makes thousands of rows makes it look through everything there is, again and again: a third of
    a billing chunk's processor time.
    """
    gc.collect()
    gc.freeze()


def perform(*, partner_id: str, delivery_id: str) -> None:
    """Do one delivery: claim, run the reaction, mark it done.

    Safe to be called twice: the second call finds the row done, or leased to the first. A reaction must
    itself be safe to run twice, since this process can die after its effect and before the mark.
    """
    tenant = Tenant(partner_id, actor="job:worker")
    claimed = _claim(tenant, delivery_id)
    if claimed is None:
        return
    reaction, event = claimed
    crashpoint("worker.before_effect")
    try:
        with _renewed(tenant, delivery_id):
            reactions.find(reaction)(partner_id=partner_id, event_id=event.id, **event.payload)
    except Exception as failure:
        _put_off(tenant, delivery_id, failure)
        raise
    crashpoint("worker.before_commit")
    with db.unit_of_work(tenant) as session:
        session.execute(
            sa.update(OutboxDelivery)
            .where(
                OutboxDelivery.partner_id == partner_id,
                OutboxDelivery.id == delivery_id,
            )
            .values(state="done", done_at=clock.now(), error=None)
        )
    crashpoint("worker.after_commit")


def _claim(tenant: Tenant, delivery_id: str) -> tuple[str, OutboxEvent] | None:
    with db.unit_of_work(tenant) as session:
        delivery = session.scalar(
            scoped(OutboxDelivery, tenant)
            .where(OutboxDelivery.id == delivery_id)
            .with_for_update(skip_locked=True)
        )
        if delivery is None or delivery.state != "pending":
            return None
        delivery.due_at = clock.now() + _lease()
        event = session.scalars(scoped(OutboxEvent, tenant).where(OutboxEvent.id == delivery.event_id)).one()
        return delivery.reaction, event


@contextmanager
def _renewed(tenant: Tenant, delivery_id: str) -> Iterator[None]:
    """Keep the lease while the reaction runs; a killed process stops renewing, and the row is due again."""
    stop = threading.Event()

    def renew() -> None:
        while not stop.wait(_lease().total_seconds() / 3):
            with db.unit_of_work(tenant) as session:
                session.execute(
                    sa.update(OutboxDelivery)
                    .where(
                        OutboxDelivery.partner_id == tenant.partner_id,
                        OutboxDelivery.id == delivery_id,
                        OutboxDelivery.state == "pending",
                    )
                    .values(due_at=clock.now() + _lease())
                )

    keeper = threading.Thread(target=renew, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()


def _lease() -> timedelta:
    return timedelta(seconds=current_settings().outbox_lease_seconds)


def _put_off(tenant: Tenant, delivery_id: str, failure: Exception) -> None:
    with db.unit_of_work(tenant) as session:
        delivery = session.scalars(
            scoped(OutboxDelivery, tenant).where(OutboxDelivery.id == delivery_id)
        ).one()
        delivery.attempts += 1
        delivery.error = f"{type(failure).__name__}: {failure}"[:2000]
        delivery.due_at = clock.now() + backoff(delivery.attempts)
        if delivery.attempts >= ATTEMPTS_MAX:
            delivery.state = "poison"
    log.warning("delivery %s put off: %s", delivery_id, type(failure).__name__)
