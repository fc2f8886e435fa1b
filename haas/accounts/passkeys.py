"""Passkeys (WebAuthn): registered by a person, used to sign in without an address, named, taken away.

A challenge is a row of its own that is deleted by whoever brings it back: it is good once, for minutes,
and nothing about it is kept in a cookie.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
import webauthn
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, options_to_json_dict
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from haas import db
from haas.accounts.checks import check_text
from haas.accounts.people import may_enter
from haas.auth.models import Passkey, PasskeyChallenge, User
from haas.errors import Conflict, HaasError, NotFound
from haas.settings import Settings
from haas.tenancy.scope import Platform, Stranger, Tenant

MOST_PASSKEYS = 20
_LASTS = timedelta(minutes=5)
_SIGN_IN = "sign_in"
_LOCAL = ("127.0.0.1", "::1", "localhost")


class PasskeyRefused(HaasError):
    """The authenticator's answer does not hold."""

    status = 422
    code = "passkey_refused"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks: the name a passkey is bound to, and the one origin it may be used from."""

    id: str
    origin: str


def relying_party(settings: Settings) -> RelyingParty:
    """The party of this installation. Browsers refuse an IP address, so one machine is `localhost`."""
    place = urlsplit(settings.base_url)
    host = place.hostname or "localhost"
    if host in _LOCAL:
        port = f":{place.port}" if place.port else ""
        return RelyingParty("localhost", f"{place.scheme}://localhost{port}")
    return RelyingParty(host, f"{place.scheme}://{place.netloc}")


def begin_registration(
    session: Session, user: User, *, party: RelyingParty, name: str, now: datetime
) -> dict[str, Any]:
    """What `navigator.credentials.create` is to be given, as JSON.

    :param name: what the authenticator shows as the place: the partner's name.
    :raises Conflict: if the person has very many passkeys.
    """
    own = list_passkeys(session, user)
    if len(own) >= MOST_PASSKEYS:
        raise Conflict(f"There are {MOST_PASSKEYS} passkeys already; take one away first.")
    options = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name=name,
        user_id=user.id.encode(),
        user_name=user.email,
        user_display_name=user.name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(each.id)) for each in own],
    )
    _keep_challenge(options.challenge, purpose=f"register:{user.id}", now=now)
    return options_to_json_dict(options)


def finish_registration(
    session: Session, user: User, *, credential: str, name: str, party: RelyingParty, now: datetime
) -> Passkey:
    """Keep the public key that the authenticator made.

    :raises PasskeyRefused: if the answer does not fit a challenge we gave this person just now.
    """
    answer = _parsed(credential)
    challenge = _take_challenge(answer, purpose=f"register:{user.id}", now=now)
    try:
        verified = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError) as wrong:
        raise _refused() from wrong
    passkey = Passkey(
        id=bytes_to_base64url(verified.credential_id),
        user_id=user.id,
        partner_id=user.partner_id,
        name=check_text(name, field="name", most=60),
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        created_at=now,
        last_used_at=None,
    )
    session.add(passkey)
    try:
        session.flush()
    except IntegrityError as known:
        raise PasskeyRefused("This passkey is registered already.") from known
    return passkey


def begin_sign_in(*, party: RelyingParty, now: datetime, user: User | None = None) -> dict[str, Any]:
    """What `navigator.credentials.get` is to be given: any passkey of this place, whoever's it is.

    :param user: when somebody who is signed in proves again who they are.
    """
    options = webauthn.generate_authentication_options(
        rp_id=party.id, user_verification=UserVerificationRequirement.REQUIRED
    )
    purpose = f"confirm:{user.id}" if user is not None else _SIGN_IN
    _keep_challenge(options.challenge, purpose=purpose, now=now)
    return options_to_json_dict(options)


def finish_sign_in(*, credential: str, party: RelyingParty, now: datetime, user: User | None = None) -> User:
    """Whose passkey signed the challenge. Two factors in one: the device, and its PIN or finger.

    :param user: when given, the passkey must be this person's.
    :raises PasskeyRefused: if it is nobody's, or the signature does not hold.
    """
    answer = _parsed(credential)
    purpose = f"confirm:{user.id}" if user is not None else _SIGN_IN
    challenge = _take_challenge(answer, purpose=purpose, now=now)
    key = str(answer.get("id", ""))
    with db.unit_of_work(Stranger(key)) as session:
        known = session.scalar(sa.select(Passkey).where(Passkey.id == key))
    if known is None or (user is not None and known.user_id != user.id):
        raise _refused()
    home = (
        Tenant(known.partner_id, actor=known.user_id, door="portal")
        if known.partner_id
        else Platform("operator", actor=known.user_id, door="portal")
    )
    with db.unit_of_work(home) as session:
        owner = session.get(User, known.user_id)
        if owner is None or not may_enter(session, owner) or not _handle_fits(answer, owner):
            raise _refused()
        locked = session.scalars(sa.select(Passkey).where(Passkey.id == key).with_for_update()).one()
        try:
            verified = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=party.id,
                expected_origin=party.origin,
                credential_public_key=locked.public_key,
                credential_current_sign_count=locked.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError) as wrong:
            raise _refused() from wrong
        locked.sign_count = verified.new_sign_count
        locked.last_used_at = now
        return owner


def list_passkeys(session: Session, user: User) -> list[Passkey]:
    """The person's passkeys, oldest first."""
    return list(
        session.scalars(
            sa.select(Passkey).where(Passkey.user_id == user.id).order_by(Passkey.created_at, Passkey.id)
        )
    )


