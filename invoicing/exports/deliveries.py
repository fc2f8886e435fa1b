"""A batch's file sent to where its profile says, by mail or SFTP: each time a row with what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from haas import outbox
from haas.errors import Conflict, NotFound
from haas.ids import new_id
from haas.tenancy.scope import Tenant, scoped
from invoicing.exports.models import ExportBatch, ExportDelivery, ExportProfile

ATTEMPTS_MAX = 6  # one more than the outbox would make is never reached: the last one is ours to tell of


def request(
    session: Session, tenant: Tenant, *, batch: ExportBatch, profile: ExportProfile, at: datetime
) -> ExportDelivery:
    """Send the file of a batch that is done; a job does it, and tries again with growing pauses.

    :raises Conflict: if the batch has no file, or the profile sends to nowhere.
    """
    if batch.state != "done":
        raise Conflict(f"{batch.number} has no file to send.")
    if profile.channel == "none":
        raise Conflict(f"{profile.name} says of no place to send to: set one first.")
    delivery = ExportDelivery(
        partner_id=tenant.partner_id,
        id=new_id("exd"),
        batch_id=batch.id,
        profile_id=profile.id,
        channel=profile.channel,
        target=target_words(profile),
        created_at=at,
        created_by=tenant.actor,
    )
    session.add(delivery)
    session.flush()
    outbox.publish(session, tenant, "export.delivery_due", delivery_id=delivery.id)
    return delivery


def target_words(profile: ExportProfile) -> str:
    """Where a profile sends to, as it is shown; never a secret."""
    place = profile.destination
    match profile.channel:
        case "mail":
            return str(place.get("address", ""))
        case "sftp":
            return f"{place.get('user')}@{place.get('host')}:{place.get('port')}{place.get('folder')}"
        case _:
            return ""


def lock(session: Session, tenant: Tenant, *, delivery_id: str) -> ExportDelivery:
    """The delivery, locked until the transaction ends.

    :raises NotFound: if this partner has no such delivery.
    """
    delivery = session.scalar(
        scoped(ExportDelivery, tenant)
        .where(ExportDelivery.id == delivery_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if delivery is None:
        raise NotFound(f"There is no delivery {delivery_id}.")
    return delivery


def of_batches(
    session: Session, tenant: Tenant, *, batch_ids: Sequence[str]
) -> dict[str, list[ExportDelivery]]:
    """The deliveries of batches, the newest first; one query."""
    found: dict[str, list[ExportDelivery]] = {batch_id: [] for batch_id in batch_ids}
    for row in session.scalars(
        scoped(ExportDelivery, tenant)
        .where(ExportDelivery.batch_id.in_(batch_ids))
        .order_by(ExportDelivery.id.desc())
    ):
        found[row.batch_id].append(row)
    return found


def succeed(session: Session, tenant: Tenant, *, delivery_id: str, at: datetime) -> None:
    """It arrived."""
    delivery = lock(session, tenant, delivery_id=delivery_id)
    if delivery.state == "pending":
        delivery.attempts += 1
        delivery.state, delivery.sent_at, delivery.error = "sent", at, ""


def miss(session: Session, tenant: Tenant, *, delivery_id: str, error: str, is_final: bool) -> bool:
    """An attempt failed; whether another follows. After the last one somebody is told."""
    delivery = lock(session, tenant, delivery_id=delivery_id)
    if delivery.state != "pending":
        return False
    delivery.attempts += 1
    delivery.error = error[:1000]
    if not is_final and delivery.attempts < ATTEMPTS_MAX:
        return True
    delivery.state = "failed"
    outbox.publish(
        session,
        tenant,
        "export.failed",
        profile_id=delivery.profile_id,
        reason=f"{delivery.target}: {delivery.error}",
        once_key=f"export_delivery:{delivery.id}",
    )
    return False
