"""The people of a partner or client: invited, given a role, switched off; never below one owner."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import clock, outbox
from haas.accounts import sessions
from haas.accounts.one_time_links import demand_unopened
from haas.accounts.people import check_email, get_person, normal_email, people_of
from haas.auth.models import ApiToken, PortalSession, User
from haas.auth.passwords import check_strength, hash_password
from haas.auth.permissions import OWNER, ROLES_OF_LEVEL
from haas.errors import Conflict, InvalidInput, NotAllowed, NotFound
from haas.ids import new_id
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Platform, Tenant


class AddressTaken(Conflict):
    """Someone of this partner has that e-mail address."""

    code = "address_taken"


def create_user(
    session: Session,
    scope: Tenant | Platform,
    *,
    name: str,
    email: str,
    role: str,
    client_id: str | None = None,
    password: str | None = None,
    language: str | None = None,
    time_zone: str | None = None,
) -> User:
    """Add a person. With a password the account is open at once; without, `invite_user` is meant.

    :param scope: the partner (or client) whose person this is; the platform for an operator.
    :raises InvalidInput: for a role of another level, or a password that is easily guessed.
    :raises AddressTaken: if somebody of the same partner has the address.
    """
    level = _level_of(role)
    partner_id, client_id = _belongs_to(scope, level, client_id)
    partner = session.get(Partner, partner_id) if partner_id else None
    if client_id is not None and session.get(Client, (partner_id, client_id)) is None:
        raise NotFound("There is no such client.")
    address = check_email(email)
    _demand_free(session, scope, address)
    if password is not None:
        check_strength(password, about=[name, address, partner.name if partner else ""])
    user = User(
        id=new_id("usr"),
        level=level,
        partner_id=partner_id,
        client_id=client_id,
        role=role,
        name=_checked_name(name),
        email=address,
        email_norm=normal_email(address),
        password_hash=hash_password(password) if password is not None else None,
        language=language or (partner.language if partner else "en"),
        time_zone=time_zone or (partner.time_zone if partner else "UTC"),
        created_at=clock.now(),
    )
    session.add(user)
    try:
        session.flush()
    except IntegrityError as rival:
        raise _taken(address) from rival
    return user


def invite_user(
    session: Session,
    scope: Tenant | Platform,
    *,
    name: str,
    email: str,
    role: str,
    client_id: str | None = None,
    inviter: str,
) -> User:
    """Add a person who chooses a password by a link in a mail.

    :raises InvalidInput, AddressTaken: as `create_user`.
    """
    user = create_user(session, scope, name=name, email=email, role=role, client_id=client_id)
    publish_invitation(session, user, inviter=inviter)
    return user


def publish_invitation(session: Session, user: User, *, inviter: str) -> None:
    """Have the invitation mailed (again)."""
    demand_unopened(user)
    if user.partner_id is None:
        raise InvalidInput("Operators are added on the command line, with a password.", field="email")
    outbox.publish(session, Tenant(user.partner_id), "account.invited", user_id=user.id, inviter=inviter)
    session.flush()


def change_role(session: Session, scope: Tenant, *, user_id: str, role: str, now: datetime) -> User:
    """Give a person another role of the same level; their browsers must sign in again.

    :raises InvalidInput: for a role of another level.
    :raises Conflict: if this would leave the partner without an owner.
    """
    user = get_person(session, scope, user_id=user_id)
    if role not in ROLES_OF_LEVEL[user.level]:
        raise InvalidInput("Choose one of the roles shown.", field="role")
    if role == user.role:
        return user
    if user.role == OWNER:
        _demand_other_owner(session, scope, user)
    user.role = role
    session.flush()
    sessions.end_all(session, user, now=now)
    return user


def disable_user(session: Session, scope: Tenant, *, user_id: str, now: datetime) -> User:
    """Shut a person out at once: browsers signed out, API tokens revoked.

    :raises Conflict: if it is the actor, or the last owner.
    """
    user = get_person(session, scope, user_id=user_id)
    if user.id == scope.actor:
        raise Conflict("You cannot switch yourself off; ask another owner.")
    if user.disabled_at is not None:
        return user
    if user.role == OWNER:
        _demand_other_owner(session, scope, user)
    user.disabled_at = now
    session.flush()
    sessions.end_all(session, user, now=now)
    session.execute(
        sa.update(ApiToken)
        .where(
            ApiToken.partner_id == scope.partner_id,
            ApiToken.created_by == user.id,
            ApiToken.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )
    return user


def enable_user(session: Session, scope: Tenant, *, user_id: str) -> User:
    """Let a person in again; their API tokens stay revoked."""
    user = get_person(session, scope, user_id=user_id)
    user.disabled_at = None
    user.failed_sign_ins = 0
    user.locked_until = None
    session.flush()
    return user


def list_people(session: Session, scope: Tenant, *, client_id: str | None = None) -> list[User]:
    """The partner's own people, or with `client_id` a client's; a client's user sees the client's alone."""
    statement = people_of(scope)
    if scope.client_id is None:
        wanted = User.client_id == client_id if client_id else User.client_id.is_(None)
        statement = statement.where(wanted)
    return list(session.scalars(statement.order_by(User.disabled_at.is_not(None), User.name, User.id)))


def last_seen(session: Session, people: list[User]) -> dict[str, datetime]:
    """When each person's browsers were last used."""
    rows = session.execute(
        sa.select(PortalSession.user_id, sa.func.max(PortalSession.seen_at))
        .where(PortalSession.user_id.in_([person.id for person in people]))
        .group_by(PortalSession.user_id)
    )
    return {row[0]: row[1] for row in rows}


def _level_of(role: str) -> str:
    for level, roles in ROLES_OF_LEVEL.items():
        if role in roles:
            return level
    raise InvalidInput("Choose one of the roles shown.", field="role")


def _belongs_to(scope: Tenant | Platform, level: str, client_id: str | None) -> tuple[str | None, str | None]:
    if isinstance(scope, Platform):
        if level != "operator":
            raise InvalidInput("This role belongs to a partner.", field="role")
        return None, None
    if level == "operator" or (scope.client_id is not None and level != "client"):
        raise NotAllowed("This role is not yours to give.")
    if level == "partner":
        return scope.partner_id, None
    client_id = scope.client_id or client_id
    if client_id is None:
        raise InvalidInput("Choose the client this person belongs to.", field="client_id")
    return scope.partner_id, client_id


def _checked_name(name: str) -> str:
    tidy = " ".join(name.split())
    if not 0 < len(tidy) <= 120:
        raise InvalidInput("Write a name of at most 120 characters.", field="name")
    return tidy


def _demand_free(session: Session, scope: Tenant | Platform, address: str) -> None:
    # Asked without the client's narrowing: the unique key covers the whole partner, and settles the rest.
    mine = User.partner_id.is_(None) if isinstance(scope, Platform) else User.partner_id == scope.partner_id
    if session.scalar(sa.select(User.id).where(mine, User.email_norm == normal_email(address))):
        raise _taken(address)


def _taken(address: str) -> AddressTaken:
    return AddressTaken(f"{address} has an account here already.", field="email")


def _demand_other_owner(session: Session, scope: Tenant, user: User) -> None:
    # All owners are locked in the order of their ids, so that two owners who switch each other off at the
    # same time wait for one another and the second is refused.
    owners = session.scalars(
        sa.select(User)
        .where(User.partner_id == scope.partner_id, User.role == OWNER, User.disabled_at.is_(None))
        .order_by(User.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if not [owner for owner in owners if owner.id != user.id and owner.password_hash is not None]:
        raise Conflict(f"{user.name} is the only owner; make somebody else an owner first.")
