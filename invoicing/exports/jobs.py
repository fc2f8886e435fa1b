"""Jobs of exports: write a batch, send it, tell of what failed, start what a schedule wants."""

from __future__ import annotations

import logging
from datetime import datetime

import sqlalchemy as sa

from haas import clock, db, mail
from haas.auth import vault
from haas.auth.models import User
from haas.auth.permissions import FINANCE, OWNER
from haas.calendar import local_day
from haas.crash import crashpoint
from haas.files import get_file
from haas.settings import Settings
from haas.settings import current as current_settings
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Partner
from haas.tenancy.partners import working_partners
from haas.tenancy.scope import Tenant
from invoicing.exports import batches, deliveries, destinations, schedules, sftp, writing
from invoicing.exports.letters import failure_letter, ready_letter
from invoicing.exports.profiles import get_profile

log = logging.getLogger(__name__)


def write_batch(*, partner_id: str, event_id: str, batch_id: str) -> None:
    """Write the file of a claimed batch. A second run finds it written."""
    writing.write_batch(Tenant(partner_id, actor="job:export", request_id=event_id), batch_id=batch_id)


def deliver(*, partner_id: str, event_id: str, delivery_id: str) -> None:
    """Send a batch's file once. A failure is noted, and raised for the outbox to try again after a pause.

    A second run sends the same message, or finds the same file on the other side.
    """
    tenant, own = Tenant(partner_id, actor="job:export", request_id=event_id), current_settings()
    with db.unit_of_work(tenant) as session:
        delivery = deliveries.lock(session, tenant, delivery_id=delivery_id)
        if delivery.state != "pending":
            return
        batch = batches.get_batch(session, tenant, batch_id=delivery.batch_id)
        profile = get_profile(session, tenant, profile_id=delivery.profile_id)
        stored = get_file(session, tenant, file_id=str(batch.file_id))
        content, media_type = stored.content, stored.media_type
        partner = session.get_one(Partner, partner_id)
        branding = branding_of(session, partner, with_logo=False)
    crashpoint("export.before_upload")
    try:
        if delivery.channel == "mail":
            letter = ready_letter(
                own, partner, branding, delivery=delivery, batch=batch, content=content, media_type=media_type
            )
            mail.send(own, letter, now=clock.now())
        else:
            place = destinations.place_of(profile, secret_key=own.secret_key)
            sftp.upload(place, name=batch.file_name, content=content, allow_private=own.sftp_private_hosts)
    except (mail.MailNotSent, sftp.SftpFailed, vault.SecretKeyChanged) as failure:
        _miss(tenant, delivery_id, failure)
        return
    crashpoint("export.after_upload")
    with db.unit_of_work(tenant) as session:
        deliveries.succeed(session, tenant, delivery_id=delivery_id, at=clock.now())


def tell_of_failure(*, partner_id: str, event_id: str, profile_id: str, reason: str) -> None:
    """Mail whoever the profile names, else the people of finance and the owners."""
    tenant, own = Tenant(partner_id, actor="job:export", request_id=event_id), current_settings()
    with db.unit_of_work(tenant) as session:
        profile = get_profile(session, tenant, profile_id=profile_id)
        partner = session.get_one(Partner, partner_id)
        branding = branding_of(session, partner, with_logo=False)
        people = session.scalars(
            sa.select(User)
            .where(
                User.partner_id == partner_id,
                User.role.in_((OWNER, FINANCE)),
                User.disabled_at.is_(None),
            )
            .order_by(User.id)
        ).all()
        told = [profile.alert_email] if profile.alert_email else [user.email for user in people]
    for number, address in enumerate(told):
        letter = failure_letter(
            own,
            partner,
            branding,
            profile=profile,
            to=address,
            reason=reason,
            message_id=f"{event_id}-{number}",
        )
        mail.send(own, letter, now=clock.now())


def start_due(settings: Settings, now: datetime) -> None:
    """Start every batch whose time has come where its partner is."""
    moment = clock.now()
    for partner in working_partners(actor="job:timetable"):
        tenant = Tenant(partner.id, actor="job:timetable")
        with db.unit_of_work(tenant) as session:
            due = schedules.due_profiles(session, tenant, now=moment)
        for profile_id in due:
            with db.unit_of_work(tenant) as session:
                schedules.start_scheduled(
                    session,
                    tenant,
                    profile_id=profile_id,
                    now=moment,
                    today=local_day(moment, partner.time_zone),
                    zone=partner.time_zone,
                )


def _miss(tenant: Tenant, delivery_id: str, failure: Exception) -> None:
    is_final = getattr(failure, "is_final", False) or isinstance(failure, vault.SecretKeyChanged)
    with db.unit_of_work(tenant) as session:
        goes_on = deliveries.miss(
            session, tenant, delivery_id=delivery_id, error=str(failure), is_final=is_final
        )
    if goes_on:
        raise failure
