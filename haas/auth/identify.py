"""Request -> Identity: by API token or by portal session. No permission is decided here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import Request
from flask import session as cookie
from sqlalchemy.orm import Session

from haas import db
from haas.auth.models import ApiToken, PortalSession, User
from haas.auth.permissions import OWNER, permissions_of
from haas.auth.tokens import keyed_hash, looks_like_token
from haas.errors import NotSignedIn
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Platform, Stranger, Tenant

PROGRAM_PATHS = ("/v1/", "/agent/v1/", "/webhooks/")
SESSION_KEY = "haas_session"  # in the signed cookie: the portal session's token, nothing else
IDLE_LIMIT = timedelta(hours=12)
_SEEN_EVERY = timedelta(minutes=5)  # how often a session's last use is written
_TOKEN_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, at which level, with which permissions."""

    user: User
    permissions: frozenset[str]
    partner: Partner | None  # none: an operator who is not inside a partner
    session_id: str | None  # the portal session, none for a token
    token_id: str | None
    door: str
    half_signed_in: bool = False  # the password was right, the second factor is still owed

    def scope(self, request_id: str) -> Tenant | Platform:
        """In whose name the request's transaction runs."""
        actor = self.token_id or self.user.id
        if self.partner is None:
            return Platform("operator", actor=actor, door=self.door)
        return Tenant(
            self.partner.id,
            client_id=self.user.client_id,
            actor=actor,
            door=self.door,
            request_id=request_id,
        )


def identify(request: Request, *, pepper: str, now: datetime) -> Identity | None:
    """Who sent this request; none for a stranger.

    :raises NotSignedIn: if a token was sent that is not good: an expired key must not turn into a stranger.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _by_token(token.strip(), pepper=pepper, now=now)
    # A program must bring a token: the API takes no cookie, so it needs no CSRF token either.
    if not request.path.startswith(PROGRAM_PATHS) and (opened := cookie.get(SESSION_KEY)):
        return _by_session(str(opened), pepper=pepper, now=now)
    return None


def _by_token(token: str, *, pepper: str, now: datetime) -> Identity:
    refusal = NotSignedIn("This API token is not valid: it may be mistyped, expired or revoked.")
    if not looks_like_token(token):
        raise refusal
    key = keyed_hash(token, pepper=pepper, purpose="api_token")
    with db.unit_of_work(Stranger(key, door="api")) as session:
        found = session.scalar(sa.select(ApiToken).where(ApiToken.token_hmac == key))
    if found is None or found.revoked_at is not None or found.expires_at <= now:
        raise refusal
    tenant = Tenant(found.partner_id, actor=found.id, door="api")
    with db.unit_of_work(tenant) as session:
        user, partner = _user_and_partner(session, found.created_by, found.partner_id)
        if user is None or partner is None or user.disabled_at or partner.suspended_at:
            raise refusal
        if _is_archived(session, user):
            raise refusal
        if found.last_used_at is None or now - found.last_used_at > _TOKEN_SEEN_EVERY:
            session.execute(
                sa.update(ApiToken)
                .where(ApiToken.partner_id == found.partner_id, ApiToken.id == found.id)
                .values(last_used_at=now)
            )
    # A token never does more than its maker may do today; every token may ask whose it is.
    held = (permissions_of(user.role) & frozenset(found.scopes)) | {"account.self"}
    return Identity(user, held, partner, session_id=None, token_id=found.id, door="api")


def _by_session(token: str, *, pepper: str, now: datetime) -> Identity | None:
    key = keyed_hash(token, pepper=pepper, purpose="portal_session")
    with db.unit_of_work(Stranger(key)) as session:
        found = session.scalar(sa.select(PortalSession).where(PortalSession.token_hash == key))
    if found is None or found.ended_at or found.expires_at <= now or now - found.seen_at > IDLE_LIMIT:
        return None
    home = (
        Tenant(found.partner_id, actor=found.user_id) if found.partner_id else Platform(actor=found.user_id)
    )
    with db.unit_of_work(home) as session:
        user, partner = _user_and_partner(session, found.user_id, found.acting_partner_id or found.partner_id)
        if user is None or user.disabled_at or _is_archived(session, user):
            return None
        if now - found.seen_at > _SEEN_EVERY:
            session.execute(sa.update(PortalSession).where(PortalSession.id == found.id).values(seen_at=now))
    if partner is not None and partner.suspended_at and user.level != "operator":
        return None
    permissions = permissions_of(user.role)
    if found.acting_partner_id:
        permissions |= permissions_of(OWNER)  # on the record: the actor stays the operator's user
    identity = Identity(user, permissions, partner, session_id=found.id, token_id=None, door="portal")
    return replace(identity, half_signed_in=_owes_second_factor(user, found))


def _user_and_partner(
    session: Session, user_id: str, partner_id: str | None
) -> tuple[User | None, Partner | None]:
    """Both by one question: every request asks it."""
    found = session.execute(
        sa.select(User, Partner).outerjoin(Partner, Partner.id == partner_id).where(User.id == user_id)
    ).one_or_none()
    return (found[0], found[1]) if found else (None, None)


def _is_archived(session: Session, user: User) -> bool:
    if user.client_id is None:
        return False
    client = session.get(Client, (user.partner_id, user.client_id))
    return client is None or client.archived_at is not None


def _owes_second_factor(user: User, found: PortalSession) -> bool:
    return user.totp_confirmed_at is not None and found.second_factor_at is None


def is_fresh(session: Session, session_id: str, *, now: datetime, within: timedelta) -> bool:
    """Whether the browser signed in within `within`: what changing a factor asks for."""
    found = session.get(PortalSession, session_id)
    if found is None:
        return False
    proofs = (found.created_at, found.second_factor_at, found.confirmed_at)
    return now - max(proof for proof in proofs if proof is not None) <= within
