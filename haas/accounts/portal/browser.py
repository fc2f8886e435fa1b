"""What sign-in pages know of a browser: its cookie, its address, where it may go, whose rows it sees."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import current_app, request
from flask import session as cookie
from sqlalchemy.orm import Session

from haas import clock, db
from haas.accounts.people import get_person
from haas.auth.caller import Caller
from haas.auth.identify import SESSION_KEY, Identity, identify
from haas.auth.models import User
from haas.errors import Conflict, NotAllowed
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import Stranger


def own_settings() -> Settings:
    """The settings of this application."""
    own: Settings = current_app.config["HAAS"]
    return own


def who(now: datetime | None = None) -> Identity | None:
    """Who this browser is signed in as, if only half; none for a stranger."""
    return identify(request, pepper=own_settings().secret_key, now=now or clock.now())


def remember(token: str) -> None:
    """Give the browser a new token; nothing of the visit before survives, not even its CSRF token."""
    cookie.clear()
    cookie[SESSION_KEY] = token


def forget() -> None:
    """Take the token away."""
    cookie.clear()


def address() -> str:
    """Where the browser is."""
    return request.remote_addr or ""


def partner_at(slug: str) -> Partner | None:
    """Whose brand a page before sign-in wears; none for an unknown name."""
    if not slug.isascii() or not slug.isprintable():
        return None
    with db.unit_of_work(Stranger(slug)) as session:
        return session.scalar(sa.select(Partner).where(Partner.slug == slug))


def local_path(target: str) -> str | None:
    """`target` if it is a path of this portal: a link must not send people elsewhere after they signed in."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not target.startswith("/") or target[1:2] in ("/", "\\"):
        return None
    return target if target.isprintable() and not target.startswith("/sign-") else None


def own_rows(caller: Caller) -> tuple[Session, User]:
    """The session and the caller's own row in it, for pages about the caller's own account.

    :raises Conflict: for an operator inside a partner, whose transaction cannot see the operator's own rows.
    :raises NotAllowed: for a program: accounts are kept by people.
    """
    if caller.identity.session_id is None:
        raise NotAllowed("This is done in a browser, not with an API token.")
    if caller.user.partner_id is None and caller.identity.partner is not None:
        raise Conflict(f"Leave {caller.identity.partner.name} first: this is your own account.")
    return caller.session, get_person(caller.session, caller.scope, user_id=caller.user.id)