def rename(session: Session, user: User, *, passkey_id: str, name: str) -> Passkey:
    """Give a passkey another name."""
    passkey = _get(session, user, passkey_id)
    passkey.name = check_text(name, field="name", most=60)
    session.flush()
    return passkey


def remove(session: Session, user: User, *, passkey_id: str) -> Passkey:
    """Forget a passkey: it signs nobody in any more."""
    passkey = _get(session, user, passkey_id)
    session.delete(passkey)
    session.flush()
    return passkey


def sweep_challenges(*, now: datetime) -> int:
    """Delete challenges that nobody brought back. Answers how many."""
    with db.unit_of_work(Platform("relay", actor="job:accounts")) as session:
        gone = session.execute(
            sa.delete(PasskeyChallenge)
            .where(PasskeyChallenge.expires_at <= now)
            .execution_options(synchronize_session=False)
        )
        return int(gone.rowcount)  # type: ignore[attr-defined]


def _get(session: Session, user: User, passkey_id: str) -> Passkey:
    found = session.scalar(sa.select(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == user.id))
    if found is None:
        raise NotFound("There is no such passkey.")
    return found


def _keep_challenge(challenge: bytes, *, purpose: str, now: datetime) -> None:
    key = sha256(challenge).hexdigest()
    with db.unit_of_work(Stranger(key)) as session:
        session.add(PasskeyChallenge(id=key, purpose=purpose, expires_at=now + _LASTS))


def _take_challenge(answer: dict[str, Any], *, purpose: str, now: datetime) -> bytes:
    try:
        data = json.loads(base64url_to_bytes(answer["response"]["clientDataJSON"]))
        challenge = base64url_to_bytes(data["challenge"])
    except (KeyError, TypeError, ValueError) as broken:
        raise _refused() from broken
    key = sha256(challenge).hexdigest()
    with db.unit_of_work(Stranger(key)) as session:
        taken = session.execute(
            sa.delete(PasskeyChallenge)
            .where(
                PasskeyChallenge.id == key,
                PasskeyChallenge.purpose == purpose,
                PasskeyChallenge.expires_at > now,
            )
            .execution_options(synchronize_session=False)
        )
        if not taken.rowcount:  # type: ignore[attr-defined]
            raise PasskeyRefused("That took too long; try again.")
    return challenge


def _parsed(credential: str) -> dict[str, Any]:
    try:
        answer = json.loads(credential)
    except ValueError as broken:
        raise _refused() from broken
    if not isinstance(answer, dict):
        raise _refused()
    return answer


def _handle_fits(answer: dict[str, Any], owner: User) -> bool:
    handle = answer.get("response", {}).get("userHandle")
    return handle is None or base64url_to_bytes(handle) == owner.id.encode()


def _refused() -> PasskeyRefused:
    return PasskeyRefused("This passkey is not known here, or its answer does not hold.")
