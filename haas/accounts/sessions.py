"""Signed-in browsers: opened with a new token, listed, ended. The cookie holds the token and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import audit, db
from haas.accounts.people import home_of
from haas.auth.identify import IDLE_LIMIT, is_fresh
from haas.auth.models import PortalSession, User
from haas.auth.tokens import keyed_hash
from haas.errors import HaasError, NotFound
from haas.ids import new_id, new_secret

LASTS = timedelta(days=14)
FRESH_FOR = timedelta(minutes=15)  # how long after a proof sensitive changes ask for no other
_AGENT_LENGTH = 300


class ConfirmFirst(HaasError):
    """A sensitive change asks again who is at the keys."""

    status = 403
    code = "confirm_first"


def open_for(
    session: Session,
    user: User,
    *,
    pepper: str,
    now: datetime,
    address: str,
    user_agent: str,
    by: str,
    second_factor: bool,
) -> str:
    """Begin a signed-in browser in `user`'s home scope; answers the token for its cookie.

    :param by: password, password+code or passkey, for the audit trail.
    :param second_factor: whether a second factor was proven; a user who owes one is half signed in.
    """
    token = new_secret()
    opened = PortalSession(
        id=new_id("ses"),
        token_hash=_hash(token, pepper),
        user_id=user.id,
        partner_id=user.partner_id,
        created_at=now,
        seen_at=now,
        expires_at=now + LASTS,
        second_factor_at=now if second_factor else None,
        address=address,
        user_agent=user_agent[:_AGENT_LENGTH],
    )
    session.add(opened)
    session.flush()
    if second_factor or user.totp_confirmed_at is None:
        _note(session, "signed_in", user, by=by, address=address)
    return token


def complete(session: Session, user: User, *, session_id: str, pepper: str, now: datetime, by: str) -> str:
    """The second factor was right: the half signed-in browser gets a new token and is signed in."""
    token = new_secret()
    opened = _get(session, user, session_id)
    opened.token_hash = _hash(token, pepper)
    opened.second_factor_at = now
    session.flush()
    _note(session, "signed_in", user, by=by, address=opened.address)
    return token


def renew(
    session: Session,
    user: User,
    *,
    session_id: str,
    pepper: str,
    now: datetime,
    second_factor: bool = False,
) -> str:
    """A new token for a browser that stays signed in while all others were ended.

    :param second_factor: whether the person has just shown a second factor, too.
    """
    token = new_secret()
    opened = _get(session, user, session_id)
    opened.token_hash = _hash(token, pepper)
    opened.confirmed_at = now
    if second_factor:
        opened.second_factor_at = now
    session.flush()
    return token


def end(session: Session, user: User, *, session_id: str, now: datetime) -> PortalSession:
    """Sign one of the user's browsers out.

    :raises NotFound: if it is somebody else's or ended before.
    """
    opened = _get(session, user, session_id)
    opened.ended_at = now
    session.flush()
    _note(session, "signed_out", user, browser=session_id)
    return opened


def end_all(session: Session, user: User, *, now: datetime, but: str | None = None) -> int:
    """Sign all of the user's browsers out, but `but`. Answers how many."""
    ended = session.execute(
        sa.update(PortalSession)
        .where(
            PortalSession.user_id == user.id,
            PortalSession.ended_at.is_(None),
            PortalSession.id != (but or ""),
        )
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )
    count = int(ended.rowcount)  # type: ignore[attr-defined]
    if count:
        _note(session, "signed_out_everywhere", user, browsers=count)
    return count


def list_open(session: Session, user: User, *, now: datetime) -> list[PortalSession]:
    """The user's signed-in browsers, most recently used first."""
    return list(
        session.scalars(
            sa.select(PortalSession)
            .where(
                PortalSession.user_id == user.id,
                PortalSession.ended_at.is_(None),
                PortalSession.expires_at > now,
                PortalSession.seen_at > now - IDLE_LIMIT,
            )
            .order_by(PortalSession.seen_at.desc(), PortalSession.id)
        )
    )


def confirm(session: Session, user: User, *, session_id: str, now: datetime) -> None:
    """Remember that the person proved again who they are."""
    _get(session, user, session_id).confirmed_at = now
    session.flush()
    _note(session, "confirmed", user, browser=session_id)


def demand_fresh(user: User, *, session_id: str | None, now: datetime) -> None:
    """Before a sensitive change.

    :raises ConfirmFirst: if the last proof is too long ago, or the caller is no browser.
    """
    with db.unit_of_work(home_of(user)) as session:
        if session_id is None or not is_fresh(session, session_id, now=now, within=FRESH_FOR):
            raise ConfirmFirst("Confirm that it is you first.")


def device_words(user_agent: str) -> str:
    """A browser's name in words that its owner recognises, such as "Firefox on Windows"."""
    browsers = (
        ("Edg", "Edge"),
        ("OPR", "Opera"),
        ("Firefox", "Firefox"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
    )
    systems = (
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    )
    browser = next((name for mark, name in browsers if mark in user_agent), "")
    system = next((name for mark, name in systems if mark in user_agent), "")
    return " on ".join(part for part in (browser, system) if part) or user_agent[:60] or "unknown browser"


def _get(session: Session, user: User, session_id: str) -> PortalSession:
    found = session.scalar(
        sa.select(PortalSession).where(
            PortalSession.id == session_id,
            PortalSession.user_id == user.id,
            PortalSession.ended_at.is_(None),
        )
    )
    if found is None:
        raise NotFound("There is no such signed-in browser.")
    return found


def _hash(token: str, pepper: str) -> str:
    return keyed_hash(token, pepper=pepper, purpose="portal_session")


def _note(session: Session, action: str, user: User, **details: object) -> None:
    audit.note(session, action=action, subject="app_user", subject_id=user.id, details=details)
