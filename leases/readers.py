"""Who is written to about a client's leases: its admins or its office, and if wanted the partner's people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.auth.models import User
from haas.auth.permissions import CLIENT_ADMIN, OWNER, SALES
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped

_SELLS = sa.and_(User.client_id.is_(None), User.role.in_((OWNER, SALES)))


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who gets the mail."""

    key: str  # part of the message's id: the same for a repeat
    name: str
    email: str
    language: str
    time_zone: str


def readers_of(
    session: Session, tenant: Tenant, *, client_ids: Iterable[str], to_sales: bool = False
) -> dict[str, list[Reader]]:
    """By client: its admins, or its office where it has none; with `to_sales` the partner's people too.

    Two queries, however many clients.
    """
    wanted = sorted(set(client_ids))
    people = sa.and_(User.client_id.in_(wanted), User.role == CLIENT_ADMIN)
    if to_sales:
        people = sa.or_(people, _SELLS)
    users = session.scalars(_users(tenant).where(people)).all()
    found: dict[str, list[Reader]] = {}
    for client in session.scalars(scoped(Client, tenant).where(Client.id.in_(wanted))):
        readers = [_of(user) for user in users if user.client_id in (None, client.id)]
        if not any(user.client_id == client.id for user in users):
            readers.append(_of(client))
        found[client.id] = readers
    return found


def sales_of(session: Session, tenant: Tenant) -> list[Reader]:
    """The partner's people who hear of its clients."""
    return [_of(user) for user in session.scalars(_users(tenant).where(_SELLS))]


def _users(tenant: Tenant) -> sa.Select[User]:
    return (
        sa.select(User)
        .where(User.partner_id == tenant.partner_id, User.disabled_at.is_(None))
        .order_by(User.id)
    )


def _of(who: User | Client) -> Reader:
    return Reader(who.id, who.name, who.email, who.language, who.time_zone)
