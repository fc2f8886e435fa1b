"""Batches that are made by themselves: whose time has come, and what follows when nothing can be made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from haas import outbox
from haas.errors import HaasError
from haas.tenancy.scope import Tenant, scoped
from invoicing.exports.batches import NothingWaits, start
from invoicing.exports.models import ExportProfile
from invoicing.exports.schedule import Cut, Rhythm, Schedule, cut_off


def due_profiles(session: Session, tenant: Tenant, *, now: datetime) -> Sequence[str]:
    """The ids of profiles whose next batch is due."""
    return session.scalars(
        scoped(ExportProfile, tenant)
        .where(ExportProfile.next_at <= now, ExportProfile.archived_at.is_(None))
        .order_by(ExportProfile.id)
        .with_only_columns(ExportProfile.id)
    ).all()


def start_scheduled(
    session: Session, tenant: Tenant, *, profile_id: str, now: datetime, today: date, zone: str
) -> None:
    """Move the profile on to its next time, and make its batch; once, whoever else looks at the same moment.

    Times that passed while nothing ran are made good by one batch. A refusal is told by mail.
    """
    profile = session.scalar(
        scoped(ExportProfile, tenant)
        .where(ExportProfile.id == profile_id, ExportProfile.next_at <= now)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if profile is None:
        return
    schedule = Schedule(
        rhythm=Rhythm(profile.rhythm),
        at_minute=profile.at_minute,
        weekday=profile.weekday,
        month_day=profile.month_day,
        zone=zone,
    )
    profile.next_at = schedule.next_after(now)
    session.flush()
    until = cut_off(Cut(profile.cut), today=today)
    try:
        with session.begin_nested():
            start(session, tenant, profile_id=profile_id, at=now, until=until)
    except NothingWaits:
        return
    except HaasError as refusal:
        outbox.publish(session, tenant, "export.failed", profile_id=profile_id, reason=refusal.message[:1000])
