"""Mail about accounts, sent after the fact; and what is swept up: operators' mail, old rows."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from haas import clock, db, settings
from haas.accounts import anchors, one_time_links, passkeys
from haas.accounts.one_time_links import INVITATION, LASTS, PASSWORD_RESET
from haas.audit import ChainReport
from haas.auth.models import OneTimeLink, PortalSession, User
from haas.auth.permissions import OWNER
from haas.mail import Letter, send
from haas.settings import Settings
from haas.tenancy.branding import Branding
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant

_PATHS = {INVITATION: "invitations", PASSWORD_RESET: "reset-password"}

KEPT = timedelta(days=90)  # ended browsers and spent links; the audit trail keeps their story


def mail_invitation(*, partner_id: str, event_id: str, user_id: str, inviter: str) -> None:
    """Make the invitation's link and mail it. A second run voids the first link and sends a new one."""
    _mail_link(
        partner_id=partner_id,
        event_id=event_id,
        user_id=user_id,
        purpose=INVITATION,
        inviter=inviter,
    )


def mail_password_reset(*, partner_id: str, event_id: str, user_id: str, asked_at: str) -> None:
    """Make the reset's link and mail it, unless it was asked for too long ago to be of use."""
    if clock.now() - datetime.fromisoformat(asked_at) > LASTS[PASSWORD_RESET]:
        return
    _mail_link(
        partner_id=partner_id,
        event_id=event_id,
        user_id=user_id,
        purpose=PASSWORD_RESET,
    )


def mail_password_changed(*, partner_id: str, event_id: str, user_id: str, changed_at: str) -> None:
    """Tell the person that the password was changed, in case it was somebody else."""
    found = _person(partner_id, user_id)
    if found is None:
        return
    user, branding = found
    own = settings.current()
    letter = Letter(
        message="password_changed",
        to=user.email,
        to_name=user.name,
        branding=branding,
        language=user.language,
        time_zone=user.time_zone,
        message_id=event_id,
        values={
            "changed_at": datetime.fromisoformat(changed_at),
            "link": f"{own.base_url}/sign-in/forgotten",
        },
    )
    send(own, letter, now=clock.now())


def mail_anchor(
    *, partner_id: str, event_id: str, day: str, links: int, head: str, broken_at: int | None
) -> None:
    """Mail the head of the partner's audit chain to each of its owners."""
    tenant = Tenant(partner_id, actor="job:anchor")
    with db.unit_of_work(tenant) as session:
        partner = session.get(Partner, partner_id)
        if partner is None:
            return
        branding = branding_of(session, partner, with_logo=False)
        owners = session.scalars(
            sa.select(User)
            .where(User.partner_id == partner_id, User.role == OWNER, User.disabled_at.is_(None))
            .order_by(User.id)
        ).all()
    report = ChainReport(chain=partner_id, links=links, broken_at=broken_at, head=head)
    own = settings.current()
    for owner in owners:
        letter = anchors.anchor_letter(own, owner, branding, report, day=day, event_id=event_id)
        send(own, letter, now=clock.now())


def sweep_operator_mail(own: Settings, now: datetime) -> None:
    """Mail the resets that operators asked for: they belong to no partner, so no outbox carries theirs."""
    with db.unit_of_work(Platform("operator", actor="job:accounts")) as session:
        for wanted in one_time_links.wanted_by_operators(session, now=now):
            user = session.get(User, wanted.user_id)
            if user is None or user.disabled_at is not None:
                wanted.used_at = now
                continue
            secret = one_time_links.make_link(
                session, user, purpose=PASSWORD_RESET, pepper=own.secret_key, now=now
            )
            vendor = Branding(display_name="haas", legal_name="haas")
            send(
                own,
                _link_letter(
                    own,
                    user,
                    vendor,
                    message_id=wanted.id,
                    purpose=PASSWORD_RESET,
                    secret=secret,
                    now=now,
                ),
                now=now,
            )


def sweep_leftovers(own: Settings, now: datetime) -> None:
    """Delete challenges nobody answered, and browsers and links that ended long ago."""
    passkeys.sweep_challenges(now=now)
    with db.unit_of_work(Platform("operator", actor="job:accounts")) as session:
        session.execute(sa.delete(PortalSession).where(PortalSession.expires_at < now - KEPT))
        session.execute(sa.delete(OneTimeLink).where(OneTimeLink.expires_at < now - KEPT))


def _mail_link(*, partner_id: str, event_id: str, user_id: str, purpose: str, **extra: str) -> None:
    found = _person(partner_id, user_id)
    if found is None or (purpose == INVITATION and found[0].password_hash is not None):
        return  # opened meanwhile, or switched off
    user, branding = found
    own, now = settings.current(), clock.now()
    # Committed before it is mailed: a link that arrives is always good.
    with db.unit_of_work(Tenant(partner_id, actor="job:accounts")) as session:
        secret = one_time_links.make_link(session, user, purpose=purpose, pepper=own.secret_key, now=now)
    letter = _link_letter(
        own,
        user,
        branding,
        message_id=event_id,
        purpose=purpose,
        secret=secret,
        now=now,
        **extra,
    )
    send(own, letter, now=now)


def _link_letter(
    own: Settings,
    user: User,
    branding: Branding,
    *,
    message_id: str,
    purpose: str,
    secret: str,
    now: datetime,
    **extra: str,
) -> Letter:
    return Letter(
        message=purpose,
        to=user.email,
        to_name=user.name,
        branding=branding,
        language=user.language,
        time_zone=user.time_zone,
        message_id=message_id,
        values={
            "link": f"{own.base_url}/{_PATHS[purpose]}/{secret}",
            "expires_at": now + LASTS[purpose],
            **extra,
        },
    )


def _person(partner_id: str, user_id: str) -> tuple[User, Branding] | None:
    with db.unit_of_work(Tenant(partner_id, actor="job:accounts")) as session:
        user, partner = session.get(User, user_id), session.get(Partner, partner_id)
        if user is None or partner is None or user.disabled_at is not None:
            return None
        return user, branding_of(session, partner, with_logo=False)
