"""Batches: claimed in one transaction, written by a job, finished in another; taken back by a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import outbox, progress
from haas.crash import crashpoint
from haas.errors import Conflict, HaasError, NotFound
from haas.files import store_file
from haas.ids import new_id
from haas.series import take_number
from haas.tenancy.scope import Tenant, scoped
from invoicing.bulk import insert_rows
from invoicing.exports import deliveries
from invoicing.exports.contents import ItemKind
from invoicing.exports.dry_run import missing_of, wanted_of
from invoicing.exports.formats import FORMATS
from invoicing.exports.mapping import Unmapped
from invoicing.exports.models import ExportBatch, ExportItem, ExportProfile
from invoicing.exports.profiles import get_profile, names_of
from invoicing.exports.waiting import Waiting, list_waiting

KIND = "export_batch"


class NothingWaits(Conflict):
    """Everything that a profile takes stands in a batch already."""

    code = "nothing_waits"


def start(
    session: Session, tenant: Tenant, *, profile_id: str, at: datetime, until: date | None = None
) -> ExportBatch:
    """Claim all that waits for the profile's books, the oldest first; a job writes the file.

    :param until: leave out what is dated from this day on; else everything is taken.
    :raises Unmapped: naming every key that the mapping lacks. Nothing is claimed then.
    :raises NothingWaits: if there is nothing to take.
    :raises Conflict: if the profile is put away, or a rival claims for the same books.
    """
    profile = get_profile(session, tenant, profile_id=profile_id)
    if profile.archived_at is not None:
        raise Conflict(f"{profile.name} is put away: make a new profile.")
    _lock_family(session, tenant, profile.family)
    most = FORMATS[profile.format].items_max
    rows = list_waiting(session, tenant, wanted=wanted_of(profile, until=until), most=most)
    if not rows:
        raise NothingWaits("Nothing waits: all that this profile takes stands in a batch.")
    names = names_of(session, tenant, profile=profile)
    missing = missing_of(session, tenant, profile=profile, names=names, rows=rows)
    if missing:
        raise Unmapped((each.kind, each.key) for each in missing)
    return _claim(
        session,
        tenant,
        rows=rows,
        at=at,
        of=profile,
        mapping=[[kind.value, key, value] for (kind, key), value in sorted(names.rows.items())],
    )


def reverse(session: Session, tenant: Tenant, *, batch_id: str, reason: str, at: datetime) -> ExportBatch:
    """Take a batch back by one of its own, in the same format. Once it is written, its rows may go again.

    :raises Conflict: if the batch is not done, takes another back itself, or was taken back already.
    """
    batch = get_batch(session, tenant, batch_id=batch_id, lock=True)
    if batch.state != "done":
        raise Conflict(f"{batch.number} is not done: there is nothing to take back.")
    if batch.reverses_batch_id is not None:
        raise Conflict(f"{batch.number} takes a batch back itself: what it freed is in the next batch.")
    if reversal_of(session, tenant, batch_id=batch_id) is not None:
        raise Conflict(f"{batch.number} was taken back already.")
    items = session.scalars(
        scoped(ExportItem, tenant).where(ExportItem.batch_id == batch_id).order_by(ExportItem.position)
    )
    rows = [
        Waiting(
            ItemKind(item.item_kind), item.item_id, item.number, item.dated_on, -item.amount, item.currency
        )
        for item in items
    ]
    return _claim(
        session, tenant, rows=rows, at=at, of=batch, mapping=batch.mapping, reverses=batch, reason=reason
    )


def get_batch(session: Session, tenant: Tenant, *, batch_id: str, lock: bool = False) -> ExportBatch:
    """One batch, locked if it is to be changed.

    :raises NotFound: if this partner has no such batch.
    """
    statement = scoped(ExportBatch, tenant).where(ExportBatch.id == batch_id)
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    batch = session.scalar(statement)
    if batch is None:
        raise NotFound(f"There is no export batch {batch_id}.")
    return batch


def reversal_of(session: Session, tenant: Tenant, *, batch_id: str) -> ExportBatch | None:
    """The batch that takes this one back, if there is one."""
    return session.scalar(
        scoped(ExportBatch, tenant).where(
            ExportBatch.reverses_batch_id == batch_id, ExportBatch.state != "failed"
        )
    )


def list_batches(tenant: Tenant, *, profile_id: str | None = None, state: str | None = None) -> Any:
    """Batches, to be paged by the caller."""
    statement = scoped(ExportBatch, tenant)
    if profile_id:
        statement = statement.where(ExportBatch.profile_id == profile_id)
    return statement.where(ExportBatch.state == state) if state else statement


def list_items(tenant: Tenant, *, batch_id: str) -> Any:
    """What stands in a batch, to be paged by the caller."""
    return scoped(ExportItem, tenant).where(ExportItem.batch_id == batch_id)


def ids_in(session: Session, tenant: Tenant, *, batch_id: str) -> dict[ItemKind, list[str]]:
    """The ids of a batch's rows by kind, in its order; one query."""
    found = session.execute(
        scoped(ExportItem, tenant)
        .where(ExportItem.batch_id == batch_id)
        .order_by(ExportItem.position)
        .with_only_columns(ExportItem.item_kind, ExportItem.item_id)
    )
    ids: dict[ItemKind, list[str]] = defaultdict(list)
    for kind, item_id in found:
        ids[ItemKind(kind)].append(item_id)
    return ids


