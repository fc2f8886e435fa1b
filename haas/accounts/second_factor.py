"""The authenticator app and its recovery codes: enrol, prove, take away."""

from __future__ import annotations

import secrets
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import audit
from haas.auth import totp
from haas.auth.models import RecoveryCode, User
from haas.auth.tokens import keyed_hash
from haas.auth.vault import seal, unseal
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id

CODES = 10
_PURPOSE = "totp"
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike


def begin_enrolment(session: Session, user: User, *, secret_key: str) -> str:
    """Make and keep a new secret that counts only after `confirm_enrolment`; answers it for the QR code.

    Called again before the confirmation, it answers the same secret: a reloaded page shows the same code.

    :raises Conflict: if an app is enrolled already.
    """
    if user.totp_confirmed_at is not None:
        raise Conflict("An authenticator app is set up already; take it away first.")
    if user.totp_secret is not None:
        return unseal(user.totp_secret, secret_key=secret_key, purpose=_PURPOSE)
    secret = totp.new_secret()
    user.totp_secret = seal(secret, secret_key=secret_key, purpose=_PURPOSE)
    session.flush()
    return secret


def confirm_enrolment(
    session: Session, user: User, *, code: str, secret_key: str, now: datetime
) -> list[str]:
    """The app shows the right code: it counts from now on. Answers recovery codes, shown once.

    :raises InvalidInput: if the code is wrong.
    :raises Conflict: if no enrolment was begun.
    """
    if user.totp_secret is None or user.totp_confirmed_at is not None:
        raise Conflict("Begin with the QR code.")
    secret = unseal(user.totp_secret, secret_key=secret_key, purpose=_PURPOSE)
    step = totp.matched_step(secret, code, now=now, after=None)
    if step is None:
        raise InvalidInput("This code is not right; check the clock of the phone.", field="code")
    user.totp_confirmed_at = now
    user.totp_last_step = step
    session.flush()
    return renew_recovery_codes(session, user, secret_key=secret_key)


def remove(session: Session, user: User) -> None:
    """Sign-in asks for no code any more; the recovery codes are void.

    :raises Conflict: if no app is enrolled.
    """
    if user.totp_secret is None:
        raise Conflict("No authenticator app is set up.")
    user.totp_secret = None
    user.totp_confirmed_at = None
    user.totp_last_step = None
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    session.flush()


def prove(session: Session, user: User, *, code: str, secret_key: str, now: datetime) -> str | None:
    """Spend a code of the app, or a recovery code. Answers which kind it was, or none if it is no good."""
    if user.totp_secret is None or user.totp_confirmed_at is None:
        return None
    locked = session.scalars(
        sa.select(User).where(User.id == user.id).with_for_update().execution_options(populate_existing=True)
    ).one()
    secret = unseal(locked.totp_secret or "", secret_key=secret_key, purpose=_PURPOSE)
    step = totp.matched_step(secret, code, now=now, after=locked.totp_last_step)
    if step is not None:
        locked.totp_last_step = step
        session.flush()
        return "code"
    return "recovery code" if _spend_recovery_code(session, user, code, secret_key, now) else None


def renew_recovery_codes(session: Session, user: User, *, secret_key: str) -> list[str]:
    """New recovery codes, shown once; the old ones are void."""
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = [_new_code() for _ in range(CODES)]
    session.add_all(
        RecoveryCode(
            id=new_id("rec"),
            user_id=user.id,
            partner_id=user.partner_id,
            code_hash=_hash(code, secret_key),
        )
        for code in codes
    )
    session.flush()
    return codes


def count_recovery_codes(session: Session, user: User) -> int:
    """How many recovery codes are left."""
    statement = sa.select(sa.func.count()).where(
        RecoveryCode.user_id == user.id, RecoveryCode.used_at.is_(None)
    )
    return session.scalar(statement) or 0


def _spend_recovery_code(session: Session, user: User, code: str, secret_key: str, now: datetime) -> bool:
    spent = session.execute(
        sa.update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user.id,
            RecoveryCode.code_hash == _hash(code, secret_key),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    if not spent.rowcount:  # type: ignore[attr-defined]
        return False
    audit.note(
        session,
        action="recovery_code_used",
        subject="app_user",
        subject_id=user.id,
        details={"left": count_recovery_codes(session, user)},
    )
    return True


def _new_code() -> str:
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(12))  # 59 bits
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def _hash(code: str, secret_key: str) -> str:
    plain = "".join(letter for letter in code.casefold() if letter.isalnum())
    return keyed_hash(plain, pepper=secret_key, purpose="recovery_code")
