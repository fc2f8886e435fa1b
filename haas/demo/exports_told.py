"""The demo's exports: the year in the accountant's journal, and a profile that waits for its mapping."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant
from invoicing.exports import batches, destinations, profiles, writing
from invoicing.exports.schedule import Cut, Rhythm

_ACCOUNTANT = "books@accountant.example"


def export_to_books(session: Session, tenant: Tenant, *, at: datetime) -> None:
    """A batch of all that was posted; invoices for Xero wait, because no tax has a name there yet."""
    journal = profiles.create_profile(
        session,
        tenant,
        name="Accountant, journal",
        format="beancount",
        content="journal",
        at=at,
        alert_email=_ACCOUNTANT,
    )
    batch = batches.start(session, tenant, profile_id=journal.id, at=at)
    name, media_type, content = writing.rendered(session, tenant, batch=batch)
    batches.finish(
        session, tenant, batch_id=batch.id, name=name, media_type=media_type, content=content, at=at
    )
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
