"""Invitations and password resets: asked for in a request, made and mailed by a job, good once.

The secret of a link is born in the job that mails it: neither the outbox nor the database ever holds it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import audit, db, outbox
from haas.accounts import sessions
from haas.accounts.people import find_by_email, home_of, may_enter, normal_email
from haas.auth.models import OneTimeLink, User
from haas.auth.passwords import check_strength, hash_password
from haas.auth.tokens import keyed_hash
from haas.errors import Conflict, NotFound
from haas.ids import new_id, new_secret
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Stranger, Tenant

INVITATION, PASSWORD_RESET = "invitation", "password_reset"
LASTS = {INVITATION: timedelta(days=7), PASSWORD_RESET: timedelta(hours=1)}
_ASK_AGAIN_AFTER = timedelta(minutes=1)
_WANTED = "wanted:"  # a row whose secret is yet to be made by the sweep: operators have no outbox


def ask_for_reset(*, email: str, now: datetime) -> None:
    """Have a reset mailed to everyone with this address. Nobody is told whether there is such a person."""
    people = [user for user in find_by_email(email) if user.disabled_at is None]
    for user in people:
        with db.unit_of_work(home_of(user)) as session:
            if may_enter(session, user):
                _want(session, user, now)
    if not people:
        # As much work as for a person, and a trace of whoever probes addresses.
        with db.unit_of_work(Platform("operator", actor="stranger", door="portal")) as session:
            audit.note(
                session,
                action="reset_of_unknown",
                subject="app_user",
                subject_id="",
                details={"email": normal_email(email)[:80]},
            )


def make_link(session: Session, user: User, *, purpose: str, pepper: str, now: datetime) -> str:
    """A new secret for `user`, in the home scope; earlier links for the same purpose are void."""
    session.execute(
        sa.update(OneTimeLink)
        .where(
            OneTimeLink.user_id == user.id,
            OneTimeLink.purpose == purpose,
            OneTimeLink.used_at.is_(None),
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    secret = new_secret()
    session.add(
        OneTimeLink(
            id=new_id("otl"),
            user_id=user.id,
            partner_id=user.partner_id,
            purpose=purpose,
            token_hash=_hash(secret, pepper),
            created_at=now,
            expires_at=now + LASTS[purpose],
        )
    )
    session.flush()
    return secret


def find_person(secret: str, *, purpose: str, pepper: str, now: datetime) -> tuple[User, Partner | None]:
    """Whom a link is for.

    :raises NotFound: if it was used, replaced, is too old, or was never made.
    """
    gone = NotFound("This link was used already or is too old. Ask for a new one.")
    key = _hash(secret, pepper)
    with db.unit_of_work(Stranger(key)) as session:
        link = session.scalar(sa.select(OneTimeLink).where(OneTimeLink.token_hash == key))
    if link is None or link.purpose != purpose or link.used_at is not None or link.expires_at <= now:
        raise gone
    home = Tenant(link.partner_id, actor=link.user_id) if link.partner_id else Platform(actor=link.user_id)
    with db.unit_of_work(home) as session:
        user = session.get(User, link.user_id)
        if user is None or not may_enter(session, user):
            raise gone
        return user, session.get(Partner, user.partner_id) if user.partner_id else None


def use_link(secret: str, *, purpose: str, password: str, pepper: str, now: datetime) -> User:
    """Set the password and spend the link; every browser of the person is signed out, failures forgotten.

    The second factor stays: whoever can read the mail alone does not get in.

    :raises NotFound: if the link is no longer good.
    :raises InvalidInput: if the password is easily guessed.
    """
    user, partner = find_person(secret, purpose=purpose, pepper=pepper, now=now)
    check_strength(password, about=[user.name, user.email, partner.name if partner else ""])
    hashed = hash_password(password)
    with db.unit_of_work(home_of(user)) as session:
        spent = session.execute(
            sa.update(OneTimeLink)
            .where(OneTimeLink.token_hash == _hash(secret, pepper), OneTimeLink.used_at.is_(None))
            .values(used_at=now)
            .execution_options(synchronize_session=False)
        )
        if not spent.rowcount:  # type: ignore[attr-defined]
            raise NotFound("This link was used already or is too old. Ask for a new one.")
        person = session.scalars(sa.select(User).where(User.id == user.id).with_for_update()).one()
        set_password(session, person, hashed=hashed, now=now, keep_session=None)
        return person


def set_password(
    session: Session, person: User, *, hashed: str, now: datetime, keep_session: str | None
) -> None:
    """Replace the hash, end the other browsers, forget failures, and have the person told by mail."""
    had_one = person.password_hash is not None
    person.password_hash = hashed
    person.failed_sign_ins = 0
    person.locked_until = None
    session.flush()
    sessions.end_all(session, person, now=now, but=keep_session)
    if had_one and person.partner_id is not None:
        outbox.publish(
            session,
            Tenant(person.partner_id),
            "account.password_changed",
            user_id=person.id,
            changed_at=now.isoformat(),
        )


def wanted_by_operators(session: Session, *, now: datetime) -> list[OneTimeLink]:
    """Resets that operators asked for and that are not mailed yet; locked for the sweep."""
    return list(
        session.scalars(
            sa.select(OneTimeLink)
            .where(
                OneTimeLink.partner_id.is_(None),
                OneTimeLink.token_hash.startswith(_WANTED),
                OneTimeLink.used_at.is_(None),
                OneTimeLink.expires_at > now,
            )
            .with_for_update(skip_locked=True)
        )
    )


def _want(session: Session, user: User, now: datetime) -> None:
    if _asked_just_now(session, user, now):
        return
    audit.note(session, action="reset_asked", subject="app_user", subject_id=user.id, details={})
    if user.partner_id is not None:
        asked = now.replace(second=0, microsecond=0).isoformat()
        outbox.publish(
            session,
            Tenant(user.partner_id),
            "account.password_reset_asked",
            user_id=user.id,
            asked_at=asked,
        )
        session.flush()
        return
    link_id = new_id("otl")
    session.add(
        OneTimeLink(
            id=link_id,
            user_id=user.id,
            partner_id=None,
            purpose=PASSWORD_RESET,
            token_hash=_WANTED + link_id,
            created_at=now,
            expires_at=now + LASTS[PASSWORD_RESET],
        )
    )
    session.flush()


def _asked_just_now(session: Session, user: User, now: datetime) -> bool:
    """Whether a mail went out within the last minute: nobody's mailbox is to be flooded."""
    statement = sa.select(sa.func.count()).where(
        OneTimeLink.user_id == user.id,
        OneTimeLink.purpose == PASSWORD_RESET,
        OneTimeLink.created_at > now - _ASK_AGAIN_AFTER,
    )
    return bool(session.scalar(statement))


def demand_unopened(user: User) -> None:
    """Before another invitation.

    :raises Conflict: if the person has opened the account already.
    """
    if user.password_hash is not None:
        raise Conflict(f"{user.name} has opened the account already.")


def _hash(secret: str, pepper: str) -> str:
    return keyed_hash(secret, pepper=pepper, purpose="one_time_link")
