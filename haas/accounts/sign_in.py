"""Signing in: the password, the failures it may have, and whose account was meant.

These functions open units of work of their own, unlike the rest of the product: a failed try must be
counted although the request is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from itsdangerous import BadSignature, URLSafeTimedSerializer

from haas import audit, db
from haas.accounts.people import find_by_email, home_of, may_enter, normal_email
from haas.auth.lockout import wait_after
from haas.auth.models import User
from haas.auth.passwords import hash_password, is_outdated, verify_password
from haas.errors import HaasError, NotSignedIn
from haas.tenancy.models import Partner

_CHOICE_SECONDS = 300
_MOST_ACCOUNTS = 8  # of one address; each costs a hash


class SignInRefused(HaasError):
    """The same words for an unknown address, a wrong password and an account that must wait."""

    status = 422
    code = "sign_in_refused"


@dataclass(frozen=True, slots=True)
class Door:
    """One account that the password opens, and the partner's name to choose it by."""

    user: User
    partner_name: str


def check_password(*, email: str, password: str, now: datetime) -> list[Door]:
    """The accounts of this address that this password opens; almost always one.

    The work is the same whether the address is known or not: one Argon2 hash at least.

    :raises SignInRefused: if there is none.
    """
    people = find_by_email(email)[:_MOST_ACCOUNTS]
    open_to_try = [user for user in people if user.password_hash is not None and _charge(user, now)]
    matched = [user for user in open_to_try if verify_password(password, user.password_hash)]
    if not open_to_try:
        verify_password(password, None)
    if not matched:
        for user in open_to_try:
            _note_failure(user, "password")
        raise refusal()
    for user in open_to_try:
        _refund(user)
    doors = [door for user in matched if (door := _door(user, password)) is not None]
    if not doors:
        raise refusal()
    return doors


def prove_password(user: User, *, password: str, now: datetime) -> None:
    """Check the password of somebody who is signed in already, before a sensitive change.

    :raises SignInRefused: if it is wrong, or the account waits after too many failures.
    """
    if user.password_hash is None or not _charge(user, now):
        verify_password(password, None)
        raise refusal("password")
    if not verify_password(password, user.password_hash):
        _note_failure(user, "password")
        raise refusal("password")
    _refund(user)


def charge_try(user: User, *, now: datetime) -> None:
    """Count a try before it is looked at, so that a hundred tries at once are a hundred failures.

    :raises SignInRefused: while the account waits.
    """
    if not _charge(user, now):
        raise refusal("code")


def forgive_tries(user: User) -> None:
    """Forget the failures: the person has signed in completely."""
    with db.unit_of_work(home_of(user)) as session:
        session.execute(
            sa.update(User)
            .where(User.id == user.id, sa.or_(User.failed_sign_ins > 0, User.locked_until.is_not(None)))
            .values(failed_sign_ins=0, locked_until=None)
        )


def note_wrong_code(user: User) -> None:
    """Record a wrong second factor; the failure itself was counted by `charge_try`."""
    _note_failure(user, "code")


def refusal(field: str | None = None) -> SignInRefused:
    """The one answer to everything that did not work."""
    if field == "password":
        return SignInRefused("This is not the password. After several tries the account waits.", field=field)
    if field == "code":
        return SignInRefused(
            "This code is not right, or was used before. After several tries the account waits.", field=field
        )
    return SignInRefused(
        "We could not sign you in. Check the e-mail address and the password."
        " After several tries an account waits for a while; a new password by mail opens it."
    )


def seal_choice(doors: list[Door], *, secret_key: str) -> str:
    """What the page carries while the person chooses one of several accounts."""
    return _signer(secret_key).dumps([door.user.id for door in doors])


def open_choice(sealed: str, *, email: str, user_id: str, secret_key: str) -> User:
    """The chosen account, if it is one that the password had opened.

    :raises NotSignedIn: if the choice is too old or was made up.
    """
    expired = NotSignedIn("That took too long; sign in again.")
    try:
        allowed = _signer(secret_key).loads(sealed, max_age=_CHOICE_SECONDS)
    except BadSignature as broken:
        raise expired from broken
    for user in find_by_email(normal_email(email)):
        if user.id == user_id and user.id in allowed:
            return user
    raise expired


def _signer(secret_key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key, salt="haas sign-in choice")


def _charge(user: User, now: datetime) -> bool:
    with db.unit_of_work(home_of(user)) as session:
        locked = session.scalar(
            sa.select(User)
            .where(User.id == user.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if locked is None or (locked.locked_until is not None and locked.locked_until > now):
            return False
        locked.failed_sign_ins += 1
        wait = wait_after(locked.failed_sign_ins)
        locked.locked_until = now + wait if wait else None
        return True


def _refund(user: User) -> None:
    with db.unit_of_work(home_of(user)) as session:
        session.execute(
            sa.update(User)
            .where(User.id == user.id)
            .values(failed_sign_ins=sa.func.greatest(User.failed_sign_ins - 1, 0), locked_until=None)
        )


def _note_failure(user: User, factor: str) -> None:
    with db.unit_of_work(home_of(user)) as session:
        audit.note(
            session,
            action="sign_in_failed",
            subject="app_user",
            subject_id=user.id,
            details={"factor": factor},
        )


def _door(user: User, password: str) -> Door | None:
    with db.unit_of_work(home_of(user)) as session:
        if not may_enter(session, user):
            return None
        if user.password_hash is not None and is_outdated(user.password_hash):
            session.execute(
                sa.update(User).where(User.id == user.id).values(password_hash=hash_password(password))
            )
        partner = session.get(Partner, user.partner_id) if user.partner_id else None
        return Door(user, partner.name if partner else "")
