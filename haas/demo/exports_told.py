"""The demo's exports: the year in three formats, one taken back, and a profile that waits for its mapping."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant
from invoicing.exports import batches, destinations, profiles, writing
from invoicing.exports.models import ExportBatch, ExportProfile
from invoicing.exports.schedule import Cut, Rhythm

_ACCOUNTANT = "books@accountant.example"


def export_to_books(session: Session, tenant: Tenant, *, at: datetime) -> None:
    """A batch of all that was posted; invoices for Xero wait, because no tax has a name there yet."""
    journal = _profile(session, tenant, name="Accountant, journal", format_name="beancount", at=at)
    _write(session, tenant, batches.start(session, tenant, profile_id=journal.id, at=at), at=at)
    for name, format_name in (("Controlling, journal", "journal_csv"), ("Auditor, journal", "hledger")):
        profile = _profile(session, tenant, name=name, format_name=format_name, at=at)
        batch = batches.start(session, tenant, profile_id=profile.id, at=at)
        _write(session, tenant, batch, at=at)
    back = batches.reverse(
        session, tenant, batch_id=batch.id, reason="The auditor asked for closed months alone", at=at
    )
    _write(session, tenant, back, at=at)
    profiles.change_profile(
        session,
        tenant,
        profile_id=journal.id,
        now=at,
        name=journal.name,
        contact_rule=journal.contact_rule,
        begins_on=None,
        options={},
        alert_email=_ACCOUNTANT,
        rhythm=Rhythm.MONTHLY.value,
        at_minute=360,
        weekday=0,
        month_day=3,
        cut=Cut.ENDED_MONTHS.value,
    )
    destinations.send_by_mail(session, tenant, profile_id=journal.id, address=_ACCOUNTANT)
    profiles.create_profile(session, tenant, name="Xero, sales", format="xero", content="sales", at=at)


def _profile(session: Session, tenant: Tenant, *, name: str, format_name: str, at: datetime) -> ExportProfile:
    return profiles.create_profile(
        session,
        tenant,
        name=name,
        format=format_name,
        content="journal",
        at=at,
        alert_email=_ACCOUNTANT,
    )


def _write(session: Session, tenant: Tenant, batch: ExportBatch, *, at: datetime) -> None:
    name, media_type, content = writing.rendered(session, tenant, batch=batch)
    batches.finish(
        session, tenant, batch_id=batch.id, name=name, media_type=media_type, content=content, at=at
    )
