"""People: who has this address, in whose name they act, how their account stands."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db
from haas.auth.models import User
from haas.errors import InvalidInput, NotFound
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Platform, Stranger, Tenant

_ADDRESS = re.compile(r"[^@\s\x00-\x1f<>()\[\]\\,;:\"]+@[^@\s\x00-\x1f<>()\[\]\\,;:\"]+\.[^@\s.<>]+")
ADDRESS_LENGTH_MAX = 254


def normal_email(text: str) -> str:
    """The form in which addresses are compared: trimmed, composed, without case."""
    return unicodedata.normalize("NFKC", text.strip()).casefold()


def check_email(text: str) -> str:
    """The address as written, trimmed.

    :raises InvalidInput: if it cannot be one; also line breaks, which would end up in a mail's head.
    """
    address = unicodedata.normalize("NFKC", text.strip())
    if len(address) > ADDRESS_LENGTH_MAX or not _ADDRESS.fullmatch(address):
        raise InvalidInput("Write an e-mail address, such as ana@example.com.", field="email")
    return address


def home_of(user: User, *, door: str = "portal") -> Tenant | Platform:
    """In whose name this person acts at home; an operator's home is no partner."""
    if user.partner_id is None:
        return Platform("operator", actor=user.id, door=door)
    return Tenant(user.partner_id, client_id=user.client_id, actor=user.id, door=door)


def find_by_email(email: str) -> list[User]:
    """Everyone with this address, at whichever partner; the disabled too."""
    key = normal_email(email)
    if not key.isprintable():
        return []
    with db.unit_of_work(Stranger(key)) as session:
        return list(session.scalars(sa.select(User).where(User.email_norm == key).order_by(User.id)))


def get_person(session: Session, scope: Tenant | Platform, *, user_id: str) -> User:
    """One person of this partner (of this client, for a client's own users; of the operator).

    :raises NotFound: for everyone else's people.
    """
    found = session.scalar(people_of(scope).where(User.id == user_id))
    if found is None:
        raise NotFound("There is no such person.")
    return found


def people_of(scope: Tenant | Platform) -> sa.Select[User]:
    """A select of the people this scope is about."""
    if isinstance(scope, Platform):
        return sa.select(User).where(User.level == "operator")
    statement = sa.select(User).where(User.partner_id == scope.partner_id)
    if scope.client_id is not None:
        statement = statement.where(User.client_id == scope.client_id)
    return statement


def may_enter(session: Session, user: User) -> bool:
    """Whether the person's account, partner and client are all in use."""
    if user.disabled_at is not None:
        return False
    if user.partner_id is None:
        return True
    partner = session.get(Partner, user.partner_id)
    if partner is None or partner.suspended_at is not None:
        return False
    if user.client_id is None:
        return True
    client = session.get(Client, (user.partner_id, user.client_id))
    return client is not None and client.archived_at is None


def state_of(user: User, *, now: datetime) -> str:
    """active, invited, locked or disabled."""
    if user.disabled_at is not None:
        return "disabled"
    if user.password_hash is None:
        return "invited"
    if user.locked_until is not None and user.locked_until > now:
        return "locked"
    return "active"
