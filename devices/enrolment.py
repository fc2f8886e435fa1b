"""Turn a one-time code into a device identity; change its secret; take it away again.

The code is 128 random bits on a label, kept hashed. The device makes its own secret and sends it once: we
keep what the broker needs to check it and nothing that could be used to sign in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from ulid import ULID

from agent import messages
from devices.commands import KEY_PURPOSE, lock_device
from devices.identifiers import normalised
from devices.models import Asset
from devices.telemetry_models import Device, DeviceState, EnrolmentCode
from haas import audit, outbox
from haas.auth import vault
from haas.broker import mosquitto_password_hash
from haas.errors import Conflict, InvalidInput, NotAllowed, NotFound
from haas.ids import new_id
from haas.rest.paging import Page, Sort, fetch_page
from haas.tenancy.scope import Tenant, scoped

CODE_LIFETIME = timedelta(days=7)
RETRY_SECONDS = 30
_CODE_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford: nothing that reads like something else
_CODE_LENGTH = 26  # 130 bits
_SECRET_MIN, _SECRET_MAX = 32, 128
# What a board says when its maker never set a serial number.
_NO_SERIAL = frozenset({"", "none", "default string", "to be filled by o.e.m.", "system serial number", "0"})


class UnknownCode(NotFound):
    """No such code, as far as the one who typed it may know."""

    code = "unknown_code"


class CodeSpent(Conflict):
    """The code was used by another device, refused, or is too old."""

    code = "code_spent"


class WrongSecret(NotAllowed):
    """The device did not prove that it is the one it says it is."""

    code = "wrong_secret"


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a device says it is."""

    serial: str
    uuid: str
    board: str
    macs: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """As the device's own births tell it."""
        return messages.hardware_hash(serial=self.serial, uuid=self.uuid, board=self.board)

    def as_json(self) -> dict[str, Any]:
        """For storage."""
        return {"serial": self.serial, "uuid": self.uuid, "board": self.board, "macs": list(self.macs)}


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device is in. `command_key` is base64, for its eyes only."""

    device: Device
    command_key: str


@dataclass(frozen=True, slots=True)
class Pending:
    """A person has to look first; ask again after a while."""

    retry_seconds: int = RETRY_SECONDS


def new_code(session: Session, tenant: Tenant, *, asset_id: str, now: datetime) -> tuple[str, EnrolmentCode]:
    """A code for one asset's device, shown once. Codes of the asset that wait unused stop being good.

    :raises NotFound: if this tenant has no such asset.
    """
    asset = session.scalar(scoped(Asset, tenant).where(Asset.id == asset_id).with_for_update())
    if asset is None:
        raise NotFound(f"There is no asset {asset_id}.")
    for older in session.scalars(
        scoped(EnrolmentCode, tenant).where(
            EnrolmentCode.asset_id == asset_id, EnrolmentCode.state.in_(("open", "pending"))
        )
    ):
        older.state, older.decided_by, older.decided_at = "refused", tenant.actor, now
    code = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH))
    made = EnrolmentCode(
        partner_id=tenant.partner_id,
        id=new_id("enc"),
        asset_id=asset_id,
        code_hash=hashed_code(code),
        created_by=tenant.actor,
        created_at=now,
        expires_at=now + CODE_LIFETIME,
    )
    session.add(made)
    session.flush()
    return code, made


def hashed_code(code: str) -> str:
    """How a code is kept and found: 130 random bits need no pepper. Case and dashes are forgiven."""
    text = code.strip().lower().replace("-", "")
    return hashlib.sha256(f"enrolment_code\0{text}".encode()).hexdigest()


def enrol(
    session: Session,
    tenant: Tenant,
    *,
    code_hash: str,
    secret: str,
    hardware: Hardware,
    secret_key: str,
    now: datetime,
) -> Enrolled | Pending:
    """Spend a code. The same code with the same secret again has the same answer: a lost reply does no harm.

    :raises UnknownCode: if there is no such code.
    :raises CodeSpent: if it is too old, was refused, or another device came first.
    """
    if not _SECRET_MIN <= len(secret) <= _SECRET_MAX or not secret.isascii() or not secret.isprintable():
        raise InvalidInput("The secret must be 32 to 128 printable characters.", field="secret")
    code = session.scalar(
        scoped(EnrolmentCode, tenant).where(EnrolmentCode.code_hash == code_hash).with_for_update()
    )
    if code is None:
        raise UnknownCode("This code is not known.")
    if code.secret_hash is not None and not password_matches(secret, code.secret_hash):
        raise CodeSpent("Another device came with this code; make a new one.")
    if code.state == "used":
        return _again(session, tenant, code, secret_key)
    if code.state == "refused":
        raise CodeSpent("This device was refused, or its code was replaced by a newer one.")
    if code.state == "open" and now >= code.expires_at:
        raise CodeSpent("This code is too old; make a new one.")

    asset = session.scalars(scoped(Asset, tenant).where(Asset.id == code.asset_id)).one()
    code.secret_hash = code.secret_hash or mosquitto_password_hash(secret)
    code.hardware, code.asked_at = hardware.as_json(), now
    if code.state != "approved":
        code.mismatch = mismatch(asset, hardware)
        if code.mismatch:
            if code.state == "open":
                outbox.publish(
                    session, tenant, "device.enrolment_pending", code_id=code.id, asset_id=asset.id
                )
            code.state = "pending"
            session.flush()
            return Pending()
    return _let_in(session, tenant, code, hardware=hardware, secret_key=secret_key, now=now)


def mismatch(asset: Asset, hardware: Hardware) -> str:
    """Why a person should look before this device is let in; empty if the serials agree or none is known."""
    told = hardware.serial.strip()
    if asset.serial_norm is None:
        return ""
    if told.lower() in _NO_SERIAL:
        return f"The asset's serial is {asset.serial}; the device tells none."
    if normalised(told) != asset.serial_norm:
        return f"The asset's serial is {asset.serial}; the device says {told[:80]}."
    return ""


def decide(session: Session, tenant: Tenant, *, code_id: str, accept: bool, now: datetime) -> EnrolmentCode:
    """Let a waiting device in, or turn it away. It learns of it when it asks again.

    :raises NotFound: if this tenant has no such enrolment.
    :raises Conflict: if it does not wait.
    """
    code = session.scalar(scoped(EnrolmentCode, tenant).where(EnrolmentCode.id == code_id).with_for_update())
    if code is None:
        raise NotFound(f"There is no enrolment {code_id}.")
    if code.state != "pending":
        raise Conflict("This enrolment does not wait for a decision.")
    code.state = "approved" if accept else "refused"
    code.decided_by, code.decided_at = tenant.actor, now
    outbox.publish(
        session, tenant, "device.enrolment_decided", code_id=code.id, asset_id=code.asset_id, accepted=accept
    )
    session.flush()
    return code


def waiting(session: Session, tenant: Tenant) -> Sequence[EnrolmentCode]:
    """Devices that wait for a person, the longest first."""
    return session.scalars(
        scoped(EnrolmentCode, tenant)
        .where(EnrolmentCode.state == "pending")
        .order_by(EnrolmentCode.asked_at)
        .limit(200)
    ).all()


def list_codes(session: Session, tenant: Tenant, *, cursor: str | None, limit: int) -> Page[EnrolmentCode]:
    """Codes, newest first."""
    return fetch_page(
        session,
        scoped(EnrolmentCode, tenant),
        sort=Sort(EnrolmentCode.created_at, EnrolmentCode.id, descending=True),
        cursor=cursor,
        limit=limit,
    )


def rotate(
    session: Session, tenant: Tenant, *, device_id: str, secret: str, new_secret: str, now: datetime
) -> None:
    """Take a device's next secret. Both are good here until the new one is used; the broker asks for that.

    Safe to repeat, with either secret.

    :raises WrongSecret: if `secret` is not the device's, or the device was revoked.
    """
    if not _SECRET_MIN <= len(new_secret) <= _SECRET_MAX or not new_secret.isascii():
        raise InvalidInput("The new secret must be 32 to 128 printable characters.", field="new_secret")
    refusal = WrongSecret("This device and secret do not belong together.")
    try:
        device = lock_device(session, tenant, device_id=device_id)
    except NotFound:
        raise refusal from None
    if device.revoked_at is not None:
        raise refusal
    if device.next_secret_hash is not None and password_matches(secret, device.next_secret_hash):
        device.secret_hash, device.next_secret_hash = device.next_secret_hash, None  # it was used
    elif not password_matches(secret, device.secret_hash):
        raise refusal
    if device.next_secret_hash is not None and password_matches(new_secret, device.next_secret_hash):
        return
    if password_matches(new_secret, device.secret_hash):
        return
    device.next_secret_hash = mosquitto_password_hash(new_secret)
    device.credentials_changed_at = now
    session.flush()


def revoke(session: Session, tenant: Tenant, *, device_id: str, reason: str, now: datetime) -> Device:
    """Take a device's identity away: the broker cuts it off, and what it still sends is not taken.

    :raises NotFound: if this tenant has no such device.
    """
    device = lock_device(session, tenant, device_id=device_id)
    if device.revoked_at is None:
        device.revoked_at, device.revoked_because = now, reason
        device.credentials_changed_at = now
        outbox.publish(session, tenant, "device.revoked", device_id=device_id, asset_id=device.asset_id)
        session.flush()
    return device


def set_intervals(session: Session, tenant: Tenant, *, device_id: str, every: Mapping[str, int]) -> Device:
    """How often a device reports. It is told at its next word.

    :raises InvalidInput: if an interval is unknown or outside its bounds.
    """
    for name, seconds in every.items():
        if name not in messages.INTERVALS:
            raise InvalidInput(f"Intervals are: {', '.join(messages.INTERVALS)}.", field="every")
        least, _, most = messages.INTERVALS[name]
        if not least <= seconds <= most:
            raise InvalidInput(f"{name} must be {least} to {most} seconds.", field="every")
    device = lock_device(session, tenant, device_id=device_id)
    wanted = messages.intervals({**device.every, **every})
    if wanted != device.every:
        device.every = wanted
        device.config_rev += 1
        session.flush()
    return device


def promote_secret(session: Session, tenant: Tenant, *, device_id: str) -> None:
    """The new secret was used: the old one ends."""
    device = lock_device(session, tenant, device_id=device_id)
    if device.next_secret_hash is not None:
        device.secret_hash, device.next_secret_hash = device.next_secret_hash, None
        session.flush()


def password_matches(secret: str, stored: str) -> bool:
    """Whether a secret is the one that was hashed as mosquitto does it."""
    try:
        _, _, _, salt, _ = stored.split("$")
        made = mosquitto_password_hash(secret, salt=base64.b64decode(salt))
    except ValueError:
        return False
    return hmac.compare_digest(made, stored)


def _let_in(
    session: Session,
    tenant: Tenant,
    code: EnrolmentCode,
    *,
    hardware: Hardware,
    secret_key: str,
    now: datetime,
) -> Enrolled:
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    device = session.scalar(scoped(Device, tenant).where(Device.asset_id == code.asset_id).with_for_update())
    if device is None:
        device = Device(
            partner_id=tenant.partner_id,
            id=f"d-{str(ULID()).lower()}",
            asset_id=code.asset_id,
            epoch=0,
            every=messages.intervals({}),
        )
        session.add(device)
    device.epoch += 1
    device.secret_hash, device.next_secret_hash = str(code.secret_hash), None
    device.command_key = vault.seal(key, secret_key=secret_key, purpose=KEY_PURPOSE)
    device.hardware, device.hardware_hash = hardware.as_json(), hardware.fingerprint
    device.enrolled_at = device.credentials_changed_at = now
    device.revoked_at, device.revoked_because = None, ""
    session.flush()
    if session.scalar(scoped(DeviceState, tenant).where(DeviceState.id == device.id)) is None:
        holder = session.scalar(
            sa.select(Asset.client_id).where(
                Asset.partner_id == tenant.partner_id, Asset.id == device.asset_id
            )
        )
        session.add(
            DeviceState(
                partner_id=tenant.partner_id,
                id=device.id,
                asset_id=device.asset_id,
                client_id=holder,
                online_since=now,
                verdict_since=now,
            )
        )
    code.state, code.used_at, code.device_id = "used", now, device.id
    outbox.publish(
        session, tenant, "device.enrolled", device_id=device.id, asset_id=device.asset_id, epoch=device.epoch
    )
    session.flush()
    return Enrolled(device, key)


def _again(session: Session, tenant: Tenant, code: EnrolmentCode, secret_key: str) -> Enrolled:
    device = session.scalar(scoped(Device, tenant).where(Device.id == code.device_id))
    if device is None or device.revoked_at is not None or device.secret_hash != code.secret_hash:
        # Enrolled anew, rotated or revoked since: the first answer would not be true any more.
        raise CodeSpent("This code was used; make a new one.")
    key = vault.unseal(device.command_key, secret_key=secret_key, purpose=KEY_PURPOSE)
    audit.note(session, action="answered_again", subject="enrolment_code", subject_id=code.id, details={})
    return Enrolled(device, key)