def finish(
    session: Session,
    tenant: Tenant,
    *,
    batch_id: str,
    name: str,
    media_type: str,
    content: bytes,
    at: datetime,
) -> None:
    """Keep the file and all that follows from it, unless a rival has. What was taken back is free again."""
    batch = get_batch(session, tenant, batch_id=batch_id, lock=True)
    if batch.state != "claimed":
        return
    stored = store_file(
        session,
        tenant,
        kind=KIND,
        name=name,
        media_type=media_type,
        content=content,
        once_key=f"{KIND}:{batch_id}",
    )
    batch.state, batch.finished_at = "done", at
    batch.file_id, batch.file_name, batch.sha256 = stored.id, stored.name, stored.sha256
    session.flush()
    if batch.reverses_batch_id is not None:
        _release(session, tenant, batch_id=batch.reverses_batch_id, by=batch_id)
    progress.finish(
        session, tenant, job_id=batch.long_job_id, file_id=stored.id, result={"items": batch.items}
    )
    outbox.publish(session, tenant, "export.finished", batch_id=batch_id, once_key=f"exported:{batch_id}")
    profile = get_profile(session, tenant, profile_id=batch.profile_id)
    if profile.channel != "none":
        deliveries.request(session, tenant, batch=batch, profile=profile, at=at)
    session.flush()


def fail(session: Session, tenant: Tenant, *, batch_id: str, refusal: HaasError, at: datetime) -> None:
    """Give back what was claimed, and say why; what is put right goes with the next batch."""
    batch = get_batch(session, tenant, batch_id=batch_id, lock=True)
    if batch.state != "claimed":
        return
    batch.state, batch.error, batch.finished_at = "failed", refusal.message, at
    session.flush()
    _release(session, tenant, batch_id=batch_id, by=batch_id)
    progress.finish(session, tenant, job_id=batch.long_job_id, error=refusal.message)
    outbox.publish(
        session, tenant, "export.failed", profile_id=batch.profile_id, reason=refusal.message[:1000]
    )
    session.flush()


def _claim(
    session: Session,
    tenant: Tenant,
    *,
    rows: Sequence[Waiting],
    at: datetime,
    of: ExportProfile | ExportBatch,
    mapping: list[Any],
    reverses: ExportBatch | None = None,
    reason: str = "",
) -> ExportBatch:
    title = f"Taking {reverses.number} back" if reverses else f"Export to {_name(of)}"
    batch_id = new_id("exb")
    job = progress.start(
        session, tenant, kind=KIND, title=title, arguments={"batch_id": batch_id}, total=len(rows)
    )
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row.currency] += row.amount
    batch = ExportBatch(
        partner_id=tenant.partner_id,
        id=batch_id,
        number=take_number(session, tenant, series=f"export-{at.year}", pattern=f"EXP-{at.year}-{{:05d}}"),
        profile_id=of.profile_id if isinstance(of, ExportBatch) else of.id,
        format=of.format,
        content=of.content,
        family=of.family,
        options=dict(of.options),
        mapping=mapping,
        contact_rule=of.contact_rule,
        dated_from=min(row.dated_on for row in rows),
        dated_until=max(row.dated_on for row in rows) + timedelta(days=1),
        items=len(rows),
        sums={currency: f"{amount:f}" for currency, amount in sorted(sums.items())},
        long_job_id=job.id,
        reverses_batch_id=reverses.id if reverses else None,
        reason=reason,
        created_at=at,
        created_by=tenant.actor,
    )
    try:
        with session.begin_nested():
            session.add(batch)
            session.flush()
            insert_rows(session, ExportItem, _item_rows(tenant, batch, rows))
    except sa.exc.IntegrityError as rival:
        raise Conflict("Somebody else exports to the same books at this moment. Look again.") from rival
    outbox.publish(session, tenant, "export.claimed", batch_id=batch_id)
    session.flush()
    crashpoint("export.items_inserted")
    return batch


def _item_rows(tenant: Tenant, batch: ExportBatch, rows: Sequence[Waiting]) -> list[dict[str, Any]]:
    return [
        {
            "partner_id": tenant.partner_id,
            "id": new_id("exi"),
            "batch_id": batch.id,
            "position": position,
            "family": batch.family,
            "item_kind": row.item_kind.value,
            "item_id": row.id,
            "number": row.number,
            "dated_on": row.dated_on,
            "amount": row.amount,
            "currency": row.currency,
            "is_reversal": batch.reverses_batch_id is not None,
        }
        for position, row in enumerate(rows, start=1)
    ]


def _release(session: Session, tenant: Tenant, *, batch_id: str, by: str) -> None:
    session.execute(
        sa.update(ExportItem)
        .where(
            ExportItem.partner_id == tenant.partner_id,
            ExportItem.batch_id == batch_id,
            ExportItem.released_by_id.is_(None),
        )
        .values(released_by_id=by)
        .execution_options(synchronize_session=False)
    )


def _lock_family(session: Session, tenant: Tenant, family: str) -> None:
    """One claim at a time for the same books: the second sees what the first has taken."""
    session.execute(
        sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"export:{tenant.partner_id}:{family}")))
    )


def _name(of: ExportProfile | ExportBatch) -> str:
    return of.name if isinstance(of, ExportProfile) else of.number
